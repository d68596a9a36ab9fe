# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.regentd.State1(5) has all that dbus/ documents, and its synopses are what the service exports."""

import re

import pytest

import pages
import project
from regent_testing import names

INTERFACE_PAGE = "org.regentd.State1"


def synopsis(interface):
    """The members as the page shows them to a reader, in the words of project.describe()."""
    begin = re.escape(f"interface {project.PREFIX}.{interface} {{")
    body = re.search(rf"{begin}(.*?)^ *\}};", pages.rendered(INTERFACE_PAGE), re.DOTALL | re.MULTILINE)[1]
    lines, kind, noted = [], None, None
    for statement in re.findall(r"[^;:]+[;:]", " ".join(body.split())):
        statement = statement.strip()
        if statement in ("methods:", "signals:", "properties:"):
            kind = {"methods:": "method", "signals:": "signal", "properties:": "property"}[statement]
            continue
        if match := re.match(r'@(\S+)\("(\w+)"\) (.*)', statement):
            noted, statement = match[2], match[3]
        if kind == "property":
            access, type_string, name = statement.rstrip(";").split()
            lines.append(
                f"property {name} ({type_string} {access.replace('readonly', 'read')})"
                f" org.freedesktop.DBus.Property.EmitsChangedSignal={noted or 'true'}"
            )
        else:
            name, arguments = re.fullmatch(r"(\w+)\((.*)\);", statement).groups()
            arguments = [" ".join(argument.split()) for argument in arguments.split(",") if argument.strip()]
            lines.append(f"{kind} {name} ({', '.join(arguments)})")
        noted = None
    return sorted(lines)


@pytest.mark.parametrize("interface", ("Manager", "Namespace"))
def test_synopsis_is_what_the_service_exports(shared, interface):
    space = shared.root.create(f"org.example.Synopsis.{interface}")
    path = names.ROOT_PATH if interface == "Manager" else space.path
    live = project.parse_interfaces(shared.root.introspect(path))

    assert synopsis(interface) == project.describe(live[f"{project.PREFIX}.{interface}"])


def test_objects_are_those_that_are_exported(shared):
    space = shared.root.create("org.example.Router")
    described = pages.terms(pages.section(INTERFACE_PAGE, "Objects"))
    common = {names.PROPERTIES, names.INTROSPECTABLE, names.PEER}

    assert names.ROOT_PATH in described and space.path in described
    for path, text in described.items():
        exported = set(project.parse_interfaces(shared.root.introspect(path))) - common
        assert set(re.findall(r"\borg\.(?:regentd|freedesktop)(?:\.\w+)+", text)) >= exported > set(), path


def member_sections(interface):
    """member: its part of the page."""
    part = pages.section(INTERFACE_PAGE, f"The {interface} interface")
    return {each.findtext("title").split()[1]: each for each in part.iter("refsect2")}


def shortened(text):
    """As the page prints it: one line, and Regent's errors without what their names begin with."""
    return " ".join(re.sub(r"\borg\.regentd\.State1\.Error\.(\w+)", r"\1", text).split())


@pytest.mark.parametrize("interface", project.INTERFACES)
def test_page_has_all_that_is_documented_of_members(interface):
    sections = member_sections(interface)
    docs = project.docs(interface)
    docs.pop(f"{project.PREFIX}.{interface}")

    assert set(sections) == set(docs)
    for member, doc in docs.items():
        text = pages.words(sections[member])
        terms = pages.terms(sections[member])
        assert {term.split()[0]: text for term, text in terms.items()} == {
            name: shortened(meaning) for name, meaning in doc.parameters.items()
        }
        for paragraph in doc.body.split("\n\n"):
            assert shortened(paragraph) in text, member


@pytest.mark.parametrize("interface", project.INTERFACES)
def test_page_has_all_that_is_documented_of_interfaces(interface):
    page = pages.words(pages.docbook(INTERFACE_PAGE))
    errors = pages.terms(pages.section(INTERFACE_PAGE, "Errors"))

    for paragraph in project.docs(interface)[f"{project.PREFIX}.{interface}"].body.split("\n\n"):
        if error := re.match(r"org\.regentd\.State1\.Error\.(\w+): ", paragraph):
            meaning = shortened(paragraph.removeprefix(error[0]))
            assert errors[error[1]].startswith(meaning[0].upper() + meaning[1:])
        else:
            assert shortened(paragraph) in page


def test_every_error_is_explained():
    paragraphs = project.docs("Manager")[names.MANAGER].body.split("\n\n")
    reserved = " ".join(shortened(each) for each in paragraphs if each.startswith("Reserved"))
    section = pages.section(INTERFACE_PAGE, "Errors")
    known = {name.rpartition(".")[2] for name in project.constants("REGENT_ERROR_").values()}

    assert set(pages.terms(section)) == {name for name in known if name not in reserved}
    assert reserved in pages.words(section)


def test_errors_name_the_members_that_give_them():
    described = pages.terms(pages.section(INTERFACE_PAGE, "Errors"))

    for interface in project.INTERFACES:
        for member, doc in project.docs(interface).items():
            for error in re.findall(r"org\.regentd\.State1\.Error\.(\w+)", doc.body):
                if not member.startswith(project.PREFIX):
                    assert re.search(rf"From .*\b{interface}\.{member}\b", described[error]), (error, member)


@pytest.mark.parametrize("interface", ("Manager", "Namespace"))
def test_every_member_has_an_example_for_both_tools(interface):
    for member, part in member_sections(interface).items():
        (screen,) = part.findall("screen")
        for tool in ("busctl", "gdbus"):
            assert re.search(rf"^\$ {tool} (?:.*\\\n)*.*\b{member}\b", screen.text, re.MULTILINE), (member, tool)
