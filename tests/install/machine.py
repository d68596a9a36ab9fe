# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian system in a directory: entered with chroot, or booted with its own systemd in namespaces."""

import os
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 120  # that anything in the machine may take


class Failed(Exception):
    """A command in the machine ended with another status than 0."""


def boot_is_impossible():
    """The reason why no systemd can be booted here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if _cgroup2() is None:
        return "no control groups of version 2 are mounted"
    namespaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork"]
    tried = subprocess.run([*namespaces, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() or None


def _cgroup2():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, directory, kind, *_ = line.split()
            if kind == "cgroup2" and os.access(directory, os.W_OK):
                return directory
    return None


class Machine:
    def __init__(self, root, log_path):
        self.root = root
        self._log_path = log_path
        self._process = None
        self._init = None
        self._cgroup = None

    def path(self, path):
        return self.root + path

    def read(self, path):
        with open(self.path(path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def boot(self):
        """Starts systemd and returns when it has started everything."""
        self._cgroup = os.path.join(_cgroup2(), f"regent-test-{os.getpid()}")
        os.mkdir(self._cgroup)
        notify_path = self.path("/notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(notify_path)
            try:
                with open(self._log_path, "ab") as log:
                    self._process = subprocess.Popen(
                        ["setpriv", "--pdeathsig", "KILL", os.path.join(HERE, "boot"), self.root],
                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                        preexec_fn=self._enter_cgroup,
                    )  # fmt: skip
                self._wait_ready(notify)
            finally:
                os.unlink(notify_path)
        self._init = self._find_init()

    def _find_init(self):
        """The one child of unshare(1); None when that has none."""
        pid = self._process.pid
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                children = file.read().split()
        except FileNotFoundError:
            children = []
        return int(children[0]) if children else None

    def _enter_cgroup(self):
        with open(os.path.join(self._cgroup, "cgroup.procs"), "w", encoding="utf-8") as file:
            file.write("0")

    def _wait_ready(self, notify):
        deadline = time.monotonic() + SECONDS
        while True:
            notify.settimeout(max(deadline - time.monotonic(), 0.001))
            if b"READY=1" in notify.recv(65536).splitlines():
                return

    def power_off(self):
        """An orderly shutdown."""
        os.kill(self._init, signal.SIGRTMIN + 4)
        self._process.wait(SECONDS)
        self._clear()

    def close(self):
        """Ends it, whatever state it is in."""
        if self._process is not None:
            # Everything else of its namespaces goes before the init does, and that before its parent.
            if (init := self._find_init()) is not None:
                os.kill(init, signal.SIGKILL)
            else:
                self._process.kill()
            self._process.wait(SECONDS)
            self._clear()

    def _clear(self):
        self._process = self._init = None
        for directory, _, _ in os.walk(self._cgroup, topdown=False):
            os.rmdir(directory)

    def is_booted(self):
        return self._init is not None

    def start(self, *command, user=None, **how):
        """A command in the machine, as a process whose output can be read."""
        if user:
            command = ("runuser", "-u", user, "--", *command)
        if self.is_booted():
            enter = ["nsenter", f"--target={self._init}", "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]
        else:
            enter = ["chroot", self.root]
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.Popen(
            [*enter, *command], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **how,
        )  # fmt: skip

    def attempt(self, *command, user=None):
        """Status and output of a command."""
        process = self.start(*command, user=user)
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return process.returncode, output.strip()

    def run(self, *command, user=None):
        """The output of a command that must succeed."""
        status, output = self.attempt(*command, user=user)
        if status != 0:
            raise Failed(f"{' '.join(command)}: status {status}\n{output}")
        return output
