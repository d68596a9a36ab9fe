#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""interface-page.py SKELETON DBUS-DIR EXAMPLES-DIR   Writes the DocBook of org.regentd.State1(5) to standard output.

Synopses, members, arguments and errors come from the documented XML in DBUS-DIR, and the examples of a member from the
section of its name in EXAMPLES-DIR. In the skeleton <?conventions?>, <?errors?> and <?interface NAME?> say where.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

PREFIX = "org.regentd.State1."
ERROR_PREFIX = PREFIX + "Error."
EMITS_CHANGED = "org.freedesktop.DBus.Property.EmitsChangedSignal"
INTERFACES = ("Manager", "Namespace", "Values", "Participant")


class Doc:
    """A comment: the symbol it is about, what it says of each argument, and its paragraphs."""

    def __init__(self, text):
        heading, *lines = [line.strip() for line in text.strip().splitlines()]
        self.symbol = heading.removesuffix(":") if heading.endswith(":") else None
        self.arguments = {}
        while lines and (match := re.match(r"@(\w+): (.+)", lines[0])):
            self.arguments[match[1]] = match[2]
            lines.pop(0)
        self.paragraphs = [" ".join(part.split("\n")) for part in "\n".join(lines).strip().split("\n\n")]

    def errors(self):
        """The names of the errors that the member gives, where the comment lists them."""
        listed = next((each for each in self.paragraphs if each.startswith("Errors: ")), "")
        return re.findall(rf"\b{re.escape(ERROR_PREFIX)}(\w+)", listed)


class Interface:
    """One interface: its members as the XML has them, their comments, and their examples."""

    def __init__(self, name, dbus_directory, examples_directory):
        text = read(dbus_directory, f"{PREFIX}{name}.xml")
        self.name = name
        self.element = ElementTree.fromstring(text).find("interface")
        self.docs = {
            doc.symbol: doc for doc in map(Doc, re.findall(r"<!--(.*?)-->", text, re.DOTALL)) if doc.symbol
        }
        self.examples = sections(read(examples_directory, f"{name}.console"))
        unknown = set(self.examples) - set(self.docs)
        assert not unknown, f"{name}.console: no such member: {unknown}"

    def members(self):
        return [element for element in self.element if element.tag in ("method", "property", "signal")]

    def doc(self):
        return self.docs[PREFIX + self.name]


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def sections(text):
    """symbol: the lines below [symbol]."""
    parts = re.split(r"^\[([\w.]+)\]\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))


def paragraph(text):
    text = re.sub(rf"\b{re.escape(ERROR_PREFIX)}(\w+)", r"\1", text)
    return f"<para>{escape(text)}</para>"


def variable_list(entries):
    items = "\n".join(
        f"<varlistentry><term>{escape(term)}</term><listitem>{body}</listitem></varlistentry>" for term, body in entries
    )
    return f"<variablelist>\n{items}\n</variablelist>" if items else ""


def listed_errors(doc):
    """name: meaning of the errors of which the comment has a paragraph each."""
    pattern = re.compile(rf"{re.escape(ERROR_PREFIX)}(\w+): (.*)")
    return {match[1]: match[2] for each in doc.paragraphs if (match := pattern.fullmatch(each))}


def split_at_errors(doc):
    """The paragraphs before those on errors, and those on errors that stand before and behind the list."""
    is_listed = [each.startswith(ERROR_PREFIX) for each in doc.paragraphs]
    first, last = is_listed.index(True), len(is_listed) - is_listed[::-1].index(True)
    return doc.paragraphs[: first - 1], doc.paragraphs[first - 1 : first], doc.paragraphs[last:]


def conventions(interfaces):
    """What is said of all interfaces, with the word that each paragraph is about standing out."""
    (_, *paragraphs), _, _ = split_at_errors(interfaces["Manager"].doc())
    parts = []
    for each in paragraphs:
        heading, text = re.match(r"((?:\w+ ){0,2}\w+\.) (.*)", each).groups()
        parts.append(f'<para><emphasis role="strong">{heading}</emphasis> {escape(text)}</para>')
    return "\n".join(parts)


def errors(interfaces):
    """The list of errors, each with the members that say they give it."""
    doc = interfaces["Manager"].doc()
    _, before, behind = split_at_errors(doc)
    entries = []
    for error, meaning in listed_errors(doc).items():
        givers = [
            f"{interface.name}.{symbol}"
            for interface in interfaces.values()
            for symbol, member in interface.docs.items()
            if error in member.errors()
        ]
        meaning = meaning[0].upper() + meaning[1:]
        entries.append((error, paragraph(meaning) + (paragraph(f"From {', '.join(givers)}.") if givers else "")))
    return "\n".join([*map(paragraph, before), variable_list(entries), *map(paragraph, behind)])


def synopsis(interface):
    """The interface as gdbus introspect prints one."""
    groups = {"method": [], "signal": [], "property": []}
    for member in interface.members():
        groups[member.tag].append(declaration(member))
    lines = [f"interface {PREFIX}{interface.name} {{"]
    for heading, tag in (("methods", "method"), ("signals", "signal"), ("properties", "property")):
        if groups[tag]:
            lines += [f"  {heading}:", *groups[tag]]
    if len(lines) == 1:
        lines.append("  properties: one for each key of the namespace")
    return "\n".join([*lines, "};"])


def direction(member, argument):
    return argument.get("direction", "out" if member.tag == "signal" else "in")


def declaration(member):
    name = member.get("name")
    if member.tag == "property":
        access = {"read": "readonly", "write": "writeonly", "readwrite": "readwrite"}[member.get("access")]
        emits = next((a.get("value") for a in member.findall("annotation") if a.get("name") == EMITS_CHANGED), "true")
        annotation = f'    @{EMITS_CHANGED}("{emits}")\n' if emits != "true" else ""
        return f"{annotation}    {access} {member.get('type')} {name};"
    arguments = [
        f"{direction(member, a):<4}{a.get('type')} {a.get('name')}" for a in member.findall("arg")
    ]
    return f"    {name}({(',' + chr(10) + ' ' * (5 + len(name))).join(arguments)});"


def member_section(interface, member):
    doc = interface.docs[member.get("name")]
    types = {a.get("name"): f"{direction(member, a)} {a.get('type')}" for a in member.findall("arg")}
    arguments = [(f"{name} ({types[name]})", paragraph(text)) for name, text in doc.arguments.items()]
    title = f"{member.tag.title()} {member.get('name')}"
    if member.tag == "property":
        title += f" ({member.get('type')})"
    body = "\n".join([variable_list(arguments), *map(paragraph, doc.paragraphs)])
    return f"<refsect2><title>{title}</title>\n{body}\n{example(interface, member.get('name'))}</refsect2>"


def example(interface, symbol):
    text = interface.examples.get(symbol)
    return f'<screen role="example">\n{escape(text)}\n</screen>\n' if text else ""


def interface_part(interface):
    # What the Manager's comment says behind its first paragraph holds for all and stands elsewhere.
    paragraphs = interface.doc().paragraphs[: 1 if interface.name == "Manager" else None]
    return "\n".join(
        [
            f"<programlisting>\n{escape(synopsis(interface))}\n</programlisting>",
            *map(paragraph, paragraphs),
            example(interface, PREFIX + interface.name),
            *(member_section(interface, member) for member in interface.members()),
        ]
    )


def main():
    skeleton, dbus_directory, examples_directory = sys.argv[1:]
    interfaces = {name: Interface(name, dbus_directory, examples_directory) for name in INTERFACES}

    def fill(match):
        kind, name = match[1], match[2]
        if kind == "interface":
            return interface_part(interfaces[name])
        return {"conventions": conventions, "errors": errors}[kind](interfaces)

    sys.stdout.write(re.sub(r"<\?(conventions|errors|interface)(?: (\w+))?\?>", fill, read(skeleton)))


if __name__ == "__main__":
    main()
