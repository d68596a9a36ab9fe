# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson installs is where a system looks for it, and what one file says of another is so."""

import configparser
import os
import re
import stat
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import project
from regent_testing import environment
from regent_testing.names import BUS_NAME, MANAGER, ROOT_PATH


class Unit(configparser.RawConfigParser):
    """A unit or activation file. Of a setting given twice the last is kept; all(…) has every one."""

    def __init__(self, path):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str
        self.read(path, encoding="utf-8")
        with open(path, encoding="utf-8") as file:
            self._text = file.read()

    def all(self, name):
        """The words of every line that gives this setting."""
        return " ".join(re.findall(rf"^{name}=(.*)$", self._text, re.MULTILINE)).split()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A directory into which the project is installed, and the paths in it: {base name: path without it}."""
    destination = str(tmp_path_factory.mktemp("destination"))
    project.run(
        "meson", "install", "--no-rebuild", "--quiet", "--destdir", destination,
        "-C", project.build_root(),
    )  # fmt: skip
    files = {}
    for directory, _, names in os.walk(destination):
        for name in names:
            files[name] = os.path.join(directory, name).removeprefix(destination)
    return destination, files


@pytest.fixture
def unit(installed):
    destination, files = installed
    return Unit(destination + files["regentd.service"])


@pytest.fixture
def activation(installed):
    destination, files = installed
    return Unit(destination + files[BUS_NAME + ".service"])


def test_files_are_where_a_system_looks(installed):
    _, files = installed

    for name, directory in {
        "org.regentd.State1.conf": "/share/dbus-1/system.d",
        "org.regentd.State1.service": "/share/dbus-1/system-services",
        "org.regentd.State1.Manager.xml": "/share/dbus-1/interfaces",
        "org.regentd.State1.Namespace.xml": "/share/dbus-1/interfaces",
        "org.regentd.State1.Values.xml": "/share/dbus-1/interfaces",
        "org.regentd.state1.policy": "/share/polkit-1/actions",
        "50-regent-example.rules": "/share/doc/regent/examples",
        "regentd.service": "/systemd/system",
        "regent-boot-good.service": "/systemd/system",
        "regent.conf": "/sysusers.d",
        "regentd.conf": "/etc/regent",
        "regentd": "/libexec/regent",
        "regent-store": "/libexec/regent",
        "README.md": "/share/doc/regent",
        "SECURITY.md": "/share/doc/regent",
        "NEWS.md": "/share/doc/regent",
        "org.example.Router.conf": "/share/doc/regent/examples",
        "regent-names.h": "/include/regent",
        "regent-view.h": "/include/regent",
        "regent.h": "/include/regent",
        "regent.pc": "/pkgconfig",
        "regent_get.3": "/share/man/man3",
    }.items():
        assert os.path.dirname(files[name]).endswith(directory), name


def test_directories_for_declared_namespaces_are_there_and_empty(installed):
    destination, _ = installed
    found = []
    for directory, directories, names in os.walk(destination):
        if os.path.basename(directory) == "namespaces.d":
            assert (directories, names) == ([], [])
            assert stat.S_IMODE(os.stat(directory).st_mode) == 0o755
            found.append(directory.removeprefix(destination))

    assert sorted(path.removeprefix(prefix(installed)) for path in found) == [
        "/etc/regent/namespaces.d", "/lib/regent/namespaces.d"
    ]  # fmt: skip


def prefix(installed):
    return installed[1]["regentd"].removesuffix("/libexec/regent/regentd")


def test_no_rule_of_polkit_is_made_active(installed):
    assert not [path for path in installed[1].values() if "rules.d" in path]


def test_state_and_its_directories_are_made_by_the_unit_alone(installed):
    assert not [path for path in installed[1].values() if path.startswith(("/var", "/run"))]
    assert not [path for path in installed[1].values() if "tmpfiles.d" in path]


def test_data_files_are_readable_and_no_more(installed):
    destination, files = installed

    for path in files.values():
        mode = stat.S_IMODE(os.stat(destination + path).st_mode)
        assert mode == (0o755 if is_program(path) else 0o644), path


def is_program(path):
    return "/libexec/" in path or "/bin/" in path


def test_nothing_is_left_to_be_filled_in(installed):
    destination, files = installed

    for path in files.values():
        if not is_program(path) and ".so." not in path and not path.endswith(".so"):
            with open(destination + path, encoding="utf-8") as file:
                assert not re.search(r"@\w+@", file.read()), path


def test_example_of_a_declaration_is_right(installed):
    destination, files = installed

    project.run(environment.regentd_program(), f"--check-namespace={destination + files['org.example.Router.conf']}")


def test_unit_starts_the_program_that_is_installed(installed, unit):
    assert unit["Service"]["ExecStart"] == installed[1]["regentd"]


def test_unit_names_documents_that_are_installed(installed, unit):
    files = installed[1].values()
    addresses = unit.all("Documentation")
    pages = [address.removeprefix("man:") for address in addresses if address.startswith("man:")]

    assert pages and len(addresses) > len(pages)
    for address in addresses:
        if address.startswith("file:"):
            assert address.removeprefix("file:") in files
    if not [path for path in files if "/man/man" in path]:
        pytest.skip("configured without manual pages")
    for page in pages:
        name, section = re.fullmatch(r"(.+)\((\d)\)", page).groups()
        assert f"{prefix(installed)}/share/man/man{section}/{name}.{section}" in files


def test_unit_reloads_by_the_name_it_has(unit):
    """The command and its arguments, after what makes systemd run it as root."""
    timeout = unit["Service"]["TimeoutStartSec"]
    call = f"+busctl --timeout={timeout} call "
    assert unit["Service"]["ExecReload"].startswith(call), "systemd waits for it as long as for a start"
    name, path, interface, member = unit["Service"]["ExecReload"].removeprefix(call).split()

    assert name == unit["Service"]["BusName"]
    assert {name, path, interface} <= set(project.constants("REGENT_").values())
    assert member in {
        element.get("name") for element in project.documented_interfaces()[interface].findall("method")
    }


def test_unit_makes_nobody_wait_who_the_bus_waits_for(unit):
    """On Debian the bus comes after these: to wait for regentd would be to wait for ever."""
    assert unit["Unit"]["DefaultDependencies"] == "no"
    assert not set(unit.all("Before")) & {"sysinit.target", "basic.target", "sockets.target", "dbus.service"}
    assert "dbus.service" in unit.all("After")
    assert unit.all("Conflicts") == ["shutdown.target"] and "shutdown.target" in unit.all("Before")


def test_activation_starts_the_unit(unit, activation):
    service = activation["D-BUS Service"]

    assert service["Name"] == unit["Service"]["BusName"] == BUS_NAME
    assert service["SystemdService"] == unit["Install"]["Alias"] == f"dbus-{BUS_NAME}.service"


def test_user_of_the_unit_exists_and_is_the_one_whom_bus_and_polkit_know(installed, unit):
    destination, files = installed
    plan = subprocess.run(
        ["systemd-sysusers", "--dry-run", f"--root={destination}", destination + files["regent.conf"]],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert unit["Service"]["User"] == unit["Service"]["Group"] == "regent"
    assert "Creating user 'regent'" in plan.stderr
    assert users_of_the_policy(destination + files["org.regentd.State1.conf"]) == {"regent", "root"}
    assert owners_of_the_actions(destination + files["org.regentd.state1.policy"]) == {"unix-user:regent"}


def users_of_the_policy(path):
    return {policy.get("user") for policy in ElementTree.parse(path).iter("policy")} - {None}


def owners_of_the_actions(path):
    return {
        annotation.text
        for annotation in ElementTree.parse(path).iter("annotate")
        if annotation.get("key") == "org.freedesktop.policykit.owner"
    }


def test_policy_and_activation_are_about_the_name_of_the_unit(installed, unit):
    destination, files = installed
    rules = ElementTree.parse(destination + files["org.regentd.State1.conf"]).iter("allow")
    owned = {rule.get("own") for rule in rules} - {None}

    assert owned == {unit["Service"]["BusName"]}
    assert unit["Service"]["BusName"] + ".service" in files


def pkg_config(installed, *arguments):
    destination, files = installed
    environ = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(destination + files["regent.pc"])}
    return project.run("pkg-config", *arguments, "regent", env=environ).strip()


def test_pkg_config_names_what_is_installed(installed):
    destination, files = installed

    assert pkg_config(installed, "--variable=busname") == BUS_NAME
    assert pkg_config(installed, "--modversion") in project.run(environment.regentd_program(), "--version")
    assert files["regent-names.h"].startswith(pkg_config(installed, "--variable=includedir") + "/regent/")
    for variable in ("interfacesdir", "namespacesdir", "includedir", "prefix"):
        assert os.path.isdir(destination + pkg_config(installed, f"--variable={variable}")), variable
    for name in project.INTERFACES:
        directory = pkg_config(installed, "--variable=interfacesdir")
        assert f"{directory}/{project.PREFIX}.{name}.xml" in files.values()


def test_library_is_linked_by_its_name(installed):
    destination, files = installed
    directory = os.path.dirname(files["regent.pc"]).removesuffix("/pkgconfig")

    assert pkg_config(installed, "--variable=libdir") == directory
    assert "-lregent" in pkg_config(installed, "--libs").split()
    assert os.readlink(f"{destination}{directory}/libregent.so") == "libregent.so.0"
    assert os.readlink(f"{destination}{directory}/libregent.so.0") == os.path.basename(files["libregent.so.0.1.0"])


def test_client_compiles_with_what_pkg_config_says(installed, tmp_path):
    source = tmp_path / "client.c"
    headers = [name for name, path in installed[1].items() if path.endswith(f"/include/regent/{name}")]
    assert {"regent.h", "regent-view.h"} <= set(headers)
    source.write_text(
        "".join(f"#include <regent/{name}>\n" for name in sorted(headers)) + "const char *name = REGENT_BUS_NAME;\n"
    )
    environ = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": installed[0], "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
               "PKG_CONFIG_PATH": os.path.dirname(installed[0] + installed[1]["regent.pc"])}  # fmt: skip
    flags = project.run("pkg-config", "--cflags", "regent", env=environ).split()
    # The sysroot is put before the paths of glib, too, of which there is nothing in it.
    flags += project.run("pkg-config", "--cflags", "glib-2.0").split()

    project.run("cc", "-Wall", "-Werror", "-fsyntax-only", *flags, str(source))


def test_debian_package_has_the_version_of_the_project():
    version = re.search(r"version: '(.*?)'", project.read("meson.build"))[1]
    changelog = project.read("data", "debian", "changelog")

    assert re.match(r"regent \((.*?)-[^-)]*\) ", changelog)[1] == version
    assert f"regent-{version}/" in project.read("data", "debian", "README.source")
    assert f"regent_{version}.orig.tar.gz" in project.read("data", "debian", "README.source")


def test_directories_of_the_unit_are_the_defaults_of_the_program(unit):
    text = project.run(environment.regentd_program(), "--help")

    assert f"/var/lib/{unit['Service']['StateDirectory']}" in text
    assert f"/run/{unit['Service']['RuntimeDirectory']}" in text
    assert unit["Service"]["StateDirectoryMode"] == "0700"
    assert unit["Service"]["RuntimeDirectoryPreserve"] == "yes"


def test_watchdog_wakes_regentd_at_most_once_in_30_seconds(unit):
    """sd-event answers the watchdog after half of its time at the earliest."""
    assert int(unit["Service"]["WatchdogSec"].removesuffix("s")) / 2 >= 30


@pytest.fixture
def runnable(installed, tmp_path):
    """The unit as it would be on a machine where regentd and the documents are in place."""
    destination, files = installed
    with open(destination + files["regentd.service"], encoding="utf-8") as file:
        text = re.sub(r"^ExecStart=.*", f"ExecStart={environment.regentd_program()}", file.read(), flags=re.MULTILINE)
    path = tmp_path / "regentd.service"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_systemd_finds_no_fault_with_the_unit(runnable):
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", runnable],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (result.returncode, result.stderr) == (0, "")


def test_a_boot_that_went_well_is_marked_good(installed, tmp_path):
    destination, files = installed
    path = destination + files["regent-boot-good.service"]
    good = Unit(path)
    result = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True, timeout=60, check=False
    )
    command = good["Service"]["ExecStart"].split()

    assert "Failed" not in result.stderr and "Unknown" not in result.stderr, result.stderr
    assert "boot-complete.target" in good["Unit"]["Requires"].split()
    assert {"boot-complete.target", "regentd.service"} <= set(good["Unit"]["After"].split())
    assert command[0] == "busctl"
    assert command[-4:] == [BUS_NAME, ROOT_PATH, MANAGER, "MarkGood"]


def test_exposure_of_the_unit_is_at_most_one_and_a_half(runnable):
    project.run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15",
                runnable)  # fmt: skip
