# SPDX-License-Identifier: LGPL-2.1-or-later
"""State directories that an older regentd left, and what is in them."""

import json
import os
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))


def unpack(directory, version=1):
    """The directories killed and stopped, each with state and runtime in it, and what make.py saw there."""
    with tarfile.open(os.path.join(HERE, f"format-{version}.tar.xz")) as archive:
        archive.extractall(directory)
    with open(os.path.join(HERE, f"format-{version}.json"), encoding="utf-8") as file:
        return json.load(file)


def look(root):
    """Everything there is, with all that is known of it; the same before and after, whatever wrote it."""
    found = {name: root.property(name) for name in ("Epoch", "Revision", "LastGoodRevision")}
    found["namespaces"] = {name: look_at(root.ns(name)) for name in root.list_namespaces()}
    return found


def look_at(space):
    seen = space.properties()
    access = {name: seen[name] for name in ("Owner", "Group", "Mode", "Revision", "Keys", "Usage")}
    entries = {}
    for key, value in space.everything().items():
        told = {name: thing.unpack() for name, thing in space.describe(key).items()}
        facts = ("class", "revision", "time", "writer")
        entries[key] = " ".join([value.print_(True)[:80], *[f"{fact}={told[fact]}" for fact in facts]])
    return {"access": access, "entries": entries}


def without_revisions(namespaces):
    """The part of look() that a Restore brings back."""
    return {
        name: {
            **{right: seen["access"][right] for right in ("Owner", "Group", "Mode")},
            "entries": {key: entry.partition(" revision=")[0] for key, entry in seen["entries"].items()},
        }
        for name, seen in namespaces.items()
    }
