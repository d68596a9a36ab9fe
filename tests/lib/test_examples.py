# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example programs of libregent, built as their first comment says against what meson installs, and run."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from gi.repository import GLib

from regent_testing import environment
from regent_testing.api import RegentError
from regent_testing.tool import environment_of
from regent_testing.waiting import Deadline, wait_exit, wait_readable

ROUTER = "org.example.Router"
EXAMPLES = os.path.join(environment.source_root(), "tests", "examples", "libregent")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    destination = str(tmp_path_factory.mktemp("destination"))
    build = os.path.dirname(os.path.dirname(environment.regentd_program()))
    subprocess.run(
        ["meson", "install", "--no-rebuild", "--quiet", "--destdir", destination, "-C", build],
        check=True, timeout=Deadline(120).seconds,
    )  # fmt: skip
    return destination


def find(directory, name):
    (found,) = [os.path.join(place, name) for place, _, names in os.walk(directory) if name in names]
    return found


def command_of(source):
    with open(source, encoding="utf-8") as file:
        text = file.read().replace("\\\n *", "")
    return re.search(r"^ \* \$ (cc .*)$", text, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def build(installed, tmp_path_factory):
    """Builds an example by its own command or another, with pkg-config looking into what is installed."""
    directory = tmp_path_factory.mktemp("examples")
    pkg_config_dir = os.path.dirname(find(installed, "regent.pc"))
    environ = {
        **os.environ, "PKG_CONFIG_SYSROOT_DIR": installed, "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
        "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1", "PKG_CONFIG_PATH": pkg_config_dir,
    }  # fmt: skip

    def make(name, command=None):
        source = os.path.join(EXAMPLES, f"{name}.c")
        command = command or command_of(source)
        # pkg-config puts the sysroot before the paths of glib, too, of which there is nothing in it.
        command = command.replace(
            "$(pkg-config", "$(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --cflags --libs glib-2.0) $(pkg-config"
        )
        compiler = f"{os.environ['LIB_CC']} -Wall -Wextra -Werror -D_GNU_SOURCE {os.environ.get('CFLAGS', '')} "
        command = command.replace("cc ", compiler, 1)
        command = command.replace(f"{name}.c", source)
        subprocess.run(command, shell=True, cwd=directory, env=environ, check=True, timeout=Deadline(60).seconds)
        return os.path.join(directory, name)

    return make


@pytest.fixture
def start(service, installed):
    """Starts a program that finds the library."""
    processes = []

    def begin(program, stack=service):
        library = os.path.dirname(find(installed, "libregent.so.0"))
        process = subprocess.Popen(
            [program], env={**environment_of(stack.bus), "LD_LIBRARY_PATH": library, "G_DEBUG": "fatal-warnings"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def own(stack):
    return stack()


def run(process, given=""):
    output, _ = process.communicate(given, timeout=Deadline(30).seconds)
    return process.returncode, output


@pytest.fixture
def space(root):
    space = root.create(ROUTER)
    yield space
    root.remove(ROUTER, flags=1)


def test_every_example_is_run_here():
    built = set()
    for name in ("test_examples.py", "test_router.py"):
        with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
            built |= set(re.findall(r'build\("(\w+)"\)', file.read()))

    assert {f"{name}.c" for name in built} == {name for name in os.listdir(EXAMPLES) if name.endswith(".c")}


def test_settings(build, start, space):
    program = build("settings")
    status, output = run(start(program))
    assert status == 0
    assert re.fullmatch(r"mtu is not set\nset at revision \d+\nmtu is 1500\nkey mtu\n", output)

    status, output = run(start(program))
    assert status == 0 and output.startswith("mtu is 1500\n")


def test_command_of_the_manual_page(build):
    page = os.path.join(environment.source_root(), "man", "libregent.xml.in")
    with open(page, encoding="utf-8") as file:
        text = re.sub(r"<\?.*?\?>", "", file.read().split("?>", 1)[1])
    synopsis = ElementTree.fromstring(text).findtext("refsynopsisdiv/synopsis")
    (command,) = re.findall(r"^cc .*$", synopsis, re.MULTILINE)

    build("settings", command.replace("program", "settings"))


def test_settings_without_a_namespace(build, start):
    status, output = run(start(build("settings")))

    assert status == 1 and output.startswith("org.regentd.State1.Error.NoSuchNamespace: ")


def test_change(build, start, space):
    space.set("obsolete", 1)
    program = build("change")

    status, output = run(start(program))
    assert status == 0 and re.fullmatch(r"defaults written at revision \d+, keys: 2\n", output)
    assert space.keys() == ["mtu", "peers"]
    assert run(start(program)) == (0, "settings found\n")


def test_async(build, start, space):
    status, output = run(start(build("async")))

    revisions = [int(each) for each in re.findall(r"counted at revision (\d+)\n", output)]
    assert status == 0 and len(revisions) == 10 and revisions == sorted(revisions)
    assert space.get("count").unpack() == 9


def test_loop(build, start, space):
    space.set("mtu", 1500)
    process = start(build("loop"))
    output = ""
    for key, expected in (("mtu\n", "1500"), ("nothing\n", "There is no key 'nothing'")):
        process.stdin.write(key)
        process.stdin.flush()
        while expected not in output:
            wait_readable(process.stdout.fileno(), Deadline(20).left(), f"{expected} in {output}")
            output += os.read(process.stdout.fileno(), 4096).decode()
    process.stdin.close()

    assert wait_exit(process, 20, "the example to end") == 0


def until(process, expected):
    output = ""
    while expected not in output:
        wait_readable(process.stdout.fileno(), Deadline(20).left(), f"{expected} in {output}")
        output += os.read(process.stdout.fileno(), 4096).decode()
    return output


def test_watch(build, start, root):
    process = start(build("watch"))
    until(process, "no settings\n")
    space = root.create(ROUTER)
    until(process, "settings:\n")
    space.set("mtu", 1500)
    assert until(process, "1500") == "mtu is 1500\n"
    space.delete("mtu")
    assert until(process, "any more\n") == "mtu is not set any more\n"
    root.remove(ROUTER, flags=1)
    assert until(process, "\n") == "no settings\n"


def test_participate(build, start, space):
    process = start(build("participate"))
    until(process, "mtu 0 in effect\n")
    space.set("mtu", GLib.Variant("u", 1500))
    until(process, "mtu 1500 in effect\n")
    with pytest.raises(RegentError, match="The hardware does 9000 at most"):
        space.set("mtu", GLib.Variant("u", 9001))
    assert space.get("mtu").unpack() == 1500


def test_views(build, start, own):
    space = own.root.create(ROUTER)
    space.apply({"peer/address": "fe80::1", "peer/port": GLib.Variant("q", 179)})
    process = start(build("views"), own)
    peer = "peer {'peer/address': <'fe80::1'>, 'peer/port': <uint16 179>}\n"
    assert until(process, "}\n") == "limit 1500, 8499 are larger\n" + peer
    space.set("mtu", GLib.Variant("u", 9000))
    assert until(process, "}\n") == "limit 9000, 999 are larger\n" + peer
    own.regentd.stop()
    assert until(process, "}\n") == "limit 9000 (stale), 999 are larger\n" + peer
    own.regentd.start()
    space.set("mtu", GLib.Variant("u", 0))
    assert until(process, "}\n") == "limit 0, 9999 are larger\n" + peer
    assert wait_exit(process, 20, "the example to end") == 0


def test_namespaces(build, start, root, space):
    status, output = run(start(build("spaces")))

    assert status == 0
    assert ROUTER in output.split("\n") and f"owner {os.getuid()}, mode 0600\nregentd is running\n" in output
    root.remove(ROUTER + ".Secrets", flags=1)
