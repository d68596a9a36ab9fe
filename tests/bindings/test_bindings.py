# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router in each language, with nothing but the binding and the interfaces in dbus/."""

import pytest
from regent_testing.router_cases import RouterCases, program_fixture, space  # pylint: disable=unused-import

pytestmark = pytest.mark.timeout(180)  # a compiler may be slow

PROGRAMS = {
    "dasbus/router.py": {"modules": ["dasbus"]},
    "dbus-next/router.py": {"modules": ["dbus_next"]},
    "dbus-python/router.py": {"modules": ["dbus"]},
    "gdbus-codegen/router.c": {"commands": ["gcc", "gdbus-codegen"], "libraries": ["gio-unix-2.0"]},
    "gi/router.py": {"modules": ["gi"]},
    "gjs/router.js": {"commands": ["gjs"]},
    "qt/router.cpp": {"commands": ["g++", "moc", "qdbusxml2cpp"], "libraries": ["Qt5DBus"]},
    "sdbus-c++/router.cpp": {"commands": ["g++", "sdbus-c++-xml2cpp"], "libraries": ["sdbus-c++"]},
}
program = program_fixture("bindings", PROGRAMS)


class TestBindings(RouterCases):
    pass
