# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual pages: their examples are run, and do what the pages say."""

import os

import pytest
from gi.repository import GLib

import pages
import project
from regent_testing.console import Shell, examples_of
from regent_testing import environment
from regent_testing.api import RegentError
from regent_testing.checks import refused
from regent_testing.names import Error

STACK = {"polkit": True}

ROUTER = "org.example.Router"

CONSOLES = {name: found for name in pages.names() if (found := pages.listings(name, "example", "screen"))}


@pytest.mark.parametrize("name", CONSOLES)
def test_examples_print_what_they_say(stack, sandbox, name):
    with Shell(stack()) as shell:
        for example in examples_of(text for _, text in CONSOLES[name]):
            assert example.is_met_by_words_of(output := shell.run(example.command)), (
                f"$ {example.command}\nprinted:\n{output}expected:\n{example.expected}"
            )


@pytest.mark.parametrize("name", sorted(pages.names()))
def test_listings_can_be_copied_from_the_page(name):
    """Quotes, hyphens and backslashes come out of troff as they went in, and no line is broken."""
    shown = {line.strip() for line in pages.rendered(name).splitlines()}

    for tag in ("programlisting", "screen"):
        for element in pages.docbook(name).iter(tag):
            for line in element.text.replace("…", "...").splitlines():
                assert line.strip() in shown or not line.strip(), line


def test_configuration_is_taken_without_complaint(stack):
    ((_, text),) = pages.listings("regentd.conf", "config")
    started = stack(config=text)

    assert started.regentd.config_path not in started.regentd.log()


@pytest.fixture
def declared(stack, tmp_path):
    """A service with the declared namespace that the page shows."""
    ((name, text),) = pages.listings("regent-namespaces.d", "declaration")
    path = tmp_path / f"{name}.conf"
    path.write_text(text, encoding="utf-8")
    os.chmod(tmp_path, 0o755)
    return stack(options=[f"--namespaces-dir={tmp_path}"]), path


def test_declaration_is_found_without_fault(declared):
    project.run(environment.regentd_program(), f"--check-namespace={declared[1]}")


def test_declaration_does_what_the_page_says(declared):
    started, path = declared
    space = started.root.ns(path.stem)

    assert space.property("QuotaBytes") == 1 << 20
    assert space.get("mtu").print_(True) == "uint32 1500"
    assert space.get("peers").unpack() == ["fe80::1"]
    assert space.property("Keys") == 0
    with refused(Error.InvalidValue, "Maximum", str(path)):
        space.set("mtu", GLib.Variant("u", 10000))
    with refused(Error.InvalidValue, "LengthMaximum"):
        space.set("peers", ["x"] * 17)
    space.set("mtu", GLib.Variant("u", 9000))
    space.delete("mtu")
    assert space.get("mtu").unpack() == 1500
    space.set("hardware/serial", "1")
    with refused(Error.InvalidValue, "WriteOnce"):
        space.set("hardware/serial", "2")
    with refused(Error.Conflict, str(path)):
        started.root.remove(path.stem, 1)


def test_declared_access_cannot_be_changed_and_the_rest_can(declared):
    space = declared[0].root.ns(declared[1].stem)

    with refused(Error.InvalidValue, "Mode"):
        space.set_access(mode=0o600)
    space.set_access(group=4100)
    assert space.property("Group") == 4100


# Rules of polkit. A namespace of erin's, closed to others, and one of bob's.


@pytest.fixture(scope="module")
def spaces(shared, sandbox):
    router = shared.root.create(ROUTER, owner=4005, mode=0o600)
    other = shared.root.create("org.example.Other", owner=4002, mode=0o600)
    outside = shared.root.create("org.elsewhere.Router", owner=4005, group=4200, mode=0o600)
    for space in (router, other, outside):
        space.set("a", 1)
    return {"router": router, "other": other, "outside": outside}


def get(space):
    return lambda user, spaces: spaces[space].seen_by(user).get("a")


def put(space):
    return lambda user, spaces: spaces[space].seen_by(user).set("a", user.name_of_test)


def apply(space):
    return lambda user, spaces: spaces[space].seen_by(user).apply({"b": user.name_of_test})


def create(name, **options):
    return lambda user, spaces: user.create(name, **options)


def set_access(space):
    return lambda user, spaces: spaces[space].seen_by(user).set_access(mode=0o600)


def reload(user, _spaces):
    user.reload()


# rule: (user, what the user does, whether the rule grants it)
CASES = {
    "user": [
        ("alice", get("router"), True),
        ("alice", get("outside"), True),
        ("alice", put("router"), False),
        ("carol", get("router"), False),
    ],
    "namespace": [
        ("bob", get("router"), True),
        ("bob", put("router"), True),
        ("bob", get("outside"), False),
        ("carol", get("router"), False),
        ("bob", set_access("router"), False),
    ],
    "prefix": [
        ("bob", put("router"), True),
        ("bob", apply("router"), True),
        ("bob", put("outside"), False),
        ("bob", get("router"), False),
        ("dave", put("router"), False),
    ],
    "verb": [
        ("dave", put("router"), True),
        ("dave", apply("router"), False),
        ("dave", put("other"), False),
        ("bob", put("router"), False),
    ],
    "owner": [
        ("alice", put("other"), True),
        ("alice", put("outside"), True),
        ("alice", put("router"), False),
        ("carol", put("other"), False),
    ],
    "create": [
        ("alice", create("org.example.alice.Mine"), True),
        ("alice", create("org.example.alice.Given", owner=4003), True),
        ("alice", create("org.example.alicea"), False),
        ("carol", create("org.example.alice.Hers"), False),
        ("alice", reload, False),
    ],
    "reload": [
        ("bob", reload, True),
        ("carol", reload, False),
        ("bob", create("org.example.Bobs"), False),
    ],
    "nobody": [
        ("erin", put("router"), True),
        ("carol", get("router"), False),
        ("carol", reload, False),
    ],
}

RULES = dict(pages.listings("regent-polkit", "rule"))


def test_every_rule_of_the_page_is_tried_both_ways():
    assert set(CASES) == set(RULES)
    for cases in CASES.values():
        assert {granted for _, _, granted in cases} == {True, False}


@pytest.mark.parametrize("rule", CASES)
def test_rule_grants_what_the_page_says_and_nothing_else(polkitd, spaces, rule, request):
    polkitd.set_rules(RULES[rule])
    refusals = set()
    for number, (user, act, is_granted) in enumerate(CASES[rule]):
        caller = request.getfixturevalue(user)
        caller.name_of_test = f"{rule} {number}"
        if is_granted:
            act(caller, spaces)
            continue
        with pytest.raises(RegentError) as caught:
            act(caller, spaces)
        refusals.add(caught.value.name)

    # Where no rule refuses, the defaults would ask for a password.
    assert refusals == {Error.AccessDenied if rule == "nobody" else Error.InteractiveAuthorizationRequired}
