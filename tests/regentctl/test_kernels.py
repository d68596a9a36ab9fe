# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl and class kernel: keys of one kernel release, hidden ones, and those of kernels that are gone."""

import json

import pytest
from ctl import DENIED, DIFFERS, INVALID, NOT_FOUND, REFUSED, USAGE, Regentctl
from regent_testing import machine
from regent_testing.api import change

A, B, C = "6.1.0-18-amd64", "6.6.13+bpo-amd64", "6.12.0"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return machine.build(tmp_path_factory.mktemp("preload"))


@pytest.fixture
def made(stack, library):
    """regentd on kernel A."""
    return stack(environ=machine.environ(library, A))


@pytest.fixture
def ctl(made):
    return Regentctl(made.bus)


@pytest.fixture
def modules(tmp_path):
    """A factory of directories as /lib/modules."""

    def make(*releases):
        directory = tmp_path / f"modules-{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        for release in releases:
            (directory / release).mkdir()
        return f"--modules-dir={directory}"

    return make


@pytest.fixture
def router(made):
    """Keys of every kind."""
    ns = made.root.create("org.example.Router")
    ns.apply({"mtu": 1500, "name": "core", "up": 1}, classes={"up": "runtime"})
    ns.apply({"mtu": 9000, "driver": "new"}, class_="kernel")
    ns.apply({"mtu": 4000, "driver": "old", "quirk": True}, release=B)
    ns.apply({"mtu": 2000}, release=C)
    return ns


NAME = "org.example.Router"


def of(ns, release):
    return {key: v.unpack() for key, v in ns.get_many(release=release)[0].items()}


def test_set_get_and_delete(ctl, router):
    assert ctl("get", NAME, "mtu").out == "9000\n"
    assert ctl("get", NAME, "mtu", "--release=").out == "1500\n"
    assert ctl("get", NAME, "mtu", "--release", B).out == "4000\n"
    assert ctl("get", NAME, "mtu", f"--release={B}", "--raw").out == "4000"
    assert ctl.json("get", NAME, f"--release={B}").keys() == {"driver", "mtu", "quirk"}
    assert ctl.json("get", NAME, "mtu", "quirk", f"--release={B}")["quirk"]["data"] is True
    assert ctl("get", NAME, "name", f"--release={B}", status=NOT_FOUND).out == ""
    assert ctl("get", NAME, "name", f"--release={B}", "--default=x").out == "x\n"

    ctl("set", NAME, "mtu", "9001")
    ctl("set", NAME, "mtu", "1400", "--class=persistent")
    ctl("set", NAME, "mtu", "4001", f"--release={B}")
    ctl("set", NAME, "fresh", "1", "--class=kernel")
    assert (of(router, A)["mtu"], of(router, "")["mtu"], of(router, B)["mtu"]) == (9001, 1400, 4001)
    assert of(router, A)["fresh"] == 1

    ctl("delete", NAME, "mtu", f"--release={B}")
    ctl("delete", NAME, "mtu", f"--release={B}", status=NOT_FOUND)
    ctl("delete", NAME, "mtu", f"--release={B}", "--if-exists")
    assert of(router, B).keys() == {"driver", "quirk"}
    ctl("delete", NAME, "mtu")
    assert ctl("get", NAME, "mtu").out == "1400\n"
    ctl("set", NAME, "mtu", "9000", "--class=kernel")
    ctl("delete", NAME, "mtu", "--release=")
    assert ctl("get", NAME, "mtu").out == "9000\n"


def test_key_in_memory_stays_there_beside_that_of_a_kernel(ctl, router):
    ctl("set", NAME, "memory", "1", "--class=runtime")
    assert "persistent now" not in ctl("set", NAME, "memory", "2", f"--release={B}").err
    assert router.describe("memory")["class"].unpack() == "runtime"
    assert of(router, B)["memory"] == 2
    assert "persistent now" in ctl("set", NAME, "memory", "3", "--release=").err


def test_apply(ctl, router):
    ctl("apply", NAME, "mtu=1", "new=2", f"--release={B}", "--unset=quirk")
    assert of(router, B) == {"mtu": 1, "driver": "old", "new": 2}
    shown = ctl("apply", NAME, "mtu=3", f"--release={B}", "--dry-run").out
    assert "- mtu x 1" in shown and "+ mtu x 3" in shown
    ctl("apply", "--file=-", stdin=json.dumps({NAME: {"release": C, "set": {"k": {"type": "s", "data": "v"}}}}))
    assert of(router, C) == {"mtu": 2000, "k": "v"}
    ctl("apply", "--file=-", stdin=json.dumps({NAME: {"class": "kernel", "set": {"k": {"type": "s", "data": "a"}}}}))
    assert of(router, A)["k"] == "a"
    ctl("apply", "--file=-", stdin=json.dumps({NAME: {"release": 1}}), status=INVALID)
    ctl("apply", "--file=-", f"--release={B}", stdin="{}", status=USAGE)


def test_what_is_refused(ctl, router):
    assert "is not a kernel release" in ctl("set", NAME, "k", "1", "--release=a/b", status=INVALID).err
    ctl("set", NAME, "k", "1", f"--release={B}", "--class=runtime", status=INVALID)
    ctl("list", NAME, f"--release={B}", "--all-releases", status=USAGE)
    ctl("list", NAME, f"--release={B}", "--changed", status=USAGE)
    ctl("list", NAME, "--changed", "--all-releases", status=USAGE)
    assert "--release does not go with" in ctl("dump", f"--release={B}", status=USAGE).err


def test_list_and_describe(ctl, router):
    assert ctl("list", NAME).lines == ["driver", "mtu", "name", "up"]
    assert ctl("list", NAME, f"--release={B}").lines == ["driver", "mtu", "quirk"]
    assert ctl("list", NAME, f"--release={B}", "--prefix=m").lines == ["mtu"]
    assert ctl.json("list", NAME, "--release=") == ["mtu", "name", "up"]
    rows = [line.split() for line in ctl("list", NAME, "--all-releases").lines]
    assert rows == [
        ["KERNEL", "KEY"], ["-", "mtu"], ["-", "name"], ["-", "up"], [A, "driver"], [A, "mtu"], [C, "mtu"],
        [B, "driver"], [B, "mtu"], [B, "quirk"],
    ]  # fmt: skip
    assert ctl.json("list", NAME, "--all-releases") == {
        "": ["mtu", "name", "up"], A: ["driver", "mtu"], B: ["driver", "mtu", "quirk"], C: ["mtu"],
    }  # fmt: skip
    text = ctl("describe", NAME, "mtu").out
    for part in (A, B, C, "persistent", "kernel", "For kernels"):
        assert part in text
    assert ctl.json("describe", NAME, "quirk") == {
        "key": "quirk", "revision": 0, "origin": "unset", "releases": [B],
    }  # fmt: skip
    assert ctl.json("access", NAME)["kernel-releases"] == sorted([A, B, C])
    assert ctl.json("access", NAME)["hidden-keys"] == 5
    status = ctl("status", NAME).out
    assert "Hidden keys" in status and f"{A}, {C}, {B}" in status


def test_dump_and_load_carry_every_release(ctl, made, router, tmp_path):
    text = ctl("dump", NAME).out
    document = json.loads(text)["namespaces"][NAME]
    assert document["entries"].keys() == {"mtu", "name", "up"}
    assert document["entries"]["mtu"]["data"] == 1500
    assert {release: set(keys) for release, keys in document["kernels"].items()} == {
        A: {"driver", "mtu"}, B: {"driver", "mtu", "quirk"}, C: {"mtu"},
    }  # fmt: skip
    file = tmp_path / "dump.json"
    file.write_text(text)
    assert ctl("diff", str(file)).out == ""
    assert "nothing to do" in ctl("load", str(file)).err

    made.root.remove(NAME, 1)
    ctl("load", str(file))
    for release in ("", A, B, C):
        assert of(router, release).keys() == (document["entries"] if not release else document["kernels"][release]).keys()
    assert json.loads(ctl("dump", NAME).out)["namespaces"] == json.loads(text)["namespaces"]

    router.apply({"mtu": 1, "more": 1}, unset=["quirk"], release=B)
    router.apply({"x": 1}, release="5.0")
    shown = ctl("diff", str(file), status=DIFFERS).out
    assert f"- mtu x 1 (kernel {B})" in shown and f"+ mtu x 4000 (kernel {B})" in shown
    assert "- x x 1 (kernel 5.0)" in shown
    changes = ctl.json("diff", str(file), status=DIFFERS)[NAME]
    assert changes.keys() == {f"mtu@{B}", f"more@{B}", f"quirk@{B}", "x@5.0"}
    assert (changes[f"mtu@{B}"]["old"]["data"], changes[f"mtu@{B}"]["new"]["data"]) == (1, 4000)
    ctl("load", str(file), "--prune", "--dry-run")
    ctl("load", str(file), "--prune", "--atomic", status=REFUSED)
    ctl("load", str(file), "--prune")
    assert json.loads(ctl("dump", NAME).out)["namespaces"] == json.loads(text)["namespaces"]
    router.apply({"mtu": 1}, release=B)
    ctl("load", str(file), "--atomic")
    assert of(router, B)["mtu"] == 4000


def test_dumps_of_many_namespaces_have_them_too(ctl, made, router):
    made.root.create("org.example.Plain").set("a", 1)
    made.root.create("org.example.Other").apply({"k": 1}, release=B)
    spaces = json.loads(ctl("dump").out)["namespaces"]
    assert spaces["org.example.Other"] == {**spaces["org.example.Other"], "entries": {}, "kernels": {B: {"k": {"type": "x", "data": 1}}}}
    assert "kernels" not in spaces["org.example.Plain"]
    assert json.loads(ctl("dump", "--json=short").out)["namespaces"] == spaces


@pytest.mark.parametrize(
    "kernels", ['{"": {}}', '{"6.1": 1}', "[]", '{"6.1": {"k": {"type":"x","data":1,"class":"kernel"}}}']
)
def test_files_that_are_wrong(ctl, made, tmp_path, kernels):
    file = tmp_path / "bad.json"
    file.write_text('{"regent-dump": 1, "namespaces": {"a.b": {"entries": {}, "kernels": %s}}}' % kernels)
    ctl("load", str(file), status=INVALID)
    assert "a.b" not in made.root.list_namespaces()


def test_edit_shows_what_is_seen(ctl, router, tmp_path):
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/seen\nsed -i "s/9000/9001/" "$1"\n')
    editor.chmod(0o755)
    ctl.with_(environ={"EDITOR": str(editor)})("edit", NAME)
    seen = json.loads((tmp_path / "seen").read_text())["namespaces"][NAME]
    assert seen["entries"]["mtu"]["data"] == 9000 and "kernels" not in seen
    assert of(router, A)["mtu"] == 9001
    assert of(router, "")["mtu"] == 1500


# kernels that are gone


def test_prune(ctl, made, router, modules):
    made.root.create("org.example.Other").apply({"k": 1, "l": 1}, release="5.10")
    made.root.apply_all({"org.example.Other": change({"k": 1}, release=B)})
    installed = modules(B)
    expected = [
        {"namespace": "org.example.Other", "release": "5.10", "keys": 2},
        {"namespace": NAME, "release": C, "keys": 1},
    ]
    before = made.root.revision()
    assert ctl.json("prune-kernels", installed, "--dry-run") == expected
    assert [line.split() for line in ctl("prune-kernels", installed, "-n", "--no-legend").lines] == [
        ["org.example.Other", "5.10", "2"], [NAME, C, "1"],
    ]  # fmt: skip
    assert made.root.revision() == before
    assert ctl.json("prune-kernels", installed, NAME) == expected[1:]
    assert router.property("KernelReleases") == [A, B]
    assert ctl("prune-kernels", installed).err.startswith("2 keys removed")
    assert made.root.ns("org.example.Other").property("KernelReleases") == [B]
    assert "nothing to do" in ctl("prune-kernels", installed).err
    assert of(router, A) and of(router, "") and of(router, B)


def test_prune_never_takes_the_running_release(ctl, made, router, modules):
    ctl("prune-kernels", modules("1.0"))
    assert router.property("KernelReleases") == [A]
    machine.reboot(made, B)
    assert ctl("prune-kernels", modules("1.0")).err.startswith("2 keys removed")
    assert router.property("KernelReleases") == []
    assert of(router, "") == {"mtu": 1500, "name": "core"}


def test_prune_removes_nothing_where_no_kernel_is_found(ctl, router, modules, tmp_path):
    empty = modules()
    (tmp_path / "file").write_text("")
    assert "no kernel" in ctl("prune-kernels", empty, status=REFUSED).err
    ctl("prune-kernels", f"--modules-dir={tmp_path}/absent", status=REFUSED)
    ctl("prune-kernels", f"--modules-dir={tmp_path}/file", status=REFUSED)
    assert len(router.property("KernelReleases")) == 3


def test_prune_is_of_this_machine(ctl, modules):
    assert "this machine" in ctl("prune-kernels", "--host=example.org", modules(B), status=USAGE).err


def test_prune_of_what_is_not_there_or_not_ones_own(ctl, made, router, modules, sandbox):
    ctl("prune-kernels", "org.example.Absent", modules(B), status=NOT_FOUND)
    installed = "--modules-dir=/usr"  # which alice may read
    alice = ctl.with_(user="alice")
    alice("prune-kernels", installed, status=DENIED)
    assert len(router.property("KernelReleases")) == 3
    alice("prune-kernels", installed, "--dry-run", status=DENIED)


def test_prune_many_keys(ctl, made, router, modules):
    keys = {f"k{n:05}": n for n in range(4000)}
    router.apply(keys, release="5.0")
    router.apply({f"l{n:05}": n for n in range(4000)}, release="5.0")
    assert ctl.json("prune-kernels", modules(B, C), "--reason=gone") == [{"namespace": NAME, "release": "5.0", "keys": 8000}]
    assert router.property("KernelReleases") == sorted([A, B, C])


def test_completion(ctl, router):
    assert ctl("complete", "--", "set", NAME, "mtu", "--class=").lines == ["--class=persistent", "--class=kernel", "--class=runtime"]
    assert "prune-kernels" in ctl("complete", "--", "prune").out
    assert ctl("complete", "--", "prune-kernels", "org.example.R").lines == [NAME]
    assert "--modules-dir=" in ctl("complete", "--", "prune-kernels", "--mod").out
