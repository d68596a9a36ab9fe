# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private system bus: the stock dbus-daemon and system.conf, and the tree's own bus policy on top."""

import os
import re
import shutil
import subprocess

from . import environment
from .names import BUS_NAME
from .waiting import wait_exit, wait_readable

STOCK_CONFIG = "/usr/share/dbus-1/system.conf"
DOCTYPE = (
    '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"\n'
    ' "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
)


class DBusDaemon:
    """Listens on one socket in its own directory and nowhere else.

    limits: names and values of <limit> elements to raise or lower. policy: XML at the end of its configuration.
    """

    def __init__(self, directory, limits=None, policy=""):
        self.directory = environment.make_shared_directory(directory)
        self.limits = dict(limits or {})
        self.policy = policy
        self.socket = os.path.join(self.directory, "bus")
        self.address = "unix:path=" + self.socket
        self.log_path = os.path.join(self.directory, "dbus-daemon.log")
        self.process = None

    def start(self):
        config = os.path.join(self.directory, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self._config())
        if os.path.lexists(self.socket):
            os.unlink(self.socket)
        read_end, write_end = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    "dbus-daemon",
                    "--config-file=" + config,
                    "--address=" + self.address,
                    "--nofork",
                    "--nopidfile",
                    "--nosyslog",
                    f"--print-address={write_end}",
                ],
                pass_fds=[write_end],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(write_end)
        try:
            wait_readable(read_end, 10, "dbus-daemon to listen")
            if not os.read(read_end, 4096):
                raise RuntimeError("dbus-daemon did not start:\n" + self.log())
        finally:
            os.close(read_end)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            wait_exit(self.process, 10, "dbus-daemon to end")
        self.process = None

    def kill(self):
        self.process.kill()
        wait_exit(self.process, 10, "dbus-daemon to be killed")
        self.process = None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _config(self):
        policy = os.path.join(self.directory, BUS_NAME + ".conf")
        shutil.copyfile(os.path.join(environment.source_root(), "dbus", BUS_NAME + ".conf"), policy)
        parts = [DOCTYPE, "<busconfig>\n"]
        parts.append(f"  <include>{self._stock_config()}</include>\n")
        parts.append(f'  <include>{policy}</include>\n')
        if os.geteuid() != 0:
            owner = f'<policy user="{os.geteuid()}"><allow own="{BUS_NAME}"/></policy>'
            parts.append(f"  {owner}\n")
        for name, value in self.limits.items():
            parts.append(f'  <limit name="{name}">{value}</limit>\n')
        parts.append(self.policy + "</busconfig>\n")
        return "".join(parts)

    def _stock_config(self):
        """The stock file; without root a copy of it that does not ask to become the user messagebus."""
        if environment.is_root():
            return STOCK_CONFIG
        with open(STOCK_CONFIG, encoding="utf-8") as file:
            text = re.sub(r"<user>[^<]*</user>", "", file.read())
        text = text.replace(
            "<includedir>system.d", f"<includedir>{os.path.dirname(STOCK_CONFIG)}/system.d"
        )
        copy = os.path.join(self.directory, "stock.conf")
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text)
        return copy
