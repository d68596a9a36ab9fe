# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real polkitd decides where uid and mode do not. Rules are JavaScript files that the tests put in place.

Other users get the pardon of a rule and lose it again. At all times those whom uid and mode admit go on.
"""

import os
import time

import pytest
from polkit_rules import CACHE_SECONDS, no_if, rule, secret, yes_if
from regent_testing import environment
from regent_testing.api import RegentError, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import NO_ID, Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True}


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
