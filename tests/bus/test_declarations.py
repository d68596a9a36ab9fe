# SPDX-License-Identifier: LGPL-2.1-or-later
"""Declared namespaces: what files of namespaces.d say holds from the first reply on."""

import pytest
from declared import ALICE, DEFAULTS, NAME, OPERATORS, ROUTER, V, declared, errors, keys_of
from regent_testing.api import change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, NAMESPACE, VALUES, Error
from regent_testing.tool import run

# The namespace itself


def test_is_there_before_the_first_reply(stack):
    made, ns = declared(stack)
    assert made.root.list_namespaces() == [NAME]
    properties = ns.properties()
    assert (properties["Owner"], properties["Mode"]) == (ALICE, 0o644)
    assert properties["Declaration"] == made.regentd.namespaces_dir + f"/{NAME}.conf"
    assert (properties["Keys"], properties["Usage"]) == (0, 0)
    assert made.root.statistics()["declarations"].unpack() == 1
    assert errors(made.root) == []


def test_many_are_there(stack):
    made = stack(namespaces={f"org.example.N{n:03}": ROUTER for n in range(100)})
    assert len(made.root.list_namespaces()) == 100
    # Each is a commit of its own.
    assert made.root.revision() == 100


def test_access_by_names_of_users_and_groups(stack, sandbox):
    text = "[Namespace]\nOwner=alice\nGroup=operators\nMode=0660\nQuotaKeys=1K\nQuotaBytes=2M\n"
    _, ns = declared(stack, text)
    found = ns.properties()
    assert (found["Owner"], found["Group"], found["Mode"]) == (ALICE, OPERATORS, 0o660)
    assert (found["QuotaKeys"], found["QuotaBytes"]) == (1024, 2 << 20)


def test_what_is_not_named_is_the_standard(stack):
    _, ns = declared(stack, "")
    found = ns.properties()
    assert (found["Owner"], found["Group"], found["Mode"]) == (0, 0xFFFFFFFF, 0o644)
    assert found["QuotaKeys"] == 1048576


def test_an_undeclared_namespace_says_so(stack):
    made, _ = declared(stack)
    assert made.root.create("org.example.Other").property("Declaration") == ""


def test_survives_restarts_without_another_commit(stack):
    made, ns = declared(stack)
    ns.set("mtu", V("u", 1400))
    revision = ns.property("Revision")
    made.regentd.restart()
    assert ns.property("Revision") == revision
    assert ns.get("mtu") == V("u", 1400)
    assert ns.get("name") == DEFAULTS["name"]
    made.regentd.kill()
    made.regentd.start()
    assert ns.property("Revision") == revision


def test_declared_access_stays_and_the_rest_may_change(stack, sandbox):
    made, ns = declared(stack)
    with nothing_changed(made.root, ns), refused(Error.InvalidValue, "Mode=", NAME + ".conf"):
        ns.set_access(mode=0o600)
    with nothing_changed(made.root, ns), refused(Error.InvalidValue, "Owner="):
        ns.set_access(owner=0, quota_keys=7)
    with nothing_changed(made.root, ns), refused(Error.InvalidValue, "Mode="):
        ns.seen_by(made.user("alice")).set_access(mode=0o600)
    ns.set_access(quota_keys=7, group=OPERATORS, mode=0o644)
    made.regentd.restart()
    assert (ns.property("QuotaKeys"), ns.property("Group")) == (7, OPERATORS)


def test_cannot_be_removed(stack, sandbox):
    made, ns = declared(stack)
    for caller in (made.root, made.user("alice")):
        with nothing_changed(made.root, ns), refused(Error.Conflict, NAME, ".conf"):
            caller.remove(NAME, 1)
    made.regentd.declare(NAME, None)
    made.root.reload()
    made.root.remove(NAME)
    assert made.root.list_namespaces() == []


def test_the_limits_of_the_owner_do_not_stop_it(stack, sandbox):
    """The access it is to have would not be had otherwise; but it counts."""
    made, ns = declared(stack, config="[Limits]\nUidNamespacesMax=1\n")
    other = made.root.create("org.example.Third", owner=4002, mode=0o644)
    made.regentd.declare("org.example.Third", "[Namespace]\nOwner=4001\nMode=0600\n")
    made.root.reload()
    assert (ns.property("Owner"), other.property("Owner"), other.property("Mode")) == (ALICE, ALICE, 0o600)
    assert errors(made.root) == []
    with refused(Error.QuotaExceeded, "owns 2 namespaces"):
        made.root.create("org.example.Fourth", owner=ALICE)


def test_a_namespace_that_was_there_is_given_its_access(stack):
    made = stack()
    ns = made.root.create(NAME, owner=4002, mode=0o600, quota_keys=9)
    ns.set("mtu", V("u", 1))
    made.regentd.declare(NAME, ROUTER)
    made.regentd.restart()
    found = ns.properties()
    assert (found["Owner"], found["Mode"], found["QuotaKeys"], found["Keys"]) == (ALICE, 0o644, 9, 1)


# Defaults


def test_every_way_of_reading_gives_defaults(stack):
    made, ns = declared(stack)
    root = made.root
    ns.set("name", "r1")
    expected = {**DEFAULTS, "name": V("s", "r1")}
    assert ns.get("mtu") == expected["mtu"]
    assert ns.get_many()[0] == expected
    assert ns.get_many(["mtu", "name", "mode"])[0] == {k: expected[k] for k in ("mtu", "name")}
    assert root.get_many([NAME])[0] == {NAME: expected}
    assert ns.keys() == ["mtu", "name", "peers"]
    assert ns.value_get("mtu") == expected["mtu"]
    assert ns.value_all() == expected
    assert '<property name="mtu" type="u" access="readwrite">' in ns.introspect()
    with refused(Error.NoSuchKey, "mode"):
        ns.get("mode")
    with refused(Error.UnknownProperty, "mode"):
        ns.value_get("mode")


def test_pages_hold_defaults_in_order(stack):
    _, ns = declared(stack, keys_of({f"d{n}": ["Type=u", "Default=1"] for n in range(0, 20, 2)}))
    for n in range(1, 20, 2):
        ns.set(f"d{n}", V("u", 2))
    walked, after = [], ""
    while page := ns.list(after=after, limit=3)[0]:
        assert list(ns.get_many(after=after, limit=3)[0]) == page
        walked += page
        after = page[-1]
    assert walked == sorted(f"d{n}" for n in range(20))
    assert ns.list(prefix="d1")[0] == sorted(["d1", *(f"d{n}" for n in range(10, 20))])


def test_a_default_counts_for_nothing_and_is_no_entry(stack):
    made, ns = declared(stack)
    assert (ns.property("Keys"), ns.property("Usage")) == (0, 0)
    assert made.root.statistics()["keys"].unpack() == 0
    with nothing_changed(made.root, ns), refused(Error.NoSuchKey, "mtu"):
        ns.delete("mtu")
    with refused(Error.NoSuchKey):
        ns.apply({"mtu": V("u", 100)}, flags=4)
    ns.apply({"mtu": V("u", 100)}, flags=2, expect={"mtu": 0})
    with refused(Error.KeyExists):
        ns.apply({"mtu": V("u", 200)}, flags=2)


def test_deleting_goes_back_to_the_default(stack):
    _, ns = declared(stack)
    ns.set("mtu", V("u", 9000))
    ns.delete("mtu")
    assert ns.get("mtu") == DEFAULTS["mtu"]
    assert ns.property("Keys") == 0


def test_only_what_is_set_or_changed(stack):
    _, ns = declared(stack)
    ns.apply({"mtu": V("u", 1500), "name": "r1", "other": 1})
    assert sorted(ns.get_many(only="set")[0]) == ["mtu", "name", "other"]
    assert sorted(ns.get_many(only="changed")[0]) == ["name", "other"]
    assert sorted(ns.get_many(["mtu", "name", "peers"], only="set")[0]) == ["mtu", "name"]
    assert sorted(ns.get_many(["mtu", "name", "peers"], only="changed")[0]) == ["name"]
    assert list(ns.get_many(only="changed", prefix="n", limit=5)[0]) == ["name"]
    assert list(ns.get_many(only="set", after="mtu", limit=1)[0]) == ["name"]
    with refused(Error.InvalidArgs, "only", "everything"):
        ns.get_many(only="everything")


def test_a_default_is_described(stack):
    made, ns = declared(stack)
    path = made.regentd.namespaces_dir + f"/{NAME}.conf"
    assert {key: v.unpack() for key, v in ns.describe("mtu").items()} == {
        "type": "u", "size": 4, "revision": 0, "origin": "default", "file": path, "rule": "Key mtu",
        "declared-type": "u", "minimum": 68, "maximum": 9216, "default": 1500,
    }  # fmt: skip
    ns.apply({"mtu": V("u", 68), "if/eth0/mtu": V("u", 68), "free": 1})
    assert {key: ns.describe("mtu")[key].unpack() for key in ("origin", "writer", "class", "default")} == {
        "origin": "set", "writer": 0, "class": "persistent", "default": 1500,
    }  # fmt: skip
    info = ns.describe("if/eth0/mtu")
    assert (info["rule"].unpack(), info["maximum"].unpack()) == ("Key if/*/mtu", 9000)
    assert "minimum" not in info
    info = ns.describe("free")
    assert (info["file"].unpack(), "rule" in info) == (path, False)
    assert ns.describe("peers")["length-maximum"].unpack() == 2
    with refused(Error.NoSuchKey):
        ns.describe("not/declared")


def test_a_key_that_is_only_declared_is_described(stack):
    made, ns = declared(stack)
    assert {key: v.unpack() for key, v in ns.describe("if/wlan0/mtu").items()} == {
        "revision": 0, "origin": "unset", "file": made.regentd.namespaces_dir + f"/{NAME}.conf",
        "rule": "Key if/*/mtu", "declared-type": "u", "maximum": 9000,
    }  # fmt: skip
    with refused(Error.NoSuchKey):
        ns.get("if/wlan0/mtu")


def test_replies_are_bounded_with_their_defaults(stack):
    text = keys_of({f"k{n}": ["Type=s", f"Default='{'x' * 100000}'"] for n in range(10)})
    made, ns = declared(stack, text, config="[Limits]\nReplyBytesMax=256K\n")
    for read in (ns.value_all, ns.get_many, lambda: made.root.get_many([NAME])):
        with refused(Error.LimitsExceeded, "GetMany"):
            read()
    assert list(ns.get_many(limit=2)[0]) == ["k0", "k1"]
    assert "<property name=\"k0\"" not in ns.introspect()
    assert "default" in ns.describe("k0")
    for n in range(10):
        ns.set(f"k{n}", "")
    assert len(ns.value_all()) == 10


def test_a_description_is_bounded_too(stack):
    large = "x" * 200000
    text = keys_of({"k": ["Type=s", f"Default='{large}'", f"Allowed=['{large}']"]})
    _, ns = declared(stack, text, config="[Limits]\nReplyBytesMax=256K\n")
    info = ns.describe("k")
    assert "default" in info and "allowed" not in info
    with refused(Error.InvalidValue, "one of ['xxx"):
        ns.set("k", "x")


def test_tools_see_defaults(stack):
    made, ns = declared(stack)
    shown = run(made.bus, "busctl", "--system", "get-property", BUS_NAME, ns.path, VALUES, "mtu")
    assert shown == "u 1500\n"
    lines = run(made.bus, "busctl", "--system", "introspect", BUS_NAME, ns.path).splitlines()
    assert [line.split()[:4] for line in lines if line.startswith(".mtu")] == [[".mtu", "property", "u", "1500"]]
    shown = run(
        made.bus, "gdbus", "call", "--system", "-d", BUS_NAME, "-o", ns.path, "-m", f"{NAMESPACE}.Get", "peers"
    )
    assert shown == "(<['fe80::1']>,)\n"


# Rules

AGAINST = {
    "type": ("mtu", V("i", 100), "Type="),
    "below": ("mtu", V("u", 67), "Minimum="),
    "above": ("mtu", V("u", 9217), "Maximum="),
    "too long": ("name", V("s", "x" * 17), "LengthMaximum="),
    "too few": ("peers", V("as", []), "LengthMinimum="),
    "too many": ("peers", V("as", ["a", "b", "c"]), "LengthMaximum="),
    "not allowed": ("mode", V("s", "hub"), "Allowed="),
    "pattern": ("if/eth0/mtu", V("u", 9001), "Maximum="),
}


@pytest.mark.parametrize("key, value, setting", AGAINST.values(), ids=AGAINST.keys())
def test_writes_against_a_rule(stack, sandbox, key, value, setting):
    made, ns = declared(stack)
    section = "[Key if/*/mtu]" if key.startswith("if/") else f"[Key {key}]"
    about = (key, NAME, section, setting, f"{NAME}.conf")
    for caller in (made.root, made.user("alice")):
        mine = ns.seen_by(caller)
        ways = [
            lambda mine=mine: mine.set(key, value),
            lambda mine=mine: mine.value_set(key, value),
            lambda mine=mine: mine.apply({"free": 1, key: value}),
            lambda mine=mine: mine.apply({"free": 1, key: value}, flags=1),
            lambda caller=caller: caller.apply_all({NAME: change({"free": 1, key: value})}),
        ]
        for way in ways:
            with nothing_changed(made.root, ns), refused(Error.InvalidValue, *about):
                way()


def test_writes_that_keep_to_the_rules(stack):
    _, ns = declared(stack)
    ns.apply({
        "mtu": V("u", 68), "name": "x" * 16, "peers": V("as", ["a", "b"]), "mode": "route", "if/eth0/mtu": V("u", 9000),
    })  # fmt: skip
    ns.set("mtu", V("u", 9216))


def test_a_locked_key_is_roots(stack, sandbox):
    made, ns = declared(stack)
    mine = ns.seen_by(made.user("alice"))
    with nothing_changed(made.root, ns), refused(Error.InvalidValue, "secret", "Locked=", "root"):
        mine.set("secret", 1)
    ns.set("secret", 1)
    for way in (lambda: mine.set("secret", 2), lambda: mine.delete("secret"), lambda: mine.apply({}, ["secret"])):
        with nothing_changed(made.root, ns), refused(Error.InvalidValue, "Locked="):
            way()
    mine.set("secret", 1)
    ns.delete("secret")


def test_a_key_that_is_written_once(stack, sandbox):
    made, ns = declared(stack)
    mine = ns.seen_by(made.user("alice"))
    mine.set("serial", "123")
    for caller in (ns, mine):
        with nothing_changed(made.root, ns), refused(Error.InvalidValue, "serial", "WriteOnce="):
            caller.set("serial", "456")
        with nothing_changed(made.root, ns), refused(Error.InvalidValue, "WriteOnce="):
            caller.apply({"serial": "123"}, class_="runtime")
    with nothing_changed(made.root, ns), refused(Error.InvalidValue, "WriteOnce="):
        mine.delete("serial")
    made.regentd.restart()
    ns.delete("serial")
    mine.set("serial", "456")


def test_an_exact_key_wins_over_patterns_and_the_first_of_these(stack):
    _, ns = declared(stack, keys_of({
        "a*": ["Type=u", "Maximum=1"], "ab": ["Type=u", "Maximum=2"], "*b": ["Type=u", "Maximum=3"],
    }))  # fmt: skip
    ns.set("ab", V("u", 2))
    ns.set("bb", V("u", 3))
    with refused(Error.InvalidValue, "[Key a*]"):
        ns.set("aab", V("u", 2))


def test_one_commit_over_many_is_refused_whole(stack, sandbox):
    made, ns = declared(stack)
    other = made.root.create("org.example.Other", owner=ALICE)
    alice = made.user("alice")
    changes = {other.name: change({"a": 1}), NAME: change({"mtu": V("u", 100), "secret": 1})}
    with nothing_changed(made.root, ns, other), refused(Error.InvalidValue, "secret"):
        alice.apply_all(changes)
