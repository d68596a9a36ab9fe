# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has the regentd under test write state directories of its format: see README.md."""

import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), HERE]

# pylint: disable=wrong-import-position
from gi.repository import GLib
from old_store import look, without_revisions
from regent_testing.api import change
from regent_testing.stack import Stack

BOOT = "0123456789abcdef0123456789abcdef"
# Small, so that there are generations.
CONFIG = "[Store]\nCheckpointJournalBytes=64K\n"

VALUES = {
    "text": "Grüße, 世界",
    "empty": "",
    "blob": bytes(range(24)),
    "switch": True,
    "number": -5,
    "fraction": 2.5,
    "words": ["one", "two"],
    "byte": GLib.Variant("y", 7),
    "large": GLib.Variant("t", 2**64 - 1),
    "path": GLib.Variant("o", "/org/old"),
    "pair": GLib.Variant("(sx)", ("a", 1)),
    "map": GLib.Variant("a{sv}", {"inner": GLib.Variant("au", [1, 2, 3])}),
    "array.empty": GLib.Variant("a(ii)", []),
    "net/eth0/mtu": GLib.Variant("u", 1500),
}


def write(root):
    """Checkpoints, a last known good state, a Restore of it, and commits of every kind after that."""
    router = root.create("org.old.Router", owner=1000, group=1000, mode=0o640, quota_keys=500)
    router.apply(VALUES)
    desk = root.create("org.old.Desk", mode=0o644)
    desk.apply({"theme": "dark", "size": 11})
    for number in range(60):
        desk.set(f"filler/{number % 4}", f"{number} " + "x" * 4000)
    root.mark_good()
    desk.set("theme", "light")
    root.create("org.old.Gone").set("key", 1)
    root.restore()
    root.create("org.old.Later", mode=0o600).apply({"a": 1, "b": 2, "c": 3})
    desk.apply({"size": 12, "session": "lost at a reboot"}, classes={"session": "runtime"}, reason="both classes")
    root.apply_all({"org.old.Later": change({"d": 4}, ["b"]), "org.old.Desk": change({"font": "Serif"}, ["filler/3"])})
    desk.apply({"uptime": 1}, class_="runtime")
    root.ns("org.old.Later").set_access(mode=0o644)
    desk.apply({"module.option": 1}, class_="kernel", release="9.9.9-other")
    _, waiting = desk.apply({"size": 13}, confirm_timeout_usec=60_000_000)
    root.confirm(waiting["token"])
    root.remove("org.old.Later", 1)
    root.create("org.old.Later", mode=0o644).set("again", "yes")
    desk.set("last", "written before the end")


def main(directory):
    os.makedirs(directory)
    expected = {}
    with Stack(config=CONFIG, environ={"LD_PRELOAD": os.environ["REGENT_RECORDER"], "REGENT_BOOT": BOOT}) as stack:
        regentd = stack.regentd
        write(stack.root)
        for name, end in (("killed", regentd.kill), ("stopped", regentd.stop)):
            expected[name] = {"boot": BOOT, **look(stack.root)}
            end()
            assert any(file.startswith("checkpoint-") for file in os.listdir(regentd.state_dir))
            os.makedirs(os.path.join(directory, name))
            shutil.copytree(regentd.state_dir, os.path.join(directory, name, "state"))
            shutil.copytree(regentd.runtime_dir, os.path.join(directory, name, "runtime"))
            regentd.start()
        stack.root.restore()
        expected["good"] = without_revisions(look(stack.root)["namespaces"])
    with open(os.path.join(directory, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
