# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real polkitd decides where uid and mode do not. Rules are JavaScript files that the tests put in place.

Other users get the pardon of a rule and lose it again; polkitd is slow, stopped and gone. At all times those whom uid
and mode admit go on.
"""

import os
import time

import pytest
from regent_testing import environment
from regent_testing.api import RegentError, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, NO_ID, Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True}

CACHE_SECONDS = 5  # how long regentd may go on with a yes when polkit says nothing
SLOW = 'polkit.spawn(["/bin/sleep", "2"]);'


def rule(body):
    """A rule about Regent's actions; body sees action, subject, ns, verb and what kind of action it is."""
    return """
    polkit.addRule(function(action, subject) {
        var prefix = "org.regentd.state1.";
        if (action.id.indexOf(prefix) != 0)
            return polkit.Result.NOT_HANDLED;
        var kind = action.id.substring(prefix.length);
        var ns = action.lookup("namespace"), verb = action.lookup("verb");
        %s
        return polkit.Result.NOT_HANDLED;
    });
    """ % body  # fmt: skip


def yes_if(condition):
    return rule(f"if ({condition}) return polkit.Result.YES;")


def no_if(condition):
    return rule(f"if ({condition}) return polkit.Result.NO;")


@pytest.fixture
def secret(root, name):
    """alice's, of group operators, closed to others."""
    made = root.create(name, owner=4001, group=4100, mode=0o640)
    made.set("a", 1)
    return made


def test_owner_and_group_do_not_ask(polkitd, secret, alice, bob):
    polkitd.set_rules(rule("return polkit.Result.NO;"))
    secret.seen_by(alice).set("a", 2)
    assert secret.seen_by(bob).get("a").unpack() == 2


def test_root_does_not_ask(polkitd, secret):
    polkitd.set_rules(rule("return polkit.Result.NO;"))
    secret.set("a", 2)


def test_stranger_without_a_rule_would_have_to_authenticate(root, polkitd, secret, carol):
    with nothing_changed(root, secret):
        with refused(Error.InteractiveAuthorizationRequired):
            secret.seen_by(carol).set("a", 2)
        with refused(Error.InteractiveAuthorizationRequired):
            secret.seen_by(carol).get("a")


def test_stranger_with_nobody_to_ask_for_a_password(root, polkitd, secret, carol):
    """Interaction is allowed, but no agent is there to have it."""
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 2, interactive=True)


def test_stranger_refused_by_a_rule(root, polkitd, secret, carol):
    polkitd.set_rules(no_if("true"))
    with nothing_changed(root, secret):
        for interactive in (False, True):
            with refused(Error.AccessDenied):
                secret.seen_by(carol).set("a", 2, interactive=interactive)


def test_rule_on_user(root, polkitd, secret, carol, erin):
    polkitd.set_rules(no_if('subject.user != "carol"') + yes_if('subject.user == "carol"'))
    secret.seen_by(carol).set("a", 2)
    assert secret.get("a").unpack() == 2
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(erin).set("a", 3)


def test_rule_on_group(root, polkitd, secret, dave, carol):
    polkitd.set_rules(
        yes_if('subject.isInGroup("netadmins")') + no_if('!subject.isInGroup("netadmins")')
    )
    secret.seen_by(dave).set("a", 2)
    assert secret.get("a").unpack() == 2
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 3)


def test_rule_on_namespace(root, polkitd, secret, name, carol):
    other = root.create(name + ".Other", owner=4001, mode=0o600)
    other.set("a", 1)
    polkitd.set_rules(yes_if(f'ns == "{secret.name}"') + no_if("true"))
    secret.seen_by(carol).set("a", 2)
    with nothing_changed(root, other), refused(Error.AccessDenied):
        other.seen_by(carol).set("a", 2)


def test_rule_on_owner_and_group(polkitd, secret, carol):
    polkitd.set_rules(
        yes_if('action.lookup("owner") === "4001" && action.lookup("group") === "4100"') + no_if("true")
    )
    assert secret.seen_by(carol).get("a").unpack() == 1
    secret.set_access(owner=4002)
    with refused(Error.AccessDenied):
        secret.seen_by(carol).get("a")


def test_group_of_a_namespace_without_one(polkitd, secret, carol):
    polkitd.set_rules(yes_if(f'action.lookup("group") === "{NO_ID}"') + no_if("true"))
    with refused(Error.AccessDenied):
        secret.seen_by(carol).get("a")
    secret.set_access(group=NO_ID)
    assert secret.seen_by(carol).get("a").unpack() == 1


ACTIONS = {
    "Get": ("read", lambda s: s.get("a")),
    "GetMany": ("read", lambda s: s.get_many()),
    "List": ("read", lambda s: s.list()),
    "Describe": ("read", lambda s: s.describe("a")),
    "GetAll": ("read", lambda s: s.value_all()),
    "Introspect": ("read", lambda s: s.introspect()),
    "GetNamespace": ("read", lambda s: s.caller.get_namespace(s.name)),
    "Set": ("write", lambda s: s.set("a", 2)),
    "Delete": ("write", lambda s: s.delete("a")),
    "Apply": ("write", lambda s: s.apply({"a": 2})),
    "SetAccess": ("manage", lambda s: s.set_access(mode=0o600)),
    "RemoveNamespace": ("manage", lambda s: s.caller.remove(s.name, 1)),
}


@pytest.mark.parametrize("verb", ACTIONS)
def test_action_and_verb_are_those_of_the_method(root, polkitd, secret, carol, verb):
    kind, act = ACTIONS[verb]
    polkitd.set_rules(no_if(f'kind == "{kind}" && verb == "{verb}"') + yes_if("true"))
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        act(secret.seen_by(carol))
    polkitd.set_rules(yes_if(f'kind == "{kind}" && verb == "{verb}"') + no_if("true"))
    act(secret.seen_by(carol))


@pytest.mark.parametrize(
    "verb, act",
    [
        ("Get", lambda s: s.value_get("a")),
        ("Set", lambda s: s.value_set("a", 2)),
        ("GetAll", lambda s: s.properties()),
        ("Get", lambda s: s.property("Keys")),
        ("Apply", lambda s: s.caller.apply_all({s.name: change({"a": 2})})),
        ("GetMany", lambda s: s.caller.get_many([s.name])),
    ],
    ids=["Values.Get", "Values.Set", "Namespace.GetAll", "Namespace.Get", "Manager.Apply", "Manager.GetMany"],
)
def test_verb_of_other_ways(polkitd, secret, carol, verb, act):
    polkitd.set_rules(yes_if(f'verb == "{verb}" && ns == "{secret.name}"') + no_if("true"))
    act(secret.seen_by(carol))


def test_create_by_a_rule(root, polkitd, name, carol):
    polkitd.set_rules(
        yes_if(f'kind == "manage" && verb == "CreateNamespace" && ns == "{name}"') + no_if("true")
    )
    made = carol.create(name)
    assert made.seen_by(root).property("Owner") == 4003
    made.set("a", 1)
    with nothing_changed(root), refused(Error.AccessDenied):
        carol.create(name + ".Other")
    with refused(Error.NamespaceExists):
        carol.create(name)


def test_reload_by_a_rule(polkitd, carol):
    with pytest.raises(RegentError):
        carol.reload()
    polkitd.set_rules(yes_if('kind == "manage" && verb == "Reload" && !ns') + no_if("true"))
    carol.reload()


def test_owner_gives_away_by_a_rule(root, polkitd, secret, alice):
    with nothing_changed(root, secret), pytest.raises(RegentError):
        secret.seen_by(alice).set_access(owner=4003)
    polkitd.set_rules(yes_if('kind == "manage" && verb == "SetAccess"'))
    secret.seen_by(alice).set_access(owner=4003)
    assert secret.property("Owner") == 4003


def test_write_is_not_read(root, polkitd, secret, carol):
    polkitd.set_rules(yes_if('kind == "write"') + no_if("true"))
    secret.seen_by(carol).set("a", 2)
    with refused(Error.AccessDenied):
        secret.seen_by(carol).get("a")


def test_absent_and_unreadable_ask_and_answer_alike(root, polkitd, secret, carol):
    absent = carol.ns(secret.name + "x")
    for rules in ("", no_if("true")):
        polkitd.set_rules(rules)
        answers = []
        for where in (secret.seen_by(carol), absent):
            with pytest.raises(RegentError) as caught:
                where.get("a")
            answers.append((caught.value.name, caught.value.text.replace(where.name, "NAME")))
        assert answers[0] == answers[1]


def test_absent_is_asked_with_the_name_and_nothing_else(polkitd, name, carol, erin):
    polkitd.set_rules(
        yes_if(
            f'subject.user == "carol" && ns == "{name}" && action.lookup("owner") === ""'
            ' && action.lookup("group") === ""'
        )
        + no_if("true")
    )
    with refused(Error.NoSuchNamespace, name):
        carol.ns(name).get("a")
    with refused(Error.AccessDenied):
        erin.ns(name).get("a")


def test_rule_that_throws_denies(root, polkitd, secret, carol):
    polkitd.set_rules(rule('throw new Error("a bug in a rule");'))
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 2)


def test_broken_rules_file_grants_nothing(polkitd, root, secret, carol):
    polkitd.set_rules("")
    # Unparsable text never takes effect, so there is nothing to wait for: polkitd keeps what it has.
    with open("/etc/polkit-1/rules.d/60-broken.rules", "w", encoding="utf-8") as file:
        file.write("polkit.addRule(function(action, subject) { return polkit.Result.YES; ")
    polkitd.set_rules("// and again, so that both have been read")
    with nothing_changed(root, secret), pytest.raises(RegentError):
        secret.seen_by(carol).set("a", 2)
    os.unlink("/etc/polkit-1/rules.d/60-broken.rules")


def test_grant_withdrawn_by_a_rule_counts_at_once(root, polkitd, secret, carol):
    space = secret.seen_by(carol)
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    for n in range(5):  # the later ones may come from what regentd remembers
        space.set("a", n)
    polkitd.set_rules(no_if('subject.user == "carol"'))
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        space.set("a", 99)
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    space.set("a", 100)


def test_grant_withdrawn_by_group_counts_soon(root, polkitd, secret, dave):
    """polkit says nothing when a group changes: what regentd remembers ends by itself."""
    space = secret.seen_by(dave)
    polkitd.set_rules(
        yes_if('subject.isInGroup("netadmins")') + no_if('!subject.isInGroup("netadmins")')
    )
    space.get("a")
    try:
        environment.set_group_members("netadmins", [])
        start = time.monotonic()

        def is_refused():
            try:
                space.get("a")
                return False
            except RegentError as error:
                assert error.name == Error.AccessDenied
                return True

        retry_until(is_refused, CACHE_SECONDS + 3, "the withdrawn group to count")
        assert time.monotonic() - start < CACHE_SECONDS + 3
        with nothing_changed(root, secret), refused(Error.AccessDenied):
            space.set("a", 99)
    finally:
        environment.set_group_members("netadmins", ["dave"])
    space.get("a")


def test_what_one_was_granted_another_is_not(root, polkitd, secret, carol, erin):
    polkitd.set_rules(yes_if('subject.user == "carol"') + no_if("true"))
    secret.seen_by(carol).get("a")
    with refused(Error.AccessDenied):
        secret.seen_by(erin).get("a")


def test_what_was_granted_for_one_verb_is_not_for_another(root, polkitd, secret, carol):
    polkitd.set_rules(yes_if('verb == "Set"') + no_if("true"))
    space = secret.seen_by(carol)
    space.set("a", 2)
    space.set("a", 3)
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        space.apply({"a": 9})


def test_what_was_granted_ends_with_the_owner(root, polkitd, secret, carol):
    """A namespace handed over is another question, though its name is the same."""
    polkitd.set_rules(yes_if('action.lookup("owner") == "4001"') + no_if("true"))
    space = secret.seen_by(carol)
    space.set("a", 2)
    secret.set_access(owner=4005)
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        space.set("a", 3)


def test_slow_polkit_delays_only_the_call_that_asked(root, polkitd, secret, alice, carol):
    polkitd.set_rules(rule(f"if (subject.user == 'carol') {{ {SLOW} return polkit.Result.YES; }}"))
    slow = secret.seen_by(carol).start_set("b", 1)
    carol.ping()
    for n in range(100):
        secret.seen_by(alice).set("a", n)
        assert secret.seen_by(alice).get("a").unpack() == n
        secret.set("c", n)
    assert not slow.is_done()
    slow.result(10)
    assert secret.get("b").unpack() == 1


def test_slow_polkit_does_not_delay_the_callers_own_other_calls(root, polkitd, secret, name, carol):
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    public = root.create(name + ".Public")
    public.set("a", 1)
    slow = secret.seen_by(carol).start_set("b", 1)
    assert public.seen_by(carol).get("a").unpack() == 1
    assert not slow.is_done()
    slow.result(10)


def test_writes_of_one_connection_stay_in_order(root, polkitd, secret, carol):
    """The second is settled first, out of what regentd remembers, and still comes second."""
    polkitd.set_rules(
        rule(
            f"""if (subject.user != "carol") return polkit.Result.NO;
            if (verb == "Set") {SLOW}
            return polkit.Result.YES;"""
        )
    )
    space = secret.seen_by(carol)
    space.apply({"primed": 1})
    first = space.start_set("a", "first")
    second = space.start_apply({"a": "second"})
    third = space.start_apply({"b": "third"})
    revisions = [pending.result(15).get_child_value(0).get_uint64() for pending in (first, second, third)]
    assert revisions == sorted(set(revisions))
    assert secret.get("a").unpack() == "second"


def test_a_refused_write_does_not_hold_up_the_later_ones(root, polkitd, secret, carol):
    polkitd.set_rules(rule(f'if (verb == "Set") {{ {SLOW} return polkit.Result.NO; }} return polkit.Result.YES;'))
    space = secret.seen_by(carol)
    space.apply({"primed": 1})
    first = space.start_set("a", "first")
    second = space.start_apply({"a": "second"})
    with refused(Error.AccessDenied):
        first.result(15)
    second.result(15)
    assert secret.get("a").unpack() == "second"


def test_order_holds_between_namespaces_only_where_it_must(root, polkitd, secret, name, carol):
    """A write to another namespace does not wait for polkit's thoughts about this one."""
    own = root.create(name + ".Own", owner=4003)
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    first = secret.seen_by(carol).start_set("a", "first")
    own.seen_by(carol).set("a", "x")
    assert not first.is_done()
    first.result(10)


def test_caller_that_dies_while_polkit_thinks(service, root, polkitd, secret, erin):
    polkitd.set_rules(rule(f'if (subject.user == "carol") {SLOW} return polkit.Result.YES;'))
    doomed = service.user("carol")
    with nothing_changed(root, secret):
        doomed.ns(secret.name).start_set("a", "from the grave")
        doomed.ns(secret.name).start_apply({"b": "from the grave"})
        doomed.ping()
        doomed.kill()
        # polkitd takes one question after another, so with this answer the dead caller's is over too.
        secret.seen_by(erin).get("a")
        root.ping()


def test_namespace_removed_while_polkit_thinks(root, polkitd, secret, carol):
    """The handler looks everything up afresh: it neither writes into the void nor into a namesake."""
    polkitd.set_rules(
        rule(f'if (action.lookup("owner") == "4001") {{ {SLOW} return polkit.Result.YES; }} return polkit.Result.NO;')
    )
    pending = secret.seen_by(carol).start_set("a", 2)
    carol.ping()
    root.remove(secret.name, 1)
    again = root.create(secret.name, owner=4005, mode=0o600)
    with nothing_changed(root, again):
        with refused(Error.AccessDenied):
            pending.result(15)


def test_mode_opened_while_polkit_thinks(polkitd, secret, carol):
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.NO;"))
    pending = secret.seen_by(carol).start("Get", "(s)", ("a",))
    carol.ping()
    secret.set_access(mode=0o644)
    try:
        pending.result(15)
    except RegentError as error:
        assert error.name == Error.AccessDenied
    assert secret.seen_by(carol).get("a").unpack() == 1


def test_stopped_polkitd_denies_in_time_and_holds_up_nobody(root, polkitd, secret, alice, carol):
    """It has ten seconds. Everyone whom uid and mode admit goes on meanwhile."""
    polkitd.stop()
    start = time.monotonic()
    pending = secret.seen_by(carol).start_set("b", 1)
    carol.ping()
    for n in range(100):
        secret.seen_by(alice).set("a", n)
        secret.get("a")
    assert not pending.is_done()
    with refused(Error.AccessDenied, "polkit"):
        pending.result(20)
    assert 8 < time.monotonic() - start < 15
    polkitd.cont()
    with pytest.raises(RegentError):
        secret.get("b")


def test_stopped_polkitd_uses_up_a_bounded_number_of_calls(root, polkitd, secret, alice, carol, erin):
    """Eight questions a uid are open at most, and another uid has its own eight."""
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    with refused(Error.LimitsExceeded):
        secret.seen_by(carol).get("a", timeout=5)
    other = secret.seen_by(erin).start("Get", "(s)", ("a",))
    erin.ping()
    assert not other.is_done()
    secret.seen_by(alice).set("a", 2)
    polkitd.cont()
    for call in [*pending, other]:
        with refused(Error.InteractiveAuthorizationRequired):
            call.result(20)
    with refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(carol).get("a")


def test_questions_are_bounded_in_all(stack, sandbox):
    """48 by default; 10 here, so that two uids reach it."""
    made = stack(polkit=True, config="[Limits]\nPolkitChecksMax=10\n")
    space = made.root.create("org.example.X", owner=4001, mode=0o600)
    space.set("a", 1)
    alice, carol, erin = (made.user(user) for user in ("alice", "carol", "erin"))
    made.polkitd.stop()
    pending = [space.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    pending += [space.seen_by(erin).start("Get", "(s)", ("a",)) for _ in range(2)]
    erin.ping()
    with refused(Error.LimitsExceeded):
        space.seen_by(erin).get("a", timeout=5)
    assert space.seen_by(alice).get("a").unpack() == 1
    made.polkitd.cont()
    for call in pending:
        with refused(Error.InteractiveAuthorizationRequired):
            call.result(20)


def test_slots_stay_taken_after_the_time_out_until_polkit_answers(root, polkitd, secret, alice, carol):
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    for call in pending:
        with refused(Error.AccessDenied):
            call.result(20)
    with refused(Error.LimitsExceeded):
        secret.seen_by(carol).get("a", timeout=5)
    secret.seen_by(alice).set("a", 2)
    polkitd.cont()

    def is_asked_again():
        try:
            secret.seen_by(carol).get("a")
        except RegentError as error:
            return error.name == Error.InteractiveAuthorizationRequired
        return False

    retry_until(is_asked_again, 10, "the slots to be free again")


def test_polkitd_that_leaves_frees_its_questions(root, polkitd, secret, alice, carol):
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    polkitd.kill()
    for call in pending:
        with refused(Error.AccessDenied):
            call.result(5)
    with refused(Error.AccessDenied):
        secret.seen_by(carol).get("a", timeout=5)
    secret.seen_by(alice).set("a", 2)


def test_no_polkitd_denies_at_once(root, polkitd, secret, alice, bob, carol):
    polkitd.kill()
    with nothing_changed(root, secret):
        start = time.monotonic()
        with refused(Error.AccessDenied):
            secret.seen_by(carol).set("a", 2)
        assert time.monotonic() - start < 5
    secret.seen_by(alice).set("a", 3)
    assert secret.seen_by(bob).get("a").unpack() == 3


def test_polkitd_that_comes_back_decides_again(polkitd, secret, carol):
    space = secret.seen_by(carol)
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    space.set("a", 2)
    polkitd.kill()
    with refused(Error.AccessDenied):
        space.apply({"a": 3})

    def is_forgotten():
        """What it granted before it left may be remembered a while."""
        try:
            space.set("a", 3)
            return False
        except RegentError as error:
            return error.name == Error.AccessDenied

    retry_until(is_forgotten, CACHE_SECONDS + 3, "the grant of a polkitd that left to end")
    polkitd.start()
    space.set("a", 4)


def test_polkitd_restarted_with_other_rules(polkitd, secret, carol):
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    secret.seen_by(carol).set("a", 2)
    polkitd.kill()
    polkitd.start()
    polkitd.set_rules(no_if("true"))
    with refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 3)


def test_a_forged_changed_signal_is_harmless(root, polkitd, secret, carol, service):
    """Anyone can send a signal that looks like polkit's; regentd listens to polkit's owner only."""
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    raw = service.raw()
    message, _ = raw.build(
        "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority", "Changed",
        destination=None, kind=4,
    )  # fmt: skip
    for _ in range(100):
        raw.send_bytes(message)
    secret.seen_by(carol).set("a", 2)
    raw.close()


def test_apply_over_several_asks_for_each(root, polkitd, secret, name, carol):
    other = root.create(name + ".Other", owner=4001, mode=0o600)
    changes = {secret.name: change({"a": 5}), other.name: change({"a": 5})}
    polkitd.set_rules(yes_if(f'ns == "{secret.name}"') + no_if("true"))
    with nothing_changed(root, secret, other), refused(Error.AccessDenied):
        carol.apply_all(changes)
    polkitd.set_rules(yes_if('verb == "Apply"'))
    carol.apply_all(changes)
    assert (secret.get("a").unpack(), other.get("a").unpack()) == (5, 5)


def test_listings_do_not_ask(polkitd, secret, carol):
    polkitd.set_rules(yes_if("true"))
    assert secret.name not in carol.list_namespaces()
    assert secret.path not in carol.managed_objects()


def test_hostile_names_reach_rules_unharmed(polkitd, root, carol):
    """What is not a name is refused before polkit hears of it."""
    polkitd.set_rules(yes_if("true"))
    with refused(Error.InvalidName):
        carol.get_namespace('org.example"; return polkit.Result.YES; "')


def test_service_restarted_while_polkit_thinks(stack, sandbox):
    made = stack(polkit=True)
    space = made.root.create("org.example.X", owner=4001, mode=0o600)
    made.polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    carol = made.user("carol")
    pending = carol.ns(space.name).start_set("a", 1)
    carol.ping()
    made.regentd.restart()
    with pytest.raises(RegentError):
        pending.result(10)
    assert space.keys() == []
    carol.ns(space.name).set("a", 2)
    assert made.root.name_owner(BUS_NAME) == made.regentd.name
