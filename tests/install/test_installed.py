# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson installs works as it is: on the stock system bus, with the stock polkit, and with nothing of the tree.

tests/install/installed lays the installed files over the machine. What is missing there is systemd, so `Systemd` below
does what it would do for the one unit: it is asked by the bus, and goes by what stands in the unit.
"""

import os
import pwd
import re
import signal
import subprocess

import pytest
from gi.repository import Gio, GLib

from regent_testing.names import BUS_NAME, MANAGER, NAMESPACE, POLKIT_NAME, ROOT_PATH, path_of
from regent_testing.waiting import iterate_until, wait_exit, wait_readable

ROUTER = "org.example.Router"
UNIT_DIRECTORIES = ("/usr/lib/systemd/system", "/lib/systemd/system")
SOCKET = "/run/dbus/system_bus_socket"
CALL = ("busctl", "--allow-interactive-authorization=no", "call", BUS_NAME)


class Systemd:
    """Starts units that the bus asks it for, by Alias=, User=, StateDirectory=, RuntimeDirectory= and ExecStart=."""

    NAME = "org.freedesktop.systemd1"

    def __init__(self):
        self.asked = []
        self.processes = []
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self._connection = Gio.DBusConnection.new_for_address_sync(f"unix:path={SOCKET}", flags, None, None)
        self._connection.signal_subscribe(
            "org.freedesktop.DBus", "org.freedesktop.systemd1.Activator", "ActivationRequest",
            None, None, Gio.DBusSignalFlags.NONE, self._on_request,
        )  # fmt: skip
        self._connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", (self.NAME, 0)), None, Gio.DBusCallFlags.NONE, 10000, None,
        )  # fmt: skip

    def _on_request(self, _connection, _sender, _path, _interface, _member, parameters):
        self.asked.append(parameters.unpack()[0])
        self.start(self.asked[-1])

    def start(self, name):
        settings = unit_with_alias(name)
        user = pwd.getpwnam(settings["User"])
        for setting, base in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            directory = os.path.join(base, settings[setting])
            os.makedirs(directory, exist_ok=True)
            os.chmod(directory, int(settings[setting + "Mode"], 8))
            os.chown(directory, user.pw_uid, user.pw_gid)
        with open("/tmp/regentd.log", "ab") as log:
            self.processes.append(
                subprocess.Popen(
                    settings["ExecStart"].split(), env={}, cwd="/", umask=int(settings["UMask"], 8),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    user=user.pw_uid, group=user.pw_gid, extra_groups=[],
                )
            )  # fmt: skip

    def stop(self):
        """Ends what it started; that must end well."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            assert wait_exit(process, 30, "regentd to end") == 0, log()
        self.processes.clear()

    def close(self):
        self.stop()
        self._connection.close_sync(None)


def unit_with_alias(name):
    """The settings of the installed unit that has this alias, the last of each."""
    for directory in UNIT_DIRECTORIES:
        for file_name in os.listdir(directory) if os.path.isdir(directory) else []:
            path = os.path.join(directory, file_name)
            if file_name.endswith(".service") and os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    settings = dict(re.findall(r"^(\w+)=(.*)$", file.read(), re.MULTILINE))
                if settings.get("Alias") == name:
                    return settings
    raise AssertionError(f"no unit has the alias {name}")


def log():
    with open("/tmp/regentd.log", encoding="utf-8", errors="replace") as file:
        return file.read()


@pytest.fixture(scope="module", autouse=True)
def installed():
    if os.environ.get("REGENT_INSTALLED") != "yes":
        pytest.skip(os.environ.get("REGENT_INSTALLED") or "run by tests/install/installed")
    subprocess.run(["systemd-sysusers", "regent.conf"], check=True, timeout=30)
    subprocess.run(["useradd", "alice"], check=True, timeout=30)


@pytest.fixture(scope="module")
def bus(installed):
    """The stock system bus, which listens where it always does and activates through systemd."""
    os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog", "--systemd-activation",
         f"--print-address={write_end}"],
        pass_fds=[write_end], stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(write_end)
    wait_readable(read_end, 10, "dbus-daemon to listen")
    os.close(read_end)
    yield process
    process.terminate()
    wait_exit(process, 10, "dbus-daemon to end")


@pytest.fixture(scope="module")
def systemd(bus):
    systemd = Systemd()
    yield systemd
    systemd.close()


@pytest.fixture(scope="module")
def polkitd(systemd):
    """Ready when it answers, which the bus's own activation would wait for, too."""
    process = subprocess.Popen(
        ["/usr/lib/polkit-1/polkitd", "--no-debug"], stdin=subprocess.DEVNULL, start_new_session=True
    )
    result = subprocess.run(["gdbus", "wait", "--system", "--timeout", "20", POLKIT_NAME], check=False, timeout=30)
    assert result.returncode == 0
    yield process
    process.terminate()
    wait_exit(process, 10, "polkitd to end")


# Not that of the tests, which names programs of the build directory.
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("REGENT")}


def run(*command, user=None):
    """Status and output of a command; what the bus asks of Systemd meanwhile is done."""
    if user:
        command = ("runuser", "-u", user, "--", *command)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    pidfd = os.pidfd_open(process.pid)
    try:
        iterate_until(lambda: process.poll() is not None, 60, " ".join(command), [pidfd])
    finally:
        os.close(pidfd)
        process.kill()
    return process.returncode, process.stdout.read().strip()


def call(*arguments, user=None):
    status, output = run(*CALL, *arguments, user=user)
    assert status == 0, f"{arguments}: {output}"
    return output


def test_first_call_activates_regentd_as_its_user(systemd):
    status, output = run(*CALL, ROOT_PATH, MANAGER, "CreateNamespace", "sa{sv}", ROUTER, "0")

    assert (status, output) == (0, f'o "{path_of(ROUTER)}"'), log()
    assert systemd.asked == [f"dbus-{BUS_NAME}.service"]
    assert os.stat(f"/proc/{systemd.processes[0].pid}").st_uid == pwd.getpwnam("regent").pw_uid
    assert os.stat("/var/lib/regent/MANIFEST").st_uid == pwd.getpwnam("regent").pw_uid
    assert os.stat("/var/lib/regent/MANIFEST").st_mode & 0o777 == 0o600


def test_everybody_may_call_and_read(systemd):
    call(path_of(ROUTER), NAMESPACE, "Set", "sv", "mtu", "u", "1500")

    assert call(path_of(ROUTER), NAMESPACE, "Get", "s", "mtu", user="alice") == "v u 1500"
    assert run("busctl", "get-property", BUS_NAME, path_of(ROUTER), "org.regentd.State1.Values", "mtu",
               user="alice") == (0, "u 1500")  # fmt: skip


def test_nobody_but_regentd_may_have_its_name(systemd):
    status, output = run(
        "busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", "su", BUS_NAME, "2", user="alice",
    )  # fmt: skip

    assert status != 0 and "denied" in output


def test_polkit_knows_the_actions_and_lets_regentd_ask(systemd, polkitd):
    status, output = run(*CALL, path_of(ROUTER), NAMESPACE, "Set", "sv", "mtu", "u", "9", user="alice")

    assert status != 0
    assert "polkit action org.regentd.state1.write needs a password" in output
    assert call(path_of(ROUTER), NAMESPACE, "Get", "s", "mtu") == "v u 1500"


def test_log_level_is_changed_by_root_alone(systemd, polkitd):
    level = (BUS_NAME, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel")
    assert run("busctl", "get-property", *level, user="alice") == (0, 's "info"')
    assert run("busctl", "set-property", *level, "s", "debug", user="alice")[0] != 0
    assert run("busctl", "set-property", *level, "s", "debug")[0] == 0

    assert run("busctl", "get-property", *level, user="alice") == (0, 's "debug"')


def test_installed_configuration_counts_and_its_drop_ins_win(systemd):
    os.makedirs("/etc/regent/regentd.conf.d")
    with open("/etc/regent/regentd.conf.d/50-test.conf", "w", encoding="utf-8") as file:
        file.write("[Limits]\nValueBytesMax=2K\n")
    command = unit_with_alias(f"dbus-{BUS_NAME}.service")["ExecReload"].removeprefix("+").split()
    status, output = run(*command)
    assert (status, output) == (0, "")
    status, output = run(*CALL, path_of(ROUTER), NAMESPACE, "Set", "sv", "big", "s", "x" * 3000)

    assert status != 0 and "2048" in output
    assert "/etc/regent/regentd.conf:" not in log()


def test_regentctl_finds_the_service_and_regentd(systemd):
    declaration = "/tmp/org.example.Wrong.conf"
    with open(declaration, "w", encoding="utf-8") as file:
        file.write("[Key mtu]\nType=none\n")
    assert "REGENTD" not in ENVIRONMENT
    assert run("regentctl", "status", user="alice")[1].startswith("State: running")
    assert run("regentctl", "get", ROUTER, "mtu", user="alice") == (0, "1500")
    status, output = run("regentctl", "check", declaration, user="alice")
    assert status == 7 and output.startswith(f"{declaration}:2: "), output


def test_regentctl_finds_regent_store(systemd):
    status, output = run("regentctl", "verify")
    assert status == 0 and "/var/lib/regent/MANIFEST" in output and "Everything is whole." in output, output
    backup = "/tmp/regent-backup"
    status, output = run("regentctl", "backup", "--force", backup)
    assert status == 0 and "verified" in output, output
    assert run("regentctl", "recover", "--dry-run", f"--from={backup}")[0] == 0
    os.unlink(backup)


def test_shells_complete_regentctl(systemd):
    """In the places where bash-completion and zsh look, and by the regentctl of $PATH."""
    script = (
        ". /usr/share/bash-completion/completions/regentctl; COMP_LINE='regentctl flu' COMP_POINT=13; "
        "COMP_WORDS=(regentctl flu); _regentctl; echo \"${COMPREPLY[*]}\""
    )
    assert run("bash", "-c", script) == (0, "flush")
    with open("/usr/share/zsh/vendor-completions/_regentctl", encoding="utf-8") as file:
        assert file.readline() == "#compdef regentctl\n"


def test_regentd_that_was_stopped_is_activated_again_with_its_state(systemd):
    systemd.stop()

    assert call(path_of(ROUTER), NAMESPACE, "Get", "s", "mtu", user="alice") == "v u 1500"
    assert len(systemd.asked) == 2


def test_without_systemd_nothing_else_starts_regentd():
    """The program and user that a bus without systemd would take start nothing as root."""
    with open(f"/usr/share/dbus-1/system-services/{BUS_NAME}.service", encoding="utf-8") as file:
        assert re.search(r"^Exec=(.*)$", file.read(), re.MULTILINE)[1] == "/bin/false"
