# SPDX-License-Identifier: LGPL-2.1-or-later
"""What code generators write from dbus/, and from a namespace on the bus, compiles without a warning."""

import os
import shlex

import pytest
from gi.repository import GLib
from regent_testing import environment, router
from regent_testing.router_cases import OWNER, require, space  # pylint: disable=unused-import
from regent_testing.tool import run

pytestmark = pytest.mark.timeout(180)  # a compiler may be slow

INTERFACES = ("Manager", "Namespace", "Values", "Participant")
CODEGEN = "gdbus-codegen --generate-c-code=code --interface-prefix=org.regentd.State1. --c-namespace=Regent {xml}"
SDBUS = "sdbus-c++-xml2cpp {xml} --proxy=code.h"
QT = "qdbusxml2cpp -m -p code {xml} && moc -o code.moc code.h"

# generator: what it needs, what generates code.h, and what compiles it
GENERATORS = {
    "gdbus-codegen": (
        {"commands": ["gcc", "gdbus-codegen"], "libraries": ["gio-unix-2.0"]},
        CODEGEN + " && gcc -Wall -Werror -c code.c $(pkg-config --cflags gio-2.0 gio-unix-2.0)",
    ),
    "sdbus-c++-xml2cpp": (
        {"commands": ["g++", "sdbus-c++-xml2cpp"], "libraries": ["sdbus-c++"]},
        SDBUS + " && echo '#include \"code.h\"' | g++ -std=c++17 -Wall -Werror -c -x c++ -I . -o code.o -",
    ),
    "qdbusxml2cpp": (
        {"commands": ["g++", "moc", "qdbusxml2cpp"], "libraries": ["Qt5DBus"]},
        QT + " && g++ -fPIC -Wall -Werror -c code.cpp $(pkg-config --cflags Qt5DBus)",
    ),
}


@pytest.fixture
def compiled(service, tmp_path):
    """Generates code from XML and compiles it; returns the text of the header."""

    def compile_(generator, xml):
        needs, command = GENERATORS[generator]
        require(**needs)
        command = command.format(xml=shlex.quote(str(xml)))
        said = run(service.bus, "sh", "-ec", f"cd {shlex.quote(str(tmp_path))}\n{command}", seconds=240)
        assert "warning" not in said.lower()
        return (tmp_path / "code.h").read_text()

    return compile_


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("interface", INTERFACES)
def test_documented_interface(compiled, generator, interface):
    xml = os.path.join(environment.source_root(), "dbus", f"org.regentd.State1.{interface}.xml")
    assert interface in compiled(generator, xml)


# Not qdbusxml2cpp: what it needs to know of each a{sv} is in the files, and not in what a service can say of itself.
@pytest.mark.parametrize("generator", ["gdbus-codegen", "sdbus-c++-xml2cpp"])
def test_namespace_with_odd_keys(compiled, generator, space, tmp_path):
    """Keys that are no member names are left out; those that mean something in the language do no harm."""
    xml = tmp_path / "live.xml"
    xml.write_text(space.introspect())

    header = compiled(generator, xml)

    assert "enabled" in header
    assert "odd" not in header
    assert "1num" not in header


def test_typed_properties(service, space, sandbox):
    """A program made from the namespace itself: reads, writes, and is told of, its own typed properties."""
    require(**GENERATORS["gdbus-codegen"][0])
    space.apply({"mtu": GLib.Variant("u", 1400), "status": "stopped"})
    log = space.watch_values()
    directory = environment.make_scratch()
    try:
        program = router.Program("bindings/gdbus-codegen/typed.c", directory).build(service.bus)
        with router.Running(service.bus, program, OWNER) as running:
            running.expect("mtu is 1400\n")
            log.wait_for(lambda signal: signal.changed.get("status") == GLib.Variant("s", "running"))
            space.set("mtu", GLib.Variant("u", 1280))
            running.expect("mtu is now 1280\n")
            space.set("enabled", False)

            assert running.end() == 0, running.output
            assert running.output == "mtu is 1400\nmtu is now 1280\n"
    finally:
        environment.remove_scratch(directory)
