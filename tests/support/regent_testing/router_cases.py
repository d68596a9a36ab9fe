# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every router has to do (router.py), the same cases for each language. A suite takes both names below:

    program = program_fixture("examples", {"router.sh": {}})

    class TestRouter(RouterCases): …
"""

import os

import pytest
from gi.repository import GLib

from . import environment, router
from .names import USERS

OWNER, STRANGER = "alice", "carol"
ODD = GLib.Variant("s", "kept")


def program_fixture(folder, programs):
    """A fixture with one Program after the other, each built once. programs: file: what it needs, for missing()."""

    @pytest.fixture(scope="module", params=programs)
    def program(request, shared, sandbox):
        require(**programs[request.param])
        directory = environment.make_scratch()
        try:
            yield router.Program(f"{folder}/{request.param}", directory).build(shared.bus)
        finally:
            environment.remove_scratch(directory)

    return program


def require(**needs):
    """Skips the test when something is not installed; REGENT_TEST_ALL_BINDINGS=1 makes that a failure."""
    reason = router.missing(**needs)
    if reason and os.environ.get("REGENT_TEST_ALL_BINDINGS"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def space(root):
    """The routers' namespace, with keys in it that are no good names in any language."""
    space = root.create(router.NAME, owner=USERS[OWNER][0])
    space.apply({"enabled": True, **{key: ODD for key in router.ODD_KEYS}})
    yield space
    root.remove(router.NAME, flags=1)


class RouterCases:
    def test_first_start(self, service, program, space):
        """Read, write, a transaction and its result, and changes with their values."""
        log = space.watch_values()
        with router.Running(service.bus, program, OWNER) as running:
            running.expect(r"mtu is 1500\n")
            log.wait_for(lambda signal: signal.changed.get("status") == GLib.Variant("s", "running"))
            self.check_defaults(space, running.output)

            space.apply({"mtu": GLib.Variant("u", 9000), "ratio": 0.5}, ["peers"])
            running.expect(r"mtu is now 9000\n")
            space.set("mtu", GLib.Variant("u", 1280))
            running.expect(r"mtu is now 1280\n")
            space.set("enabled", False)

            assert running.end() == 0, running.output
            self.check_output(program, running.output)
        assert all(space.get(key) == ODD for key in router.ODD_KEYS)

    def check_defaults(self, space, output):
        """The defaults are there with their types, and one commit wrote them all, as it told."""
        assert space.get("mtu") == GLib.Variant("u", 1500)
        assert space.get("peers") == GLib.Variant("as", ["fe80::1", "fe80::2"])
        revisions = {space.describe(key)["revision"].get_uint64() for key in ("mtu", "peers")}
        assert len(revisions) == 1
        told = ["defaults written, keys: 2\n", f"defaults written, revision: {revisions.pop()}\n"]
        assert output.startswith(tuple(told)), output

    def check_output(self, program, output):
        """The rest of what it printed, to the last line."""
        expected = "mtu is 1500\nmtu is now 9000\npeers: gone, or too large for a signal\nmtu is now 1280\n"
        if program.suffix == ".sh" or "libregent" in program.source:
            expected = expected.replace(", or too large for a signal", "")  # regentctl and libregent look themselves
        assert output.split("\n", 1)[1] == expected

    def test_later_start(self, service, program, space):
        """The expectation does not hold: nothing of the transaction happens, and the program can tell why."""
        space.apply({"mtu": GLib.Variant("u", 1400)})
        log = space.watch_values()
        with router.Running(service.bus, program, OWNER) as running:
            running.expect(r"settings found\nmtu is 1400\n")
            log.wait_for(lambda signal: signal.changed.get("status") == GLib.Variant("s", "running"))
            space.set("enabled", False)

            assert running.end() == 0, running.output
            assert running.output == "settings found\nmtu is 1400\n"
        assert space.get("mtu") == GLib.Variant("u", 1400)
        assert "peers" not in space.keys()

    def test_of_a_stranger(self, service, program, space):
        """Another error is none that the program takes for settings found: it says so and fails."""
        keys = space.keys()
        with router.Running(service.bus, program, STRANGER) as running:
            assert running.end() not in (0, None)
        assert "settings found" not in running.output
        assert "mtu is" not in running.output
        assert router.NAME in running.output, "the text of the error"
        assert space.keys() == keys
