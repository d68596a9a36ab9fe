# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what by uid, owner, group and mode, with nobody to ask: there is no polkitd on this bus.

Callers are processes under their own uids. Everything refused must change nothing and say nothing.
"""

import pytest
from regent_testing.api import RegentError, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import NO_ID, Error

ALICE, OPERATORS, NETADMINS = 4001, 4100, 4200

READS = {
    "Get": lambda space: space.get("a"),
    "GetMany": lambda space: space.get_many(),
    "List": lambda space: space.list(),
    "Describe": lambda space: space.describe("a"),
    "Properties.Get": lambda space: space.value_get("a"),
    "Properties.GetAll": lambda space: space.value_all(),
    "Properties.Get of Namespace": lambda space: space.property("Keys"),
    "Properties.GetAll of Namespace": lambda space: space.properties(),
    "Introspect": lambda space: space.introspect(),
    "GetNamespace": lambda space: space.caller.get_namespace(space.name),
    "Manager.GetMany": lambda space: space.caller.get_many([space.name]),
}
WRITES = {
    "Set": lambda space: space.set("a", 2),
    "Set of a new key": lambda space: space.set("b", 2),
    "Delete": lambda space: space.delete("a"),
    "Apply": lambda space: space.apply({"a": 2}, ["b"]),
    "Apply, dry run": lambda space: space.apply({"a": 2}, flags=1),
    "Properties.Set": lambda space: space.value_set("a", 2),
    "Manager.Apply": lambda space: space.caller.apply_all({space.name: change({"a": 2})}),
}
MANAGES = {
    "RemoveNamespace": lambda space: space.caller.remove(space.name, 1),
    "SetAccess mode": lambda space: space.set_access(mode=0o600),
    "SetAccess owner": lambda space: space.set_access(owner=4003),
    "SetAccess quota": lambda space: space.set_access(quota_keys=5),
}


@pytest.fixture
def space(root, name):
    """alice's, readable by operators, invisible to others."""
    made = root.create(name, owner=ALICE, group=OPERATORS, mode=0o640)
    made.set("a", 1)
    return made


def each(actions):
    return pytest.mark.parametrize("act", actions.values(), ids=actions.keys())


@each(READS)
def test_owner_reads(space, alice, act):
    act(space.seen_by(alice))


@each(WRITES)
def test_owner_writes(space, alice, act):
    act(space.seen_by(alice))


@each(READS)
def test_group_member_reads(space, bob, act):
    act(space.seen_by(bob))


@each(WRITES | MANAGES)
def test_group_member_does_not_write(root, space, bob, act):
    with nothing_changed(root, space), refused(Error.AccessDenied):
        act(space.seen_by(bob))


@each(WRITES)
def test_group_member_writes_where_the_mode_says_so(space, bob, act):
    space.set_access(mode=0o660)
    act(space.seen_by(bob))


@each(READS | WRITES | MANAGES)
def test_stranger_does_nothing(root, space, carol, act):
    with nothing_changed(root, space), refused(Error.AccessDenied):
        act(space.seen_by(carol))


@each(READS)
def test_stranger_reads_what_everyone_may_read(ns, carol, act):
    ns.set("a", 1)
    act(ns.seen_by(carol))


@each(WRITES | MANAGES)
def test_stranger_does_not_write_what_everyone_may_read(root, ns, carol, act):
    ns.set("a", 1)
    with nothing_changed(root, ns), refused(Error.AccessDenied, ns.name):
        act(ns.seen_by(carol))


@each(READS | WRITES | MANAGES)
def test_root_does_everything(root, space, act):
    act(space)


@each(READS | WRITES | MANAGES)
def test_unreadable_and_absent_look_the_same(space, carol, act):
    """Same name and same text, but for the name that was asked for."""
    absent = carol.ns(space.name[:-1] + "x")
    answers = []
    for where in (space.seen_by(carol), absent):
        with pytest.raises(RegentError) as caught:
            act(where)
        answers.append(
            (caught.value.name, caught.value.text.replace(where.name, "NAME").replace(where.path, "PATH"))
        )
    assert answers[0] == answers[1]


def test_owner_without_the_owner_bits_is_refused(root, name, alice):
    """As for a file, the first class that matches decides, though others may read."""
    space = root.create(name, owner=ALICE, mode=0o044)
    space.set("a", 1)
    with nothing_changed(root, space), refused(Error.AccessDenied):
        space.seen_by(alice).get("a")


def test_group_member_without_the_group_bits_is_refused(root, name, bob, carol):
    space = root.create(name, group=OPERATORS, mode=0o604)
    space.set("a", 1)
    with refused(Error.AccessDenied):
        space.seen_by(bob).get("a")
    assert space.seen_by(carol).get("a").unpack() == 1


def test_primary_group_counts(root, name, carol):
    space = root.create(name, group=4003, mode=0o660)
    space.seen_by(carol).set("a", 1)


def test_groups_are_those_of_the_connection(service, sandbox, root, name, space):
    """The bus vouches for the groups that a process had when it connected, whatever /etc/group says."""
    member = service.user("carol", groups=[OPERATORS])
    assert space.seen_by(member).get("a").unpack() == 1
    without = service.user("bob", groups=[])
    with refused(Error.AccessDenied):
        space.seen_by(without).get("a")


def test_one_of_many_groups(service, sandbox, space):
    many = service.user("carol", groups=[*range(5000, 5060), OPERATORS])
    assert space.seen_by(many).get("a").unpack() == 1


def test_access_follows_the_mode_at_once(space, bob, carol):
    with refused(Error.AccessDenied):
        space.seen_by(carol).get("a")
    space.set_access(mode=0o644)
    assert space.seen_by(carol).get("a").unpack() == 1
    space.set_access(mode=0o600)
    for caller in (bob, carol):
        with refused(Error.AccessDenied):
            space.seen_by(caller).get("a")


def test_owner_sets_the_mode(space, alice):
    space.seen_by(alice).set_access(mode=0o600)
    assert space.property("Mode") == 0o600


def test_owner_gives_the_group_among_its_own(service, sandbox, root, name):
    owner = service.user("alice", groups=[NETADMINS])
    space = root.create(name, owner=ALICE, mode=0o640)
    space.seen_by(owner).set_access(group=NETADMINS, mode=0o660)
    assert (space.property("Group"), space.property("Mode")) == (NETADMINS, 0o660)
    space.seen_by(owner).set_access(group=ALICE)
    with nothing_changed(root, space), refused(Error.AccessDenied):
        space.seen_by(owner).set_access(group=OPERATORS)


@pytest.mark.parametrize(
    "given",
    [{"owner": 4003}, {"quota_keys": 10}, {"quota_bytes": 10}, {"mode": 0o600, "owner": 4003}, {"group": OPERATORS}],
    ids=lambda given: ",".join(given),
)
def test_owner_needs_more_for_the_rest(root, name, alice, given):
    space = root.create(name, owner=ALICE)
    with nothing_changed(root, space), refused(Error.AccessDenied):
        space.seen_by(alice).set_access(**given)


def test_owner_drops_the_group_or_not_but_never_gains(root, space, alice):
    """Giving up the group is done or refused as a whole."""
    before = space.property("Group")
    try:
        space.seen_by(alice).set_access(group=NO_ID)
        assert space.property("Group") == NO_ID
    except RegentError as error:
        assert error.name == Error.AccessDenied
        assert space.property("Group") == before


def test_owner_removes(root, space, alice):
    alice.remove(space.name, 1)
    assert space.name not in root.list_namespaces()


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_only_root_creates(root, name, request, user):
    with nothing_changed(root), refused(Error.AccessDenied, name):
        request.getfixturevalue(user).create(name)


def test_creating_what_exists_tells_a_stranger_nothing(space, name, carol):
    answers = []
    for asked in (space.name, name + ".Free"):
        with refused(Error.AccessDenied) as refusal:
            carol.create(asked)
        answers.append(refusal.text.replace(asked, "NAME"))
    assert answers[0] == answers[1]


def test_only_root_reloads(carol):
    with refused(Error.AccessDenied):
        carol.reload()


def test_everyone_sees_the_service(carol):
    assert carol.property("State") == "running"
    assert carol.statistics() is not None
    carol.flush()
    carol.ping()


def test_list_shows_only_what_a_caller_may_read(root, name, alice, bob, carol):
    root.create(name + ".Own", owner=ALICE, mode=0o600)
    root.create(name + ".Group", group=OPERATORS, mode=0o640)
    root.create(name + ".Everyone")
    root.create(name + ".Nobody", mode=0o600)

    def seen(caller):
        return [each_.rsplit(".")[-1] for each_ in caller.list_namespaces(name)]

    assert seen(root) == ["Everyone", "Group", "Nobody", "Own"]
    assert seen(alice) == ["Everyone", "Own"]
    assert seen(bob) == ["Everyone", "Group"]
    assert seen(carol) == ["Everyone"]


def test_list_limit_counts_what_is_shown(root, name, carol):
    for n in range(10):
        root.create(f"{name}.N{n}", mode=0o644 if n % 2 else 0o600)
    assert carol.list_namespaces(name, "", 3) == [f"{name}.N{n}" for n in (1, 3, 5)]


def test_apply_over_several_needs_all(root, name, alice):
    own = root.create(name + ".Own", owner=ALICE)
    other = root.create(name + ".Other")
    changes = {own.name: change({"a": 1}), other.name: change({"a": 1})}
    with nothing_changed(root, own, other), refused(Error.AccessDenied, other.name):
        alice.apply_all(changes)


def test_a_refusal_does_not_tell_whether_a_key_is_there(space, carol):
    space.set_access(mode=0o644)
    space.set("present-key", 1)
    texts = set()
    for key in ("present-key", "absent-key"):
        with refused(Error.AccessDenied) as refusal:
            space.seen_by(carol).delete(key)
        texts.add(refusal.text.replace(key, "KEY"))
    assert len(texts) == 1
