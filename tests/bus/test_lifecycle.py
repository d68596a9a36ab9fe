# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command line, signals, the service manager's notifications, log records, and a bus that comes and goes."""

import os
import re
import signal
import subprocess

import pytest
from regent_testing import environment
from regent_testing.api import blob
from regent_testing.checks import refused
from regent_testing.names import BUS_NAME, Error
from regent_testing.notify import JournalSocket, NotifySocket
from regent_testing.service import Regentd
from regent_testing.stack import Stack
from regent_testing.waiting import SLOWNESS, retry_until, wait_exit


def regentd(*arguments):
    return subprocess.run(
        [environment.regentd_program(), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * SLOWNESS, check=False,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"},
    )  # fmt: skip


def test_help():
    done = regentd("--help")
    assert done.returncode == 0
    for option in ("--help", "--version", "--state-dir", "--runtime-dir", "--config", "--log-level"):
        assert option in done.stdout
    assert done.stderr == ""


def test_version():
    done = regentd("--version")
    assert done.returncode == 0
    assert re.search(r"\b\d+\.\d+\.\d+\b", done.stdout)


def test_version_is_that_on_the_bus(service):
    assert service.root.property("Version") in regentd("--version").stdout


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["operand"], ["--log-level=nonsense"], ["--log-level"], ["--state-dir"],
     ["--config=/nonexistent/regentd.conf"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_command_line(arguments, tmp_path):
    done = regentd(f"--state-dir={tmp_path}/state", f"--runtime-dir={tmp_path}/run", *arguments)
    assert done.returncode not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    complaint = arguments[0].lstrip("-").partition("=")
    assert (complaint[2] or complaint[0]) in done.stderr
    assert len(done.stderr.splitlines()) <= 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clean_stop(stack, number):
    made = stack()
    ns = made.root.create("org.example.X")
    ns.apply({"kept": 1, "too": "x"})
    made.regentd.stop(number)
    made.root.wait_no_name(BUS_NAME)
    made.regentd.start()
    assert {k: v.unpack() for k, v in ns.everything().items()} == {"kept": 1, "too": "x"}


def test_clean_stop_finishes_what_was_sent(stack):
    """Each write sent before SIGTERM is acknowledged and kept, or it got an error and may be lost."""
    made = stack()
    ns = made.root.create("org.example.X")
    pending = {f"k{n}": ns.start_set(f"k{n}", n) for n in range(50)}
    made.regentd.stop()
    acknowledged = set()
    for key, call in pending.items():
        try:
            call.result()
            acknowledged.add(key)
        except Exception as error:
            assert error.name != Error.OutcomeUnknown
    made.regentd.start()
    assert acknowledged <= set(ns.everything())


def test_stop_while_idle_is_quick_and_leaves_nothing_behind(stack):
    made = stack()
    made.root.create("org.example.X").set("a", 1)
    made.regentd.stop(seconds=5)
    assert os.listdir(os.path.join(made.regentd.state_dir, "tmp")) == []


def test_revisions_never_go_back(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    last = 0
    for n in range(6):
        revision = ns.set("a", n)
        assert revision > last
        last = revision
        if n % 2:
            made.regentd.kill()
            made.regentd.start()
        else:
            made.regentd.restart()
        assert made.root.revision() >= last
        assert ns.describe("a")["revision"].unpack() == last


def test_epoch_stays_over_restarts(stack):
    made = stack()
    made.root.create("org.example.X").set("a", 1)
    epoch = made.root.property("Epoch")
    made.regentd.restart()
    assert made.root.property("Epoch") == epoch
    made.regentd.kill()
    made.regentd.start()
    assert made.root.property("Epoch") == epoch
    assert made.root.property("State") == "running"


def test_loaded_from_tells_a_first_start(stack):
    made = stack()
    first = made.root.property("LoadedFrom")
    made.root.create("org.example.X").set("a", 1)
    made.regentd.restart()
    assert made.root.property("LoadedFrom") != first


def test_everything_is_as_before_after_a_restart(stack):
    made = stack()
    root = made.root
    spaces = [
        root.create("org.example.A", owner=4001, group=4100, mode=0o640, quota_keys=50, quota_bytes=999999),
        root.create("org.example.B"),
    ]
    for space in spaces:
        space.apply({"a": 1, "b": "x", "large": blob(bytes(100000))})
        space.delete("b")
        space.apply({"r": 1}, class_="runtime")

    def all_of_it():
        return [
            (
                space.properties(),
                {key: (value, space.describe(key)) for key, value in space.everything().items()},
            )
            for space in spaces
        ]

    before = all_of_it()
    made.regentd.restart()
    assert all_of_it() == before
    made.regentd.kill()
    made.regentd.start()
    assert all_of_it() == before


def test_runtime_entries_are_lost_with_the_runtime_directory(stack):
    """As at a reboot, which empties /run."""
    made = stack()
    ns = made.root.create("org.example.X")
    ns.apply({"kept": 1, "lost": 1}, classes={"lost": "runtime"})
    last = made.root.revision()
    made.regentd.stop()
    environment.remove_scratch(made.regentd.runtime_dir)
    environment.make_shared_directory(made.regentd.runtime_dir)
    made.regentd.start()
    assert ns.keys() == ["kept"]
    assert made.root.revision() >= last
    assert ns.set("a", 1) > last


def test_sighup_reloads(stack):
    made = stack(config="")
    ns = made.root.create("org.example.X")
    made.regentd.write_config("[Limits]\nValueBytesMax=1K\n")
    ns.set("a", blob(bytes(2048)))
    made.regentd.process.send_signal(signal.SIGHUP)

    def is_too_big():
        try:
            ns.set("a", blob(bytes(2049)))
            return False
        except Exception as error:
            assert error.name == Error.TooBig
            return True

    retry_until(is_too_big, 10, "the new limit")
    assert ns.get("a").get_size() >= 2048


def test_reload_method_reloads(stack):
    made = stack(config="")
    ns = made.root.create("org.example.X")
    made.regentd.write_config("[Limits]\nValueBytesMax=1K\n")
    made.root.reload()
    with refused(Error.TooBig):
        ns.set("a", blob(bytes(2049)))


def test_many_sighups_are_survived(stack):
    made = stack()
    for _ in range(50):
        made.regentd.process.send_signal(signal.SIGHUP)
    made.root.ping()
    made.regentd.check_running()


def test_broken_lease_is_survived(stack):
    """SIGIO is what the kernel sends when somebody opens a view while it is looked whether anybody has it."""
    made = stack()
    made.regentd.process.send_signal(signal.SIGIO)
    made.root.ping()
    made.regentd.check_running()


def test_second_regentd_on_the_same_state_directory(stack):
    made, other = stack(), stack(start=False)
    made.root.create("org.example.X")
    second = Regentd(other.bus, other.directory + "/second")
    second.state_dir = made.regentd.state_dir
    second.spawn()
    assert second.wait_exit() not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert made.regentd.state_dir in second.log()
    second.close()
    made.root.ns("org.example.X").set("a", 1)


def test_second_regentd_on_the_same_runtime_directory(stack):
    made, other = stack(), stack(start=False)
    second = Regentd(other.bus, other.directory + "/second")
    second.runtime_dir = made.regentd.runtime_dir
    second.spawn()
    assert second.wait_exit() not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert made.regentd.runtime_dir in second.log()
    second.close()


def test_second_regentd_on_the_same_bus(stack):
    made = stack()
    second = Regentd(made.bus, made.directory + "/second")
    second.spawn()
    assert second.wait_exit() not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert BUS_NAME in second.log()
    second.close()
    made.root.ping()


def test_state_directory_that_cannot_be_made(stack):
    made = stack(start=False)
    blocked = Regentd(made.bus, made.directory + "/blocked")
    blocked.state_dir = "/dev/null/state"
    blocked.spawn()
    assert blocked.wait_exit() not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert "/dev/null/state" in blocked.log()
    blocked.close()


def test_state_directory_is_made_when_absent(stack):
    made = stack(start=False)
    made.regentd.state_dir += "/new"
    made.regentd.start()
    made.root.create("org.example.X").set("a", 1)
    assert os.path.exists(os.path.join(made.regentd.state_dir, "MANIFEST"))
    assert os.stat(made.regentd.state_dir).st_mode & 0o027 == 0


def test_state_is_closed_to_others(stack):
    made = stack()
    made.root.create("org.example.X").set("a", "secret")
    for directory, _, files in os.walk(made.regentd.state_dir):
        for name in files:
            mode = os.stat(os.path.join(directory, name)).st_mode
            assert mode & 0o077 == 0, f"{name} has mode {mode:o}"


def test_ready_stopping_and_status(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.regentd.start()
    notify.wait_for(lambda told: told.get("READY") == "1")
    assert made.root.name_owner(BUS_NAME)
    notify.wait_for(lambda told: told.get("STATUS"))
    made.regentd.stop()
    notify.wait_for(lambda told: told.get("STOPPING") == "1")
    notify.close()


def test_ready_comes_after_the_name(stack):
    """Whoever is started after regentd must find it on the bus."""
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.regentd.spawn()
    notify.wait_for(lambda told: told.get("READY") == "1", 30)
    made.root.ping()
    made.regentd.wait_ready()
    notify.close()


def test_reloading_is_told(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.regentd.start()
    notify.wait_for(lambda told: told.get("READY") == "1")
    notify.received.clear()
    made.regentd.process.send_signal(signal.SIGHUP)
    notify.wait_for(lambda told: told.get("RELOADING") == "1")
    notify.wait_for(lambda told: told.get("READY") == "1")
    notify.close()


def test_watchdog(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ.update(NOTIFY_SOCKET=notify.path, WATCHDOG_USEC="200000")
    made.regentd.start()
    for _ in range(3):
        notify.wait_for(lambda told: told.get("WATCHDOG") == "1")
        notify.received.clear()
    notify.close()


def test_no_watchdog_unless_asked_for(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.regentd.start()
    made.regentd.stop()
    assert not [told for told in notify.drain() if "WATCHDOG" in told]
    notify.close()


def test_waits_for_a_bus_that_is_not_up_yet(stack):
    made = stack()
    made.regentd.stop()
    made.regentd.close()
    made.root.close()
    made.bus.stop()
    if os.path.exists(made.bus.socket):
        os.unlink(made.bus.socket)
    made.regentd.spawn()
    made.regentd.check_running()
    made.bus.start()
    made.regentd.wait_ready()
    assert made.client().property("State") == "running"


def test_waits_for_a_bus_whose_directory_is_not_there_yet(stack):
    with Stack() as made:
        made.regentd.stop()
        made.regentd.close()
        made.root.close()
        made.bus.stop()
        hidden = made.bus.directory + ".hidden"
        os.rename(made.bus.directory, hidden)
        made.regentd.spawn()
        made.regentd.check_running()
        os.rename(hidden, made.bus.directory)
        made.bus.start()
        made.regentd.wait_ready()


def test_stops_while_it_waits_for_the_bus(stack):
    made = stack(start=False)
    notify = NotifySocket(os.path.join(made.directory, "notify"))
    made.regentd.environ["NOTIFY_SOCKET"] = notify.path
    made.root.close()
    made.bus.stop()
    if os.path.exists(made.bus.socket):
        os.unlink(made.bus.socket)
    made.regentd.spawn()
    notify.wait_for(lambda told: "bus" in told.get("STATUS", ""))
    made.regentd.stop()
    assert not [told for told in notify.drain() if "READY" in told]
    notify.close()
    made.bus.start()


def test_leaves_when_the_bus_goes(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    ns.set("a", 1)
    process = made.regentd.process
    made.root.close()
    made.bus.kill()
    status = wait_exit(process, 30, "regentd to leave")
    assert status in (0, 1), f"{status}:\n{made.regentd.log()}"
    made.regentd.process = None
    made.bus.start()
    made.regentd.start()
    assert made.client().ns("org.example.X").get("a").unpack() == 1


def test_leaves_when_the_bus_goes_in_the_middle_of_writes(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    acknowledged = []
    pending = [ns.start_set(f"k{n}", n) for n in range(60)]
    pending[5].result()
    made.bus.kill()
    for n, call in enumerate(pending):
        try:
            call.result(10)
            acknowledged.append(f"k{n}")
        except Exception:
            pass
    assert wait_exit(made.regentd.process, 30, "regentd to leave") in (0, 1)
    made.regentd.process = None
    made.root.close()
    made.bus.start()
    made.regentd.start()
    assert set(acknowledged) <= set(made.client().ns("org.example.X").everything())


JOURNAL = """
mount -t tmpfs regent-test /run && mkdir -p /run/systemd/journal && : >/run/systemd/journal/socket &&
mount --bind "$1" /run/systemd/journal/socket && shift && exec "$@"
"""


def test_journal_records_have_fields(stack, sandbox):
    """A journal of the test's, where regentd would find the machine's."""
    made = stack(start=False)
    journal = JournalSocket(os.path.join(made.directory, "journal"))
    made.regentd.wrapper = ["unshare", "-m", "sh", "-c", JOURNAL, "sh", journal.path]
    made.regentd.stderr = subprocess.DEVNULL
    made.regentd.options = ["--log-level=debug"]
    made.regentd.start()
    ns = made.root.create("org.example.Logged")
    revision = ns.set("some/key", "a value that no log may hold")
    with pytest.raises(Exception):
        ns.get("absent/key")
    root_record = journal.wait_for(lambda record: record.get("NAMESPACE") == ns.name)
    assert root_record["SYSLOG_IDENTIFIER"] == "regentd"
    assert root_record["PRIORITY"] in "01234567"
    written = journal.wait_for(lambda record: record.get("REVISION") == str(revision))
    assert written["NAMESPACE"] == ns.name
    assert written["UID"] == "0"
    made.regentd.stop()
    for record in journal.drain():
        assert "a value that no log may hold" not in str(record)
    assert any(record.get("KEY") == "some/key" for record in journal.received)
    journal.close()


def test_log_lines_go_to_stderr_otherwise(stack):
    made = stack(options=["--log-level=debug"])
    made.root.create("org.example.Logged")
    assert re.search(r"^regentd: \w+: ", made.regentd.log(), re.MULTILINE)


def test_log_level_is_kept_to(stack):
    made = stack(options=["--log-level=err"])
    made.root.create("org.example.Logged").set("a", 1)
    made.regentd.stop()
    assert made.regentd.log() == ""


def test_hostile_text_cannot_forge_log_lines(stack, sandbox):
    made = stack(options=["--log-level=debug"])
    ns = made.root.create("org.example.X")
    for attempt in (
        lambda: ns.set("a\nregentd: err: forged", 1),
        lambda: ns.apply({"a": 1}, reason="x\nregentd: err: forged\x1b[31m"),
        lambda: made.root.get_namespace("x\nregentd: err: forged"),
    ):
        try:
            attempt()
        except Exception as error:
            assert error.name == Error.InvalidName
    made.regentd.stop()
    assert "\x1b" not in made.regentd.log()
    assert not re.search(r"^regentd: err: forged", made.regentd.log(), re.MULTILINE)
