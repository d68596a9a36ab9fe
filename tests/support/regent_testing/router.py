# SPDX-License-Identifier: LGPL-2.1-or-later
"""The routers of tests/bindings and tests/examples: one small daemon in many languages, for people to copy.

Each writes defaults in one commit unless there are settings already, reads mtu, writes status, follows what changes,
and ends when enabled becomes false. They are built with the commands that stand in their first comment.
"""

import os
import re
import shlex
import shutil
import subprocess

from . import environment
from .tool import Watched, environment_of, run
from .waiting import wait_exit

NAME = "org.example.Router"
INTERFACES = "/usr/share/dbus-1/interfaces"  # where the programs take them to be
# Keys that are no names in one language or another, or names that mean something there.
ODD_KEYS = ("net.ipv4/odd-key", "1num", "with-dash", "a:b", "class", "self", "Get", "PropertiesChanged")
INTERPRETERS = {".py": ["/usr/bin/python3", "-u"], ".js": ["gjs"], ".sh": ["bash"]}


class Program:
    """A source file below tests/, made ready in a directory of its own, where other users can run it."""

    def __init__(self, source, directory):
        self.source = os.path.join(environment.source_root(), "tests", source)
        self.directory = environment.make_shared_directory(directory)
        self.suffix = os.path.splitext(source)[1]
        self.name = os.path.basename(source)
        with open(self.source, encoding="utf-8") as file:
            self._text = file.read()

    def build(self, bus):
        """Copies the source and runs the commands of its first comment."""
        self._copy()
        for command in self.commands():
            command = re.sub(r"^(gcc|g\+\+) ", r"\1 -Wall -Werror ", command)
            run(bus, "sh", "-ec", f"cd {shlex.quote(self.directory)}\n{command}", seconds=240)
        return self

    def commands(self):
        """The lines after "$ ", each with those that go on with it."""
        commands = re.findall(r"^ ?(?:\*|//|/\*) \$ ((?:.*\\\n)*.*)$", self._text, re.MULTILINE)
        commands = [re.sub(r"\\\n ?(\*|//) *", "", command) for command in commands]
        return [command.replace(INTERFACES, self.directory) for command in commands]

    def argv(self):
        return [*INTERPRETERS.get(self.suffix, []), self._path(self.name if self._is_script() else "router")]

    def _is_script(self):
        return self.suffix in INTERPRETERS

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _copy(self):
        interfaces = os.path.join(environment.source_root(), "dbus")
        for name in os.listdir(interfaces):
            if name.endswith(".xml"):
                shutil.copy(os.path.join(interfaces, name), self.directory)
        text = self._text.replace(INTERFACES, self.directory) if self._is_script() else self._text
        with open(self._path(self.name), "w", encoding="utf-8") as file:
            file.write(text)


class Running(Watched):
    """A program that runs as a user, with its output unbuffered."""

    def __init__(self, bus, program, user):
        uid, gid, _ = environment.ids_of(user)
        super().__init__(
            bus, "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--",
            "stdbuf", "-oL", *program.argv(), env={"HOME": "/nonexistent", "PATH": environment.programs_path()},
        )  # fmt: skip

    def end(self, seconds=20):
        """Waits until it ends by itself; returns its status."""
        status = wait_exit(self._process, seconds, "a router to end")
        self.output += self._process.stdout.read().decode(errors="replace")
        return status


def missing(commands=(), libraries=(), modules=()):
    """What of this the machine does not have, as one line, or None."""
    absent = [name for name in commands if not shutil.which(name)]
    absent += [name for name in libraries if subprocess.call(["pkg-config", "--exists", name])]
    for name in modules:
        if subprocess.call(["/usr/bin/python3", "-c", f"import {name}"], stderr=subprocess.DEVNULL):
            absent.append(f"python module {name}")
    return "not here: " + ", ".join(absent) if absent else None
