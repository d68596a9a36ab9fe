# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs of a real regentd under real clients, recorded for the explorer."""

import os
import shutil
import uuid

from kill_loop import KillLoop
from regent_testing import environment, names
from regent_testing.api import RegentError, change
from regent_testing.stack import Stack
from regent_testing.waiting import retry_until

NAMESPACES = ["org.crash.One", "org.crash.Two", "org.crash.Three"]
# Writers come to an end when a disk fails.
TOLERATED = ["Error.OutcomeUnknown", "Error.ReadOnly"]
# A small journal, so that there are checkpoints under load.
CONFIG = "[Store]\nCheckpointJournalBytes=64K\n"


def built(name):
    """A program or library made of this directory, beside the regentd under test."""
    return os.path.join(os.path.dirname(environment.regentd_program()), "..", "tests", "crash", name)


class Recording:
    """A Stack whose regentd is recorded from its first start on. Use as a context manager."""

    def __init__(self, directory, seed=1, preload=(), config=CONFIG, given=None, first=None, **environ):
        """preload: planted bugs. given: a directory with state and runtime of a regentd before, and its boot.
        first: called with this before the writers come. environ: REGENT_RECORD_… of recorder.c, by the rest of the name.
        """
        self.trace = os.path.join(directory, "trace")
        self._seed = seed
        self._first = first
        self.stack = Stack(config=config, start=False)
        regentd = self.stack.regentd
        for path in (regentd.state_dir, regentd.runtime_dir):
            shutil.rmtree(path)
        if given:
            for part, path in (("state", regentd.state_dir), ("runtime", regentd.runtime_dir)):
                shutil.copytree(os.path.join(given[0], part), path)
            regentd.environ["REGENT_BOOT"] = given[1]
        regentd.environ.update(
            LD_PRELOAD=" ".join([built("crash-recorder.so"), *preload]),
            REGENT_RECORD=self.trace,
            REGENT_RECORD_STATE=regentd.state_dir,
            REGENT_RECORD_RUNTIME=regentd.runtime_dir,
            **{f"REGENT_RECORD_{name.upper()}": str(value) for name, value in environ.items()},
        )
        self.loop = None
        self._n_confirmed = self._n_come = 0

    def __enter__(self):
        self.stack.__enter__()
        try:
            self.stack.regentd.start()
            if self._first:
                self._first(self)
            self.loop = KillLoop(self.stack, NAMESPACES, self._seed, TOLERATED)
        except BaseException:
            self.stack.close(check=False)
            raise
        return self

    def __exit__(self, kind, *_):
        self.loop.close()
        self.stack.close(check=kind is None)

    def reboot(self):
        """A clean stop, a runtime directory that is gone, and another boot, of another kernel."""
        regentd = self.stack.regentd
        regentd.stop()
        shutil.rmtree(regentd.runtime_dir)
        regentd.environ["REGENT_BOOT"] = uuid.uuid4().hex
        regentd.environ["REGENT_RELEASE"] = "6.12.0-other"
        regentd.start()
        self.loop.forget_runtime()

    def write_until_unknown(self):
        """Until the outcome of a batch is not known; then regentd is stopped and started."""

        def stop():
            for writer in self.loop.writers:
                writer.wait_report()
            # It may say that it could not stop cleanly.
            self.stack.regentd.process.terminate()
            self.stack.regentd.wait_exit()
            del self.stack.regentd.environ["REGENT_RECORD_FAIL"]

        self.loop.round_until(stop)

    def write(self, n_writes):
        """Ends the run: nothing is started and compared any more."""
        self.loop.go()
        self.loop.let_them_write(n_writes)
        self.stack.regentd.stop()

    def write_and_kill(self, n_events):
        """regentd kills itself behind one of its changes of files, with everything under way."""
        regentd = self.stack.regentd
        regentd.environ["REGENT_RECORD_KILL"] = str(n_events)
        self.write_and_stop(1)
        del regentd.environ["REGENT_RECORD_KILL"]
        self.loop.round_until(lambda: regentd.wait_exit(-9))

    def write_and_stop(self, n_writes):
        """Ends with a clean stop and a start."""

        def stop():
            self.loop.let_them_write(n_writes)
            self.stack.regentd.stop()

        self.loop.round_until(stop)

    def write_and_flush(self, n_rounds, n_writes):
        """Ends with a clean stop and a start. In between it is asked how far the disk is, and to go on with it."""

        def stop():
            for n in range(n_rounds):
                self.loop.let_them_write(n_writes)
                if n % 3 == 2:
                    self.stack.root.property("DurableRevision")
                else:
                    self.stack.root.flush()
            self.stack.regentd.stop()

        self.loop.round_until(stop)

    def set_and_flush(self, n_rounds):
        """Alone: nothing but Flush brings anything to the disk."""
        space = self.stack.root.create("org.crash.Flushed")
        for n in range(n_rounds):
            for key in ("one", "two", "three"):
                space.apply({key: f"flushed {n} {key}"}, durability="lazy")
            self.stack.root.flush()

    def write_large(self, n_writes):
        """Faster than the journal can be filled with zeros ahead, several to a batch."""
        space = self.stack.root.create("org.crash.Large")
        texts = (f"large {n} " + chr(ord("a") + n % 26) * (70000 + 9001 * n) for n in range(n_writes))
        for pending in [space.start_set(f"key.{n % 3}", text) for n, text in enumerate(texts)]:
            pending.result()

    def write_until_healed(self):
        """A disk fails once, and the service goes on without a restart."""
        root, loop = self.stack.root, self.loop
        log = root.subscribe(interface=names.PROPERTIES, member="PropertiesChanged", path=names.ROOT_PATH)
        before = loop.revision
        loop.go()
        for writer in loop.writers:
            writer.wait_report()
        if root.property("State") != "running":
            log.wait_for(lambda signal: "State" in signal.changed
                         and signal.changed["State"].get_string() == "running", 30, "a disk that works again")
        log.close()
        highest = before
        for writer in loop.writers:
            highest = max(highest, loop.histories[writer.prefix].add(writer.report(), before))
        loop.compare(highest)
        del self.stack.regentd.environ["REGENT_RECORD_FAIL"]

    def mark_good(self):
        return self.stack.root.manager("MarkGood")[0].get_uint64()

    def restore(self):
        """Only behind a mark with nothing of the writers' in between: their histories do not know of it."""
        space = self.stack.root.create("org.crash.Restored")
        space.apply({"key": "restored: away", "other": "restored: away too"})
        self.stack.root.manager("Restore", "(st)", ("last-known-good", 0))

    def confirm(self, n_changes):
        """Changes that wait for a confirmation: confirmed, cancelled, undone by themselves, or left to wait."""
        root = self.stack.root
        space = root.ns("org.crash.Waiting")
        if space.name not in root.list_namespaces():
            root.create(space.name)
        for _ in range(n_changes):
            self._confirm_one(space)

    def _confirm_one(self, space):
        number = self._n_confirmed = self._n_confirmed + 1
        root, kind = self.stack.root, number % 6
        place = f"left.{number % 50}" if kind == 4 else f"key.{number % 3}"
        texts = {f"{place}.{part}": f"waits: {number} {part} " + "x" * (97 * number % 700) for part in "abc"}
        classes = {key: ("runtime", "persistent")[(number + index) % 2] for index, key in enumerate(texts)}
        gone = [key for key in space.keys() if key.startswith(f"{place}.") and key.endswith("d")]
        texts.update({} if gone else {f"{place}.d": f"waits: {number} d"})
        try:
            revision, result = space.apply(
                texts, gone, classes=classes, confirm_timeout_usec=20000 if kind == 2 else 3600000000
            )
        except RegentError as error:
            if error.name != names.Error.Busy:
                raise
            for left in root.pending_changes():
                root.cancel(str(left))
            return
        if kind in (0, 5):
            root.confirm(result["token"])
        elif kind == 1:
            root.cancel(result["token"])
        elif kind == 2:
            retry_until(lambda: revision not in root.pending_changes(), 20, "a change to be undone")
        elif kind == 3:
            space.set("other", f"waits: beside {number}")
            root.cancel(str(revision))

    def confirm_and_stop(self, n_changes):
        """While the writers write. Ends with a clean stop and a start."""

        def stop():
            self.confirm(n_changes)
            self.stack.regentd.stop()

        self.loop.round_until(stop)

    def confirm_and_kill(self, n_events):
        """regentd kills itself behind one of its changes of files, while changes are made and confirmed."""
        regentd = self.stack.regentd
        regentd.environ["REGENT_RECORD_KILL"] = str(n_events)
        self.write_and_stop(1)
        del regentd.environ["REGENT_RECORD_KILL"]

        def end():
            try:
                self.confirm(1000)
            except RegentError as error:
                assert error.name.endswith(("NoReply", "ServiceUnknown", "NameHasNoOwner")), error
            regentd.wait_exit(-9)

        self.loop.round_until(end)

    def come_and_go(self, n_clients):
        """Connections with entries of class session, some of which others take over or make persistent."""
        root = self.stack.root
        space = root.ns("org.crash.Sessions")
        if space.name not in root.list_namespaces():
            root.create(space.name)
        stays = self.stack.client()
        for _ in range(n_clients):
            number = self._n_come = self._n_come + 1
            client = self.stack.client()
            texts = {f"key.{(number + part) % 7}": f"session: {number} {part} " + "x" * (89 * number % 900) for part in range(3)}
            space.seen_by(client).apply(texts, class_="session")
            taken = f"key.{number % 7}"
            if number % 3 == 0:
                space.seen_by(stays).apply({taken: f"session: {number} taken"}, class_="session")
            elif number % 3 == 1:
                space.apply({taken: f"session: {number} replaced", "beside": f"session: {number}"}, classes={"beside": "runtime"})
            client.close()
        stays.close()

    def come_and_stop(self, n_clients):
        """While the writers write. Ends with a clean stop and a start."""

        def stop():
            self.come_and_go(n_clients)
            self.stack.regentd.stop()

        self.loop.round_until(stop)

    def come_and_kill(self, n_events):
        """regentd kills itself behind one of its changes of files, while connections come and go."""
        regentd = self.stack.regentd
        regentd.environ["REGENT_RECORD_KILL"] = str(n_events)
        self.write_and_stop(1)
        del regentd.environ["REGENT_RECORD_KILL"]

        def end():
            try:
                self.come_and_go(1000)
            except RegentError as error:
                assert error.name.endswith(("NoReply", "ServiceUnknown", "NameHasNoOwner")), error
            regentd.wait_exit(-9)

        self.loop.round_until(end)

    def be_refused(self):
        """Requests that change nothing, and some that do, between them."""
        root = self.stack.root
        space = root.create("org.crash.Refused")
        revision = space.set("key", "refused: the first")
        refusals = [
            lambda: root.create("org.crash.Refused"),
            lambda: space.delete("absent"),
            lambda: space.apply({"key": "refused: only new"}, flags=2),
            lambda: space.apply({"other": "refused: only what is there"}, flags=4),
            lambda: space.apply({"key": "refused: expected other"}, expect={"key": revision + 1}),
            lambda: root.apply_all(
                {
                    "org.crash.Refused": change({"key": "refused: with a wrong one"}),
                    "org.crash.One": change({"w9.key": "refused: expects"}, expect={"w9.key": revision}),
                }
            ),
            lambda: root.remove("org.crash.Refused"),
        ]
        for refused in refusals:
            try:
                refused()
            except RegentError as error:
                assert error.name.startswith(names.Error._own), error
            else:
                raise AssertionError("something was to be refused and was not")
            space.set("key", f"refused: {len(refusals)} {refused}")
        space.apply({"key": "refused: a dry run"}, flags=1)
        space.set_access(mode=0o600)
        space.apply({"runtime": "refused: no", "key": "refused: neither"}, class_="runtime")
        root.remove("org.crash.Refused", flags=1)
