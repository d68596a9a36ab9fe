# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson installs is where a system looks for it, and what one file says of another is so."""

import configparser
import os
import re
import stat
import subprocess

import pytest

import project
from regent_testing import environment
from regent_testing.names import BUS_NAME, MANAGER, ROOT_PATH


class Unit(configparser.RawConfigParser):
    """A unit or activation file. Of a setting given twice the last is kept, which is enough here."""

    def __init__(self, path):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str
        self.read(path, encoding="utf-8")


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
        "README.md": "/share/doc/regent",
        "SECURITY.md": "/share/doc/regent",
        "NEWS.md": "/share/doc/regent",
    }.items():
        assert os.path.dirname(files[name]).endswith(directory), name


def test_no_rule_of_polkit_is_made_active(installed):
    assert not [path for path in installed[1].values() if "rules.d" in path]


def test_data_files_are_readable_and_no_more(installed):
    destination, files = installed

    for name, path in files.items():
        mode = stat.S_IMODE(os.stat(destination + path).st_mode)
        assert mode == (0o755 if name == "regentd" else 0o644), path


def test_nothing_is_left_to_be_filled_in(installed):
    destination, files = installed

    for name, path in files.items():
        if name != "regentd":
            with open(destination + path, encoding="utf-8") as file:
                assert not re.search(r"@\w+@", file.read()), path


def test_unit_starts_the_program_that_is_installed(installed, unit):
    assert unit["Service"]["ExecStart"] == installed[1]["regentd"]


def test_unit_names_documents_that_are_installed(installed, unit):
    for address in unit["Unit"]["Documentation"].split():
        assert address.removeprefix("file:") in installed[1].values()


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
    assert '<policy user="regent">' in project.read("dbus", "org.regentd.State1.conf")


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
        text = file.read().replace(files["regentd"], environment.regentd_program())
    path = tmp_path / "regentd.service"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_systemd_finds_no_fault_with_the_unit(runnable):
    result = subprocess.run(
        ["systemd-analyze", "verify", runnable],
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
