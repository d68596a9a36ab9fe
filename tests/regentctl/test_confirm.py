# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes that wait for a confirmation: made, confirmed and cancelled from the command line, and shown."""

import re

import pytest
from ctl import CONFLICT, INVALID, REFUSED, USAGE
from regent_testing.checks import nothing_changed
from regent_testing.waiting import retry_until

TOKEN = re.compile(r"[0-9a-f]{32}")


def test_apply_tells_the_token_and_the_command(ctl, root, space):
    result = ctl("apply", space.name, "mtu=9000", "--confirm-timeout=30s")
    token = result.out.rstrip("\n")
    assert TOKEN.fullmatch(token)
    assert result.err.splitlines() == [
        "mtu = x 9000 (kept its type)",
        f"1 changed, 0 removed, revision {root.revision()}",
        f"Undone in 30 s, unless you run: regentctl confirm {token}",
    ]
    assert ctl("confirm", token).err == f"Confirmed, revision {root.revision()}\n"
    assert space.get("mtu").unpack() == 9000
    failure = ctl.failure("confirm", token, status=REFUSED)
    assert failure["name"] == "org.regentd.State1.Error.NotConfirmed"


@pytest.mark.parametrize(
    "words", [("set", "mtu", "1"), ("delete", "mtu"), ("delete", "mtu", "name"), ("apply", "mtu=1", "--unset=on")]
)
def test_every_change_can_wait(ctl, root, space, words):
    before = {key: thing.print_(True) for key, thing in space.everything().items()}
    verb, *rest = words
    result = ctl(verb, space.name, *rest, "--confirm-timeout=1h", "-q")
    assert not result.err and TOKEN.fullmatch(result.out.rstrip("\n"))
    assert {key: thing.print_(True) for key, thing in space.everything().items()} != before
    assert ctl("cancel", result.out.rstrip("\n")).err == f"Undone, revision {root.revision()}\n"
    assert {key: thing.print_(True) for key, thing in space.everything().items()} == before


@pytest.mark.parametrize("words", [("set", "mtu", "1"), ("delete", "mtu"), ("apply", "mtu=1")])
def test_json(ctl, root, space, words):
    verb, *rest = words
    document = ctl.json(verb, space.name, *rest, "--confirm-timeout=5min")
    assert TOKEN.fullmatch(document["token"]) and document["deadline-usec"] > 0
    assert ctl.json("confirm", document["token"]) == {"revision": root.revision()}


def test_status_shows_what_waits(ctl, root, space):
    assert ctl.json("status")["pending-changes"] == []
    token = ctl("set", space.name, "mtu", "1", "--confirm-timeout=1h", "-q").out.rstrip("\n")
    revision = root.revision()
    (line,) = [line for line in ctl("status").lines if "Unconfirmed" in line]
    assert re.fullmatch(rf" *Unconfirmed: revision {revision} of uid 0, undone in 3[56]\d\d s: {space.name}", line), line
    (pending,) = ctl.json("status")["pending-changes"]
    assert 0 < pending.pop("remaining-usec") <= 3_600_000_000 and pending.pop("deadline-usec") > 0
    assert pending == {"revision": revision, "uid": 0, "namespaces": [space.name]}

    hint = ctl.failure("set", space.name, "mtu", "2", status=CONFLICT)["hint"]
    assert "'regentctl status' shows" in hint
    assert token not in ctl("status").out
    ctl("cancel", str(revision))
    assert ctl.json("status")["pending-changes"] == []


def test_dry_run_waits_for_nothing(ctl, root, space):
    with nothing_changed(root, space):
        result = ctl("apply", space.name, "mtu=1", "--confirm-timeout=1h", "--dry-run")
    assert "mtu" in result.out and not TOKEN.search(result.out + result.err)


def test_nothing_to_change_has_no_token(ctl, space):
    result = ctl("set", space.name, "mtu", "5", "-q")
    result = ctl("set", space.name, "mtu", "5", "--confirm-timeout=1h")
    assert result.out == "" and "confirm" not in result.err


@pytest.mark.parametrize("time, usec", [("90", 90e6), ("1.5s", 1.5e6), ("200ms", 2e5), ("2m", 12e7), ("1h", 36e8)])
def test_times(ctl, root, space, time, usec):
    document = ctl.json("set", space.name, "mtu", "1", f"--confirm-timeout={time}")
    for about in root.pending_changes().values():
        assert usec - 30e6 < about["remaining-usec"] <= usec
    if usec > 60e6:
        ctl("cancel", document["token"])
    retry_until(lambda: not root.pending_changes(), 20, "the change to be undone")


@pytest.mark.parametrize("time", ["", "x", "0", "-5", "1d", "61min", "3601", "nan", "inf", "1e99", "5 s", "s"])
def test_wrong_times(ctl, root, space, time):
    with nothing_changed(root, space):
        assert "--confirm-timeout= takes a time" in ctl.failure(
            "set", space.name, "mtu", "1", f"--confirm-timeout={time}", status=USAGE
        )["text"]


def test_wrong_arguments(ctl):
    ctl.failure("confirm", status=USAGE)
    ctl.failure("cancel", "a", "b", status=USAGE)
    ctl.failure("confirm", b"\xff", status=INVALID)
    ctl.failure("cancel", "0", status=REFUSED)


@pytest.mark.parametrize("verb, after", [("confirm", 1), ("cancel", 5)])
@pytest.mark.parametrize("end", ["", "\n", "\nwhat another program reads\n"])
def test_token_from_standard_input(ctl, root, space, verb, after, end):
    """There it is in nobody's sight, while a command line is in everybody's."""
    space.apply({"mtu": 5})
    token = ctl("set", space.name, "mtu", "1", "--confirm-timeout=1h", "-q").out.rstrip("\n")
    ctl(verb, "-", stdin=(token + end).encode())
    assert space.get("mtu").unpack() == after and root.pending_changes() == {}


def test_revision_from_standard_input(ctl, root, space):
    ctl("set", space.name, "mtu", "1", "--confirm-timeout=1h", "-q")
    ctl("cancel", "-", stdin=f"{root.revision()}\n".encode())
    assert root.pending_changes() == {}


@pytest.mark.parametrize("text", [b"", b"\n", b"\n1\n", b"\xff\n", b"a\0b\n", b"a" * 100000])
def test_no_token_on_standard_input(ctl, text):
    assert "its first line is no token" in ctl.failure("confirm", "-", stdin=text, status=INVALID)["text"]


def test_too_many_that_wait(ctl, ctl_as, root, name):
    """Deleting makes no room among them."""
    root.create(name, group=4100, mode=0o660)
    bob = ctl_as("bob")
    for number in range(16):
        bob("set", name, f"k{number}", "1", "--type=i", "--confirm-timeout=1h", "-q")
    hint = bob.failure("set", name, "k", "1", "--type=i", "--confirm-timeout=1h", status=REFUSED)["hint"]
    assert "confirm or\ncancel one" in hint and "deletes" not in hint
    for revision in root.pending_changes():
        ctl("cancel", str(revision))


def test_terminal_shows_the_command_alone(ctl, root, space):
    with ctl.terminal("set", space.name, "mtu", "7", "--confirm-timeout=1min") as terminal:
        shown = terminal.finish(0)
    assert shown.count("regentctl confirm") == 1 and len(TOKEN.findall(shown)) == 1
    ctl("confirm", TOKEN.search(shown)[0])
    assert root.pending_changes() == {}
