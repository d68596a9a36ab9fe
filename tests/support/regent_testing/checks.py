# SPDX-License-Identifier: LGPL-2.1-or-later
"""Assertions that many tests share."""

import contextlib

import pytest

from .api import RegentError


class Refusal:
    """Filled when the block ends: the error's name and text."""

    name = None
    text = None


@contextlib.contextmanager
def refused(name, *fragments):
    """The block must raise this D-Bus error, with text that holds every fragment, in whatever case."""
    refusal = Refusal()
    with pytest.raises(RegentError) as caught:
        yield refusal
    refusal.name, refusal.text = caught.value.name, caught.value.text
    assert refusal.name == name, f"expected {name}, got {caught.value}"
    assert refusal.text.strip(), "an error without text"
    for fragment in fragments:
        assert str(fragment).lower() in refusal.text.lower(), f"{fragment!r} is not in {refusal.text!r}"


def snapshot(root, *spaces):
    """All that a refused call must leave as it was: revision, names, entries, access and usage."""
    return {
        "revision": root.revision(),
        "names": root.list_namespaces(),
        "entries": {space.name: _entries(space) for space in spaces},
        "properties": {space.name: space.properties() for space in spaces},
    }


def _entries(space):
    return {
        key: (value.get_type_string(), value.get_data_as_bytes().get_data(), space.describe(key))
        for key, value in space.everything().items()
    }


@contextlib.contextmanager
def nothing_changed(root, *spaces):
    """The block changes nothing and announces nothing. root must be a caller who sees all."""
    spaces = [space.seen_by(root) for space in spaces]
    before = snapshot(root, *spaces)
    logs = [space.watch_values() for space in spaces]
    yield
    after = snapshot(root, *spaces)
    root.settle()
    signals = [signal for log in logs for signal in log.items]
    for log in logs:
        log.close()
    assert after == before
    assert not signals, f"announced: {signals}"
