# SPDX-License-Identifier: LGPL-2.1-or-later
"""monitor: every change once, over restarts, of public and of private namespaces."""

import json
import signal

import pytest
from ctl import DENIED, DONE, NOT_FOUND, UNREACHABLE, Regentctl
from gi.repository import GLib


def watch_json(ctl, *arguments):
    """A monitor that has said that it watches."""
    running = ctl.watch("monitor", "--json=short", *arguments)
    assert json.loads(running.line())["event"] == "watching"
    return running


def event(running):
    document = json.loads(running.line())
    assert document.pop("time") > 1_600_000_000_000_000
    return document


def set_event(space, key, signature, data):
    return {"event": "set", "namespace": space.name, "key": key, "value": {"type": signature, "data": data}}


def unset_event(space, key):
    return {"event": "unset", "namespace": space.name, "key": key, "value": None}


def test_changes_come_once_and_in_order(ctl, space):
    with watch_json(ctl, space.name) as running:
        for number in range(50):
            space.set("n", number)
        space.delete("n")
        space.set("mtu", 1500)  # no change
        space.set("end", True)
        for number in range(50):
            assert event(running) == set_event(space, "n", "x", number)
        assert event(running) == unset_event(space, "n")
        assert event(running) == set_event(space, "end", "b", True)
        running.signal()
        assert running.finish(DONE) == ""


def test_text(ctl, ns):
    with ctl.watch("monitor", ns.name) as running:
        running.expect("Watching; end with")
        running.line()
        ns.set("k", "a\nb\x1b")
        line = running.line()
        assert line.split(" ", 1)[1].startswith(f"{ns.name} k s ") and "\x1b" not in line
        ns.delete("k")
        assert running.line().endswith(f"{ns.name} k (deleted)")
        running.signal(signal.SIGTERM)
        running.finish(DONE)


def test_quiet_monitor_prints_changes_alone(ctl, ns):
    with ctl.watch("monitor", "-q", "--json=pretty", ns.name) as running:
        running.expect('"watching"')
        ns.set("k", 1)
        running.expect('"set"')
        running.signal()
        running.finish(DONE)


def test_large_values_are_read(ctl, ns):
    """A value over 4 KiB is not in the signal; nor is one beyond 64 KiB in all."""
    with watch_json(ctl, ns.name) as running:
        ns.set("k", "x" * 100000)
        assert event(running) == set_event(ns, "k", "s", "x" * 100000)
        ns.apply({f"k{number:02}": "y" * 4000 for number in range(40)})
        seen = [event(running) for _ in range(40)]
        assert sorted(each["key"] for each in seen) == [f"k{number:02}" for number in range(40)]
        assert {each["value"]["data"] for each in seen} == {"y" * 4000}


def test_prefix(ctl, ns):
    with watch_json(ctl, ns.name, "--prefix=net.") as running:
        ns.apply({"net.mtu": 1, "other": 2})
        ns.set("net.end", 3)
        assert event(running)["key"] == "net.mtu"
        assert event(running)["key"] == "net.end"


def test_several_namespaces(ctl, root, name):
    spaces = [root.create(name + ".A"), root.create(name + ".B"), root.create(name + ".C")]
    with watch_json(ctl, spaces[0].name, spaces[2].name) as running:
        for space in spaces:
            space.set("k", 1)
        assert event(running) == set_event(spaces[0], "k", "x", 1)
        assert event(running) == set_event(spaces[2], "k", "x", 1)


def test_all_that_one_may_read(ctl_as, root, ns, name):
    hidden = root.create(name + ".Hidden", mode=0o600)
    with watch_json(ctl_as("bob")) as running:
        hidden.set("k", 1)
        ns.set("k", 1)
        assert event(running) == set_event(ns, "k", "x", 1)
        made = root.create(name + ".Made")
        assert event(running) == {"event": "made", "namespace": made.name}
        made.set("k", 2)
        assert event(running) == set_event(made, "k", "x", 2)
        root.remove(made.name, 1)
        assert event(running) == {"event": "removed", "namespace": made.name}
        made = root.create(name + ".Made")
        assert event(running) == {"event": "made", "namespace": made.name}


def test_all_has_the_private_ones_of_its_user(ctl, root, name):
    hidden = root.create(name, mode=0o600)
    with watch_json(ctl) as running:
        hidden.set("k", 1)
        assert event(running) == set_event(hidden, "k", "x", 1)


def test_a_private_namespace(ctl, root, name):
    hidden = root.create(name, mode=0o600)
    with watch_json(ctl, name) as running:
        hidden.apply({"k": 1, "l": 2})
        assert {event(running)["key"], event(running)["key"]} == {"k", "l"}
        hidden.delete("k")
        assert event(running) == unset_event(hidden, "k")
        hidden.set_access(mode=0o644)
        hidden.set("l", 3)
        assert event(running) == set_event(hidden, "l", "x", 3)
        root.remove(name, 1)
        assert event(running) == {"event": "removed", "namespace": name}
        root.create(name, mode=0o600).set("k", 7)
        assert event(running) == {"event": "made", "namespace": name}
        assert event(running) == set_event(hidden, "k", "x", 7)


def test_a_namespace_closed_to_its_group(ctl, root, name):
    """Others may read it and its group may not, so regentd does not announce its changes to all."""
    partly = root.create(name, mode=0o604)
    with watch_json(ctl, name) as running:
        partly.set("k", 1)
        assert event(running) == set_event(partly, "k", "x", 1)


def test_the_right_to_read_goes_and_comes(ctl_as, root, name):
    made = root.create(name)
    with watch_json(ctl_as("bob"), name) as running:
        made.set_access(mode=0o600)
        assert event(running) == {"event": "removed", "namespace": name}
        made.set("k", 1)
        made.set_access(mode=0o644)
        assert event(running) == {"event": "made", "namespace": name}
        assert event(running) == set_event(made, "k", "x", 1)


def test_what_is_not_there(ctl, ctl_as, root, name):
    assert name in ctl("monitor", name, status=NOT_FOUND).err
    root.create(name, mode=0o600)
    ctl_as("bob")("monitor", name, status=DENIED)


@pytest.fixture
def own(stack):
    made = stack()
    return made, Regentctl(made.bus)


def test_a_restart(own, name):
    service, ctl = own
    space = service.root.create(name)
    space.apply({"stays": 1, "goes": 2, "changes": 3, "runs": 4}, class_="persistent")
    with watch_json(ctl, name) as running:
        service.regentd.stop()
        assert event(running) == {"event": "away"}
        service.regentd.start()
        assert event(running) == {"event": "back"}
        space.set("changes", 5)
        assert event(running) == set_event(space, "changes", "x", 5)
        space.delete("goes")
        assert event(running) == unset_event(space, "goes")


def test_a_restart_without_what_was_there(own, name):
    """What differs after a restart is told: here the state directory is another one."""
    service, ctl = own
    space = service.root.create(name)
    space.apply({"a": 1, "b": 2})
    with ctl.watch("monitor", name) as running:
        running.expect("Watching")
        service.regentd.stop()
        running.expect("regentd is gone; waiting for it")
        service.regentd.state_dir += "-other"
        service.regentd.runtime_dir += "-other"
        for path in (service.regentd.state_dir, service.regentd.runtime_dir):
            # pylint: disable=import-outside-toplevel
            from regent_testing import environment

            environment.make_shared_directory(path)
        service.regentd.start()
        running.expect("regentd is back; what differs now follows")
        running.expect(rf"{name} \(removed\)")
        service.root.create(name).set("b", 9)
        running.expect(rf"{name} \(made\)")
        running.expect(rf"{name} b x 9")


def test_the_bus_goes(own, name):
    service, ctl = own
    service.root.create(name)
    with ctl.watch("monitor", name) as running:
        running.expect("Watching")
        service.bus.kill()
        assert "bus" in running.finish(UNREACHABLE)
    service.regentd.ignore_how_it_ended()


def test_it_misses_nothing_while_it_reads(ctl, ns):
    """Changes during the first reading: the last word of each key is right."""
    ns.apply({f"k{number:04}": 0 for number in range(4000)})
    running = ctl.watch("monitor", "--json=short", ns.name)
    with running:
        for number in range(1, 200):
            ns.set("k0000", number)
        ns.set("end", GLib.Variant("s", "end"))
        last = None
        while True:
            document = json.loads(running.line())
            if document.get("key") == "k0000":
                assert last is None or document["value"]["data"] > last
                last = document["value"]["data"]
            if document.get("key") == "end":
                break
        assert last in (199, None)
