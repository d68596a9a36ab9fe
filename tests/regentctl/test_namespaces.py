# SPDX-License-Identifier: LGPL-2.1-or-later
"""status, namespaces, create, remove, access."""

import os
import re

import pytest
from ctl import CONFLICT, DENIED, INVALID, NOT_FOUND


def test_create_and_remove(ctl, root, name):
    assert ctl("create", name).err == f"Made {name}.\n"
    assert name in root.list_namespaces()
    error = ctl.failure("create", name, status=CONFLICT)
    assert error["name"].endswith(".NamespaceExists") and "regentctl access" in error["hint"]
    assert ctl("remove", name).err == f"Removed {name}.\n"
    assert name not in root.list_namespaces()
    ctl("remove", name, status=NOT_FOUND)
    assert ctl("remove", name, "--if-exists").err == "nothing to do\n"
    assert ctl.json("create", name) == {"created": name}
    assert ctl.json("remove", name) == {"removed": name}
    assert ctl.json("remove", name, "--if-exists") == {"removed": None}


def test_remove_with_keys_needs_force(ctl, root, space):
    assert "--force" in ctl("remove", space.name, status=CONFLICT).err
    assert space.name in root.list_namespaces()
    ctl("remove", space.name, "--force", "-q")
    assert space.name not in root.list_namespaces()


def test_create_with_access(ctl, sandbox, root, name):
    ctl("create", name, "--owner=alice", "--group=operators", "--mode=0640", "--quota-keys=5", "--quota-bytes=2K")
    made = root.ns(name).properties()
    assert (made["Owner"], made["Group"], made["Mode"]) == (4001, 4100, 0o640)
    assert (made["QuotaKeys"], made["QuotaBytes"]) == (5, 2048)


def test_access(ctl, sandbox, ns):
    assert "Owner: root (uid 0)" in ctl("access", ns.name).out
    assert "Mode: 0644" in ctl("access", ns.name).out
    ctl("access", ns.name, "--owner=4002", "--group=4200", "--mode=664", "--quota-bytes=1M")
    shown = ctl("access", ns.name).out
    assert "bob (uid 4002)" in shown and "netadmins (gid 4200)" in shown and "0664" in shown and "of 1M" in shown
    document = ctl.json("access", ns.name, "--group=none", "--owner=alice")
    assert (document["owner"], document["owner-uid"]) == ("alice", 4001)
    assert (document["group"], document["group-gid"], document["mode"]) == (None, None, "0664")


@pytest.mark.parametrize(
    "option",
    ["--owner=nobody-of-that-name", "--group=no-such-group", "--owner=4294967295", "--owner=-1", "--mode=8",
     "--mode=", "--mode=00644", "--mode=rw", "--mode=0666", "--quota-keys=1K", "--quota-keys=", "--quota-bytes=1T",
     "--quota-bytes=18446744073709551615K", "--quota-bytes=-1"],
)  # fmt: skip
def test_wrong_access(ctl, ns, option):
    before = ns.properties()
    ctl("access", ns.name, option, status=INVALID)
    ctl("create", ns.name + "x", option, status=INVALID)
    assert ns.properties() == before


def test_access_of_what_is_not_there(ctl):
    ctl("access", "org.example.Nowhere", status=NOT_FOUND)
    ctl("access", "org.example.Nowhere", "--mode=0644", status=NOT_FOUND)


def test_namespaces(ctl, sandbox, ctl_as, root, name):
    root.create(name + ".B", group=4100, mode=0o664).set("k", "v")
    root.create(name + ".A", owner=4001, mode=0o600)
    rows = [line.split() for line in ctl("namespaces", name).lines]
    assert rows[0] == ["NAMESPACE", "OWNER", "GROUP", "MODE", "KEYS", "BYTES", "REVISION"]
    assert [row[:5] for row in rows[1:]] == [
        [name + ".A", "alice", "-", "0600", "0"], [name + ".B", "root", "operators", "0664", "1"],
    ]  # fmt: skip
    documents = ctl.json("namespaces", name)
    assert [each["namespace"] for each in documents] == [name + ".A", name + ".B"]
    assert documents[1]["group-gid"] == 4100 and documents[1]["keys"] == 1
    assert [each["namespace"] for each in ctl_as("bob").json("namespaces", name)] == [name + ".B"]
    assert ctl("namespaces", "org.nothing").out == "" and ctl.json("namespaces", "org.nothing") == []
    assert len(ctl("namespaces", "--no-legend", name).lines) == 2


def test_many_namespaces(ctl, root, name):
    for number in range(60):
        root.create(f"{name}.N{number:02}")
    assert [each["namespace"] for each in ctl.json("namespaces", name + ".")] == [f"{name}.N{n:02}" for n in range(60)]


def test_status(ctl, space, root):
    shown = ctl("status").out
    assert "State: running" in shown and f"Revision: {root.revision()}, all of it on disk" in shown
    document = ctl.json("status")
    assert document["state"] == "running" and document["revision"] == document["durable-revision"] == root.revision()
    assert document["dirty"] is False
    assert document["keys"] >= 5 and document["uid-namespaces"] >= 1 and len(document["epoch"]) == 32


def test_status_of_namespaces(ctl, space):
    shown = ctl("status", space.name).out
    assert f"Namespace: {space.name}" in shown and "Keys: 5 of " in shown
    documents = ctl.json("status", space.name, space.name)
    assert [each["namespace"] for each in documents] == [space.name] * 2
    ctl("status", space.name, "org.example.Nowhere", status=NOT_FOUND)


def test_the_last_known_good_state_is_shown(ctl, root):
    root.mark_good()
    revision = root.property("LastGoodRevision")
    assert f"Known good: revision {revision}\n" in ctl("status").out
    document = ctl.json("status")
    assert (document["last-good-revision"], document["loaded-reason"]) == (revision, "")


def test_quota_of_a_uid_is_shown(ctl, ctl_as, sandbox, root, name):
    root.create(name, owner=4001).set("k", "v")
    document = ctl_as("alice").json("status")
    assert document["uid-namespaces"] >= 1 and document["uid-keys"] >= 1
    assert document["uid-namespaces-max"] == 256
    assert re.search("Owned by you: [1-9][0-9]* of 256 namespaces",  ctl_as("alice")("status").out)
    assert re.search("Owned by you: .*; uid 0 has no limit", ctl("status").out)


def test_denied_says_what_to_do(ctl_as, ns, name):
    error = ctl_as("bob").failure("set", ns.name, "k", "1", status=DENIED)
    assert error["status"] == "denied" and error["name"].endswith("AccessDenied")
    assert "owner root" in error["hint"] and "mode 0644" in error["hint"]
    assert f"regentctl access {ns.name} --group=" in error["hint"]
    assert "org.regentd.state1.write" in error["hint"] and "verb Set" in error["hint"]
    assert "sudo" in error["hint"]
    error = ctl_as("bob").failure("create", name + "x", status=DENIED)
    assert "org.regentd.state1.manage" in error["hint"]


def test_denied_names_the_group_that_may(ctl_as, sandbox, root, name):
    root.create(name, group=4100, mode=0o664)
    hint = ctl_as("alice").failure("set", name, "k", "1", status=DENIED)["hint"]
    assert "Members of the group operators may do this" in hint
    ctl_as("bob")("set", name, "k", "1")


def test_unreadable_looks_like_absent(ctl_as, sandbox, root, name):
    root.create(name, mode=0o600)
    bob = ctl_as("bob")
    errors = [bob.failure("get", each, "k", status=DENIED) for each in (name, name + "x")]
    assert errors[0]["hint"] == errors[1]["hint"].replace(name + "x", name)


def test_nobody_is_asked_by_accident(ctl_as, ns):
    assert os.geteuid() == 0
    result = ctl_as("bob")("delete", ns.name, "k", status=DENIED)
    assert "password" not in result.err
