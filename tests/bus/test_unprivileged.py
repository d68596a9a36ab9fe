# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentd as its own user, as it is installed: polkit trusts it as the owner of its actions, and nothing else does."""

import os
import stat

import pytest
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, USERS, Error

STACK = {"polkit": True, "user": "regent"}

GRANT_CAROL = """
polkit.addRule(function(action, subject) {
    if (action.id.indexOf("org.regentd.state1.") == 0)
        return subject.user == "carol" && action.lookup("namespace").indexOf("org.example.") == 0 ?
            polkit.Result.YES : polkit.Result.NO;
});
"""


@pytest.fixture
def secret(root, name):
    made = root.create(name, owner=4001, group=4100, mode=0o640)
    made.set("a", 1)
    return made


def test_it_runs_as_its_own_user(service):
    with open(f"/proc/{service.regentd.process.pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file.read().splitlines())
    assert fields["Uid"].split() == [str(USERS["regent"][0])] * 4
    assert fields["Groups"].split() == []
    assert int(fields["CapEff"], 16) == 0


def test_the_policy_gives_the_name_to_its_user_only(service, carol):
    with pytest.raises(RegentError) as caught:
        carol.call(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", (BUS_NAME, 2),
            destination="org.freedesktop.DBus",
        )  # fmt: skip
    assert caught.value.name == Error.AccessDenied


def test_root_owner_and_group(secret, alice, bob):
    secret.set("a", 2)
    secret.seen_by(alice).set("a", 3)
    assert secret.seen_by(bob).get("a").unpack() == 3


def test_polkit_grants_with_details(polkitd, root, secret, carol, erin):
    polkitd.set_rules(GRANT_CAROL)
    secret.seen_by(carol).set("a", 2)
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(erin).set("a", 3)


def test_polkit_answers_challenge(polkitd, root, secret, carol):
    with nothing_changed(root, secret), refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(carol).set("a", 2)


def test_create_by_polkit(polkitd, name, carol):
    polkitd.set_rules(GRANT_CAROL)
    made = carol.create(name)
    made.set("a", 1)
    carol.remove(name, 1)


def test_polkit_gone(polkitd, root, secret, carol, alice):
    polkitd.kill()
    with nothing_changed(root, secret), refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 2)
    secret.seen_by(alice).set("a", 2)


def test_state_belongs_to_it_and_to_no_one_else(service, root, ns):
    ns.set("a", 1)
    n_files = 0
    for directory, _, files in os.walk(service.regentd.state_dir):
        for each in files:
            found = os.stat(os.path.join(directory, each))
            assert found.st_uid == USERS["regent"][0]
            assert stat.S_IMODE(found.st_mode) & 0o077 == 0
            n_files += 1
    assert n_files


def test_kill_and_restart(stack):
    made = stack(user="regent")
    ns = made.root.create("org.example.X", owner=4001)
    ns.set("a", 1)
    ns.apply({"r": 1}, class_="runtime")
    made.regentd.kill()
    made.regentd.start()
    assert ns.keys() == ["a", "r"]
    made.regentd.restart()
    assert ns.keys() == ["a", "r"]


def test_state_directory_it_may_not_write(stack, sandbox):
    made = stack(user="regent", start=False)
    os.chown(made.regentd.state_dir, 0, 0)
    made.regentd.spawn()
    assert made.regentd.wait_exit() not in (0, -6, -11)
    assert made.regentd.state_dir in made.regentd.log()
