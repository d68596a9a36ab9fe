# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentd under test."""

import os
import re
import shlex
import signal
import subprocess

from . import channel, environment
from .client import Client
from .names import BUS_NAME
from .waiting import wait_exit

# A sanitizer's report must show in the exit status, also one that comes at the very end.
# What is freed is kept back in bounds that tests of memory can live with.
_SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:strict_string_checks=1:abort_on_error=0:quarantine_size_mb=16",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
    "LSAN_OPTIONS": "exitcode=99",
    "TSAN_OPTIONS": "exitcode=99",
}


class Regentd:
    """One regentd on one bus, with a state directory that outlives its restarts.

    user: None runs it as the tests run; a name runs it as that user.
    config: text of a configuration file, given with --config; None gives an empty one, so that the machine's own
    settings do not matter; False gives no --config.
    wrapper: a command that ends by executing the one after it. stderr: a file for it instead of the log.
    namespaces: {name: text} of files of namespaces.d; False gives no --namespaces-dir.
    """

    def __init__(
        self, bus, directory, options=(), user=None, config=None, environ=None, wrapper=(), stderr=None,
        namespaces=None,
    ):  # fmt: skip
        self.bus = bus
        self.directory = environment.make_shared_directory(directory)
        self.state_dir = os.path.join(directory, "state")
        self.runtime_dir = os.path.join(directory, "run")
        self.config_path = os.path.join(directory, "regentd.conf")
        self.namespaces_dir = os.path.join(directory, "namespaces.d")
        self.log_path = os.path.join(directory, "regentd.log")
        self.options = list(options)
        self.user = user
        self.environ = dict(environ or {})
        self.wrapper = list(wrapper)
        self.stderr = stderr
        self.process = None
        self.name = None  # the unique name
        self._has_config = config is not False
        self._client = None
        for path in (self.state_dir, self.runtime_dir):
            environment.make_shared_directory(path, user)
        if self._has_config:
            self.write_config(config or "")
        self._has_namespaces = namespaces is not False
        environment.make_shared_directory(self.namespaces_dir)
        for name, text in (namespaces or {}).items():
            self.declare(name, text)

    def write_config(self, text):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(channel.config_like(text) if channel.is_transport() else text)

    def declare(self, name, text):
        """Writes NAME.conf, replacing it whole, and returns its path; text None takes it away."""
        path = os.path.join(self.namespaces_dir, name + ".conf")
        if text is None:
            os.unlink(path)
            return path
        with open(path + "~", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + "~", path)
        return path

    def command(self):
        command = self.wrapper + shlex.split(os.environ.get("REGENTD_WRAPPER", ""))
        program = environment.regentd_program()
        command.append(environment.reachable(program) if self.user else program)
        command += ["--state-dir=" + self.state_dir, "--runtime-dir=" + self.runtime_dir]
        if self._has_config:
            command.append("--config=" + self.config_path)
        if self._has_namespaces:
            command.append("--namespaces-dir=" + self.namespaces_dir)
        return command + self.options

    def spawn(self):
        """Starts the process and does not wait for anything."""
        assert not self.is_running(), "regentd runs already"
        identity = {}
        if self.user is not None:
            uid, gid, groups = environment.ids_of(self.user)
            identity = {"user": uid, "group": gid, "extra_groups": groups}
        environ = {
            **os.environ,
            **_SANITIZERS,
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "G_DEBUG": "fatal-warnings",
            **self.environ,
        }
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"):
            if name not in self.environ:
                environ.pop(name, None)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log if self.stderr is None else self.stderr,
                env=environ,
                cwd="/",
                start_new_session=True,
                **identity,
            )
        return self

    def start(self, seconds=30):
        """Starts it and returns when it owns its name."""
        client = self._bus_client()
        previous = client.name_owner(BUS_NAME)
        self.spawn()
        self.wait_ready(previous, seconds)
        return self

    def wait_ready(self, previous=None, seconds=30):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(
                    f"regentd ended with {self.process.returncode} at its start:\n{self.log()}"
                )

        pidfd = os.pidfd_open(self.process.pid)
        try:
            self.name = self._bus_client().wait_name(
                BUS_NAME, seconds, other_than=previous, look=look, fds=[pidfd]
            )
        finally:
            os.close(pidfd)

    def _bus_client(self):
        if self._client is None or self._client.connection.is_closed():
            self._client = Client(self.bus.address)
        return self._client

    def stop(self, signal_number=signal.SIGTERM, seconds=30):
        """A clean stop. Anything but status 0 fails, and so does a sanitizer's report."""
        self.process.send_signal(signal_number)
        self.wait_exit(0, seconds)

    def wait_exit(self, expected=None, seconds=30):
        status = wait_exit(self.process, seconds, "regentd to end")
        self.process = None
        report = self.sanitizer_report()
        assert not report, report
        if expected is not None:
            assert status == expected, f"regentd ended with {status}:\n{self.log()}"
        return status

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        wait_exit(self.process, 30, "regentd to be killed")
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """At the end of a test: stops it when it still runs, and never leaves it behind."""
        try:
            if self.is_running():
                self.process.send_signal(signal.SIGCONT)
                self.stop()
            elif self.process is not None:
                raise AssertionError(
                    f"regentd ended by itself with {self.process.returncode}:\n{self.log()}"
                )
        finally:
            if self.is_running():
                self.process.kill()
                self.process.wait()
            if self._client is not None:
                self._client.close()
                self._client = None

    def ignore_how_it_ended(self):
        """Takes it down, whatever became of it."""
        if self.is_running():
            self.process.terminate()
            wait_exit(self.process, 30, "regentd to end")
        self.process = None

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def check_running(self):
        assert self.is_running(), f"regentd is gone:\n{self.log()}"

    def log(self, tail=20000):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()[-tail:]
        except FileNotFoundError:
            return ""

    def sanitizer_report(self):
        """A sanitizer's report in the log, or an empty string."""
        log = self.log(200000)
        found = re.search(r"^.*(ERROR: \w+Sanitizer|runtime error:)", log, re.MULTILINE)
        return log[found.start() :] if found else ""

    def memory_kib(self, field="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(rf"^{field}:\s+(\d+) kB", file.read(), re.MULTILINE).group(1))

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


