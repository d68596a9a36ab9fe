# SPDX-License-Identifier: LGPL-2.1-or-later
"""--host: through a program that stands in for ssh and runs the bridge of systemd here."""

import os
import pathlib
import shutil
import signal

import pytest
from ctl import DENIED, DONE, INTERRUPTED, NOT_FOUND, OTHER, TIMEOUT, UNREACHABLE, USAGE
from regent_testing import environment
from regent_testing.waiting import retry_until

SSH = """#!/bin/sh
echo "$*" >>"$SSH_LOG"
case $* in
*deaf*) exec sleep 60 ;;
*broken*) echo "ssh: connect to host broken: No route to host" >&2; exit 255 ;;
esac
exec systemd-stdio-bridge --bus-path="$REMOTE_BUS"
"""

pytestmark = pytest.mark.skipif(not shutil.which("systemd-stdio-bridge"), reason="no systemd-stdio-bridge")


@pytest.fixture
def scratch():
    path = environment.make_scratch()
    yield path
    environment.remove_scratch(path)


@pytest.fixture
def remote(ctl, service, scratch):
    """regentctl with no system bus of its own, and such an ssh."""
    program = os.path.join(scratch, "ssh")
    with open(program, "w", encoding="utf-8") as file:
        file.write(SSH)
    os.chmod(program, 0o755)
    log = pathlib.Path(scratch, "log")
    log.touch()
    log.chmod(0o666)
    made = ctl.with_(
        environ={
            "PATH": scratch + ":/usr/bin:/bin",
            "SSH_LOG": str(log),
            "REMOTE_BUS": service.bus.address,
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
        }
    )
    made.log = log.read_text
    return made


def test_get_and_set(remote, space):
    assert remote("get", space.name, "mtu", "--host=router").out == "1500\n"
    assert remote.log() == "-xT -o BatchMode=yes -- router systemd-stdio-bridge\n"
    remote("set", space.name, "mtu", "9000", "-Hadmin@router")
    assert space.get("mtu").unpack() == 9000
    remote("get", space.name, "missing", "-H", "router", status=NOT_FOUND)


@pytest.mark.parametrize("host,arguments", [
    ("admin@router:2222", "-p 2222 -- admin@router"), ("[::1]:22", "-p 22 -- ::1"), ("::1", "-- ::1"),
    ("a@[::1]", "-- a@::1"),
    ("router:ssh", "-- router:ssh"),
])  # fmt: skip
def test_ports(remote, space, host, arguments):
    remote("get", space.name, "mtu", "--host=" + host)
    assert f"-xT -o BatchMode=yes {arguments} systemd-stdio-bridge\n" == remote.log()


def test_many_keys(remote, ns):
    ns.apply({f"k{number}": "x" * 1000 for number in range(3000)})
    assert len(remote("get", ns.name, "--host=router").lines) == 3001


def test_a_name_that_would_be_an_option(remote, space):
    for host in ("-oProxyCommand=touch /tmp/x", "-v", "", ":22", "[]:22", "[-v]", "alice@:22", "alice@"):
        remote("get", space.name, "mtu", "--host=" + host, status=USAGE)


def test_monitor(remote, ns):
    with remote.watch("monitor", ns.name, "--host=router") as running:
        running.expect("Watching")
        ns.set("k", 1)
        running.expect("k x 1")
        running.signal()
        running.finish(DONE)


def test_a_host_that_is_not_there(remote, space):
    result = remote("get", space.name, "mtu", "--host=broken", status=UNREACHABLE)
    assert "No route to host" in result.err and "ssh broken systemd-stdio-bridge" in result.err


def test_a_host_that_says_nothing(remote, space):
    remote("get", space.name, "mtu", "--host=deaf", "--timeout=0.3", status=TIMEOUT)
    with remote.watch("get", space.name, "mtu", "--host=deaf") as running:
        retry_until(lambda: remote.log().count("deaf") == 2, 20, "ssh to start")
        running.signal(signal.SIGINT)
        running.finish(INTERRUPTED)


def test_no_ssh(remote, space):
    alone = remote.with_(environ={"PATH": "/nonexistent"})
    assert "ssh" in alone("get", space.name, "mtu", "--host=router", status=UNREACHABLE).err


def test_passwords_are_for_that_machine(remote, service, ns, sandbox):
    hint = remote.with_(user="bob").failure("set", ns.name, "k", "1", "--host=router", status=DENIED)["hint"]
    assert "sudo" not in hint
