# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual pages: they build offline and read well, and what they say is so."""

import glob
import json
import os
import re
import subprocess

import pytest

import pages
import project
from regent_testing import environment

PAGES = sorted(pages.names())
SOURCES = {path: text for path, text in project.service_sources().items() if path.endswith(".c")}
HEADERS = {path: text for path, text in project.service_sources().items() if path.endswith(".h")}

# Pages of others that ours point at.
FOREIGN = {"busctl(1)", "gdbus(1)", "journalctl(1)", "pkaction(1)", "polkit(8)", "systemctl(1)"}


def code():
    return "\n".join([*HEADERS.values(), *SOURCES.values()])


# How they are made


@pytest.mark.parametrize("name", PAGES)
def test_page_is_valid_docbook(name):
    project.run("xmllint", "--nonet", "--noout", "--valid", pages.docbook_path(name))


@pytest.mark.parametrize("name", PAGES)
def test_page_builds_without_a_network(name, tmp_path):
    alone = ["unshare", "--net"] if environment.is_root() else ["unshare", "--map-root-user", "--net"]
    project.run(
        *alone, "xmlto", "--skip-validation", "-m", project.path("man", "style.xsl"), "-o", str(tmp_path),
        "man", pages.docbook_path(name),
    )  # fmt: skip

    (made,) = tmp_path.iterdir()
    with open(pages.built(name), encoding="utf-8") as file:
        assert made.read_text(encoding="utf-8") == file.read()


def test_pages_are_installed_where_man_looks():
    installed = json.loads(project.run("meson", "introspect", "--installed", project.build_root()))

    for name, section in pages.names().items():
        assert installed[pages.built(name)].endswith(f"/share/man/man{section}/{name}.{section}")


@pytest.mark.parametrize("name", PAGES)
def test_groff_finds_no_fault_with_the_page(name):
    _, complaints = pages.man(
        "--warnings", "--encoding=UTF-8", "--local-file", "--troff-device=utf8", "--ditroff", pages.built(name)
    )

    assert complaints == ""


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_terminal(name):
    text = pages.rendered(name)

    assert len(text.splitlines()) > 30
    assert [line for line in text.splitlines() if len(line) > pages.WIDTH] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_says_in_a_line_what_it_is_about(name):
    found = project.run("lexgrog", pages.built(name))

    assert re.fullmatch(rf'\S+: "{re.escape(name)} - .{{10,70}}"\n', found)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_left_to_be_filled_in(name):
    with open(pages.built(name), encoding="utf-8") as file:
        assert not re.search(r"FIXME|@\w+@|<\?", file.read())


@pytest.mark.parametrize("name", PAGES)
def test_page_is_headed_by_its_whole_name_and_has_no_date(name):
    first, *_, last = pages.rendered(name).splitlines()
    heading = re.escape(f"{name}({pages.names()[name]})".upper())

    assert re.fullmatch(rf"{heading} +{re.escape(name)} +{heading}", first)
    assert re.fullmatch(rf"Regent +{heading}", last)


@pytest.mark.parametrize("name", PAGES)
def test_pages_it_points_at_exist(name):
    ours = {f"{page}({section})" for page, section in pages.names().items()}
    named = {"{}({})".format(*map(pages.words, each)) for each in pages.docbook(name).iter("citerefentry")}

    assert named <= ours | FOREIGN
    assert named & ours


# regentd(8)


def test_options_are_those_of_help():
    text = project.run(environment.regentd_program(), "--help")
    offered = set(re.findall(r"^ +(?:(-\w), +)?(--[a-z-]+)(=\w+)?", text, re.MULTILINE))
    described = {
        tuple(re.fullmatch(r"(--?[a-z-]+)(=?\w*)", term).groups())
        for term in pages.terms(pages.section("regentd", "Options"))
    }

    expected = {(option, argument) for _, option, argument in offered}
    assert described == expected | {(short, "") for short, _, _ in offered if short}


def test_defaults_of_options_are_those_of_help():
    text = project.run(environment.regentd_program(), "--help")
    described = pages.terms(pages.section("regentd", "Options"))

    for option, default in re.findall(r"^ +(--[a-z-]+=\w+) .*\[(.+)\]$", text, re.MULTILINE):
        assert f"Default: {default}." in described[option]


def test_signals_are_those_that_are_handled():
    handled = set(re.findall(r"sigaddset\(&mask, (SIG\w+)\)", SOURCES["service/event-loop.c"]))

    assert set(pages.terms(pages.section("regentd", "Signals"))) == handled


def test_states_and_what_is_loaded_from_are_those_of_the_service():
    status = SOURCES["service/core/status.c"]
    section = pages.section("regentd", "Start and recovery")
    spelt = re.findall(r'\[LOADED_FROM_\w+\] = "([a-z-]+)"', status)

    assert set(pages.terms(section)) == {
        f"State {state}" for state in re.findall(r'\[SERVICE_\w+\] = "([a-z-]+)"', status)
    }
    degraded = pages.terms(section)["State degraded"]
    # The journal is the rule.
    assert {each for each in spelt if re.search(rf"\b{each}[,;.]", degraded)} == set(spelt) - {"journal"}


def test_fields_of_the_log_are_those_that_are_written():
    written = set(re.findall(r'log_(?:text|number)\("([A-Z_]+)"', code()))
    described = {term.removesuffix("=") for term in pages.terms(pages.section("regentd", "Log")) if term[-1] == "="}

    assert described == written


def test_message_ids_are_those_that_are_written():
    written = set(re.findall(r'#define MESSAGE_\w+ +"([0-9a-f]{32})"', code()))
    described = {term for term in pages.terms(pages.section("regentd", "Log")) if term[-1] != "="}

    assert written
    assert described == written


def test_environment_is_what_is_asked_for():
    own = set(re.findall(r'getenv\("(\w+)"\)', code()))
    of_systemd = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}

    assert set(pages.terms(pages.section("regentd", "Environment"))) == own | of_systemd


def test_exit_status_of_a_clean_stop_and_of_a_failure(stack):
    # 2 and 3 are of --once: tests/bus/test_once.py
    assert set(pages.terms(pages.section("regentd", "Exit status"))) == {"0", "1", "2", "3"}
    started = stack()
    started.regentd.stop()

    for options in (["--no-such-option"], ["--log-level=loud"], ["--config=/nonexistent/file"]):
        command = [environment.regentd_program(), f"--state-dir={started.regentd.state_dir}", *options]
        assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 1


def described_files():
    """Patterns of the names that the state directory may have in it."""
    terms = pages.terms(pages.section("regentd", "Files"))
    return [
        re.compile(term.rstrip("/").replace("REVISION", r"\d+"))
        for term in terms
        if not term.startswith("/")
    ]


def test_files_that_are_described_are_those_there_are(stack):
    started = stack()
    root = started.root
    space = root.create("org.example.Files")
    space.set("a", 1)
    space.apply({"b": 2}, class_="runtime")
    started.regentd.restart()

    found = os.listdir(started.regentd.state_dir) + os.listdir(started.regentd.runtime_dir)
    found.remove("defaults")
    assert "defaults" in pages.terms(pages.section("regentd", "Files"))["/run/regent"]
    for name in found:
        assert any(pattern.fullmatch(name) for pattern in described_files()), name
    # What is set aside appears with damage alone.
    used = {pattern.pattern for pattern in described_files() for name in found if pattern.fullmatch(name)}
    assert {pattern.pattern for pattern in described_files()} - used == {"damaged"}
    assert 'DOUBT_NAME "in-doubt"' in code()
    assert "in-doubt" in pages.terms(pages.section("regentd", "Files"))["/run/regent"]


def test_damage_is_told_as_described(stack):
    """State, LoadedFrom, the message and the directory for what was set aside."""
    started = stack()
    started.root.create("org.example.Damaged").set("a", 1)
    epoch = started.root.property("Epoch")
    started.regentd.stop()
    directory = started.regentd.state_dir
    for name in os.listdir(directory):
        if name.startswith("checkpoint-"):
            with open(os.path.join(directory, name), "r+b") as file:
                file.seek(100)
                file.write(b"\xff" * 8)
    started.regentd.start()

    assert started.root.property("State") == "degraded"
    assert started.root.property("LoadedFrom") in ("prefix", "previous-checkpoint", "nothing")
    assert started.root.property("Epoch") != epoch
    assert os.listdir(os.path.join(directory, "damaged"))
    assert "commits after that may be lost" in started.regentd.log()
    started.regentd.restart()
    assert started.root.property("State") == "running"


# regentd.conf(5)


def settings():
    """setting: the text about it."""
    terms = pages.terms(pages.docbook("regentd.conf"))
    return {term.removesuffix("="): text for term, text in terms.items() if term[-1] == "="}


def limit_of(text):
    """The default and range that a text ends in."""
    found = re.search(r"Default: (\w+)\. Range: (\w+) to (\w+)\.(?: Error: \w+\.)?$", text)
    return project.Limit(*map(project.size, found.groups()))


def test_limits_are_those_of_the_service():
    section = pages.section("regentd.conf", "Section [Limits]")
    described = {term.removesuffix("="): limit_of(text) for term, text in pages.terms(section).items()}

    assert described == {
        name: limit for name, limit in project.limits().items() if limit.minimum is not None
    }


def test_errors_of_limits_are_those_of_the_security_document():
    rows = project.table_rows(project.read("SECURITY.md"), "setting")
    expected = {
        row["setting"]: row["error"] for row in rows if re.fullmatch(r"[A-Z]\w+", row["error"])
    }
    described = {
        setting: found[1] for setting, text in settings().items() if (found := re.search(r"Error: (\w+)\.", text))
    }

    assert described == expected


def test_other_settings_and_sections_are_those_that_are_read():
    config = SOURCES["service/config.c"]
    read = set(re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)+)"', config))
    sections = {part.findtext("title") for part in pages.docbook("regentd.conf").iter("refsect1")}

    assert {name for name in settings() if name not in project.limits()} == read
    assert {title for title in sections if title.startswith("Section")} == {
        f"Section {name}" for name in re.findall(r'"(\[\w+\])"', config)
    }


def test_bounds_of_the_journal_are_those_of_the_service():
    config = SOURCES["service/config.c"]
    bounds = {
        name: int(number) << {"KIB": 10, "MIB": 20, "GIB": 30}[unit]
        for name, number, unit in re.findall(r"#define JOURNAL_BYTES_(M\w+) +\((\d+) \* LIMIT_(\w+)\)", config)
    }
    default = re.search(r"^#CheckpointJournalBytes=(\w+)$", project.read("data", "regentd.conf"), re.MULTILINE)[1]

    assert limit_of(settings()["CheckpointJournalBytes"]) == project.Limit(
        project.size(default), bounds["MIN"], bounds["MAX"]
    )


def test_level_of_the_log_is_the_default():
    default = re.search(r"^#LogLevel=(\w+)$", project.read("data", "regentd.conf"), re.MULTILINE)[1]

    assert settings()["LogLevel"].endswith(f"Default: {default}.")


def test_files_are_looked_for_in_the_order_described():
    directories = re.search(r"standard\[\] = \{([^}]*)NULL", SOURCES["service/config.c"])[1]
    files = [pages.words(each) for each in pages.docbook("regentd.conf").find("refsynopsisdiv").iter("member")]

    assert files == [
        directory + name
        for name in ("/regentd.conf", "/regentd.conf.d/*.conf")
        for directory in re.findall(r'"([^"]+)"', directories)
    ]


# regent-namespaces.d(5)


def declared_settings(section):
    part = pages.docbook("regent-namespaces.d")
    (found,) = (each for each in part.iter("refsect2") if pages.words(each.find("title")).startswith(section))
    return {term.removesuffix("=") for term in pages.terms(found)}


def test_settings_of_a_declared_namespace_are_those_that_are_read():
    table = re.search(r"access_settings\[\] = \{(.*?)\n\}", SOURCES["service/declaration-file.c"], re.DOTALL)[1]

    assert declared_settings("Section [Namespace]") == set(re.findall(r'\{ "(\w+)", set_', table))


def test_settings_of_a_declared_key_are_those_that_are_read():
    names_in_code = re.findall(r'\[RULE_SETTING_\w+\] = "(\w+)"', SOURCES["service/rule-text.c"])

    assert declared_settings("Sections [Key") == set(names_in_code)


def test_declared_namespaces_are_looked_for_in_the_order_described():
    directories = re.search(r"standard\[\] = \{([^}]*)NULL", SOURCES["service/declaration-files.c"])[1]
    files = [pages.words(each) for each in pages.docbook("regent-namespaces.d").find("refsynopsisdiv").iter("member")]

    assert files == [f"{each}/NAMESPACE.conf" for each in re.findall(r'"([^"]+)"', directories)]


def test_sizes_of_declarations_are_those_of_the_service():
    limits = dict(re.findall(r"#define LIMIT_DECLARATION_(\w+) +(\d+)u", HEADERS["service/core/limits.h"]))
    page = pages.words(pages.docbook("regent-namespaces.d"))

    assert (
        f"A file may be {int(limits['FILE_BYTES']) >> 20} MiB large and have {limits['KEYS']} sections for keys"
        f" and {limits['PATTERNS']} for patterns. There may be {limits['FILES']} files." in page
    )


# regent-polkit(7)


def verbs_of_the_service():
    """(action, verb) of each question that the service may put to polkit."""
    text = "\n".join(text for path, text in SOURCES.items() if path.startswith("service/bus/"))
    found = [(action, verb) for verb, action in re.findall(r'\.verb = "(\w+)",\s*\.action = AUTHORIZE_(\w+)', text)]
    found += re.findall(r'\{ AUTHORIZE_(\w+), "", "(\w+)"', text)
    found += [("READ", verb) for verb in re.findall(r'(?:authorizer_check_read|find_entry)\([^;"]*"(\w+)"', text)]
    found += [("MANAGE", verb) for verb in re.findall(r'\{ "\w+", "(SetLog\w+)"', text)]
    return {(action.lower(), verb) for action, verb in found}


def test_verbs_are_those_that_the_service_asks_with():
    table = pages.docbook("regent-polkit").find(".//informaltable/tgroup/tbody")
    rows = [tuple(map(pages.words, row)) for row in table]

    assert {(action, verb) for action, verb, _ in rows} == verbs_of_the_service()
    assert len(rows) == len(verbs_of_the_service())


def test_details_are_those_that_rules_see():
    section = pages.section("regent-polkit", "Details")

    assert set(pages.terms(section)) == {
        f'action.lookup("{detail}")' for detail in project.constants("REGENT_DETAIL_").values()
    }


def test_actions_and_defaults_are_those_shipped():
    section = pages.section("regent-polkit", "Actions")
    policy = project.read("polkit", "org.regentd.state1.policy")

    assert set(pages.terms(section)) == set(re.findall(r'<action id="(.+?)"', policy))
    assert set(re.findall(r"<allow_\w+>(\w+)<", policy)) == {"auth_admin"}
    assert "The defaults of all of them are auth_admin:" in pages.words(section)


def test_times_are_those_of_the_service():
    notes = pages.words(pages.section("regent-polkit", "Notes"))
    text = code()

    assert re.search(r"KEPT_USEC \(UINT64_C\(5\) \* 1000000\)", text) and "for five seconds" in notes
    assert re.search(r"ANSWER_TIMEOUT_USEC +\(UINT64_C\(10\) \*", text) and "ten seconds to answer" in notes
    assert re.search(r"INTERACTIVE_TIMEOUT_USEC \(UINT64_C\(5\) \* 60", text) and "five minutes when" in notes


# regentctl(1)


def help_of(*arguments):
    return project.run(environment.regentctl_program(), *arguments, "--help")


def verbs_of_help():
    """verb: its arguments."""
    block = re.search(r"^Verbs:\n(.*?)\n\n", help_of(), re.MULTILINE | re.DOTALL)[1]
    found = {}
    for verb in re.findall(r"^  ([\w-]+)", block, re.MULTILINE):
        synopsis = help_of(verb).splitlines()[0]
        found[verb] = synopsis.removeprefix(f"regentctl {verb} [OPTION...]").strip().replace("...", "…")
    return found


def options_of(text):
    return set(re.findall(r"^ +(-\w)? ?(--[a-z-]+|)(=\S+)?  ", text, re.MULTILINE)) - {("", "", "")}


def test_verbs_of_regentctl_are_those_of_help():
    described = {}
    for term in pages.terms(pages.section("regentctl", "Verbs")):
        name, _, arguments = term.partition(" ")
        described[name] = arguments

    assert described == verbs_of_help()


def test_options_of_regentctl_are_those_of_help():
    offered = options_of(help_of()).union(*(options_of(help_of(verb)) for verb in verbs_of_help()))
    described = set(pages.terms(pages.section("regentctl", "Options")))

    expected = {long + argument for _, long, argument in offered if long} | {short for short, _, _ in offered if short}
    assert described == expected
    assert len(expected) > 30


def test_each_verb_of_regentctl_names_the_options_it_takes():
    described = pages.terms(pages.section("regentctl", "Verbs"))

    for term, text in described.items():
        verb = term.split()[0]
        own = help_of(verb).partition("\nOptions:\n")[2]
        taken = re.search(r" Takes ([a-z, =-]+)\.$", text)
        named = set(re.findall(r"--[a-z-]+", taken[1])) if taken else set()
        assert named == set(re.findall(r"^ +(?:-\w )? *(--[a-z-]+)", own, re.MULTILINE)), verb


def test_exit_statuses_of_regentctl_are_those_of_the_code():
    with open(project.path("client", "regentctl", "failure.h"), encoding="utf-8") as file:
        statuses = set(re.findall(r"^ +EXIT_\w+ = (\d+),", file.read(), re.MULTILINE))

    assert set(pages.terms(pages.section("regentctl", "Exit status"))) == statuses


def test_exit_statuses_in_the_help_of_regentctl_are_those_of_the_code():
    header, table = (project.read("client", "regentctl", name) for name in ("failure.h", "failure.c"))
    names = dict(re.findall(r'^ +\[(EXIT_\w+)\] = "([a-z-]+)",', table, re.MULTILINE))
    names["EXIT_INTERRUPTED"] = "interrupted"
    statuses = {
        int(number): names[name].replace("-", " ")
        for name, number in re.findall(r"^ +(EXIT_\w+) = (\d+),", header, re.MULTILINE)
    }
    told = " ".join(help_of().partition("\nExit status: ")[2].partition(". See")[0].split())

    listed = re.findall(r"(\d+) ([a-z ]+)", told.replace(" (diff)", ""))
    assert {int(number): name for number, name in listed} == statuses


def test_environment_of_regentctl_is_what_is_asked_for():
    asked = set()
    for path in glob.glob(project.path("client", "regentctl", "*.c")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        asked |= set(re.findall(r'getenv\("(\w+)"\)', text))
    of_libraries = {"DBUS_SYSTEM_BUS_ADDRESS"}
    editors = {"VISUAL", "EDITOR"}  # asked for in a loop

    assert set(pages.terms(pages.section("regentctl", "Environment"))) == asked | of_libraries | editors
