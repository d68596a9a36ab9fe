# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests stand on: counting of results, D-Bus by hand, the sandbox, and what ./dev run and ./dev with do."""

import json
import os
import pwd
import signal
import subprocess
import sys

import pytest
from gi.repository import Gio, GLib
from regent_testing import environment, wire
from regent_testing.names import USERS
from regent_testing.waiting import Deadline

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import demonstration  # noqa: E402  pylint: disable=wrong-import-position

PYTHON = "/usr/bin/python3"


def run(*command, seconds=60, **how):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=Deadline(seconds).seconds, check=False, **how
    )


def with_service(*command, **how):
    return run(PYTHON, "-B", os.path.join(HERE, "with_service.py"), *command, **how)


@pytest.mark.parametrize("status", [0, 1, 42])
def test_with_gives_the_status_of_the_command(status):
    assert with_service("sh", "-c", f"exit {status}").returncode == status


def test_with_gives_the_signal_of_the_command():
    assert with_service("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_with_an_unknown_command():
    done = with_service("/nonexistent/command")
    assert done.returncode == 127
    assert "/nonexistent/command" in done.stderr


def test_with_passes_input_output_and_arguments():
    done = with_service("sh", "-c", 'cat; echo "$1" >&2', "sh", "an argument", input="some input")
    assert done.stdout == "some input"
    assert "an argument" in done.stderr


def test_with_provides_a_service():
    done = with_service(
        "sh", "-ec",
        """
        manager="org.regentd.State1 /org/regentd/State1 org.regentd.State1.Manager"
        busctl --system call $manager ListNamespaces ssu '' '' 0
        test -f "$REGENT_STATE_DIR/MANIFEST"
        command -v regentd
        """,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["as 0", environment.regentd_program()]


def test_with_starts_regentd_again_when_it_dies():
    done = with_service(
        "sh", "-ec",
        """
        pid() {
                set -- "$(busctl --system call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus \
                        GetConnectionUnixProcessID s org.regentd.State1)"
                echo "${1#u }"
        }
        call() { busctl --system call org.regentd.State1 "$@"; }
        call /org/regentd/State1 org.regentd.State1.Manager CreateNamespace 'sa{sv}' org.example.X 0
        call /org/regentd/State1/ns/org/example/X org.regentd.State1.Namespace Set sv key s kept
        for signal in KILL TERM SEGV; do
                old=$(pid)
                kill -$signal $old
                while kill -0 $old 2>/dev/null; do :; done
                gdbus wait --system --timeout 20 org.regentd.State1
                call /org/regentd/State1/ns/org/example/X org.regentd.State1.Namespace Get s key
        done
        """,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('v s "kept"') == 3


def test_with_leaves_nothing_behind():
    done = with_service("sh", "-c", 'echo "$REGENT_STATE_DIR"; ps -A -o comm=')
    assert not os.path.exists(done.stdout.splitlines()[0])
    assert "regentd" in done.stdout
    assert "with_service" not in run("ps", "-A", "-o", "args=").stdout


def test_demonstration_ends_well():
    done = run(PYTHON, "-B", os.path.join(HERE, "demonstration.py"), seconds=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything was as it should be." in done.stdout
    assert "WRONG" not in done.stdout
    assert "\033" not in done.stdout


def test_demonstration_notices_a_difference(monkeypatch, capsys):
    class Loses(demonstration.Demonstration):
        def measure(self):
            name = next(iter(self.state))
            self.root.ns(name).delete(next(iter(self.state[name])))
            self.compare("a value was lost")

        def kill(self):
            pass

    monkeypatch.setattr(demonstration, "Demonstration", Loses)
    assert demonstration.main() == 1
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1", GLib.Variant("x", 1)),
        ("-5", GLib.Variant("x", -5)),
        ("9223372036854775807", GLib.Variant("x", 2**63 - 1)),
        ("18446744073709551615", GLib.Variant("t", 2**64 - 1)),
        ("4096\t131072\t6291456", GLib.Variant("ax", [4096, 131072, 6291456])),
        ("99999999999999999999", GLib.Variant("s", "99999999999999999999")),
        ("", GLib.Variant("s", "")),
        ("cubic", GLib.Variant("s", "cubic")),
        ("1 yes", GLib.Variant("s", "1 yes")),
    ],
)
def test_sysctl_values_get_their_type(text, expected):
    assert demonstration.typed(text) == expected


LOG = [
    ({"result": "OK", "stdout": "1..2\nok 1 a\nok 2 b # comment\n"}, (2, 0, 0)),
    ({"result": "FAIL", "stdout": "1..2\nok 1 a\nnot ok 2 b\n# ok 3 in a comment\n"}, (1, 1, 0)),
    ({"result": "OK", "stdout": "ok 1 a # SKIP no root\nnot ok 2 b # TODO later\n"}, (1, 0, 1)),
    ({"result": "ERROR", "stdout": "ok 1 a\nok 2 b\n"}, (2, 1, 0)),
    ({"result": "TIMEOUT", "stdout": "ok 1 a\n"}, (1, 1, 0)),
    ({"result": "OK"}, (1, 0, 0)),
    ({"result": "FAIL"}, (0, 1, 0)),
    ({"result": "SKIP"}, (0, 0, 1)),
    ({"result": "OK", "stdout": "okay, not TAP\n"}, (1, 0, 0)),
]


@pytest.mark.parametrize("program, counts", LOG)
def test_results_are_counted_by_case(tmp_path, program, counts):
    log = tmp_path / "testlog.json"
    log.write_text(json.dumps({"name": "a program", **program}) + "\n", encoding="utf-8")
    done = run(PYTHON, os.path.join(HERE, "count-results"), str(log))
    passed, failed, skipped = counts
    assert done.stdout.splitlines()[-1] == f"{passed} passed, {failed} failed"
    assert (f"{skipped} skipped" in done.stdout) == bool(skipped)
    assert (done.returncode == 0) == (failed == 0 and passed > 0)


def test_without_a_log_nothing_has_passed(tmp_path):
    done = run(PYTHON, os.path.join(HERE, "count-results"), str(tmp_path / "testlog.json"))

    assert done.stdout == "0 passed, 0 failed\n"
    assert done.returncode == 1


def test_results_of_a_suite_that_fails_are_told_as_tap(tmp_path):
    suite = tmp_path / "test_sample.py"
    suite.write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "def test_skipped(): pytest.skip('why not')\n"
        "@pytest.fixture\ndef broken(): raise RuntimeError('no')\n"
        "def test_without_its_fixture(broken): pass\n",
        encoding="utf-8",
    )
    done = run(
        PYTHON, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-p", "regent_testing.tap", "--tap", str(suite),
        env={**os.environ, "PYTHONPATH": HERE},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert lines == [
        "1..4",
        "ok 1 test_sample.py::test_good",
        "not ok 2 test_sample.py::test_bad",
        "ok 3 test_sample.py::test_skipped # SKIP why not",
        "not ok 4 test_sample.py::test_without_its_fixture",
    ]
    assert "assert 1 == 2" in done.stdout
    assert done.returncode != 0


MARSHALLED = [
    ("y", 7), ("b", 1), ("n", -2), ("q", 2), ("i", -3), ("u", 3), ("x", -4), ("t", 4), ("d", 0.5), ("s", "ü"),
    ("o", "/a"), ("g", "a{sv}"), ("ay", b"\0\1"), ("as", ["", "x"]), ("a(yt)", [(1, 2), (3, 4)]), ("v", ("s", "x")),
    ("a{sv}", {"k": ("au", [1, 2])}), ("(yv)", (1, ("v", ("y", 2)))), ("at", []), ("a{oa{sa{sv}}}", {"/": {"i": {}}}),
]  # fmt: skip


@pytest.mark.parametrize("signature, thing", MARSHALLED, ids=[each[0] for each in MARSHALLED])
def test_the_hand_made_marshaller_agrees_with_itself_and_glib(signature, thing):
    content = wire.marshal(signature, (thing,))
    assert wire.Reader(content).read(signature) == thing
    raw = wire.RawClient.__new__(wire.RawClient)
    raw._serial = 0
    built, _ = raw.build("/", "org.x.Y", "M", signature, content)
    message = Gio.DBusMessage.new_from_blob(built, Gio.DBusCapabilityFlags.NONE)
    assert message.get_signature() == signature
    assert message.get_body() is not None


def test_the_sandbox_has_the_test_users(sandbox):
    for user, (uid, gid, groups) in USERS.items():
        entry = pwd.getpwnam(user)
        assert (entry.pw_uid, entry.pw_gid) == (uid, gid)
        assert set(os.getgrouplist(user, gid)) == {gid, *groups}


def test_the_sandbox_keeps_to_itself(sandbox):
    """What is edited in it is gone with it."""
    script = "echo x >>/etc/group; echo y >/etc/polkit-1/rules.d/99-x.rules; ls /etc/polkit-1/rules.d"
    environ = {key: text for key, text in os.environ.items() if key != "REGENT_SANDBOX"}
    inner = run(os.path.join(HERE, "sandbox"), "sh", "-c", script, env=environ)
    assert inner.stdout.split() == ["99-x.rules"]
    assert not os.path.exists("/etc/polkit-1/rules.d/99-x.rules")
    with open("/etc/group", encoding="utf-8") as file:
        assert "\nx\n" not in file.read()


def test_the_sandbox_ends_every_process(sandbox, tmp_path):
    environ = {key: text for key, text in os.environ.items() if key != "REGENT_SANDBOX"}
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # A process in the background holds the other end of the pipe until it dies.
    command = ["sh", "-c", f"exec 3<>{fifo}; setsid tail -f /dev/null & exit 3"]
    assert run(os.path.join(HERE, "sandbox"), *command, env=environ).returncode == 3
    with pytest.raises(OSError):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_users_are_reached_below_a_closed_directory(sandbox, tmp_path):
    """The tree may be in a home that other users cannot enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.write_text("#!/bin/sh\nid -u\n", encoding="utf-8")
    os.chmod(program, 0o700)
    uid = USERS["carol"][0]
    done = run(environment.reachable(str(program)), user=uid, group=uid, extra_groups=[], cwd="/")
    assert done.stdout == f"{uid}\n"
    assert environment.reachable("/usr/bin/env") == "/usr/bin/env"


def test_nothing_of_the_harness_is_compiled_into_the_tree():
    assert sys.dont_write_bytecode
