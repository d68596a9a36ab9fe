# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of errors, actions and details are the same in the code, the header, the documents and what is shipped."""

import re
import xml.etree.ElementTree as ElementTree

import project
from regent_testing import names

ERRORS = project.constants("REGENT_ERROR_")
ACTIONS = project.constants("REGENT_ACTION_")
DETAILS = project.constants("REGENT_DETAIL_")

# Part of version 1 of the interface: a name never changes, and one that is not sent yet is reserved.
ERRORS_OF_VERSION_1 = """
    NoSuchNamespace NamespaceExists NoSuchKey KeyExists InvalidName InvalidValue TooBig QuotaExceeded Conflict
    Vetoed Timeout Busy HistoryLost ReadOnly DiskFull OutcomeUnknown NotConfirmed
""".split()


def policy_actions():
    root = ElementTree.fromstring(project.read("polkit", "org.regentd.state1.policy"))
    return {action.get("id"): action for action in root.iter("action")}


def constant_of(name):
    """REGENT_ERROR_NO_SUCH_KEY for NoSuchKey."""
    return "REGENT_ERROR_" + re.sub(r"(?<=.)([A-Z])", r"_\1", name).upper()


def reserved_errors():
    body = project.docs("Manager")[names.MANAGER].body
    paragraph = re.search(r"^Reserved.*?(?=\n\n|\Z)", body, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\.Error\.(\w+)", paragraph[0])) if paragraph else set()


def test_header_has_the_errors_of_the_interface_by_their_names():
    assert ERRORS == {
        constant_of(name): f"{project.PREFIX}.Error.{name}" for name in ERRORS_OF_VERSION_1
    }


def test_every_error_is_described_once_with_the_manager():
    body = project.docs("Manager")[names.MANAGER].body
    described = re.findall(rf"^{re.escape(project.PREFIX)}\.Error\.(\w+):", body, re.MULTILINE)

    assert sorted([*described, *reserved_errors()]) == sorted(ERRORS_OF_VERSION_1)


def test_members_name_only_errors_there_are():
    known = set(ERRORS.values()) | {
        f"{project.DBUS_ERROR}.{name}"
        for name in ("AccessDenied", "InteractiveAuthorizationRequired", "InvalidArgs",
                     "FileNotFound", "LimitsExceeded", "NotSupported", "UnknownProperty")
    }  # fmt: skip
    for interface in project.INTERFACES:
        text = project.read("dbus", f"{project.PREFIX}.{interface}.xml")
        assert set(re.findall(r"\borg[\w.]+\.Error\.\w+", text)) <= known


def test_service_sends_every_error_that_is_not_reserved_and_no_other():
    sent = project.used_in_service(ERRORS)

    assert sent == {constant_of(name) for name in ERRORS_OF_VERSION_1
                    if name not in reserved_errors()}  # fmt: skip


def test_every_error_has_an_errno():
    code = project.read("wire", "errors.c")

    assert set(re.findall(r"SD_BUS_ERROR_MAP\((\w+), E\w+\)", code)) == set(ERRORS)


def test_service_takes_names_from_the_header_alone():
    for file, code in project.service_sources().items():
        assert not re.findall(r'"/?org[./]regentd[./][^"\n]*"', code), file


def test_actions_shipped_are_those_of_the_header():
    assert set(policy_actions()) == set(ACTIONS.values())


def test_actions_asked_are_documented_as_asked():
    rows = project.table_rows(project.read("SECURITY.md"), "action")
    documented = {row["action"]: row["asked for"] for row in rows}
    asked = {ACTIONS[name] for name in project.used_in_service(ACTIONS)}

    assert set(documented) == set(ACTIONS.values())
    assert {action for action, what in documented.items() if what != "nothing yet"} == asked


def test_actions_are_documented_for_those_who_write_rules():
    rules = project.read("polkit", "50-regent-example.rules")

    assert set(re.findall(r"^// +(org\.regentd\.state1\.\w+) ", rules, re.MULTILINE)) == set(
        ACTIONS.values()
    )
    assert set(re.findall(r'^// +action\.lookup\("(\w+)"\) ', rules, re.MULTILINE)) == set(
        DETAILS.values()
    )


def test_details_are_documented():
    rows = project.table_rows(project.read("SECURITY.md"), "detail")

    assert {row["detail"] for row in rows} == set(DETAILS.values())
    assert project.used_in_service(DETAILS) == set(DETAILS)


def test_defaults_ask_an_administrator_and_keep_no_answer():
    for name, action in policy_actions().items():
        defaults = {element.tag: element.text for element in action.find("defaults")}
        assert defaults == {
            "allow_any": "auth_admin",
            "allow_inactive": "auth_admin",
            "allow_active": "auth_admin",
        }, name


def test_regentd_may_ask_with_details():
    for action in policy_actions().values():
        owners = [a.text for a in action.findall("annotate")
                  if a.get("key") == "org.freedesktop.policykit.owner"]  # fmt: skip
        assert owners == ["unix-user:regent"]


def test_messages_name_the_namespace():
    for action in policy_actions().values():
        assert "$(namespace)" in action.findtext("message")


def test_test_library_has_the_names_of_the_header():
    own = {name: value for name, value in vars(names.Error).items()
           if isinstance(value, str) and value.startswith(project.PREFIX + ".Error.")
           and not name.startswith("_")}  # fmt: skip

    assert set(own.values()) <= set(ERRORS.values())
    assert {names.BUS_NAME, names.ROOT_PATH, names.MANAGER, names.NAMESPACE, names.VALUES} <= set(
        project.constants("REGENT_").values()
    )
