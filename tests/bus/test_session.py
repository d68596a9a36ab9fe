# SPDX-License-Identifier: LGPL-2.1-or-later
"""Class session: entries that go with the connection that wrote them."""

import pytest
from regent_testing.api import change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True, "config": "[Limits]\nConnectionSessionKeysMax=10000\n"}
HOUR = 3600 * 1_000_000


def plain(info):
    return {key: v.unpack() for key, v in info.items()}


def seen(ns):
    return {key: v.unpack() for key, v in ns.everything().items()}


def about(ns, key):
    """Class and connection of a key."""
    info = plain(ns.describe(key))
    return info["class"], info.get("session")


@pytest.fixture
def follow(ns):
    """What is told of the namespace's keys."""
    return ns.watch_values()


@pytest.fixture
def other(service):
    """Another connection of root's."""
    client = service.client()
    yield client
    client.close()


def wait_gone(ns, *keys, seconds=20):
    retry_until(lambda: not set(keys) & set(ns.keys()), seconds, f"{keys} to go")


def counts(root):
    statistics = root.statistics()
    return statistics["sessions"].unpack(), statistics["session-keys"].unpack()


def test_goes_with_its_connection(root, ns, follow, other):
    ns.set("stays", 1)
    mine = ns.seen_by(other)
    revision, result = mine.apply({"a": 1, "b": "two"}, class_="session")
    assert result == {"changed": 2, "removed": 0}
    mine.apply({"c": 3, "stays": 2}, classes={"c": "session"})
    info = plain(ns.describe("a"))
    assert (info["class"], info["session"], info["revision"]) == ("session", other.unique_name(), revision)
    assert seen(ns) == {"a": 1, "b": "two", "c": 3, "stays": 2}
    assert counts(root) == (1, 3)
    before = root.revision()
    root.settle()
    follow.clear()

    other.close()
    gone = follow.wait_for()
    assert (gone.changed, sorted(gone.invalidated)) == ({}, ["a", "b", "c"])
    assert root.revision() == before + 1  # one commit
    assert seen(ns) == {"stays": 2}
    assert (ns.property("Keys"), ns.property("Usage")) == (1, len("stays") + 8)
    assert counts(root) == (0, 0)
    root.ping()
    assert len(follow) == 1


def test_gone_in_several_namespaces_at_once(service, root, name):
    spaces = [root.create(f"{name}.N{i}") for i in range(3)]
    client = service.client()
    client.apply_all({ns.name: change({"k": i, "own": i}, class_="session") for i, ns in enumerate(spaces)})
    for ns in spaces:
        ns.set("own", "persistent")
    before = root.revision()
    client.close()
    wait_gone(spaces[2], "k")
    assert root.revision() == before + 1
    assert [seen(ns) for ns in spaces] == [{"own": "persistent"}] * 3


def test_killed_writer(service, sandbox, root, ns):
    alice = service.user("alice")
    ns.set_access(owner=alice.uid)
    ns.seen_by(alice).apply({"k": 1}, class_="session")
    assert plain(ns.describe("k"))["writer"] == alice.uid
    log = ns.watch_values()
    alice.kill()
    assert log.wait_for().invalidated == ["k"]
    assert ns.keys() == []


def test_access_changed_meanwhile(service, sandbox, root, ns):
    alice = service.user("alice")
    ns.set_access(owner=alice.uid)
    ns.seen_by(alice).apply({"k": 1}, class_="session")
    ns.set_access(owner=0, mode=0o600)
    with refused(Error.InteractiveAuthorizationRequired):
        ns.seen_by(alice).get("k")
    alice.kill()
    wait_gone(ns, "k")


def test_taken_over(root, ns, follow, other):
    first, _ = ns.apply({"same": 1, "other": 1, "left": 1}, class_="session")
    mine = ns.seen_by(other)
    # The same value by the same connection changes nothing, by another one the owner.
    assert ns.apply({"same": 1}, class_="session")[0] == first
    second, result = mine.apply({"same": 1, "other": 2}, class_="session")
    assert (second, result) == (first + 1, {"changed": 2, "removed": 0})
    assert about(ns, "same") == ("session", other.unique_name())
    assert about(ns, "left") == ("session", root.unique_name())
    assert counts(root) == (2, 3)
    follow.wait_count(2)
    follow.clear()
    other.close()
    assert sorted(follow.wait_for().invalidated) == ["other", "same"]
    assert seen(ns) == {"left": 1}
    ns.delete("left")


def test_taken_over_stays_when_the_first_goes(service, ns, other):
    first = service.client()
    ns.seen_by(first).apply({"a": 1, "b": 1}, class_="session")
    ns.seen_by(other).apply({"a": 1}, class_="session")
    first.close()
    wait_gone(ns, "b")
    assert about(ns, "a") == ("session", other.unique_name())
    other.close()
    wait_gone(ns, "a")


@pytest.mark.parametrize("class_", ["persistent", "runtime"])
def test_replaced_by_another_class(root, ns, other, class_):
    mine = ns.seen_by(other)
    mine.apply({"a": 1, "goes": 1}, class_="session")
    before = root.revision()
    ns.apply({"a": 1}, class_=class_)
    assert root.revision() == before + 1
    assert about(ns, "a") == (class_, None)
    other.close()
    wait_gone(ns, "goes")
    assert seen(ns) == {"a": 1}


def test_plain_set_makes_it_persistent(ns, other):
    ns.seen_by(other).apply({"a": 1, "b": 1, "goes": 1}, class_="session")
    ns.set("a", 1)
    ns.value_set("b", 2)
    other.close()
    wait_gone(ns, "goes")
    assert seen(ns) == {"a": 1, "b": 2}


def test_takes_the_place_of_another_class(ns, other):
    ns.apply({"p": 1, "r": 1}, classes={"r": "runtime"})
    mine = ns.seen_by(other)
    mine.apply({"p": 1, "r": 1}, class_="session")
    assert ns.keys() == ["p", "r"]
    assert about(ns, "p") == about(ns, "r") == ("session", other.unique_name())
    other.close()
    wait_gone(ns, "p", "r")


def test_below_an_entry_of_the_kernel(ns, other):
    ns.seen_by(other).apply({"k": "session"}, class_="session")
    ns.apply({"k": "kernel"}, class_="kernel")
    assert plain(ns.describe("k"))["covered-class"] == "session"
    other.close()
    retry_until(lambda: "covered-class" not in ns.describe("k"), 20, "the covered entry to go")
    assert seen(ns) == {"k": "kernel"}


def test_deleted_and_removed_before(service, root, name):
    client = service.client()
    ns, gone = root.create(name), root.create(name + ".Gone")
    ns.seen_by(client).apply({"a": 1, "b": 1}, class_="session")
    gone.seen_by(client).apply({"a": 1}, class_="session")
    with refused(Error.Conflict):
        root.remove(gone.name)
    root.remove(gone.name, 1)
    root.create(gone.name).set("a", "another")
    ns.delete("a")
    assert counts(root) == (1, 1)
    client.close()
    wait_gone(ns, "b")
    assert seen(gone) == {"a": "another"}
    assert counts(root) == (0, 0)


def test_dry_run_and_refusals_leave_nothing(root, ns, other):
    mine = ns.seen_by(other)
    with nothing_changed(root, ns):
        mine.apply({"a": 1}, flags=1, class_="session")
        with refused(Error.Conflict):
            mine.apply({"a": 1}, class_="session", expect={"b": 1})
        with refused(Error.InvalidArgs, "release"):
            mine.apply({"a": 1}, class_="session", release="6.1.0")
        other.close()
        root.ping()
    assert counts(root) == (0, 0)


def test_ten_thousand_keys_and_the_limit(service, root, ns, other):
    """ConnectionSessionKeysMax=10000 here, for uid 0 as well."""
    mine = ns.seen_by(other)
    for begin in range(0, 10000, 2500):
        mine.apply({f"key.{i:05}": i for i in range(begin, begin + 2500)}, class_="session")
    before = root.revision()
    with refused(Error.QuotaExceeded, "10001", "10000", other.unique_name()):
        mine.apply({"more": 1, "key.00000": 0}, class_="session")
    assert root.revision() == before and counts(root) == (1, 10000)
    # What it has already may change, and what it gives up makes room.
    mine.apply({"key.00000": "again"}, class_="session")
    mine.apply({"more": 1}, ["key.00001"], class_="session")
    mine.apply({"key.00002": 1})
    mine.apply({"even": 1}, class_="session")
    ns.apply({"roots": 1}, class_="session")
    assert counts(root) == (2, 10001)
    before = root.revision()
    other.close()
    wait_gone(ns, "even")
    assert root.revision() == before + 1
    assert seen(ns) == {"key.00002": 1, "roots": 1}
    assert counts(root) == (1, 1)
    ns.delete("roots")


# restarts


@pytest.fixture
def fresh(stack):
    made = stack()
    return made, made.root.create("org.example.X")


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_restart_while_the_writer_lives(fresh, stop):
    made, ns = fresh
    client = made.client()
    ns.seen_by(client).apply({"a": 1}, class_="session")
    info = plain(ns.describe("a"))
    getattr(made.regentd, stop)()
    made.regentd.start()
    assert plain(ns.describe("a")) == info
    assert counts(made.root) == (1, 1)
    # The connection is as good as ever, and its end is heard of.
    ns.seen_by(client).apply({"b": 1}, class_="session")
    client.close()
    wait_gone(ns, "a", "b")


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_writer_leaves_while_it_is_down(fresh, stop):
    made, ns = fresh
    leaves, stays = made.client(), made.client()
    ns.set("p", 1)
    ns.seen_by(leaves).apply({"a": 1, "b": 1}, class_="session")
    ns.seen_by(stays).apply({"c": 1}, class_="session")
    before = made.root.revision()
    getattr(made.regentd, stop)()
    leaves.close()
    made.regentd.start()
    assert seen(ns) == {"c": 1, "p": 1}  # before the first reply
    assert made.root.revision() == before + 1
    made.regentd.kill()
    stays.close()
    made.regentd.start()
    assert seen(ns) == {"p": 1}


def test_another_bus(fresh):
    """Unique names begin anew with it: the same one is another connection."""
    made, ns = fresh
    ns.apply({"a": 1}, class_="session")
    ns.set("p", 1)
    names = made.root.unique_name()
    made.regentd.kill()
    made.bus.kill()
    made.bus.start()
    made.regentd._client = None
    clients = [made.client() for _ in range(12)]
    made.regentd.start()
    assert names in [client.unique_name() for client in clients]
    assert seen(ns.seen_by(clients[0])) == {"p": 1}


def test_every_kill_is_followed_by_the_same(fresh):
    """Checkpoints and journals of the runtime side hold whose an entry is."""
    made, ns = fresh
    client = made.client()
    for i in range(5):
        ns.seen_by(client).apply({f"k{i}": i, "again": i}, class_="session")
        ns.apply({"again": i}, class_="persistent" if i % 2 else "runtime")
        (made.regentd.stop if i % 2 else made.regentd.kill)()
        made.regentd.start()
    assert seen(ns) == {f"k{i}": i for i in range(5)} | {"again": 4}
    assert counts(made.root) == (1, 5)
    client.close()
    wait_gone(ns, "k0", "k4")
    assert seen(ns) == {"again": 4}


def test_last_known_good_has_none(fresh):
    made, ns = fresh
    client = made.client()
    ns.set("p", 1)
    ns.seen_by(client).apply({"s": 1, "covers": 1}, class_="session")
    made.root.mark_good()
    ns.set("p", 2)
    ns.set("covers", "persistent")
    made.root.mark_good()
    ns.seen_by(client).apply({"covers": 2}, class_="session")
    made.root.restore()
    # As with class runtime: what the copy has is back, all else of that class stays.
    assert seen(ns) == {"p": 2, "covers": "persistent", "s": 1}
    client.close()
    wait_gone(ns, "s")
    made.root.restore()
    assert seen(ns) == {"p": 2, "covers": "persistent"}


# changes that wait for a confirmation


def pend(ns, set_=None, unset=(), timeout=HOUR, **given):
    revision, result = ns.apply(set_, unset, confirm_timeout_usec=timeout, **given)
    return revision, result["token"]


def test_undoing_brings_back_a_session_that_lives(fresh):
    made, ns = fresh
    client = made.client()
    ns.seen_by(client).apply({"a": 1, "b": 1}, class_="session")
    _, token = pend(ns, {"a": "changed"}, ["b"])
    made.root.cancel(token)
    assert seen(ns) == {"a": 1, "b": 1}
    assert about(ns, "a") == ("session", client.unique_name())
    client.close()
    wait_gone(ns, "a", "b")


@pytest.mark.parametrize("restart", [None, "stop", "kill"])
def test_undoing_does_not_bring_back_one_that_has_gone(fresh, restart):
    made, ns = fresh
    client, stays = made.client(), made.client()
    ns.seen_by(client).apply({"a": 1, "b": 1, "c": 1}, class_="session")
    ns.seen_by(stays).apply({"d": 1}, class_="session")
    _, token = pend(ns, {"a": "changed", "c": "in memory", "d": "taken"}, ["b"], classes={"c": "runtime"})
    if restart:
        getattr(made.regentd, restart)()
    name = client.unique_name()
    client.close()
    if restart:
        made.regentd.start()
    else:
        made.root.wait_no_name(name)
        made.root.ping()
    assert seen(ns) == {"a": "changed", "c": "in memory", "d": "taken"}
    made.root.cancel(token)
    assert seen(ns) == {"d": 1}
    assert about(ns, "d") == ("session", stays.unique_name())
    assert counts(made.root) == (1, 1)


def test_undone_at_the_start(fresh):
    """The time is up while regentd is down, and so does the connection go."""
    made, ns = fresh
    client, stays = made.client(), made.client()
    ns.seen_by(client).apply({"a": 1}, class_="session")
    ns.seen_by(stays).apply({"b": 1}, class_="session")
    pend(ns, {"a": "changed", "b": "changed"}, timeout=100_000)
    made.regentd.kill()
    client.close()
    made.regentd.start()
    retry_until(lambda: not made.root.pending_changes(), 20, "the change to be undone")
    assert seen(ns) == {"b": 1}


@pytest.mark.parametrize("verb", ["confirm", "cancel"])
def test_its_own_change_waits(fresh, verb):
    made, ns = fresh
    client = made.client()
    ns.apply({"a": "before", "b": "before"})
    ns.seen_by(client).apply({"s": "before"}, class_="session")
    _, token = pend(ns.seen_by(client), {"a": 1, "new": 1, "s": 2}, class_="session")
    client.close()
    wait_gone(ns, "a", "new", "s")
    assert seen(ns) == {"b": "before"}
    with refused(Error.Busy):
        ns.set("a", 1)  # locked, though there is nothing
    getattr(made.root, verb)(token)
    assert seen(ns) == ({"b": "before"} if verb == "confirm" else {"a": "before", "b": "before"})
    made.regentd.kill()
    made.regentd.start()
    assert seen(ns) == ({"b": "before"} if verb == "confirm" else {"a": "before", "b": "before"})


# many at once


def test_many_leave_at_once(fresh):
    made, ns = fresh
    clients = [made.client() for _ in range(60)]
    for i, client in enumerate(clients):
        ns.seen_by(client).apply({f"k{i}": i, "all": i}, class_="session")
    before = made.root.revision()
    pending = [ns.start_set(f"p{i}", i) for i in range(50)]
    for client in clients:
        client.connection.close(None, None, None)
    for call in pending:
        call.result()
    retry_until(lambda: counts(made.root) == (0, 0), 20, "all to go")
    assert made.root.revision() == before + len(pending) + len(clients)
    assert len(seen(ns)) == len(pending)


def test_leaving_among_its_own_writes(fresh):
    """Whatever of them came to be goes again."""
    made, ns = fresh
    for round_ in range(30):
        client = made.client()
        mine = ns.seen_by(client)
        if round_ % 2:
            mine.apply({"first": 1}, class_="session")
        for i in range(10):
            mine.start_apply({f"k{i}": i, "p": i}, classes={f"k{i}": "session"})
        if round_ % 3:
            client.ping()
        client.connection.close(None, None, None)
    retry_until(lambda: not set(ns.keys()) - {"p"}, 20, "all to go")
    assert counts(made.root) == (0, 0)
