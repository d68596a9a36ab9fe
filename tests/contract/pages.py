# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages: as DocBook, as built, and as a reader sees them at 80 columns."""

import functools
import glob
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import project

WIDTH = 80


def docbook_path(name):
    """The DocBook of a page, such as regentd.conf; that of the interface is put together when the tree is built."""
    path = project.path("man", f"{name}.xml")
    return path if os.path.exists(path) else os.path.join(project.build_root(), "man", f"{name}.xml")


@functools.cache
def docbook(name):
    return ElementTree.parse(docbook_path(name)).getroot()


def names():
    """name: section, of every page that has a source."""
    sources = glob.glob(project.path("man", "*.xml")) + glob.glob(project.path("man", "*.xml.in"))
    found = {}
    for path in sources:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found[re.search(r"<refentrytitle>(.+?)<", text)[1]] = re.search(r"<manvolnum>(\d)<", text)[1]
    return found


def built(name):
    """The page that xmlto made of it."""
    path = os.path.join(project.build_root(), "man", f"{name}.{names()[name]}")
    assert os.path.exists(path), f"{path}: not built: is xmlto there, and -Dman not disabled?"
    return path


def man(*arguments):
    """What man prints for a page, and what it complains of."""
    result = subprocess.run(
        ["man", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "MANWIDTH": str(WIDTH), "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


@functools.cache
def rendered(name):
    return man("--local-file", built(name))[0]


def words(element):
    """The text in an element, as one line."""
    return " ".join("".join(element.itertext()).split())


def section(name, title):
    """The part of a page below a heading of the first level."""
    for part in docbook(name).iter("refsect1"):
        if part.findtext("title") == title:
            return part
    raise AssertionError(f"{name} has no section {title!r}")


def terms(element):
    """term: text of the items below an element; terms of one item have the same text."""
    found = {}
    for item in element.iter("varlistentry"):
        text = words(item.find("listitem"))
        found.update((words(term), text) for term in item.findall("term"))
    return found


def listings(name, role, tag="programlisting"):
    """The listings of a page that a test is to use: (id, text)."""
    return [
        (element.get("id"), element.text) for element in docbook(name).iter(tag) if element.get("role") == role
    ]
