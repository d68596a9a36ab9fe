# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a start tells of damage: each file that is damaged, once, and what is left of the state."""

import glob
import os
import re
import shutil

NAME = "org.example.Told"


def spoil(path, offset=20):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"XXXXXXXX")


def told(made):
    """The files that the log calls damaged, below the state directory."""
    found = re.findall(rf"{re.escape(made.regentd.state_dir)}/(\S+): [^\n]*kept in", made.regentd.log())
    return sorted(found)


def start_over(made):
    """Two generations, and a copy with the name of the newest checkpoint."""
    ns = made.root.create(NAME)
    ns.set("a", 1)
    made.regentd.stop()
    made.regentd.start()
    made.root.mark_good()
    made.regentd.kill()
    return ns


def files(made, *patterns):
    directory = made.regentd.state_dir
    return sorted(
        os.path.relpath(path, directory)
        for pattern in patterns
        for path in glob.glob(os.path.join(directory, pattern))
    )


def test_copy_of_the_same_name_is_told_of_too(stack):
    made = stack()
    start_over(made)
    (copy,) = files(made, "last-known-good/*")
    assert os.path.basename(copy) in files(made, "checkpoint-*")
    damaged = files(made, "last-known-good/*", "checkpoint-*", "journal-*")
    for path in damaged:
        spoil(os.path.join(made.regentd.state_dir, path))
    made.regentd.start()
    assert told(made) == damaged
    assert made.root.property("LoadedFrom") == "nothing"
    assert made.root.property("State") == "degraded"


def test_nothing_left_is_called_nothing(stack):
    made = stack()
    made.root.create(NAME).set("a", 1)
    made.regentd.kill()
    spoil(os.path.join(made.regentd.state_dir, "journal-0"))
    made.regentd.start()
    assert made.root.list_namespaces() == []
    assert made.root.property("State") == "degraded"
    assert made.root.property("LoadedFrom") == "nothing"
    assert "loaded from nothing" in made.regentd.log()


def test_missing_manifest_with_all_journals_is_called_a_journal(stack):
    made = stack()
    ns = made.root.create(NAME)
    ns.set("a", 1)
    made.regentd.kill()
    os.unlink(os.path.join(made.regentd.state_dir, "MANIFEST"))
    made.regentd.start()
    assert ns.get("a").unpack() == 1
    assert made.root.property("State") == "degraded"
    assert made.root.property("LoadedFrom") == "journal"


def test_whole_manifest_is_not_blamed_for_a_copy(stack):
    """A crash between a checkpoint and the manifest that names it, and then the copy that was restored is damaged."""
    made = stack()
    ns = made.root.create(NAME)
    ns.set("a", 1)
    made.root.mark_good()
    ns.set("a", 2)
    made.root.restore()
    ns.set("a", 3)
    made.regentd.kill()
    directory = made.regentd.state_dir
    before = directory + ".before"
    shutil.copytree(directory, before)
    made.regentd.start()
    made.regentd.stop()
    (checkpoint,) = files(made, "checkpoint-*")
    shutil.copy2(os.path.join(directory, checkpoint), before)
    for name in files(made, "*"):
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            os.unlink(path)
    for name in os.listdir(before):
        path = os.path.join(before, name)
        if os.path.isfile(path):
            shutil.copy2(path, directory)
    (copy,) = files(made, "last-known-good/*")
    spoil(os.path.join(directory, copy))
    made.regentd.start()
    assert ns.get("a").unpack() == 3
    assert made.root.property("LoadedReason") == "a copy that was restored is damaged"
    assert told(made) == [copy]


def test_damaged_files_in_hundreds_fill_no_log(stack):
    made = stack()
    made.root.create(NAME).set("a", 1)
    made.regentd.kill()
    directory = made.regentd.state_dir
    spoil(os.path.join(directory, "journal-0"))
    for number in range(1000, 1200):
        shutil.copy(os.path.join(directory, "journal-0"), os.path.join(directory, f"journal-{number}"))
    made.regentd.start()
    # What the start is about, ten more, and how many others there are.
    assert len(told(made)) == 11
    assert f"{directory}: 190 more files are damaged; " in made.regentd.log()
