# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dbus/ documents is what regentd exports, and what the tools of D-Bus take."""

import re

import pytest
from gi.repository import GLib

import project
from regent_testing import names
from regent_testing.api import RegentError
from regent_testing.names import Error, path_of

DOCUMENTED = project.documented_interfaces()
STANDARD = {names.PROPERTIES, names.INTROSPECTABLE, names.PEER, names.OBJECT_MANAGER}
# Generated code in one language or another breaks on these.
FORBIDDEN_ARGUMENTS = {"namespace", "class", "default", "type", "from", "in", "self"}


def live(root, path):
    return project.parse_interfaces(root.introspect(path))


@pytest.fixture
def exported(root, ns):
    return {**live(root, names.ROOT_PATH), **live(root, ns.path)}


@pytest.mark.parametrize("interface", (names.MANAGER, names.NAMESPACE))
def test_live_introspection_equals_documented(exported, interface):
    assert project.describe(exported[interface]) == project.describe(DOCUMENTED[interface])


def test_every_interface_exported_is_documented(exported):
    assert set(exported) - STANDARD == set(DOCUMENTED) - project.OF_CLIENTS


def test_manager_is_an_object_manager_and_a_namespace_is_none(root, ns):
    assert set(live(root, names.ROOT_PATH)) - {names.MANAGER} == STANDARD
    assert names.OBJECT_MANAGER not in live(root, ns.path)


def test_values_have_the_keys_as_writable_properties_and_no_other_member(root, ns):
    ns.set("Speed", 100)
    ns.set("no-member-name", 1)

    values = live(root, ns.path)[names.VALUES]

    assert [element.tag for element in project.members(values)] == ["property"]
    assert project.members(values)[0].attrib == {
        "name": "Speed", "type": "x", "access": "readwrite",
    }  # fmt: skip
    assert not project.members(DOCUMENTED[names.VALUES])


def test_path_of_a_namespace_is_as_documented(root, ns):
    assert root.get_namespace(ns.name) == path_of(ns.name)


@pytest.mark.parametrize("interface", project.INTERFACES)
def test_every_member_and_argument_is_documented(interface):
    docs = project.docs(interface)
    element = DOCUMENTED[f"{project.PREFIX}.{interface}"]

    for member in project.members(element):
        doc = docs.pop(member.get("name"))
        assert doc.body, member.get("name")
        arguments = [a.get("name") for a in member.findall("arg")]
        assert list(doc.parameters) == arguments, member.get("name")
        if member.tag == "method":
            assert re.search(r"^Errors: ", doc.body, re.MULTILINE), member.get("name")

    assert set(docs) == {f"{project.PREFIX}.{interface}"}


def test_arguments_have_names_that_generated_code_takes():
    for interface in DOCUMENTED.values():
        for argument in interface.iter("arg"):
            assert re.fullmatch(r"[a-z][a-z_]*", argument.get("name"))
            assert argument.get("name") not in FORBIDDEN_ARGUMENTS


def test_signatures_use_only_what_every_binding_takes():
    taken = {"s", "o", "u", "t", "as", "ay", "v", "h", "a{sv}"}
    for interface in DOCUMENTED.values():
        assert {element.get("type") for element in interface.iter("arg")} <= taken
        assert {element.get("type") for element in interface.iter("property")} <= taken | {"b"}


def test_every_dictionary_has_its_qt_annotation():
    """qdbusxml2cpp refuses an a{sv} without one."""
    for interface in DOCUMENTED.values():
        for method in interface.iter("method"):
            expected = {}
            for direction in ("in", "out"):
                found = [a for a in method.findall("arg") if a.get("direction") == direction]
                for number, argument in enumerate(found):
                    if argument.get("type") == "a{sv}":
                        name = f"org.qtproject.QtDBus.QtTypeName.{direction.title()}{number}"
                        expected[name] = "QVariantMap"
            assert project.annotations(method) == expected, method.get("name")


@pytest.mark.parametrize("interface", project.INTERFACES)
def test_tools_take_the_documents(interface, tmp_path):
    file = project.path("dbus", f"{project.PREFIX}.{interface}.xml")

    project.run("xmllint", "--noout", "--nonet", file)
    project.run("gdbus-codegen", "--generate-docbook", "doc", file, cwd=tmp_path)
    project.run("gdbus-codegen", "--body", "--output", str(tmp_path / "code.c"), file)

    text = (tmp_path / f"doc-{project.PREFIX}.{interface}.xml").read_text(encoding="utf-8")
    assert "FIXME" not in text


# Interface, method, index of its options, and otherwise harmless arguments.
WITH_OPTIONS = [
    ("Manager", "CreateNamespace", 1, "(sa{sv})", ["org.example.Options", {}]),
    ("Manager", "Apply", 2, "(a{sv}ta{sv})", [{}, 0, {}]),
    ("Manager", "GetMany", 1, "(asa{sv})", [[], {}]),
    ("Manager", "Backup", 0, "(a{sv})", [{}]),
    ("Manager", "Connect", 0, "(a{sv})", [{}]),
    ("Manager", "ListPendingChanges", 0, "(a{sv})", [{}]),
    ("Namespace", "GetMany", 1, "(asa{sv})", [[], {}]),
    ("Namespace", "GetChanges", 1, "(ta{sv})", [0, {}]),
    ("Manager", "Watch", 2, "(sta{sv})", ["", 0, {}]),
    ("Namespace", "Watch", 2, "(sta{sv})", ["", 0, {}]),
    ("Namespace", "Apply", 3, "(a{sv}asta{sv})", [{}, [], 0, {}]),
    ("Namespace", "OpenView", 0, "(a{sv})", [{}]),
    ("Namespace", "SetAccess", 0, "(a{sv})", [{}]),
    ("Namespace", "RegisterParticipant", 3, "(sota{sv})", ["", "/org/example/Participant", 0, {}]),
]


def refusal(root, ns, interface, member, signature, arguments):
    path = names.ROOT_PATH if interface == "Manager" else ns.path
    with pytest.raises(RegentError) as refused:
        root.call(path, f"{project.PREFIX}.{interface}", member, signature, arguments)
    assert refused.value.name == Error.InvalidArgs
    return refused.value.text


def test_every_method_with_options_is_tested():
    found = {
        (name.rpartition(".")[2], method.get("name"))
        for name, interface in DOCUMENTED.items()
        for method in interface.iter("method")
        if any(argument.get("name") == "options" for argument in method.findall("arg"))
    }

    assert found == {(interface, member) for interface, member, *_ in WITH_OPTIONS}


@pytest.mark.parametrize("interface, member, index, signature, arguments", WITH_OPTIONS)
def test_options_documented_are_known_by_their_types(
    root, ns, interface, member, index, signature, arguments
):
    """The service names the type it wants when it is given another, and no option is a byte."""
    for name, type_string in project.documented_fields(interface, member, "options").items():
        given = list(arguments)
        given[index] = {name: GLib.Variant("y", 1)}
        text = refusal(root, ns, interface, member, signature, given)
        assert f"'{name}' is of type {type_string}, not y" in text


@pytest.mark.parametrize("interface, member, index, signature, arguments", WITH_OPTIONS)
def test_option_that_is_not_documented_is_refused(
    root, ns, interface, member, index, signature, arguments
):
    documented = project.documented_fields(interface, member, "options")
    code = "\n".join(project.service_sources().values())

    for name in set(re.findall(r'strcmp\(name, "([a-z-]+)"\)', code)) | {"no-such-option"}:
        if name not in documented:
            given = list(arguments)
            given[index] = {name: GLib.Variant("b", True)}
            assert name in refusal(root, ns, interface, member, signature, given)


def test_changes_of_a_namespace_are_known_by_their_types(root, ns):
    for name, type_string in project.documented_fields("Manager", "Apply", "changes").items():
        change = GLib.Variant("a{sv}", {name: GLib.Variant("b", True)})
        text = refusal(root, ns, "Manager", "Apply", "(a{sv}ta{sv})", [{ns.name: change}, 0, {}])
        assert f"'{name}' is of type {type_string}, not b" in text


def test_statistics_are_as_documented(root, alice):
    """uid 0 has no bounds, and others hear nothing of wrong files."""
    body = project.docs("Manager")["GetStatistics"].body
    documented = dict(re.findall(r"([a-z]+(?:-[a-z]+)*) \(([td]|as)[,)]", body))

    found = {name: value.get_type_string() for name, value in {**root.statistics(), **alice.statistics()}.items()}

    assert found == documented


def test_states_and_origins_are_those_of_the_service(root):
    for member, enumeration in (("State", "SERVICE"), ("LoadedFrom", "LOADED_FROM")):
        body = project.docs("Manager")[member].body
        code = project.service_sources()["service/core/status.c"]
        spelt = re.findall(rf'\[{enumeration}_\w+\] = "([a-z-]+)"', code)
        assert set(re.findall(r'"([a-z-]+)"', body)) == set(spelt)
        assert root.property(member) in spelt


# These are of the key's own type, or arrays of it.
VALUES_OF_A_RULE = ("minimum", "maximum", "default", "allowed")
# Between them the keys have all that a rule can say; no key can have all of it.
DECLARATION = """
[Key number]
Type=u
Default=1
Minimum=0
Maximum=9
Allowed=[1, 2]
WriteOnce=yes
Locked=yes
[Key text]
Type=s
LengthMinimum=1
LengthMaximum=9
"""


def test_description_of_an_entry_is_as_documented(stack):
    ns = stack(namespaces={"org.example.Declared": DECLARATION}).root.ns("org.example.Declared")
    ns.set("number", GLib.Variant("u", 2))
    ns.set("text", "x")
    ns.apply({"text": "y"}, class_="kernel")

    ns.apply({"connected": 1}, class_="session")

    info = {**ns.describe("number"), **ns.describe("text"), **ns.describe("connected")}

    assert {
        name: "v" if name in VALUES_OF_A_RULE else value.get_type_string() for name, value in info.items()
    } == project.documented_fields("Namespace", "Describe", "info")


def test_description_of_an_undeclared_entry_says_nothing_of_rules(ns):
    ns.set("key", 1)

    assert list(ns.describe("key")) == ["type", "size", "revision", "class", "writer", "time", "origin"]
