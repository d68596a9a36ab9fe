# SPDX-License-Identifier: LGPL-2.1-or-later
"""Declared namespaces: what files of namespaces.d say holds from the first reply on, and after each reload."""

import os
import signal
import subprocess

import pytest
from gi.repository import GLib
from regent_testing import environment
from regent_testing.api import blob, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, MANAGER, NAMESPACE, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, VALUES, Error
from regent_testing.notify import NotifySocket
from regent_testing.tool import run

V = GLib.Variant
ALICE, OPERATORS, NETADMINS = 4001, 4100, 4200
NAME = "org.example.Router"

ROUTER = """# The settings of a router.
[Namespace]
Owner=4001
Mode=0644

[Key mtu]
Type=u
Default=1500
Minimum=68
Maximum=9216

[Key name]
Type=s
Default='router'
LengthMaximum=16

[Key peers]
Type=as
Default=['fe80::1']
LengthMinimum=1
LengthMaximum=2

[Key mode]
Type=s
Allowed=['bridge', 'route']

[Key secret]
Locked=yes

[Key serial]
WriteOnce=yes

[Key if/*/mtu]
Type=u
Maximum=9000
"""
DEFAULTS = {"mtu": V("u", 1500), "name": V("s", "router"), "peers": V("as", ["fe80::1"])}


def declared(stack, text=ROUTER, **how):
    made = stack(namespaces={NAME: text}, **how)
    return made, made.root.ns(NAME)


def keys_of(text):
    """A file with these [Key …] sections, as (name, settings) pairs."""
    return "".join(f"[Key {name}]\n" + "\n".join(settings) + "\n" for name, settings in text.items())


def errors(root):
    return root.statistics()["declaration-errors"].unpack()


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


# Signals


def test_deleting_announces_the_default(stack):
    made, ns = declared(stack)
    ns.apply({"mtu": V("u", 9000), "free": 1})
    log = ns.watch_values()
    ns.apply({}, ["mtu", "free"])
    made.root.settle()
    assert [(s.changed, s.invalidated) for s in log.items] == [({"mtu": DEFAULTS["mtu"]}, ["free"])]


def test_a_reload_announces_other_defaults(stack):
    made, ns = declared(stack)
    ns.set("name", "r1")
    log = ns.watch_values()
    about = made.root.subscribe(interface=PROPERTIES, member="PropertiesChanged", path=ns.path, arg0=NAMESPACE)
    text = ROUTER.replace("1500", "1400").replace("'router'", "'other'").replace("Default=['fe80::1']", "")
    made.regentd.declare(NAME, text + "[Key new]\nType=i\nDefault=1\n")
    made.root.reload()
    made.root.settle()
    assert [(s.changed, s.invalidated) for s in log.items] == [({"mtu": V("u", 1400), "new": V("i", 1)}, ["peers"])]
    assert about.items == []
    assert ns.get("mtu") == V("u", 1400)
    made.regentd.declare(NAME, None)
    made.root.reload()
    made.root.settle()
    assert (log.items[1].changed, sorted(log.items[1].invalidated)) == ({}, ["mtu", "new"])
    assert [s.changed for s in about.items] == [{"Declaration": V("s", "")}]


def test_a_reload_that_says_the_same_announces_nothing(stack):
    made, ns = declared(stack)
    with nothing_changed(made.root, ns):
        made.regentd.declare(NAME, ROUTER)
        made.root.reload()


def test_nothing_is_broadcast_of_what_not_everyone_may_read(stack):
    made, ns = declared(stack, ROUTER.replace("0644", "0600"))
    log = made.root.subscribe(interface=PROPERTIES)
    objects = made.root.subscribe(interface=OBJECT_MANAGER)
    made.regentd.declare(NAME, ROUTER.replace("0644", "0600").replace("1500", "1400"))
    made.root.reload()
    ns.set("mtu", V("u", 100))
    ns.delete("mtu")
    made.root.settle()
    assert (log.items, objects.items) == ([], [])
    assert ns.get("mtu") == V("u", 1400)


SECRET = "[Namespace]\nMode=0600\n[Key password]\nType=s\nDefault='hunter2'\n"


def test_no_default_is_broadcast_before_the_access_that_is_declared_with_it(stack):
    made = stack()
    ns = made.root.create(NAME, mode=0o644)
    log = made.root.subscribe(interface=PROPERTIES)
    made.regentd.declare(NAME, SECRET)
    made.root.reload()
    made.root.settle()
    assert ns.get("password").unpack() == "hunter2"
    assert "hunter2" not in str([signal_.parameters for signal_ in log.items])


def test_no_default_is_broadcast_that_was_only_for_a_narrower_access(stack):
    made, ns = declared(stack, SECRET)
    log = made.root.subscribe(interface=PROPERTIES)
    objects = made.root.subscribe(interface=OBJECT_MANAGER)
    path = made.regentd.declare(NAME, "[Namespace]\nMode=0644\n[Key open]\nType=s\nDefault='sesame'\n")
    made.root.reload()
    made.root.settle()
    assert ns.keys() == ["open"]
    (added,) = objects.items
    assert path in str(added.parameters)
    assert "password" not in str([signal_.parameters for signal_ in objects.items + log.items])


def test_what_is_declared_with_another_access_is_announced_once(stack):
    made = stack()
    ns = made.root.create(NAME, mode=0o644)
    log = ns.watch_values()
    made.regentd.declare(NAME, ROUTER)
    made.root.reload()
    made.root.settle()
    (signal_,) = log.items
    assert set(signal_.parameters.unpack()[1]) == set(DEFAULTS)


def test_a_namespace_made_by_a_reload_is_announced(stack):
    made = stack()
    log = made.root.subscribe(interface=OBJECT_MANAGER, member="InterfacesAdded")
    path = made.regentd.declare(NAME, ROUTER)
    made.root.reload()
    made.root.settle()
    (signal_,) = log.items
    assert signal_.arguments[0].get_string() == made.root.ns(NAME).path
    assert path in str(signal_.parameters)


# Reload


def test_a_reload_brings_rules_at_once_and_takes_them_away(stack, sandbox):
    made = stack()
    root, ns = made.root, made.root.ns(NAME)
    made.regentd.declare(NAME, ROUTER)
    root.reload()
    assert (ns.property("Owner"), ns.get("mtu")) == (ALICE, DEFAULTS["mtu"])
    ns.apply({"mtu": V("u", 9000), "secret": 1})
    made.regentd.declare(NAME, ROUTER.replace("Maximum=9216", "Maximum=8000"))
    root.reload()
    assert ns.get("mtu") == V("u", 9000)
    with refused(Error.InvalidValue, "at most 8000"):
        ns.set("mtu", V("u", 9001))
    made.regentd.declare(NAME, None)
    root.reload()
    assert (ns.property("Declaration"), ns.keys()) == ("", ["mtu", "secret"])
    ns.set("mtu", "of another type")
    ns.seen_by(made.user("alice")).set("secret", 2)


def test_a_reload_changes_declared_access(stack):
    made, ns = declared(stack)
    made.regentd.declare(NAME, ROUTER.replace("Mode=0644", "Mode=0660\nGroup=4100"))
    made.root.reload()
    assert (ns.property("Mode"), ns.property("Group")) == (0o660, OPERATORS)
    revision = ns.property("Revision")
    made.root.reload()
    assert ns.property("Revision") == revision


def test_reload_needs_permission(stack, sandbox):
    made, ns = declared(stack)
    made.regentd.declare(NAME, ROUTER.replace("1500", "1400"))
    with refused(Error.AccessDenied):
        made.user("alice").reload()
    assert ns.get("mtu") == DEFAULTS["mtu"]


def test_sighup_reloads_and_tells_when_it_is_done(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.regentd.start()
    notify.wait_for(lambda told: told.get("READY") == "1")
    notify.received.clear()
    made.regentd.declare(NAME, ROUTER)
    made.regentd.process.send_signal(signal.SIGHUP)
    notify.wait_for(lambda told: told.get("RELOADING") == "1")
    notify.wait_for(lambda told: told.get("READY") == "1")
    assert made.root.ns(NAME).get("mtu") == DEFAULTS["mtu"]
    notify.close()


def test_reloads_overtake_one_another(stack):
    """Each reply comes when all is made that was declared at its time, whoever else reloads."""
    made = stack()
    pending = []
    for n in range(30):
        made.regentd.declare(f"org.example.N{n}", ROUTER.replace("Mode=0644", f"Mode={'0600' if n % 2 else '0644'}"))
        pending.append(made.client().start(ROOT_PATH, MANAGER, "Reload"))
    for call in pending:
        call.result()
    assert len(made.root.list_namespaces()) == 30
    assert errors(made.root) == []


def test_whoever_reloads_may_leave(stack):
    made = stack()
    for n in range(20):
        made.regentd.declare(f"org.example.N{n:02}", ROUTER)
    client = made.client()
    client.start(ROOT_PATH, MANAGER, "Reload")
    client.connection.flush_sync(None)
    client.close()
    made.root.reload()
    assert len(made.root.list_namespaces()) == 20


def test_a_stop_during_a_reload_is_clean(stack):
    made = stack()
    for n in range(50):
        made.regentd.declare(f"org.example.N{n:02}", ROUTER)
    pending = made.root.start(ROOT_PATH, MANAGER, "Reload")
    made.root.ping()
    made.regentd.restart()
    assert len(made.root.list_namespaces()) == 50
    with pytest.raises(Exception, match="NoReply|Disconnected|disconnected"):
        pending.result()


# Wrong files


def test_a_wrong_file_is_named_and_the_rest_loads(stack, sandbox):
    made = stack(namespaces={NAME: ROUTER, "org.example.Wrong": "[Namespace]\nMode=9\n\n[Key k]\nTipe=u\n"})
    path = f"{made.regentd.namespaces_dir}/org.example.Wrong.conf"
    assert made.root.list_namespaces() == [NAME]
    found = errors(made.root)
    assert [error.rpartition(": ")[0].split(": ")[0] for error in found] == [f"{path}:2", f"{path}:5"]
    for error in found:
        assert error in made.regentd.log()
    statistics = made.user("carol").statistics()
    assert "declaration-errors" not in statistics
    assert statistics["declarations"].unpack() == 1


def test_a_file_that_becomes_wrong_takes_no_lock_off(stack, sandbox):
    made, ns = declared(stack)
    made.regentd.declare(NAME, "Oops\n")
    with nothing_changed(made.root, ns):
        made.root.reload()
    assert f"{NAME}.conf:1: 'Oops'" in errors(made.root)[0]
    assert "stays in force" in made.regentd.log()
    assert ns.get("mtu") == DEFAULTS["mtu"]
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)
    made.regentd.declare(NAME, ROUTER.replace("1500", "1400"))
    made.root.reload()
    assert errors(made.root) == []
    assert ns.get("mtu") == V("u", 1400)


def test_an_owner_that_is_not_known_takes_no_lock_off(stack, sandbox):
    """As at a start before the directory service that knows the group."""
    text = "[Namespace]\nOwner=alice\n[Key secret]\nLocked=yes\n"
    made, ns = declared(stack, text)
    assert ns.property("Owner") == ALICE
    made.regentd.declare(NAME, text.replace("Owner=alice", "Owner=nobody-of-that-name\nGroup=group-of-that-name"))
    made.regentd.declare("org.example.New", "[Namespace]\nOwner=nobody-of-that-name\nGroup=none\n")
    made.regentd.restart()
    assert (ns.property("Owner"), made.root.ns("org.example.New").property("Owner")) == (ALICE, 0)
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)
    found = [error.rpartition("/")[2] for error in errors(made.root)]
    assert found == [
        "org.example.New.conf:2: Owner cannot be 'nobody-of-that-name': there is no such user",
        f"{NAME}.conf:2: Owner cannot be 'nobody-of-that-name': there is no such user",
        f"{NAME}.conf:3: Group cannot be 'group-of-that-name': there is no such group",
    ]
    status, _, complaints = check(f"{made.regentd.namespaces_dir}/{NAME}.conf")
    assert status == 1 and "there is no such group" in complaints


def test_a_wrong_file_at_the_start_declares_nothing(stack):
    made, ns = declared(stack)
    ns.set("mtu", V("u", 9000))
    made.regentd.declare(NAME, "Oops\n")
    made.regentd.restart()
    assert (ns.property("Declaration"), ns.keys()) == ("", ["mtu"])


WRONG = {
    "no namespace": ("Router.conf", "", "named after a namespace"),
    "not a type": (f"{NAME}.conf", "[Key k]\nType=h\n", ":2: Type cannot be 'h'"),
    "key twice": (f"{NAME}.conf", "[Key k]\n[Key k]\n", ":2: [Key 'k'] stands twice"),
    "no key": (f"{NAME}.conf", "[Key ]\nType=u\nDefault=1\n", ":1: [Key '']"),
    "default too small": (f"{NAME}.conf", "[Key k]\nType=u\nDefault=1\nMinimum=2\n", ":3: Default cannot be '1'"),
    "binary": (f"{NAME}.conf", "\0\x1b[31m\n", ":1: the line holds a zero byte"),
    "escape": (f"{NAME}.conf", "\x1b[31m\n", ":1: '\\033[31m'"),
    "escape in the name": ("a.\x1b[31m\n.conf", "", "a.\\u001b[31m\\u000a.conf: the file is not named after"),
}


@pytest.mark.parametrize("file, text, complaint", WRONG.values(), ids=WRONG.keys())
def test_wrong_files(stack, file, text, complaint):
    made = stack(start=False)
    with open(os.path.join(made.regentd.namespaces_dir, file), "w", encoding="utf-8") as out:
        out.write(text)
    made.regentd.start()
    assert complaint in errors(made.root)[0]
    assert complaint in made.regentd.log()
    assert "\x1b" not in made.regentd.log()
    assert made.root.list_namespaces() == []


def test_errors_that_are_told_are_bounded(stack):
    made, _ = declared(stack, "wrong\n" * 1000)
    assert len(errors(made.root)) == 64
    log = made.regentd.log()
    assert "900 more errors" in log and "--check-namespace= names them" in log
    assert log.count("is not a section") == 32


def test_what_cannot_be_read_is_named(stack):
    made = stack(start=False)
    directory = made.regentd.namespaces_dir
    os.mkdir(os.path.join(directory, "org.example.Directory.conf"))
    os.symlink("/nonexistent", os.path.join(directory, "org.example.Dangling.conf"))
    os.mkfifo(os.path.join(directory, "org.example.Fifo.conf"))
    made.regentd.declare(NAME, ROUTER)
    made.regentd.start()
    assert len(errors(made.root)) == 3
    assert made.root.list_namespaces() == [NAME]


def test_a_directory_that_cannot_be_read_takes_no_lock_off(stack):
    made, ns = declared(stack)
    os.rename(made.regentd.namespaces_dir, made.regentd.namespaces_dir + ".away")
    with open(made.regentd.namespaces_dir, "w", encoding="utf-8"):
        pass
    made.root.reload()
    assert "the directory cannot be read" in errors(made.root)[0]
    assert ns.get("mtu") == DEFAULTS["mtu"]
    os.unlink(made.regentd.namespaces_dir)
    made.root.reload()
    assert ns.property("Declaration") == ""


def test_other_files_do_not_count(stack):
    made = stack(start=False)
    odd = ("org.example.A.conf~", "org.example.B.txt", "README", "org.example.C.conf.dpkg-old", ".#org.example.D.conf")
    for name in odd:
        with open(os.path.join(made.regentd.namespaces_dir, name), "w", encoding="utf-8") as file:
            file.write("nonsense\n")
    made.regentd.start()
    assert (made.root.list_namespaces(), errors(made.root)) == ([], [])


def test_what_was_stored_before_a_rule_stays_and_is_told_of(stack):
    made = stack()
    ns = made.root.create(NAME)
    ns.apply({"if/a/mtu": V("u", 20000), "if/b/mtu": "text", "mtu": V("u", 1500), "mode": "hub"})
    made.regentd.declare(NAME, ROUTER)
    made.root.reload()
    (line,) = [line for line in made.regentd.log().splitlines() if "not allowed" in line]
    assert "3 keys" in line and "'if/a/mtu'" in line and NAME in line
    assert ns.get("mode").unpack() == "hub"
    ns.delete("mode")
    made.regentd.restart()
    assert ns.get("if/a/mtu") == V("u", 20000)


# Where the files are


def test_the_last_directory_wins_and_a_link_to_dev_null_masks(stack, tmp_path):
    directories = [tmp_path / name for name in ("usr", "etc", "run")]
    for directory in directories:
        directory.mkdir()
    os.chmod(tmp_path, 0o755)

    def write(directory, name, default):
        (directories[directory] / f"{name}.conf").write_text(keys_of({"k": ["Type=u", f"Default={default}"]}))

    for name in ("org.example.A", "org.example.B", "org.example.C", "org.example.D"):
        write(0, name, 1)
    write(1, "org.example.B", 2)
    write(1, "org.example.C", 2)
    write(2, "org.example.C", 3)
    os.symlink("/dev/null", directories[1] / "org.example.D.conf")
    made = stack(namespaces=False, options=[f"--namespaces-dir={directory}" for directory in directories])
    assert made.root.list_namespaces() == ["org.example.A", "org.example.B", "org.example.C"]
    found = {name[-1]: made.root.ns(name).get("k").unpack() for name in made.root.list_namespaces()}
    assert found == {"A": 1, "B": 2, "C": 3}
    assert made.root.ns("org.example.C").property("Declaration") == str(directories[2] / "org.example.C.conf")

    os.unlink(directories[2] / "org.example.C.conf")
    os.symlink("/dev/null", directories[1] / "org.example.A.conf")
    os.unlink(directories[1] / "org.example.D.conf")
    made.root.reload()
    assert made.root.ns("org.example.C").get("k").unpack() == 2
    assert made.root.ns("org.example.A").property("Declaration") == ""
    assert made.root.ns("org.example.D").get("k").unpack() == 1


def with_directories(made, *names):
    directories = [os.path.join(made.directory, name) for name in names]
    for directory in directories:
        os.mkdir(directory, 0o755)
        made.regentd.options.append(f"--namespaces-dir={directory}")
    made.regentd.restart()
    return directories


def test_a_wrong_file_at_the_start_hides_no_good_one(stack, sandbox):
    made, ns = declared(stack)
    (etc,) = with_directories(made, "etc")
    with open(os.path.join(etc, f"{NAME}.conf"), "w", encoding="utf-8") as file:
        file.write("Oops\n")
    made.regentd.restart()
    assert ns.property("Declaration").startswith(made.regentd.namespaces_dir)
    assert "'Oops'" in errors(made.root)[0]
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)


def unreadable(directory):
    os.rename(directory, directory + ".away")
    with open(directory, "w", encoding="utf-8"):
        pass


def readable(directory):
    os.unlink(directory)
    os.rename(directory + ".away", directory)


def test_what_is_masked_stays_so_where_a_directory_cannot_be_read(stack):
    made, ns = declared(stack)
    etc, run_ = with_directories(made, "etc", "run2")
    unreadable(run_)
    os.symlink("/dev/null", os.path.join(etc, f"{NAME}.conf"))
    made.root.reload()
    assert "run2: the directory cannot be read" in errors(made.root)[0]
    assert ns.property("Declaration") == ""

    # Nor does a mask go that cannot be seen.
    readable(run_)
    unreadable(etc)
    made.root.reload()
    assert ns.property("Declaration") == ""
    readable(etc)
    os.unlink(os.path.join(etc, f"{NAME}.conf"))
    made.root.reload()
    assert ns.property("Declaration") != ""


def test_of_too_many_files_those_that_win_over_others_stay(stack):
    made = stack()
    (etc,) = with_directories(made, "etc")
    made.regentd.stop()
    for n in range(4096):
        os.symlink("/dev/null", os.path.join(made.regentd.namespaces_dir, f"a.n{n:04}.conf"))
    for name in ("a.n0000", "a.n4094", "a.n4095"):
        made.regentd.declare(name, None)
    for name in ("a.n4094", "a.n4096"):
        made.regentd.declare(name, "")
    with open(os.path.join(etc, "org.admin.Own.conf"), "w", encoding="utf-8"):
        pass
    made.regentd.start()
    assert made.root.list_namespaces() == ["a.n4094", "a.n4096", "org.admin.Own"]
    assert errors(made.root) == []
    made.regentd.declare("a.n4095", "")
    made.regentd.declare("a.n4094x", "")
    made.root.reload()
    assert made.root.list_namespaces() == ["a.n4094", "a.n4094x", "a.n4096", "org.admin.Own"]
    (error,) = errors(made.root)
    assert "more than 4096 files" in error
    # What has no place any more, and was declared, stays.
    assert made.root.ns("a.n4096").property("Declaration") != ""
    made.regentd.restart()
    assert made.root.ns("a.n4096").property("Declaration") == ""


def test_the_standard_directories(stack, sandbox):
    made = stack(start=False, namespaces=False)
    where = os.path.join(made.directory, "directories")
    for number, directory in enumerate(("usr/lib", "etc", "run")):
        there = os.path.join(where, directory, "regent", "namespaces.d")
        os.makedirs(there)
        for name in "ABC"[number:]:
            with open(os.path.join(there, f"org.example.{name}.conf"), "w", encoding="utf-8") as file:
                file.write(keys_of({"k": ["Type=u", f"Default={number}"]}))
    wrapper = ["unshare", "-m", "sh", "-c", environment.OWN_DIRECTORIES, "sh", where]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 77:
        pytest.skip("no overlay mounts here")
    made.regentd.wrapper = wrapper
    made.regentd.start()
    assert [made.root.ns(f"org.example.{name}").get("k").unpack() for name in "ABC"] == [0, 1, 2]
    declared_by = made.root.ns("org.example.A").property("Declaration")
    assert declared_by == "/usr/lib/regent/namespaces.d/org.example.A.conf"


# --check-namespace


def check(path):
    result = subprocess.run(
        [environment.regentd_program(), f"--check-namespace={path}", "--config=/dev/null"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return result.returncode, result.stdout, result.stderr


def test_check_is_silent_when_all_is_well(tmp_path):
    path = tmp_path / f"{NAME}.conf"
    path.write_text(ROUTER)
    assert check(path) == (0, "", "")


def test_check_names_every_error_as_the_service_does(stack, tmp_path):
    text = "Early=1\n[Namespace]\nMode=9\n[Key k]\nType=q\nType=u\nDefault=x\n[Key ?bad ]\nLocked=perhaps\n" * 12
    path = tmp_path / f"{NAME}.conf"
    path.write_text(text)
    status, out, complaints = check(path)
    assert (status, out) == (1, "")
    lines = complaints.splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    numbers = [int(line[len(str(path)) + 1:].split(":")[0]) for line in lines]
    assert {1, 3, 6, 7, 9, 10, 9 * 11 + 7} <= set(numbers)
    made, _ = declared(stack, text)
    assert [line.replace(str(tmp_path), made.regentd.namespaces_dir) for line in lines[:64]] == errors(made.root)


def test_check_warns_of_a_file_that_only_root_reads(tmp_path):
    path = tmp_path / f"{NAME}.conf"
    path.write_text(ROUTER)
    path.chmod(0o640)
    status, _, complaints = check(path)
    assert status == 0 and "not readable by others" in complaints
    assert len(complaints.splitlines()) == 1


def test_check_of_what_is_not_there(tmp_path):
    status, _, complaints = check(tmp_path / f"{NAME}.conf")
    assert status == 1 and "cannot be read" in complaints


def test_a_large_value_needs_the_limits_of_the_configuration(stack, tmp_path):
    text = keys_of({"k": ["Type=s", f"Default='{'x' * 5000}'"]})
    made, ns = declared(stack, text, config="[Limits]\nValueBytesMax=4K\n")
    assert "5001 bytes" in errors(made.root)[0]
    path = tmp_path / f"{NAME}.conf"
    path.write_text(text)
    assert check(path)[0] == 0
    made.regentd.write_config("")
    made.root.reload()
    assert ns.get("k").get_size() == 5001


def test_a_declared_value_may_be_of_bytes(stack):
    _, ns = declared(stack, keys_of({"blob": ["Type=ay", "Default=b'abc'", "LengthMaximum=4"]}))
    assert ns.get("blob").get_data_as_bytes().get_data() == b"abc\0"
    with refused(Error.InvalidValue, "at most 4 elements, not 5"):
        ns.set("blob", blob(b"12345"))
