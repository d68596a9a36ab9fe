# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl under test: run to its end, kept running, or on a terminal of its own."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios

from regent_testing import environment
from regent_testing.waiting import SLOWNESS, Deadline, Late, wait_exit, wait_readable

DONE, DIFFERS, USAGE, NOT_FOUND, DENIED, CONFLICT, REFUSED, INVALID = range(8)
TIMEOUT, UNREACHABLE, OUTCOME_UNKNOWN, OTHER = 8, 9, 10, 11
INTERRUPTED = 130

_SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
    "LSAN_OPTIONS": "exitcode=99",
}


def program():
    """The regentctl under test."""
    return environment.regentctl_program()


class Result:
    def __init__(self, status, out, err):
        self.status, self.out_bytes, self.err_bytes = status, out, err

    @property
    def out(self):
        return self.out_bytes.decode("utf-8", errors="surrogateescape")

    @property
    def err(self):
        return self.err_bytes.decode("utf-8", errors="surrogateescape")

    @property
    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out[:4000]}\n--- stderr\n{self.err[:4000]}"


class Regentctl:
    """Runs regentctl against one bus.

    user: by name, with that user's groups. environ: added to a small environment without the machine's settings;
    None as a value takes a name out.
    """

    def __init__(self, bus, user=None, environ=None, options=()):
        self.bus = bus
        self.user = user
        self.options = list(options)
        self._environ = dict(environ or {})

    def with_(self, user=None, environ=None, options=()):
        """The same with something changed."""
        return Regentctl(
            self.bus, user or self.user, {**self._environ, **(environ or {})}, self.options + list(options)
        )

    def environ(self):
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "xterm",
            "SYSTEMD_PAGER": "",
            "G_DEBUG": "fatal-warnings",
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "REGENTD": environment.regentd_program(),
            **_SANITIZERS,
            **self._environ,
        }
        return {name: text for name, text in environ.items() if text is not None}

    def command(self, *arguments):
        path = environment.reachable(program()) if self.user else program()
        return [path, *self.options, *arguments]

    def _identity(self):
        if self.user is None:
            return {}
        uid, gid, groups = environment.ids_of(self.user)
        return {"user": uid, "group": gid, "extra_groups": groups}

    def start(self, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        """A process that runs; see Running for one that is read line by line."""
        return subprocess.Popen(
            self.command(*arguments), stdin=stdin, stdout=stdout, stderr=stderr, env=self.environ(),
            cwd="/", **self._identity(),
        )  # fmt: skip

    def run(self, *arguments, stdin=None, seconds=30):
        """Runs to the end, whatever the status."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        process = self.start(*arguments, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=seconds * SLOWNESS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise Late(f"not within {seconds} s: {arguments}") from error
        return Result(process.returncode, out, err)

    def __call__(self, *arguments, status=DONE, stdin=None, seconds=30):
        """Runs to the end and fails when the status is another than this."""
        result = self.run(*arguments, stdin=stdin, seconds=seconds)
        assert result.status == status, f"{arguments}: expected status {status}, {result}"
        return result

    def json(self, *arguments, status=DONE, stdin=None, mode="short"):
        """What it prints in JSON mode, parsed; one document."""
        result = self(*arguments, "--json=" + mode, status=status, stdin=stdin)
        assert not result.err, result
        return json.loads(result.out)

    def failure(self, *arguments, status, stdin=None):
        """The error document of a run that must fail, after a look at what people get."""
        text = self(*arguments, status=status, stdin=stdin)
        assert text.err.startswith("regentctl: "), text
        document = self(*arguments, "--json=short", status=status, stdin=stdin)
        assert not document.out, document
        return json.loads(document.err)["error"]

    def watch(self, *arguments):
        return Running(self.start(*arguments, stderr=subprocess.STDOUT))

    def terminal(self, *arguments, columns=80, rows=24, stdout=None):
        return Terminal(self, arguments, columns, rows, stdout)


class Running:
    """A process whose output is read while it runs. A context manager: nothing is left behind."""

    def __init__(self, process, fd=None):
        self.process = process
        self.output = ""
        self._fd = process.stdout.fileno() if fd is None else fd
        self._is_ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, deadline, what):
        wait_readable(self._fd, deadline.left(), f"{what} in:\n{self.output}")
        try:
            part = os.read(self._fd, 65536)
        except OSError:  # a terminal without its other end
            part = b""
        self._is_ended = not part
        self.output += part.decode(errors="replace")
        return not self._is_ended

    def expect(self, pattern, seconds=20):
        """The match of a pattern in what came so far; what stands up to its end is gone for the next call."""
        deadline = Deadline(seconds)
        while True:
            found = re.search(pattern, self.output, re.MULTILINE)
            if found:
                self.output = self.output[found.end() :]
                return found
            assert self._read(deadline, repr(pattern)), f"ended before {pattern!r} came:\n{self.output}"

    def line(self, seconds=20):
        return self.expect(r"^.*\n", seconds).group(0).rstrip("\r\n")

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def finish(self, status=DONE, seconds=20):
        """Reads to the end and returns all that was not expected yet."""
        deadline = Deadline(seconds)
        while not self._is_ended and self._read(deadline, "the end"):
            pass
        ended = wait_exit(self.process, max(1, deadline.left()), "the end of regentctl")
        assert ended == status, f"expected status {status}, got {ended}:\n{self.output}"
        return self.output

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()


class Terminal(Running):
    """regentctl with a terminal of its own as controlling terminal, standard input, output and error."""

    def __init__(self, ctl, arguments, columns, rows, stdout):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if ctl.user:
            os.fchown(slave, environment.ids_of(ctl.user)[0], -1)
        process = subprocess.Popen(
            ctl.command(*arguments), stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave,
            env=ctl.environ(), cwd="/", start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **ctl._identity(),
        )  # fmt: skip
        os.close(slave)
        super().__init__(process, self._master)

    def type(self, text):
        os.write(self._master, text.encode())

    def finish(self, status=DONE, seconds=20):
        return super().finish(status, seconds).replace("\r\n", "\n")

    def close(self):
        super().close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
