# SPDX-License-Identifier: LGPL-2.1-or-later
"""The systems that are compared, each started on a scratch directory as its package has it.

A service has `where`, which is what its clients are told, `environ` for them, and is filled by a client of its own
unless it `is_filled`.
"""

import ctypes
import fcntl
import glob
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from regent_testing.bus import DBusDaemon
from regent_testing.service import Regentd
from regent_testing.waiting import wait_exit, wait_readable

BRANCHES = 47  # as in peer-dconf.c and peer-xfconf.c
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter_own_network():
    """A loopback of our own: ports and abstract sockets are not those of the machine. False where that may not be."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request + b"\0" * 14)[:18])[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP) + b"\0" * 14)
    return True


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


class Service:
    """In process: there is a directory, and nothing to start."""

    is_filled = False
    filler = None  # bench-peer-NAME that fills it, where that is of another name
    programs = ()  # that it needs, or patterns

    @classmethod
    def is_installed(cls):
        return all(any(shutil.which(name) for name in glob.glob(program) or [program]) for program in cls.programs)

    def __init__(self, directory, n_keys, value_bytes, build_programs):
        self.directory = directory
        self.build_programs = build_programs
        self.n_keys = n_keys
        self.value_bytes = value_bytes
        self.where = directory
        self.environ = {}
        self.processes = []

    def start(self):
        os.makedirs(self.directory, exist_ok=True)

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def spawn(self, command, environ=None, **more):
        with open(os.path.join(self.directory, "service.log"), "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environ or {})},
                cwd=self.directory,
                start_new_session=True,
                **more,
            )
        self.processes.append(process)
        return process


class Regent(Service):
    """regentd on a private system bus, with the limits that 100,000 values of 4 KiB need."""

    CONFIG = "[Limits]\nNamespaceBytesMax=1G\nViewMemoryMax=4G\n"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.bus_directory = tempfile.mkdtemp(prefix="regent-bench-")  # short enough for a socket
        self.bus = self.regentd = self.memory_directory = None

    def start(self):
        super().start()
        self.bus = DBusDaemon(self.bus_directory).start()
        self.regentd = Regentd(self.bus, self.directory, config=self.CONFIG)
        # In memory, as /run is. The state directory is on the disk.
        self.memory_directory = self.regentd.runtime_dir = tempfile.mkdtemp(prefix="regent-bench-", dir="/dev/shm")
        self.regentd.start()
        self.where = self.bus.address

    def stop(self):
        try:
            if self.regentd and self.regentd.is_running():
                self.regentd.kill()
            if self.regentd:
                self.regentd.close()
        finally:
            if self.bus:
                self.bus.stop()
            for path in filter(None, (self.bus_directory, self.memory_directory)):
                shutil.rmtree(path, ignore_errors=True)


class BareService(Service):
    """What answers like regentd and does nothing, on a socket of its own."""

    is_filled = True
    filler = "regent"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.short = tempfile.mkdtemp(prefix="regent-bench-")
        self.where = os.path.join(self.short, "socket")

    def start(self):
        super().start()
        self.spawn([os.path.join(self.build_programs, "bench-bare-service"), self.where])

    def stop(self):
        super().stop()
        shutil.rmtree(self.short, ignore_errors=True)


class SessionService(Service):
    """Below a private session bus, which starts the service when the first client calls it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.short = tempfile.mkdtemp(prefix="regent-bench-")

    def start(self):
        super().start()
        runtime, config = (os.path.join(self.directory, name) for name in ("run", "config"))
        for path in (runtime, config):
            os.makedirs(path, mode=0o700)
        address = f"unix:path={self.short}/session"
        self.environ = {
            "XDG_RUNTIME_DIR": runtime,
            "XDG_CONFIG_HOME": config,
            "XDG_CACHE_HOME": os.path.join(self.directory, "cache"),
            "DBUS_SESSION_BUS_ADDRESS": address,
        }
        self.prepare(config)
        read_end, write_end = os.pipe()
        self.spawn(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--address=" + address,
             f"--print-address={write_end}"],
            self.environ, pass_fds=[write_end],
        )  # fmt: skip
        os.close(write_end)
        try:
            wait_readable(read_end, 10, "dbus-daemon to listen")
        finally:
            os.close(read_end)

    def prepare(self, config):
        pass

    def stop(self):
        super().stop()
        shutil.rmtree(self.short, ignore_errors=True)


class Dconf(SessionService):
    programs = ("/usr/libexec/dconf-service",)


class Xfconf(SessionService):
    """Its file is written before it starts: setting one key after the other would take minutes."""

    is_filled = True
    programs = ("/usr/lib/*/xfce4/xfconf/xfconfd",)

    def prepare(self, config):
        path = os.path.join(config, "xfce4", "xfconf", "xfce-perchannel-xml")
        os.makedirs(path)
        with open(os.path.join(path, "bench.xml"), "w", encoding="ascii") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n<channel name="bench" version="1.0">\n')
            file.write('<property name="bench" type="empty">\n')
            for first in range(min(BRANCHES, self.n_keys)):
                file.write(f'<property name="{first}" type="empty">\n')
                for second in range(BRANCHES):
                    begin = first + second * BRANCHES
                    if begin < self.n_keys:
                        file.write(f'<property name="{second}" type="empty">\n')
                        for index in range(begin, self.n_keys, BRANCHES * BRANCHES):
                            value = f"{0:016x}{index:016x}".ljust(self.value_bytes, "v")
                            name = f"key-{index // BRANCHES // BRANCHES}"
                            file.write(f'<property name="{name}" type="string" value="{value}"/>\n')
                        file.write("</property>\n")
                file.write("</property>\n")
            file.write("</property>\n</channel>\n")


class Corosync(Service):
    """One node on loopback, at the priority that everyone else has."""

    programs = ("corosync",)
    CONFIG = """
totem {{
  version: 2
  cluster_name: bench
  transport: udpu
}}
nodelist {{
  node {{
    ring0_addr: 127.0.0.1
    nodeid: 1
  }}
}}
logging {{
  to_stderr: no
  to_syslog: no
  to_logfile: yes
  logfile: {directory}/corosync.log
}}
system {{
  sched_rr: no
  state_dir: {directory}
}}
"""

    def start(self):
        super().start()
        path = os.path.join(self.directory, "corosync.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.CONFIG.format(directory=self.directory))
        self.spawn(["corosync", "-f", "-c", path])


class Etcd(Service):
    """A single node. Its quota is raised: it keeps every version of 100,000 values of 4 KiB."""

    programs = ("etcd",)

    def start(self):
        super().start()
        client, peer = free_port(), free_port()
        self.where = f"127.0.0.1:{client}"
        self.spawn(
            ["etcd", "--data-dir", os.path.join(self.directory, "data"), "--log-level", "error",
             "--quota-backend-bytes", str(4 << 30),
             "--listen-client-urls", f"http://{self.where}", "--advertise-client-urls", f"http://{self.where}",
             "--listen-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
        )  # fmt: skip
