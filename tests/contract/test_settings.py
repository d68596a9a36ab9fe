# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options, settings and limits: the program, regentd.conf and the documents say the same."""

import re

import pytest

import project
from regent_testing import environment

LEVELS = ("err", "warning", "notice", "info", "debug")


def settings():
    """section: {setting: text} of regentd.conf, whose settings are all commented out."""
    found, section = {}, None
    for line in project.read("data", "regentd.conf").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(match[1], {})
        elif match := re.fullmatch(r"#(\w+)=(\S+)", line):
            assert match[1] not in section
            section[match[1]] = match[2]
        else:
            assert not line or line.startswith(("# ", "#\n")) or line == "#", line
    return found


def uncommented():
    return re.sub(
        r"^#(\w+=\S+)$", r"\1", project.read("data", "regentd.conf"), flags=re.MULTILINE
    )


def help_options():
    text = project.run(environment.regentd_program(), "--help")
    return set(re.findall(r"^ *(?:-\w, +)?(--[a-z-]+)", text, re.MULTILINE))


def test_limits_of_the_configuration_are_the_defaults():
    expected = {
        name: limit.standard for name, limit in project.limits().items() if limit.minimum is not None
    }

    assert {name: project.size(text) for name, text in settings()["Limits"].items()} == expected


def test_limits_of_the_security_document_are_those_of_the_service():
    rows = project.table_rows(project.read("SECURITY.md"), "setting")
    documented = {}
    for row in rows:
        minimum, _, maximum = row["may be set to"].partition(" to ")
        documented[row["setting"]] = project.Limit(
            project.size(row["bound"]), project.size(minimum), project.size(maximum)
        )

    assert documented == {
        name: limit for name, limit in project.limits().items() if limit.minimum is not None
    }


def test_fixed_bounds_of_the_security_document_are_those_of_the_service():
    rows = project.table_rows(project.read("SECURITY.md"), "fixed size")

    assert sorted(project.size(row["bound"]) for row in rows) == sorted(
        limit.standard for limit in project.limits().values() if limit.minimum is None
    )


def test_every_fixed_bound_is_printed():
    header = project.read("service", "core", "limits.h")
    printed = project.read("tests", "contract", "print-limits.c")

    for name in re.findall(r"^#define (LIMIT_\w+) +\d+u", header, re.MULTILINE):
        assert name in printed


def test_configuration_shows_every_setting_that_the_service_reads():
    code = project.service_sources()["service/config.c"]
    read = set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)+)"', code))
    shown = {setting for section in ("Service", "Store") for setting in settings()[section]}

    assert set(settings()) == {"Service", "Store", "Limits"}
    assert read == shown


def test_shipped_configuration_is_taken_without_complaint(stack):
    with_defaults = stack(config=project.read("data", "regentd.conf"))
    with_settings = stack(config=uncommented())

    for started in (with_defaults, with_settings):
        assert "regentd.conf:" not in started.regentd.log()


def test_wrong_setting_is_named_with_file_and_line(stack):
    started = stack(config="[Limits]\nValueBytesMax=1M\nNoSuchSetting=1\n")

    assert f"{started.regentd.config_path}:3:" in started.regentd.log()


@pytest.mark.parametrize("level", LEVELS)
def test_log_levels_named_in_the_configuration_are_taken(stack, level):
    started = stack(config=f"[Service]\nLogLevel={level}\n")

    assert "regentd.conf:" not in started.regentd.log()


def test_help_and_readme_list_the_same_options():
    documented = {
        re.match(r"--[a-z-]+", row["option"])[0]
        for row in project.table_rows(project.read("README.md"), "option")
    }

    assert documented == help_options()


def test_options_of_the_interface_are_there():
    assert help_options() == {
        "--help", "--version", "--state-dir", "--runtime-dir", "--config", "--log-level",
        "--namespaces-dir", "--check-namespace", "--once",
    }  # fmt: skip


def test_help_names_the_defaults():
    text = project.run(environment.regentd_program(), "--help")

    assert "/var/lib/regent" in text
    assert "/run/regent" in text


def test_version_is_that_of_the_project():
    version = re.search(r"version: '([^']+)'", project.read("meson.build"))[1]

    assert version in project.run(environment.regentd_program(), "--version")
    assert f"## {version}" in project.read("NEWS.md")
