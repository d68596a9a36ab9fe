# SPDX-License-Identifier: LGPL-2.1-or-later
"""Class kernel: entries of one kernel release, seen while it runs, kept and hidden while another does."""

import pytest
from kernels import A, B, C, entries, library, made, ns, of, plain, seen, signals_of
from regent_testing import machine
from regent_testing.api import change, value
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error

# what is seen


def test_shadows_and_shows_again(ns):
    below = ns.set("mtu", 1500)
    above, result = ns.apply({"mtu": 9000}, class_="kernel")
    assert result == {"changed": 1, "removed": 0}
    assert ns.get("mtu").unpack() == 9000
    assert ns.value_get("mtu").unpack() == 9000
    info = plain(ns.describe("mtu"))
    assert (info["class"], info["release"], info["revision"]) == ("kernel", A, above)
    assert (info["covered-class"], info["covered-revision"]) == ("persistent", below)
    assert info["releases"] == [A]
    assert ns.keys() == ["mtu"]

    ns.delete("mtu")
    assert ns.get("mtu").unpack() == 1500
    info = plain(ns.describe("mtu"))
    assert (info["class"], info["revision"]) == ("persistent", below)
    assert "releases" not in info and "covered-class" not in info and "release" not in info
    ns.delete("mtu")
    assert ns.keys() == []
    assert ns.property("Keys") == ns.property("Usage") == ns.property("HiddenKeys") == 0


def test_other_kernel_sees_its_own(made, ns):
    ns.apply({"mtu": 1500, "plain": "p"})
    ns.apply({"mtu": 9000, "only": "a"}, class_="kernel")
    before = made.root.revision()

    machine.reboot(made, B)
    assert made.root.revision() > before
    assert seen(ns) == {"mtu": 1500, "plain": "p"}
    assert ns.keys() == ["mtu", "plain"]
    with refused(Error.NoSuchKey):
        ns.get("only")
    info = plain(ns.describe("only"))
    assert info == {"revision": 0, "origin": "unset", "releases": [A]}
    with refused(Error.NoSuchKey):
        ns.delete("only")
    ns.apply({"mtu": 4000}, class_="kernel")
    assert ns.get("mtu").unpack() == 4000
    assert plain(ns.describe("mtu"))["releases"] == [A, B]
    assert ns.property("KernelReleases") == [A, B]

    machine.reboot(made, A, kill=True)
    assert seen(ns) == {"mtu": 9000, "plain": "p", "only": "a"}
    made.regentd.restart()
    assert seen(ns) == {"mtu": 9000, "plain": "p", "only": "a"}
    assert of(ns, B) == {"mtu": 4000}
    assert of(ns, "") == {"mtu": 1500, "plain": "p"}


def test_set_without_class_keeps_what_is_seen(ns):
    ns.set("mtu", 1500)
    ns.apply({"mtu": 9000}, class_="kernel")
    ns.set("mtu", 9001)
    ns.apply({"mtu": 9002, "new": 1})
    assert of(ns, A) == {"mtu": 9002}
    assert of(ns, "") == {"mtu": 1500, "new": 1}
    ns.value_set("mtu", 9003)
    assert of(ns, A) == {"mtu": 9003}


@pytest.mark.parametrize("class_", ["persistent", "runtime"])
def test_other_class_sets_what_is_below(ns, class_):
    ns.apply({"mtu": 9000}, class_="kernel")
    _, result = ns.apply({"mtu": 1400}, class_=class_)
    assert result["changed"] == 1
    assert ns.get("mtu").unpack() == 9000
    assert entries(ns, release="")["mtu"]["class"] == class_
    assert plain(ns.describe("mtu"))["covered-class"] == class_
    ns.delete("mtu")
    assert ns.get("mtu").unpack() == 1400
    assert plain(ns.describe("mtu"))["class"] == class_


def test_same_value_changes_nothing(ns):
    revision, _ = ns.apply({"mtu": 9000}, class_="kernel")
    assert ns.set("mtu", 9000) == revision
    assert ns.apply({"mtu": 9000}, class_="kernel")[0] == revision
    assert ns.apply({"mtu": 9000}, release=A)[0] == revision
    assert ns.apply({"mtu": 9000}, class_="persistent")[0] > revision


def test_classes_of_single_keys(ns):
    ns.apply({"a": 1, "b": 2, "c": 3}, classes={"b": "kernel", "c": "runtime"})
    assert {key: e["class"] for key, e in entries(ns).items()} == {
        "a": "persistent", "b": "kernel", "c": "runtime",
    }  # fmt: skip
    assert entries(ns)["b"]["release"] == A
    assert "release" not in entries(ns)["a"]


def test_class_changes_are_one_commit_and_last(made, ns):
    """persistent, runtime and kernel in turn; each is one revision, and holds after a restart and a reboot."""
    last = ns.set("k", "persistent")
    for class_, after_reboot in (
        ("runtime", None), ("persistent", "persistent"), ("kernel", "kernel"), ("runtime", "kernel"),
        ("persistent", "kernel"),
    ):  # fmt: skip
        ns.apply({"k": "old"}, class_="persistent")
        last = made.root.revision()
        revision, result = ns.apply({"k": class_}, class_=class_)
        assert revision == last + 1 and result == {"changed": 1, "removed": 0}
        expected = seen(ns)
        made.regentd.kill()
        made.regentd.start()
        assert seen(ns) == expected
        machine.reboot(made)
        assert seen(ns).get("k") == after_reboot


# entries of a release by name


def test_release_by_name(ns):
    ns.set("mtu", 1500)
    ns.apply({"mtu": 1, "x": 2}, release=B)
    ns.apply({"mtu": 3}, release=C, class_="kernel")
    ns.apply({"mtu": 4}, release=A)
    assert seen(ns) == {"mtu": 4}
    assert of(ns, B) == {"mtu": 1, "x": 2}
    assert ns.property("KernelReleases") == sorted([A, B, C])
    assert (ns.property("Keys"), ns.property("HiddenKeys")) == (5, 4)

    _, result = ns.apply(unset=["mtu", "absent"], release=B)
    assert result == {"changed": 0, "removed": 1}
    assert of(ns, B) == {"x": 2}
    ns.apply(unset=["mtu"], release="")
    assert seen(ns) == {"mtu": 4}
    assert of(ns, "") == {}
    ns.apply(unset=["x"], release=B)
    ns.apply(unset=["mtu"], release=C)
    assert ns.property("KernelReleases") == [A]
    ns.delete("mtu")
    assert ns.property("KernelReleases") == []
    assert ns.property("Usage") == 0


def test_several_namespaces_each_with_its_release(made, ns):
    other = made.root.create("org.example.Other")
    ns.set("k", 0)
    made.root.apply_all(
        {
            ns.name: change({"k": 1}, release=B),
            other.name: change({"k": 2}, class_="kernel"),
        }
    )
    assert (of(ns, B), seen(ns), of(other, A)) == ({"k": 1}, {"k": 0}, {"k": 2})
    made.root.apply_all({other.name: change({"k": 3}), ns.name: change(unset=["k"], release=B)})
    assert (of(ns, B), seen(ns), of(other, A)) == ({}, {"k": 0}, {"k": 3})


def test_pages_of_a_release(ns):
    ns.apply({f"a{n}": n for n in range(5)}, release=B)
    ns.apply({f"b{n}": n for n in range(5)}, release=B)
    ns.apply({f"a{n}": -n for n in range(5)}, class_="kernel")
    ns.apply({f"a{n}": n * 10 for n in range(0, 5, 2)}, class_="persistent")
    ns.apply({"c": 1})
    for release, all_of in ((B, [f"{x}{n}" for x in "ab" for n in range(5)]),
                            ("", ["a0", "a2", "a4", "c"])):  # fmt: skip
        found, after = [], ""
        while page := list(of(ns, release, after=after, limit=3)):
            found += page
            after = page[-1]
        assert found == all_of
    assert list(of(ns, B, prefix="b")) == [f"b{n}" for n in range(5)]
    assert list(of(ns, B, prefix="b", after="b2")) == ["b3", "b4"]
    assert list(of(ns, "", prefix="a", after="a0", limit=1)) == ["a2"]
    assert plain(ns.get_many(["a2", "b1", "zz"], release=B)[0]) == {"a2": 2, "b1": 1}
    assert plain(ns.get_many(["a2", "b1"], release="")[0]) == {"a2": 20}
    assert of(ns, "9.9.9") == {}


def test_expectations_and_flags_go_by_what_is_seen(ns):
    below = ns.set("mtu", 1500)
    with refused(Error.KeyExists):
        ns.apply({"mtu": 9000}, flags=2, class_="kernel")
    above, _ = ns.apply({"mtu": 9000}, class_="kernel", expect={"mtu": below})
    with refused(Error.Conflict, "mtu", above):
        ns.apply({"mtu": 1}, class_="persistent", expect={"mtu": below})
    ns.apply({"mtu": 1}, class_="persistent", expect={"mtu": above}, flags=4)
    assert of(ns, "") == {"mtu": 1}
    with refused(Error.NoSuchKey):
        ns.apply({"absent": 1}, class_="kernel", flags=4)


def test_with_a_release_they_go_by_that(ns):
    above, _ = ns.apply({"mtu": 9000}, class_="kernel")
    with refused(Error.NoSuchKey, "mtu"):
        ns.apply({"mtu": 1}, release=B, flags=4)
    with refused(Error.NoSuchKey, "mtu"):
        ns.apply({"mtu": 1}, release="", flags=4)
    other, _ = ns.apply({"mtu": 1}, release=B, flags=2, expect={"mtu": 0})
    with refused(Error.KeyExists):
        ns.apply({"mtu": 2}, release=B, flags=2)
    with refused(Error.Conflict):
        ns.apply({"mtu": 2}, release=B, expect={"mtu": above})
    ns.apply({"mtu": 2}, release=B, expect={"mtu": other})
    assert of(ns, B) == {"mtu": 2}


def test_dry_run_with_a_release(made, ns):
    ns.apply({"mtu": 1}, release=B)
    with nothing_changed(made.root, ns):
        _, result = ns.apply({"x": 1}, unset=["mtu"], release=B, flags=1)
        assert result == {"changed": 1, "removed": 1, "changed-keys": ["x"], "removed-keys": ["mtu"]}
    assert of(ns, B) == {"mtu": 1}


def test_signals_tell_what_readers_see(ns):
    ns.set("mtu", 1500)
    log = ns.watch_values()
    ns.apply({"mtu": 9000}, class_="kernel")
    assert signals_of(ns, log) == [({"mtu": 9000}, [])]
    ns.apply({"mtu": 1400}, class_="persistent")
    ns.apply({"mtu": 1}, release=B)
    ns.apply(unset=["mtu"], release=B)
    assert signals_of(ns, log) == []
    ns.delete("mtu")
    assert signals_of(ns, log) == [({"mtu": 1400}, [])]
    ns.apply({"mtu": 9000}, class_="kernel")
    ns.apply(unset=["mtu"], release="")
    assert signals_of(ns, log) == [({"mtu": 9000}, [])]
    ns.delete("mtu")
    assert signals_of(ns, log) == [({}, ["mtu"])]
    log.close()


def test_many_writes_of_one_batch_end_in_what_is_seen(ns):
    log = ns.watch_values()
    calls = []
    for n in range(20):
        calls.append(ns.start_apply({"k": n}, class_="kernel"))
        calls.append(ns.start_apply({"k": -n - 1}, class_="persistent"))
    for call in calls:
        call.result()
    told = {}
    for changed, invalidated in signals_of(ns, log):
        told.update(changed)
        assert not invalidated
    assert told == {"k": 19} == seen(ns)
    assert of(ns, "") == {"k": -20}
    log.close()


# rules, defaults, quotas

DECLARED = """[Namespace]
[Key mtu]
Type=x
Minimum=68
Default=1492
[Key once]
WriteOnce=yes
"""


def test_rules_and_defaults_hold(stack, library):
    made = stack(environ=machine.environ(library, A), namespaces={"org.example.Declared": DECLARED})
    ns = made.root.ns("org.example.Declared")
    assert ns.get("mtu").unpack() == 1492
    for given in ({"class_": "kernel"}, {"release": B}, {"release": ""}):
        with refused(Error.InvalidValue, "mtu"):
            ns.apply({"mtu": 1}, **given)
    for given in ({"class_": "kernel"}, {"release": B}):
        with refused(Error.InvalidValue, "once", "class kernel"):
            ns.apply({"once": 1}, **given)
    ns.apply({"mtu": 9000}, class_="kernel")
    ns.apply({"mtu": 1000}, release=B)
    log = ns.watch_values()
    ns.delete("mtu")
    assert signals_of(ns, log) == [({"mtu": 1492}, [])]
    log.close()
    assert plain(ns.describe("mtu"))["origin"] == "default"
    assert plain(ns.describe("mtu"))["releases"] == [B]
    machine.reboot(made, B)
    assert seen(ns) == {"mtu": 1000}
    machine.reboot(made, C)
    assert seen(ns) == {"mtu": 1492}


def test_hidden_entries_count(made, ns):
    ns.set("k", "x" * 100)
    usage = ns.property("Usage")
    ns.apply({"k": "x" * 100}, release=B)
    assert ns.property("Usage") == 2 * usage + len(B)
    assert ns.property("Keys") == 2
    ns.set_access(quota_keys=2)
    with refused(Error.QuotaExceeded, "keys"):
        ns.apply({"k": 1}, release=C)
    with refused(Error.QuotaExceeded, "keys"):
        ns.apply({"k": 1}, class_="kernel")
    ns.set_access(quota_keys=100, quota_bytes=2 * usage + len(B))
    with refused(Error.QuotaExceeded, "bytes"):
        ns.apply({"l": 1}, class_="kernel")
    with refused(Error.Conflict, "2 keys"):
        made.root.remove(ns.name)
    machine.reboot(made, C)
    assert (ns.property("Usage"), ns.property("Keys")) == (2 * usage + len(B), 2)
    made.root.remove(ns.name, 1)


def test_namespace_of_hidden_entries_is_not_empty(made, ns):
    ns.apply({"k": 1}, release=B)
    assert ns.keys() == []
    with refused(Error.Conflict, "1 keys"):
        made.root.remove(ns.name)


def test_no_more_than_so_many_releases(ns):
    for n in range(128):
        ns.apply({"k": n}, release=f"6.{n}")
    with refused(Error.QuotaExceeded, "128", "releases"):
        ns.apply({"k": 1}, release="7.0")
    with refused(Error.QuotaExceeded, "128"):
        ns.apply({"k": 1}, class_="kernel")
    ns.apply({"l": 1}, release="6.5")
    ns.set("k", 1)
    ns.apply(unset=["k"], release="6.7")
    ns.apply({"k": 1}, class_="kernel")
    with refused(Error.QuotaExceeded):
        ns.apply({"k": 1}, release="7.0")
    assert len(ns.property("KernelReleases")) == 128


def test_releases_count_for_the_size_of_a_commit(stack, library):
    made = stack(environ=machine.environ(library, "r" * 64), config="[Limits]\nCommitBytesMax=200\n")
    ns = made.root.create("org.example.X")
    ns.apply({"a": 1, "b": 2, "c": 3})
    with nothing_changed(made.root, ns), refused(Error.TooBig, "200 bytes"):
        ns.apply({"a": 1, "b": 2, "c": 3}, class_="kernel")
    ns.apply({"a": 1, "b": 2}, class_="kernel")


# what is refused

BAD_RELEASES = ["a/b", "..\n", "x" * 65, "6.1 0", "ä", "\x1b[31m", "6.1#1"]


@pytest.mark.parametrize("release", BAD_RELEASES)
def test_bad_release(made, ns, release):
    with nothing_changed(made.root, ns):
        with refused(Error.InvalidName):
            ns.apply({"k": 1}, release=release)
        with refused(Error.InvalidName):
            made.root.apply_all({ns.name: change({"k": 1}, release=release)})
        with refused(Error.InvalidName):
            ns.get_many(release=release)


@pytest.mark.parametrize(
    "given",
    [
        {"class_": "persistent", "release": B}, {"class_": "runtime", "release": B},
        {"class_": "kernel", "release": ""}, {"classes": {"k": "runtime"}, "release": B},
        {"release": value(1)}, {"classes": {"k": "kernel"}, "release": ""},
    ],
    ids=str,
)  # fmt: skip
def test_bad_combination(made, ns, given):
    with nothing_changed(made.root, ns):
        with refused("org.freedesktop.DBus.Error.InvalidArgs"):
            ns.apply({"k": 1}, **given)


def test_release_is_no_option_of_the_whole_call(made, ns):
    with refused("org.freedesktop.DBus.Error.InvalidArgs", "release"):
        made.root.apply_all({ns.name: change({"k": 1})}, release=B)


def test_only_goes_without_release(ns):
    with refused("org.freedesktop.DBus.Error.InvalidArgs"):
        ns.get_many(release=B, only="set")


@pytest.mark.parametrize("release", ["", "a b", "x/y"])
def test_kernel_without_a_usable_name(stack, library, release):
    made = stack(environ=machine.environ(library, release))
    ns = made.root.create("org.example.X")
    assert "no usable release" in made.regentd.log()
    with refused("org.freedesktop.DBus.Error.InvalidArgs", "kernel"):
        ns.apply({"k": 1}, class_="kernel")
    ns.apply({"k": 1}, release=A)
    ns.set("k", 2)
    assert (seen(ns), of(ns, A)) == ({"k": 2}, {"k": 1})
