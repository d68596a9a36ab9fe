# SPDX-License-Identifier: LGPL-2.1-or-later
"""delete, reset, list, describe."""

import re

from ctl import DENIED, INVALID, NOT_FOUND, REFUSED, Regentctl
from gi.repository import GLib


def test_delete(ctl, root, space):
    assert ctl("delete", space.name, "mtu").err == f"1 key removed, revision {root.revision()}\n"
    assert "mtu" not in space.keys()
    error = ctl.failure("delete", space.name, "mtu", status=NOT_FOUND)
    assert "mtu" in error["text"]


def test_delete_several_is_all_or_nothing(ctl, space):
    ctl("delete", space.name, "mtu", "missing", "name", status=NOT_FOUND)
    assert len(space.keys()) == 5
    assert ctl.json("delete", space.name, "mtu", "name")["removed"] == 2
    assert len(space.keys()) == 3


def test_delete_if_exists(ctl, space):
    assert ctl("delete", space.name, "missing", "--if-exists").err == "nothing to do\n"
    assert ctl.json("delete", space.name, "missing", "mtu", "--if-exists", "--reason=tidy")["removed"] == 1


def test_delete_what_is_no_key(ctl, space):
    ctl("delete", space.name, "no key", status=INVALID)
    ctl("delete", space.name, "", status=INVALID)


def test_reset(ctl, root, space):
    before = root.revision()
    assert "Would be: 1 key reset" in ctl("reset", space.name, "mtu", "--dry-run").err
    assert ctl.json("reset", space.name, "-n")["removed"] == 5
    assert len(space.keys()) == 5 and root.revision() == before
    assert ctl.json("reset", space.name, "mtu", "missing", "--reason=x") == {"revision": before + 1, "removed": 1}
    assert "4 keys reset" in ctl("reset", space.name).err
    assert not space.keys()
    assert ctl("reset", space.name).err == "nothing to do\n"


def test_reset_of_many_keys(ctl, ns):
    for part in range(3):
        ns.apply({f"k{part}-{number}": number for number in range(2000)})
    ctl("reset", ns.name, "--atomic", status=REFUSED)
    assert len(ns.keys()) == 6000
    assert ctl.json("reset", ns.name)["removed"] == 6000


def test_reset_is_cut_where_less_is_allowed(stack):
    small = stack(config="[Limits]\nCommitChangesMax=100\n")
    space = small.root.create("org.example.Small")
    for part in range(3):
        space.apply({f"k{part}-{number}": number for number in range(100)})
    ctl = Regentctl(small.bus)
    ctl("reset", space.name, "--atomic", status=REFUSED)
    assert ctl.json("reset", space.name, "-n")["removed"] == 300 == len(space.keys())
    assert ctl.json("reset", space.name) == {"revision": small.root.revision(), "removed": 300}
    assert not space.keys()


def test_reset_of_what_is_one_commit_fails_in_plain_words(ctl_as, ns):
    ns.set("k", 1)
    assert "commits" not in ctl_as("bob").failure("reset", ns.name, "k", status=DENIED)["text"]


def test_list(ctl, space):
    assert ctl("list", space.name).lines == ["blob", "list", "mtu", "name", "on"]
    assert ctl("list", space.name, "--prefix=m").lines == ["mtu"]
    assert ctl.json("list", space.name) == ["blob", "list", "mtu", "name", "on"]
    assert ctl("list", space.name, "--changed").lines == ["blob", "list", "mtu", "name", "on"]
    assert ctl("list", space.name, "--prefix=zz").out == ""
    ctl("list", "org.example.Nowhere", status=NOT_FOUND)


def test_list_of_many_keys(ctl, ns):
    for part in range(3):
        ns.apply({f"k{part}-{number:04}": 0 for number in range(3000)})
    expected = [f"k{part}-{number:04}" for part in range(3) for number in range(3000)]
    assert ctl("list", ns.name).lines == expected
    assert ctl("list", ns.name, "--changed").lines == expected


def test_describe(ctl, space):
    shown = ctl("describe", space.name, "name").out
    for pattern in ("Key: name", "Type: s", "Size: 5 bytes", "Class: persistent", r"Origin: set",
                    r"Written by: root \(uid 0\)", r"Written at: \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"):  # fmt: skip
        assert re.search(pattern, shown), shown
    document = ctl.json("describe", space.name, "name")
    assert document["key"] == "name" and document["type"] == "s" and document["writer"] == 0
    assert document["revision"] == space.describe("name")["revision"].unpack()
    ctl("describe", space.name, "missing", status=NOT_FOUND)


def test_describe_of_another_writer(ctl, ctl_as, sandbox, root, name):
    root.create(name, group=4100, mode=0o664)
    ctl_as("bob")("set", name, "k", "1", "--class=runtime")
    assert "bob (uid 4002)" in ctl("describe", name, "k").out
    assert ctl.json("describe", name, "k")["class"] == "runtime"


def test_odd_keys(ctl, ns):
    for key in ("net.ipv4/odd-key", "a:b", "1", "k" * 255):
        ctl("set", ns.name, key, "1")
        assert ctl("get", ns.name, key).out == "1\n"
        assert ns.get(key).equal(GLib.Variant("i", 1))
        ctl("delete", ns.name, key)
