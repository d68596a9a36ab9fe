# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tree says in its several places, read so that the tests can hold the places against each other."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from regent_testing import environment

ROOT = environment.source_root()
INTERFACES = ("Manager", "Namespace", "Values", "Participant")
OF_CLIENTS = {"org.regentd.State1.Participant"}  # exported by them, called by regentd
PREFIX = "org.regentd.State1"
DBUS_ERROR = "org.freedesktop.DBus.Error"


def path(*parts):
    return os.path.join(ROOT, *parts)


def read(*parts):
    with open(path(*parts), encoding="utf-8") as file:
        return file.read()


def build_root():
    """The build directory that holds the regentd under test."""
    directory = os.path.dirname(environment.regentd_program())
    while not os.path.isdir(os.path.join(directory, "meson-private")):
        assert directory != "/", "REGENTD is not in a build directory"
        directory = os.path.dirname(directory)
    return directory


def run(*command, **how):
    """Runs a program that must succeed, and returns what it printed."""
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **how
    )
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def service_sources():
    """path: text of each C file of the service, without comments."""
    sources = {}
    for directory, _, names in os.walk(path("service")):
        for name in names:
            if name.endswith((".c", ".h")):
                file = os.path.relpath(os.path.join(directory, name), ROOT)
                sources[file] = re.sub(r"/\*.*?\*/", " ", read(file), flags=re.DOTALL)
    return sources


def used_in_service(names, ignore=r"(?!)"):
    """Those of these C names that stand in the code of the service, but for what matches ignore."""
    code = re.sub(ignore, "", "\n".join(service_sources().values()))
    return {name for name in names if re.search(rf"\b{name}\b", code)}


def constants(prefix):
    """name: string of the string constants of client/regent-names.h whose name begins so."""
    found = {}
    text = read("client", "regent-names.h").replace(
        "REGENT_ERROR_PREFIX ", f'"{PREFIX}.Error." '
    )
    for name, strings in re.findall(r'^#define +(\w+) +((?:"[^"]*" *)+)', text, re.MULTILINE):
        if name.startswith(prefix) and not name.endswith("_PREFIX"):
            found[name] = "".join(re.findall(r'"([^"]*)"', strings))
    return found


class Limit:
    """A row of core/limits.h; minimum is None for what is no setting."""

    def __init__(self, standard, minimum=None, maximum=None):
        self.standard = int(standard)
        self.minimum = None if minimum is None else int(minimum)
        self.maximum = None if maximum is None else int(maximum)

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return f"Limit({self.standard}, {self.minimum}, {self.maximum})"


def limits():
    """name: Limit, from the header itself."""
    program = os.path.join(build_root(), "tests", "contract", "print-limits")
    rows = (line.split() for line in run(program).splitlines())
    return {name: Limit(*numbers) for name, *numbers in rows}


def size(text):
    """The number that "64", "8 MiB", "64K" or "1,048,576" stands for."""
    number, unit = re.fullmatch(r"([\d,]+) ?([KMGT]?)(?:i?B)?(?: bytes)?", text.strip()).groups()
    return int(number.replace(",", "")) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[unit]


def table_rows(text, first_heading):
    """The rows of the Markdown table whose first column has this heading, as dicts by heading."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("|") and cells(line)[0] == first_heading:
            headings = cells(line)
            next(lines)
            break
    else:
        raise AssertionError(f"no table with a column {first_heading!r}")
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(headings, cells(line), strict=True)))
    return rows


def cells(line):
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def parse_interfaces(text):
    """name: Element of each interface of an introspection document, comments kept."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    return {
        interface.get("name"): interface
        for interface in ElementTree.fromstring(text, parser).iter("interface")
    }


def documented_interfaces():
    found = {}
    for name in INTERFACES:
        found.update(parse_interfaces(read("dbus", f"{PREFIX}.{name}.xml")))
    return found


def is_comment(element):
    return element.tag is ElementTree.Comment


def members(interface):
    return [element for element in interface if not is_comment(element) and element.get("name")
            and element.tag != "annotation"]  # fmt: skip


def annotations(element):
    return {a.get("name"): a.get("value") for a in element.findall("annotation")}


def describe(interface):
    """A line a member, sorted: what a caller can tell of it. Annotations for code generators are left out."""
    lines = []
    for member in members(interface):
        arguments = [
            f"{a.get('direction', 'out' if member.tag == 'signal' else 'in')}"
            f" {a.get('type')} {a.get('name')}"
            for a in member.findall("arg")
        ]
        noted = {
            name: value
            for name, value in annotations(member).items()
            if not name.startswith(("org.qtproject.", "org.gtk.GDBus."))
        }
        if member.tag == "property":
            noted.setdefault("org.freedesktop.DBus.Property.EmitsChangedSignal", "true")
            arguments.append(f"{member.get('type')} {member.get('access')}")
        lines.append(
            f"{member.tag} {member.get('name')} ({', '.join(arguments)})"
            + "".join(f" {name}={value}" for name, value in sorted(noted.items()))
        )
    return sorted(lines)


class Doc:
    """A comment above an interface or member, in the form that gdbus-codegen reads."""

    def __init__(self, text):
        lines = [line.strip() for line in text.strip().splitlines()]
        self.symbol = lines[0].removesuffix(":") if lines and lines[0].endswith(":") else None
        self.parameters = {}
        body = []
        for line in lines[1:]:
            match = None if body else re.match(r"@(\w+): (.+)", line)
            if match:
                self.parameters[match[1]] = match[2]
            elif line or body:
                body.append(line)
        self.body = "\n".join(body).strip()


def docs(name):
    """symbol: Doc, of each documented symbol of an interface's file, the interface itself included."""
    text = read("dbus", f"{PREFIX}.{name}.xml")
    found = (Doc(comment) for comment in re.findall(r"<!--(.*?)-->", text, re.DOTALL))
    return {doc.symbol: doc for doc in found if doc.symbol}


def documented_fields(interface, member, argument):
    """name: type of what a documented a{sv} holds, from "name (type, meaning)"."""
    text = docs(interface)[member].parameters[argument]
    return dict(re.findall(r"\b([a-z]+(?:-[a-z]+)*) \(([a-z]|as|a\{sv\})(?=[,):])", text))
