# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backup: a descriptor of a file that holds everything persistent, and nothing that outstays its welcome."""

import errno
import fcntl
import os
import signal
import subprocess

import pytest
from gi.repository import Gio, GLib
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.client import as_regent_error
from regent_testing.names import BUS_NAME, MANAGER, ROOT_PATH, Error
from regent_testing.waiting import SLOWNESS, retry_until

STACK = {"polkit": True}
KIB = 1024


class Backup:
    """What came of a call: the descriptor and what is said of it."""

    def __init__(self, fd, info):
        self.fd, self.info = fd, info

    def content(self):
        return os.pread(self.fd, 1 << 26, 0)

    def close(self):
        os.close(self.fd)


def back_up(client):
    try:
        reply, fds = client.connection.call_with_unix_fd_list_sync(
            BUS_NAME, ROOT_PATH, MANAGER, "Backup", GLib.Variant("(a{sv})", ({},)), GLib.VariantType("(ha{sv})"),
            Gio.DBusCallFlags.NONE, int(30000 * SLOWNESS), None, None,
        )  # fmt: skip
    except GLib.Error as error:
        raise as_regent_error(error) from None
    handle, info = reply.unpack()
    return Backup(fds.get(handle), info)


def files_in(made):
    """Descriptors of files without a name that regentd has open."""
    directory = f"/proc/{made.regentd.process.pid}/fd"
    links = []
    for name in os.listdir(directory):
        try:
            links.append(os.readlink(os.path.join(directory, name)))
        except FileNotFoundError:
            pass
    return [link for link in links if link.endswith("/tmp/checkpoint (deleted)")]


def temporary(made):
    return os.listdir(os.path.join(made.regentd.state_dir, "tmp"))


@pytest.fixture
def fresh(stack):
    made = stack()
    ns = made.root.create("org.example.X", mode=0o600)
    ns.apply({"a": 1, "b": "x" * 2000})
    ns.apply({"up": 1}, class_="runtime")
    return made, ns


def test_backup_tells_what_it_holds(fresh):
    made, ns = fresh
    backup = back_up(made.root)
    assert backup.info == {
        "revision": made.root.revision(),
        "namespaces": 1,
        "keys": 2,
        "bytes": os.fstat(backup.fd).st_size,
    }
    content = backup.content()
    assert content.startswith(b"RegentC\n") and b"x" * 2000 in content and b"up" not in content
    assert temporary(made) == []
    assert made.root.property("State") == "running"
    backup.close()


def test_receiver_can_only_read(fresh):
    made, _ = fresh
    backup = back_up(made.root)
    assert fcntl.fcntl(backup.fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    assert os.lseek(backup.fd, 0, os.SEEK_CUR) == 0
    for change in (lambda: os.write(backup.fd, b"x"), lambda: os.ftruncate(backup.fd, 0)):
        with pytest.raises(OSError) as error:
            change()
        assert error.value.errno in (errno.EBADF, errno.EINVAL)
    assert os.fstat(backup.fd).st_nlink == 0
    assert os.fstat(backup.fd).st_mode & 0o077 == 0
    backup.close()


def test_copy_is_of_one_revision_whatever_is_written_meanwhile(fresh):
    made, ns = fresh
    for n in range(40):
        ns.apply({f"k{n}/{m}": m for m in range(1000)})
    call = made.root.start(ROOT_PATH, MANAGER, "Backup", "(a{sv})", [{}])
    written = [ns.set("a", n) for n in range(50)]
    _, info = call.result()
    assert info["keys"] == 40002
    assert ns.get("a").unpack() == 49 and written == sorted(written)


def test_one_at_a_time(fresh):
    """Until the receiver has closed it; then the room is given back by itself, and the next may be taken."""
    made, ns = fresh
    first = back_up(made.root)
    with nothing_changed(made.root, ns), refused(Error.Busy, "still being read, by uid 0"):
        back_up(made.root)
    copy = os.dup(first.fd)
    first.close()
    with refused(Error.Busy):
        back_up(made.root)
    assert len(files_in(made)) == 1
    os.close(copy)
    back_up(made.root).close()
    retry_until(lambda: not files_in(made), 30, "the room of a copy that nobody reads to be given back")


def test_two_calls_at_once_are_one_too_many(fresh):
    made, ns = fresh
    for n in range(30):
        ns.set(f"key/{n}", "x" * 900000)
    calls = [made.root.start(ROOT_PATH, MANAGER, "Backup", "(a{sv})", [{}]) for _ in range(4)]
    results = []
    for call in calls:
        try:
            results.append(call.result()[1])
        except RegentError as error:
            assert error.name == Error.Busy
    assert results and all(info["keys"] == 32 for info in results)
    back_up(made.root).close()


def test_mark_good_and_checkpoints_wait_for_each_other(fresh):
    made, ns = fresh
    for n in range(30):
        ns.set(f"key/{n}", "x" * 900000)
    calls = [
        made.root.start(ROOT_PATH, MANAGER, member, signature, arguments)
        for member, signature, arguments in (
            ("Backup", "(a{sv})", [{}]), ("MarkGood", "()", []),
        )
    ]  # fmt: skip
    assert calls[0].result()[1]["keys"] == 32
    assert calls[1].result()[0] == made.root.revision()


def test_needs_manage(root, alice, polkitd, ns):
    with nothing_changed(root, ns), refused(Error.InteractiveAuthorizationRequired):
        alice.call(ROOT_PATH, MANAGER, "Backup", "(a{sv})", [{}])
    polkitd.set_rules("""
        polkit.addRule(function(action, subject) {
            if (action.id == "org.regentd.state1.manage" && action.lookup("verb") == "Backup" &&
                action.lookup("namespace") == "")
                return polkit.Result.YES;
        });
    """)
    assert alice.call(ROOT_PATH, MANAGER, "Backup", "(a{sv})", [{}])[1]["revision"] == root.revision()


def test_unknown_option_is_refused_before_anything_else(alice):
    with refused(Error.InvalidArgs, "no-such"):
        alice.call(ROOT_PATH, MANAGER, "Backup", "(a{sv})", [{"no-such": GLib.Variant("s", "x")}])


def test_caller_that_dies_leaves_nothing(fresh):
    """While it is written, and with the descriptor in hand."""
    made, ns = fresh
    for n in range(30):
        ns.set(f"key/{n}", "x" * 900000)
    environ = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": made.bus.address}
    command = ["busctl", "call", BUS_NAME, ROOT_PATH, MANAGER, "Backup", "a{sv}", "0"]
    for _ in range(5):
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        retry_until(lambda p=process: temporary(made) or p.poll() is not None, 30, "the copy to be written")
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The one that goes on for nobody keeps the next one waiting no longer than it takes.
    retry_until(lambda: taken(made), 30, "a backup after callers that died")
    retry_until(lambda: not files_in(made) and not temporary(made), 30, "nothing to be left over")
    made.regentd.check_running()


def taken(made):
    try:
        back_up(made.root).close()
    except RegentError as error:
        assert error.name == Error.Busy
        return False
    return True


def test_full_disk_is_told_and_leaves_nothing(stack, sandbox):
    made = stack(start=False)
    directory = made.regentd.state_dir
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "regent-test", directory], check=True)
    try:
        made.regentd.start()
        ns = made.root.create("org.example.X")
        ns.set("big", "x" * (900 * KIB))
        filler = os.path.join(directory, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC
        with refused(Error.DiskFull):
            back_up(made.root)
        assert temporary(made) == [] and not files_in(made)
        os.unlink(filler)
        assert back_up(made.root).info["keys"] == 1
        made.regentd.stop()
    finally:
        made.regentd.close()
        subprocess.run(["umount", "--lazy", directory], check=True)


@pytest.mark.parametrize("member, signature, arguments", [("Backup", "(a{sv})", [{}]), ("MarkGood", "()", [])])
def test_service_that_stops_meanwhile_leaves_nothing(fresh, member, signature, arguments):
    made, ns = fresh
    for n in range(30):
        ns.set(f"key/{n}", "x" * 900000)
    call = made.root.start(ROOT_PATH, MANAGER, member, signature, arguments)
    retry_until(lambda: call.is_done() or temporary(made) or files_in(made), 30, "the copy to be begun")
    made.regentd.stop()
    try:
        call.result()
    except RegentError as error:
        assert error.name == Error.Busy and "the service stops" in error.text
    assert temporary(made) == []
    made.regentd.start()
    assert back_up(made.root).info["keys"] == 32
