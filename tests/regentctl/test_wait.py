# SPDX-License-Identifier: LGPL-2.1-or-later
"""wait: until a key is there, has a value, or is gone."""

import pytest
from ctl import DENIED, DONE, INTERRUPTED, INVALID, TIMEOUT, USAGE, Regentctl
from gi.repository import GLib


def waiting(ctl, *arguments):
    """A wait that sees each commit from here on."""
    running = ctl.watch("wait", *arguments)
    running.expect("Waiting; end with ")
    running.line()
    return running


@pytest.mark.parametrize("argument", ["mtu", "mtu=1500", "on=true", "on=yes", "name=eth0", 'list=["a","b"]'])
def test_what_is_so_already(ctl, space, argument):
    assert ctl("wait", space.name, argument).out == ""


def test_json_tells_what_it_came_to(ctl, space):
    told = ctl.json("wait", space.name, "mtu=1500")
    assert told["namespace"] == space.name and told["key"] == "mtu"
    assert told["value"] == {"type": "x", "data": 1500} and told["revision"] >= 1
    assert ctl.json("wait", space.name, "missing", "--absent")["value"] is None


def test_a_value_that_comes(ctl, ns):
    ns.set("state", "starting")
    with waiting(ctl, ns.name, "state=ready") as running:
        for text in ("starting", "almost", "ready-not", "ready"):
            ns.set("state", text)
        assert running.finish(DONE) == ""


def test_a_value_that_comes_and_goes(ctl, ns):
    """Each commit is looked at, not only the last."""
    with waiting(ctl, ns.name, "k=5") as running:
        for number in range(10):
            ns.set("k", number)
        running.finish(DONE)


def test_a_key_that_comes(ctl, ns):
    with waiting(ctl, ns.name, "k") as running:
        ns.set("kk", 1)
        ns.set("k", 1)
        running.finish(DONE)


def test_a_key_that_goes(ctl, ns):
    ns.set("k", 1)
    with waiting(ctl, ns.name, "k", "--absent") as running:
        ns.set("k", 2)
        ns.delete("k")
        running.finish(DONE)


def test_a_namespace_that_comes(ctl, root, name):
    with ctl.watch("wait", name, "k=1") as running:
        running.expect("is not there; waiting for it")
        root.create(name).set("k", 1)
        running.finish(DONE)
    root.remove(name, 1)
    ctl("wait", name, "k", "--absent")


def test_a_namespace_that_goes(ctl, root, name):
    root.create(name).set("k", 1)
    with waiting(ctl, name, "k", "--absent") as running:
        root.remove(name, 1)
        running.finish(DONE)


def test_types(ctl, ns):
    ns.set("u", GLib.Variant("u", 5))
    ctl("wait", ns.name, "u=5")
    ctl("wait", ns.name, "u=5", "--type=u")
    ctl("wait", ns.name, "u=5", "--type=s", "--timeout=100ms", status=TIMEOUT)
    failure = ctl.failure("wait", ns.name, "u=many", status=INVALID)
    assert "--type=" in failure["hint"]
    ctl("wait", ns.name, "u=many", "--type=u", status=INVALID)
    ctl("wait", ns.name, "a key", status=INVALID)


def test_time_runs_out(ctl, space):
    failure = ctl.failure("wait", "-q", space.name, "mtu=9000", "--timeout=50ms", status=TIMEOUT)
    assert "mtu" in failure["text"] and "'9000'" in failure["text"] and space.name in failure["hint"]
    ctl("wait", space.name, "mtu", "--absent", "--timeout=0.05", status=TIMEOUT)
    ctl("wait", space.name + ".Missing", "k", "--timeout=50ms", status=TIMEOUT)


def test_interrupted(ctl, space):
    with waiting(ctl, space.name, "mtu=1") as running:
        running.signal()
        running.finish(INTERRUPTED)


def test_denied(ctl_as, root, name):
    root.create(name, mode=0o600)
    ctl_as("bob")("wait", name, "k", status=DENIED)


@pytest.mark.parametrize(
    "arguments",
    [
        ("wait", "a.b"),
        ("wait", "a.b", "k=1", "--absent"),
        ("wait", "a.b", "k", "--type=u"),
        ("wait", "a.b", "k", "--timeout=0"),
        ("wait", "a.b", "k", "--timeout=forever"),
        ("wait", "a.b", "k", "l"),
    ],
)
def test_usage(ctl, arguments):
    ctl(*arguments, status=USAGE)


@pytest.fixture
def own(stack):
    made = stack()
    return made, Regentctl(made.bus)


def test_over_a_restart(own, name):
    service, ctl = own
    space = service.root.create(name)
    with waiting(ctl, name, "k=2") as running:
        space.set("k", 1)
        service.regentd.kill()
        service.regentd.start()
        space.set("k", 2)
        running.finish(DONE)


def test_while_regentd_is_not_there(own, name):
    service, ctl = own
    space = service.root.create(name)
    service.regentd.stop()
    with ctl.watch("wait", name, "k=2") as running:
        running.expect("is not there; waiting for it")
        service.regentd.start()
        space.set("k", 2)
        running.finish(DONE)
