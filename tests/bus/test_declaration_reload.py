# SPDX-License-Identifier: LGPL-2.1-or-later
"""Declared namespaces: what a reload changes, and who is told of it."""

import os
import signal

import pytest
from declared import ALICE, DEFAULTS, NAME, OPERATORS, ROUTER, V, declared, errors
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import MANAGER, NAMESPACE, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, Error
from regent_testing.notify import NotifySocket

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
