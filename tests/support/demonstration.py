#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Regent's main job on real input, told as it happens: ./dev run

Runs the tour of the README and holds its output against what is printed there. Then
stores this machine's own `sysctl -a` as typed values over a private system bus, changes some of it as users who may
and as one who may not, shows what gdbus monitor saw, kills regentd with SIGKILL in the middle of writes, starts it
again and compares everything that was acknowledged. Ends by itself; not with 0 when anything differed.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "crash")]

# pylint: disable=wrong-import-position
from gi.repository import GLib
from history import Broken
from kill_loop import KillLoop
from regent_testing import environment, polkit
from regent_testing.api import RegentError, change
from regent_testing.console import Shell, examples
from regent_testing.names import PROPERTIES, USERS, Error
from regent_testing.revive import revived
from regent_testing.stack import Stack
from regent_testing.tool import gdbus_monitor

TOP = "org.example.sysctl"
N_KILLS = 10
DAVE_MAY = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.regentd.state1.write" && action.lookup("namespace") == "%s.vm" &&
        subject.isInGroup("netadmins"))
        return polkit.Result.YES;
});
"""


class Teller:
    """Prints what is done, what came of it, and keeps the figures for the end."""

    def __init__(self):
        self._is_plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
        self._width = min(100, shutil.get_terminal_size((100, 24)).columns)
        self.n_wrong = 0
        self.figures = []

    def _style(self, code, text):
        return text if self._is_plain else f"\033[{code}m{text}\033[0m"

    def chapter(self, title):
        print("\n" + self._style("1", title), flush=True)

    def did(self, text):
        self._point(self._style("32", "ok"), text)

    def check(self, is_right, text, otherwise=""):
        if is_right:
            self.did(text)
        else:
            self.n_wrong += 1
            self._point(self._style("1;31", "WRONG"), f"{text}: {otherwise}")

    def left_out(self, text):
        self._point(self._style("33", "left out"), text)

    def quote(self, text):
        print(self._style("2", textwrap.indent(text, "       | ")), flush=True)

    def figure(self, name, value, unit, remark=""):
        self.figures.append((name, value, unit, remark))

    def _point(self, mark, text):
        lines = textwrap.wrap(text, self._width - 8) or [""]
        print(f"  {mark}  " + "\n       ".join(lines), flush=True)

    def summary(self):
        self.chapter("Measured")
        for name, value, unit, remark in self.figures:
            print(f"  {name:<46}{value:>12} {unit:<6} {self._style('2', remark)}".rstrip())
        print()
        if self.n_wrong:
            print(self._style("1;31", f"{self.n_wrong} things were not as they should be."))
        else:
            print(self._style("1;32", "Everything was as it should be."))


def typed(text):
    """A sysctl value with its type: a number, a list of numbers, or text."""
    words = text.split()
    if words and all(re.fullmatch(r"-?\d{1,20}", word) for word in words):
        numbers = [int(word) for word in words]
        kind = "x" if all(-(2**63) <= n < 2**63 for n in numbers) else "t"
        if kind == "x" or all(0 <= n < 2**64 for n in numbers):
            return GLib.Variant(kind, numbers[0]) if len(numbers) == 1 else GLib.Variant("a" + kind, numbers)
    return GLib.Variant("s", text)


def read_sysctl():
    """{namespace: {key: value}} of `sysctl -a`, a namespace for each first part of the names."""
    program = shutil.which("sysctl", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    done = subprocess.run([program, "-a"], capture_output=True, check=False)
    texts = collections.OrderedDict()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, found, text = line.partition(" =")
        if found and "." in name:
            text = text.strip().replace("\0", "")
            texts[name] = texts[name] + "\n" + text if name in texts else text
    state, n_odd = {}, 0
    for name, text in texts.items():
        top, _, key = name.partition(".")
        if re.fullmatch(r"[A-Za-z_]\w*", top) and re.fullmatch(r"[A-Za-z0-9._:/-]{1,255}", key):
            state.setdefault(f"{TOP}.{top}", {})[key] = typed(text)
        else:
            n_odd += 1
    return state, n_odd


class Demonstration:
    def __init__(self, teller, stack):
        self.tell = teller
        self.stack = stack
        self.root = stack.root
        self.has_users = environment.in_sandbox()
        self.state = {}  # what must be there: {namespace: {key: value}}

    def run(self):
        self.tour()
        self.store()
        self.change()
        self.measure()
        self.kill()

    def n_values(self):
        return sum(len(values) for values in self.state.values())

    def tour(self):
        """The examples of the README, as a reader would paste them."""
        self.tell.chapter("The tour of README.md: regentctl and the tools of the bus")
        if not self.has_users:
            self.tell.left_out("it needs a group of the sandbox: " + environment.without_sandbox())
            return
        with open(os.path.join(environment.source_root(), "README.md"), encoding="utf-8") as file:
            tour = examples(file.read())
        with revived(self.stack.regentd), Shell(self.stack) as shell:
            wrong = [example.command for example in tour if not self.shown(shell, example)]
        self.tell.check(not wrong, f"{len(tour)} commands printed what README.md says", "; ".join(wrong))
        self.stack.regentd.start()

    def shown(self, shell, example):
        output = shell.run(example.command)
        self.tell.quote(f"$ {example.command}".replace("\n", "\n> ") + ("\n" + output.rstrip("\n") if output else ""))
        return example.is_met_by(output)

    def store(self):
        self.tell.chapter("Store this machine's sysctl -a")
        self.state, n_odd = read_sysctl()
        kinds = collections.Counter(
            value.get_type_string() for values in self.state.values() for value in values.values()
        )
        odd = f", {n_odd} left out whose name is no key" if n_odd else ""
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        self.tell.did(f"read {self.n_values()} values in {len(self.state)} groups by type: {counted}{odd}")
        access = {"owner": USERS["alice"][0], "group": USERS["bob"][2][0]} if self.has_users else {}
        for name in self.state:
            self.root.create(name, mode=0o664, **access)
        self.tell.did("a namespace a group: " + ", ".join(sorted(self.state)))
        start = time.monotonic()
        for changes in self.commits():
            self.root.apply_all(changes, reason="the machine's own sysctl")
        seconds = time.monotonic() - start
        self.tell.figure("store all values, durable", f"{seconds * 1000:.1f}", "ms", "up to 4000 keys a commit")
        self.compare("all of them read back with the same types and bits")

    def commits(self):
        """All values as changes of Manager.Apply, as many to a commit as it takes."""
        flat = [(name, key, value) for name, values in self.state.items() for key, value in values.items()]
        for at in range(0, len(flat), 4000):
            part = {}
            for name, key, value in flat[at : at + 4000]:
                part.setdefault(name, {})[key] = value
            yield {name: change(values) for name, values in part.items()}

    def compare(self, text):
        wrong = []
        for name, values in self.state.items():
            found = self.root.ns(name).everything()
            wrong += [f"{name} {key}" for key in {*values, *found} if not same(values.get(key), found.get(key))]
        self.tell.check(not wrong, f"{text}: {self.n_values()} values", ", ".join(sorted(wrong)[:5]) + " differ")

    def change(self):
        self.tell.chapter("Change some, as those who may and as one who may not")
        name = f"{TOP}.vm" if f"{TOP}.vm" in self.state else sorted(self.state)[0]
        vm = self.root.ns(name)
        listening = self.root.create(f"{TOP}_measure.listening")
        with gdbus_monitor(self.stack.bus, listening) as monitor:
            if self.has_users:
                self.change_as_users(vm)
            else:
                self.tell.left_out("changes by other users: " + environment.without_sandbox())
                self.write_as("you", vm, "demonstration.by", "you")
            vm.set("demonstration.end", True)
            self.state[name]["demonstration.end"] = GLib.Variant("b", True)
            monitor.expect("demonstration.end")
            seen = [line for line in monitor.output.splitlines() if line.startswith(vm.path + ":")]
        self.root.remove(listening.name, 1)
        for written in ("alice", "bob") if self.has_users else ("you",):
            self.tell.check(any(f"<'{written}'>" in line for line in seen), f"gdbus monitor saw what {written} wrote")
        if self.has_users:
            has_carol = any("<'carol'>" in line for line in seen)
            self.tell.check(not has_carol, "and nothing of what carol tried", "it saw that")
        self.tell.quote("\n".join(line.replace(f"{PROPERTIES}.", "") for line in seen))
        self.compare("nothing else has changed")

    def write_as(self, user, space, key, text):
        space.set(key, text)
        self.state[space.name][key] = GLib.Variant("s", text)
        self.tell.did(f"{user} set {key} in {space.name}")

    def change_as_users(self, vm):
        alice, bob, carol, dave = (self.stack.user(user) for user in ("alice", "bob", "carol", "dave"))
        self.write_as("alice, the owner,", vm.seen_by(alice), "demonstration.by", "alice")
        self.write_as("bob, of the group operators,", vm.seen_by(bob), "demonstration.by", "bob")
        for what, attempt in (
            ("Set", lambda: vm.seen_by(carol).set("demonstration.by", "carol")),
            ("Apply", lambda: vm.seen_by(carol).apply({"demonstration.by": "carol"}, ["demonstration.end"])),
            ("RemoveNamespace", lambda: carol.remove(vm.name, 1)),
        ):
            self.refuse("carol, a stranger,", what, attempt)
        self.refuse("dave, a stranger too,", "Set", lambda: vm.seen_by(dave).set("demonstration.polkit", "dave"))
        self.stack.polkitd.set_rules(DAVE_MAY % TOP)
        self.tell.did(f"a polkit rule lets the group netadmins write {vm.name}")
        self.write_as("dave, who is in it,", vm.seen_by(dave), "demonstration.polkit", "dave")
        other = f"{TOP}.kernel"
        if other in self.state:
            self.refuse("dave", f"Set in {other}", lambda: dave.ns(other).set("demonstration.polkit", "dave"))

    def refuse(self, user, what, attempt):
        try:
            attempt()
        except RegentError as error:
            denied = error.name in (Error.AccessDenied, Error.InteractiveAuthorizationRequired)
            self.tell.check(denied, f"{user} was refused {what}: {error.name.rpartition('.')[2]}", str(error))
        else:
            self.tell.check(False, f"{user} was to be refused {what}", "it was done")

    def measure(self):
        self.tell.chapter("One client, one call after the other, from Python")
        space = self.root.create(f"{TOP}_measure.one")
        value = "x" * 32
        space.set("key", value)
        calls = {
            "Peer.Ping": self.root.ping,
            "Get, 32 bytes": lambda: space.get("key"),
        }
        numbers = iter(range(1 << 30))
        calls["Set, 32 bytes, durable"] = lambda: space.set("key", f"{next(numbers):032}")
        for name, call in calls.items():
            times = []
            for _ in range(1000):
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
            median = sorted(times)[len(times) // 2]
            self.tell.figure(name, f"{median * 1e6:.0f}", "us", "median round trip; see also ./dev bench")
        self.root.remove(space.name, 1)
        self.tell.did("1000 round trips each of Ping, Get and Set")

    def kill(self):
        self.tell.chapter(f"Kill regentd {N_KILLS} times in the middle of writes")
        loop = KillLoop(self.stack, [f"{TOP}_load.one", f"{TOP}_load.two", f"{TOP}_load.three"], time.time_ns())
        restarts = []
        try:
            for _ in range(N_KILLS):
                loop.round(may_kill_twice=False)
                restarts.append(loop.restart_seconds)
            self.tell.did(
                f"{len(loop.writers)} processes had {loop.n_acknowledged} writes acknowledged, single keys and commits"
                f" over up to 3 namespaces; {loop.n_cut_off} were cut off by SIGKILL"
            )
            self.tell.did("every acknowledged one is whole, and nothing is there that was never sent")
        except Broken as error:
            self.tell.check(False, "what was acknowledged is there", str(error))
        finally:
            loop.close()
        self.compare("and the sysctl values are still as they were")
        if restarts:
            longest = f"{1000 * max(restarts):.0f}"
            self.tell.figure("start after SIGKILL, until on the bus", longest, "ms", f"the longest of {len(restarts)}")
        self.tell.figure("regentd's resident memory", f"{self.stack.regentd.memory_kib()}", "KiB")
        self.tell.figure("writes acknowledged between kills", f"{loop.n_acknowledged}", "")
        self.stack.regentd.restart()
        self.compare("after a clean stop and start, too")


def same(one, other):
    return (
        one is not None
        and other is not None
        and one.get_type_string() == other.get_type_string()
        and one.get_data_as_bytes().get_data() == other.get_data_as_bytes().get_data()
    )


def main():
    tell = Teller()
    has_users = environment.in_sandbox()
    has_polkit = polkit.why_not() is None
    tell.chapter("Start a private system bus, polkitd and regentd")
    stack = Stack(polkit=has_polkit, user="regent" if has_users else None, start=False)
    with stack:
        start = time.monotonic()
        stack.regentd.start()
        stack.root.ping()
        tell.figure("first start, until its first answer", f"{(time.monotonic() - start) * 1000:.0f}", "ms")
        tell.did(f"bus at {stack.bus.address}")
        tell.did(f"state in {stack.regentd.state_dir}, removed at the end")
        if not has_polkit:
            tell.left_out("polkitd: " + polkit.why_not())
        Demonstration(tell, stack).run()
    tell.summary()
    return 1 if tell.n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
