# SPDX-License-Identifier: LGPL-2.1-or-later
"""Output to the letter: tables and JSON, at 80 columns, with and without a terminal, in C and in a UTF-8 locale."""

import re

import golden
import pytest
from ctl import CONFLICT, DENIED, DIFFERS, INVALID, NOT_FOUND, USAGE, Regentctl
from gi.repository import GLib
from regent_testing.stack import Stack

ROUTER = "org.example.Router"
FILE = "FILE"  # a dump of it that was changed
CHANGED = """{"regent-dump": 1, "namespaces": {"org.example.Router": {
    "access": {"owner": "alice", "group": "netadmins", "mode": "0644"},
    "entries": {"mtu": {"type": "u", "data": 9000}, "hostile": {"type": "s", "data": "\\u001b[2J gone"}}
}}}
"""


@pytest.fixture(scope="module")
def filled(sandbox):
    """A service with the same content and the same revisions every time."""
    with Stack() as stack:
        router = stack.root.create(ROUTER, owner=4001, group=4200, mode=0o664, quota_keys=100, quota_bytes=1 << 20)
        stack.root.create("org.example.Clock", owner=4002, mode=0o644)
        stack.root.create("org.example.Secret", mode=0o600)
        router.apply(
            {
                "blob": bytes(range(64)),
                "dns.servers": ["192.0.2.1", "192.0.2.2"],
                "hostile": "\x1b[2J\u202e\nend",
                "interface/eth0": "Grüße aus Köln, and a line that goes on and on beyond the end of any terminal",
                "mtu": GLib.Variant("u", 1500),
                "ratio": 0.25,
                "table": GLib.Variant("a{sv}", {"a": GLib.Variant("u", 1), "b": GLib.Variant("as", ["x"])}),
                "up": True,
            }
        )
        stack.root.mark_good()
        yield stack


MANNERS = {
    "pipe-C": ("C", False),
    "pipe-UTF-8": ("C.UTF-8", False),
    "terminal-C": ("C", True),
    "terminal-UTF-8": ("C.UTF-8", True),
}

CASES = {
    "help": ("--help",),
    "help-get": ("get", "--help"),
    "get-one": ("get", ROUTER, "mtu"),
    "get-text": ("get", ROUTER, "interface/eth0"),
    "get-all": ("get", ROUTER),
    "get-all-json": ("get", ROUTER, "--json=pretty"),
    "get-all-no-legend": ("get", ROUTER, "--no-legend"),
    "list": ("list", ROUTER),
    "namespaces": ("namespaces",),
    "namespaces-json": ("namespaces", "--json=short"),
    "status-namespace": ("status", ROUTER),
    "access": ("access", ROUTER),
    "describe": ("describe", ROUTER, "mtu"),
    "mark-good": ("mark-good",),
    "restore": ("restore",),
    "restore-json": ("restore", "--json=pretty"),
    "help-restore": ("restore", "--help"),
    "status": ("status",),
    "apply-dry-run": ("apply", ROUTER, "mtu=9000", "new=yes", "--unset=up", "--dry-run"),
    "apply-dry-run-json": ("apply", ROUTER, "mtu=9000", "--dry-run", "--json=pretty"),
    "diff": ("diff", FILE),
    "diff-json": ("diff", FILE, "--json=short"),
    "load-dry-run": ("load", FILE, "--prune", "--dry-run"),
}
EXIT = {"diff": DIFFERS, "diff-json": DIFFERS}

FAILURES = {
    "fails-usage": (USAGE, ("gett",)),
    "fails-not-found": (NOT_FOUND, ("get", ROUTER, "missing")),
    "fails-invalid": (INVALID, ("set", ROUTER, "mtu", "wide")),
    "fails-conflict": (CONFLICT, ("create", ROUTER)),
    "fails-denied": (DENIED, ("set", ROUTER, "k", "1")),
    "fails-not-found-json": (NOT_FOUND, ("get", ROUTER, "missing", "--json=pretty")),
}


def normal(text):
    """Without what differs between runs: the time of writing, the epoch."""
    text = re.sub(r"\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "Wed 2026-11-25 12:00:00 UTC", text)
    return re.sub(r"\b[0-9a-f]{32}\b", "0123456789abcdef" * 2, text)


def printed(ctl, arguments, is_terminal, status=0):
    if is_terminal:
        with ctl.terminal(*arguments) as terminal:
            return terminal.finish(status)
    result = ctl(*arguments, status=status)
    return result.out + result.err


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("case", CASES)
def test_output(filled, tmp_path, case, manner):
    locale, is_terminal = MANNERS[manner]
    ctl = Regentctl(filled.bus, environ={"LC_ALL": locale})
    changed = tmp_path / "changed.json"
    changed.write_text(CHANGED, encoding="utf-8")
    arguments = [str(changed) if each == FILE else each for each in CASES[case]]
    golden.check(f"{case}.{manner}", normal(printed(ctl, arguments, is_terminal, EXIT.get(case, 0))))


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("case", FAILURES)
def test_failure(filled, case, manner):
    status, arguments = FAILURES[case]
    locale, is_terminal = MANNERS[manner]
    user = "bob" if status == DENIED else None
    ctl = Regentctl(filled.bus, user, options=["--no-ask-password"], environ={"LC_ALL": locale})
    golden.check(f"{case}.{manner}", printed(ctl, arguments, is_terminal, status))


def test_a_terminal_shows_what_a_pipe_does(filled):
    """Colour is all that differs where nothing has to be cut."""
    for case in ("help", "list", "namespaces", "status-namespace", "access"):
        ctl = Regentctl(filled.bus)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", printed(ctl, CASES[case], True))
        assert shown == printed(ctl, CASES[case], False)
