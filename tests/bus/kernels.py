# SPDX-License-Identifier: LGPL-2.1-or-later
"""A regentd on a kernel of the test's choice, and what is seen there."""

import pytest
from regent_testing import machine

A, B, C = "6.1.0-18-amd64", "6.6.13+bpo-amd64", "6.12.0-rc1_custom~x"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return machine.build(tmp_path_factory.mktemp("preload"))


@pytest.fixture
def made(stack, library):
    """regentd on kernel A."""
    return stack(environ=machine.environ(library, A))


@pytest.fixture
def ns(made):
    return made.root.create("org.example.Router")


def plain(values):
    return {key: v.unpack() for key, v in values.items()}


def seen(ns):
    return plain(ns.everything())


def of(ns, release, **given):
    return plain(ns.get_many(release=release, **given)[0])


def entries(ns, **given):
    return {key: v.unpack() for key, v in ns.get_many(form="entries", **given)[0].items()}


# what is announced


def signals_of(ns, log):
    ns.caller.settle()
    found = [(plain(dict_of(s)), s.parameters.unpack()[2]) for s in log.items]
    log.items.clear()
    return found


def dict_of(signal):
    from regent_testing.api import mapping

    return mapping(signal.parameters.get_child_value(1))
