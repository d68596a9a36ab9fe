# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watch with `since`, and what readers see: over restarts, kernels, defaults, restored states and undone changes."""

import pytest
from declared import ROUTER, declared
from gi.repository import GLib
from kernels import A, B, library, made  # pylint: disable=unused-import
from regent_testing.checks import refused
from regent_testing.names import Error
from watching import Watcher, read

V = GLib.Variant


@pytest.fixture
def watcher(service, root):
    return Watcher(service.client())


def now(caller):
    return {"since": caller.revision(), "epoch": caller.property("Epoch")}


def test_since_tells_what_differs(root, ns, watcher):
    ns.apply({"a": 1, "b/x": 1, "b/y": 1, "c": 1})
    at = now(root)
    ns.set("a", 2)
    ns.set("b/x", 2)
    ns.set("b/new", 1)
    ns.delete("b/y")
    ns.set("b/short", 1)
    ns.delete("b/short")

    watched = watcher.watch(ns, "b/", **at)

    assert watched.values == {"b/x": 2, "b/new": 1}
    assert set(watched.removed) - {"b/short"} == {"b/y"}
    assert watched.revision == root.revision()
    assert watcher.watch(ns, **now(root)).values == {}


def test_changes_follow_the_reply(root, ns, watcher):
    at = now(root)
    ns.set("a", 1)
    watched = watcher.watch(ns, **at)

    ns.set("a", 2)
    watcher.settle()

    assert watched.rebuilt() == {"a": 2}


def test_since_and_epoch_are_checked(root, ns, watcher):
    epoch, revision = root.property("Epoch"), root.revision()
    for given in ({"since": revision}, {"epoch": epoch}):
        with refused(Error.InvalidArgs, "'since' and 'epoch'"):
            watcher.watch(ns, **given)
    with refused(Error.InvalidArgs, "'resume' needs 'since'"):
        watcher.watch(ns, resume=1)
    with refused(Error.InvalidArgs, "'resume' needs 'since'"):
        watcher.watch(ns, resume=0)
    with refused(Error.InvalidArgs, "no watch"):
        watcher.watch(ns, resume=0, since=revision, epoch=epoch)
    with refused(Error.HistoryLost, "epoch"):
        watcher.watch(ns, since=revision, epoch="0" * 32)
    with refused(Error.HistoryLost):
        watcher.watch(ns, since=revision + 1, epoch=epoch)
    with refused(Error.HistoryLost):
        watcher.watch(ns, since=0, epoch=epoch)


def test_resume_is_for_watches_that_were_told(root, ns, watcher):
    watched = watcher.watch(ns)
    with refused(Error.InvalidArgs, "nothing to resume"):
        watched.resume(**now(root))
    with refused(Error.InvalidArgs, "no watch"):
        watcher.watch(ns, resume=watched.number + 1000, **now(root))


@pytest.mark.parametrize("stop", ("stop", "kill"))
def test_since_over_a_restart(stack, stop):
    fresh = stack()
    ns = fresh.root.create("org.example.X")
    ns.apply({"a": 1, "b": 1, "c": 1})
    ns.apply({"r": 1}, class_="runtime")
    at = now(fresh.root)
    ns.set("a", 2)
    ns.delete("b")
    getattr(fresh.regentd, stop)()
    fresh.regentd.start()
    ns.delete("r")

    watcher = Watcher(fresh.client())
    watched = watcher.watch(ns, **at)
    assert watched.values == {"a": 2}
    assert sorted(watched.removed) == ["b", "r"]
    ns.set("d", 1)
    watcher.settle()
    assert watched.changes()[0].changed == {"d": 1}


def test_kernel_entries_shadow_others(made):
    ns = made.root.create("org.example.Router")
    ns.set("a", 1)
    watcher = Watcher(made.client())
    watched = watcher.watch(ns)

    ns.apply({"a": 2}, class_="kernel")  # hides it
    ns.apply({"a": 3}, release=B, class_="kernel")  # not seen
    ns.apply({"a": 4}, release="")  # hidden
    ns.delete("a")  # shows what it hid
    ns.delete("a")
    watcher.settle()

    assert [(c.changed, c.removed) for c in watched.changes()] == [
        ({"a": 2}, []), ({"a": 4}, []), ({}, ["a"]),
    ]  # fmt: skip
    assert watched.rebuilt() == {}


def test_a_delete_that_uncovers_a_default_is_a_change(stack):
    fresh, ns = declared(stack)
    watcher = Watcher(fresh.client())
    watched = watcher.watch(ns)
    assert watched.values == {"mtu": 1500, "name": "router", "peers": ["fe80::1"]}

    ns.set("mtu", V("u", 9000))
    ns.delete("mtu")
    watcher.settle()

    assert [(c.changed, c.removed) for c in watched.changes()] == [
        ({"mtu": 9000}, []), ({"mtu": 1500}, []),
    ]  # fmt: skip
    assert watched.rebuilt() == read(ns)


def test_a_reload_that_changes_defaults_is_told(stack):
    fresh, ns = declared(stack)
    watcher = Watcher(fresh.client())
    watched = watcher.watch(ns)
    names = watcher.watch_names("org.example")
    revision = fresh.root.revision()

    fresh.regentd.declare(ns.name, ROUTER.replace("Default=1500", "Default=1400").replace("Default='router'\n", ""))
    fresh.root.reload()
    watcher.settle()

    for each in (watched, names):
        (told,) = each.changes()
        assert (told.ns_name, told.previous, told.revision) == (ns.name, revision, revision)
        assert (told.changed, told.removed) == ({"mtu": 1400}, ["name"])


def test_a_namespace_declared_later_comes_with_its_defaults(stack):
    fresh = stack(namespaces={})
    watcher = Watcher(fresh.client())
    watched = watcher.watch_names("org.example")

    fresh.regentd.declare("org.example.Router", ROUTER)
    fresh.root.reload()
    watcher.settle()

    (told,) = watched.changes()
    assert told.changed == {"mtu": 1500, "name": "router", "peers": ["fe80::1"]}


def test_a_restored_state_is_to_be_read_again(stack):
    fresh = stack()
    kept, gone = (fresh.root.create("org.example." + each) for each in ("Kept", "Later"))
    kept.set("a", 1)
    fresh.root.remove(gone.name)
    fresh.root.mark_good()
    gone = fresh.root.create(gone.name)
    kept.set("a", 2)
    watcher = Watcher(fresh.client())
    watched, ended, names = watcher.watch(kept), watcher.watch(gone), watcher.watch_names("org")

    revision = fresh.root.restore()
    kept.set("a", 3)
    watcher.settle()

    assert watched.wait("Resynchronize") == [(watched.number, kept.name, revision)]
    assert [c.previous for c in watched.changes()] == [revision]
    assert ended.wait("WatchEnded") == [(ended.number, gone.name, Error.NoSuchNamespace)]
    assert names.wait("Resynchronize") == [(names.number, "", revision)]
    assert [c.changed for c in names.changes()] == [{"a": 3}]

    watched.resume(watched.revision, fresh.root.property("Epoch"))
    assert watched.values == {"a": 3} and watched.number == watcher.watches[0].number


def test_an_undone_change_is_a_change(ns, watcher):
    ns.set("a", 1)
    watched = watcher.watch(ns)

    _, result = ns.apply({"a": 2, "b": 2}, confirm_timeout_usec=60_000_000)
    ns.caller.cancel(result["token"] if "token" in result else result["confirm-token"])
    watcher.settle()

    assert [(c.changed, c.removed) for c in watched.changes()] == [
        ({"a": 2, "b": 2}, []), ({"a": 1}, ["b"]),
    ]  # fmt: skip


def test_lazy_commits_are_told_when_they_are_written(ns, watcher):
    watched = watcher.watch(ns)

    revision, _ = ns.apply({"a": 1}, durability="lazy")
    watcher.settle()

    assert [c.revision for c in watched.changes()] == [revision]
