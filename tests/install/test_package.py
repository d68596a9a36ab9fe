# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages, from their source to after their purge, in a scratch Debian with its own systemd.

The cases are one story, in the order in which they stand: built, installed, used, rebooted, upgraded, removed, purged.
Run by tests/install/package; it takes minutes and root, so it is no part of the ordinary tests.
"""

import os
import re
import shutil
import subprocess

import pytest

from debian_packages import built, contents, library_triplet, machine_triplet
from machine import Machine, boot_is_impossible
from regent_testing.names import BUS_NAME, MANAGER, NAMESPACE, ROOT_PATH, path_of

pytestmark = pytest.mark.timeout(900)

ROUTER = "org.example.Router"
UNIT = "regentd.service"
NEEDED = ("libregent0", "regent")
OURS = (*NEEDED, "libregent-dev")
PACKAGES = "systemd,systemd-sysv,dbus,dbus-broker,polkitd,libglib2.0-0,libglib2.0-dev,libxxhash0"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
LEVEL = (BUS_NAME, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel")

# What says at each start of the machine, before the bus is up, that Regent can be called; and what saves its state while
# the machine shuts down.
EARLY = f"""
[Unit]
DefaultDependencies=no
After=dbus.socket
[Service]
Type=oneshot
ExecStart=busctl call {BUS_NAME} {path_of(ROUTER)} {NAMESPACE} Set sv early s yes
[Install]
WantedBy=multi-user.target
"""
LATE = f"""
[Unit]
After={UNIT}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=true
ExecStop=busctl call {BUS_NAME} {path_of(ROUTER)} {NAMESPACE} Set sv late s saved
[Install]
WantedBy=multi-user.target
"""
# The same before basic.target, which only dbus-broker is early enough for.
EARLIEST = f"""
[Unit]
DefaultDependencies=no
After={UNIT}
Before=basic.target
[Service]
Type=oneshot
ExecStart=busctl call {BUS_NAME} {path_of(ROUTER)} {NAMESPACE} Set sv earliest s yes
[Install]
WantedBy=basic.target
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return built(str(tmp_path_factory.mktemp("first")))


@pytest.fixture(scope="module")
def newer_packages(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("second"))
    return built(directory, "0.1.0-1000", DEB_BUILD_OPTIONS="nocheck")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A Debian that has what the packages depend on, and a user alice."""
    directory = tmp_path_factory.mktemp("machine")
    root = str(directory / "root")
    subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=" + PACKAGES, "bookworm", root, MIRROR],
        check=True, timeout=600,
    )  # fmt: skip
    machine = Machine(root, str(directory / "machine.log"))
    machine.run("useradd", "-m", "alice")
    machine.run("mkdir", "/packages")
    machine.run("systemctl", "disable", "dbus-broker.service")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def booted(machine):
    if reason := boot_is_impossible():
        pytest.skip(reason)
    if not machine.is_booted():
        machine.boot()
    return machine


def install(machine, packages, *names):
    """dpkg -i of these packages; what dpkg said."""
    paths = []
    for name in names:
        shutil.copy(packages[name], machine.path("/packages"))
        paths.append("/packages/" + os.path.basename(packages[name]))
    return machine.run("dpkg", "-i", *paths)


def regent(machine, member, *arguments, path=path_of(ROUTER), interface=NAMESPACE, user=None):
    return machine.run("busctl", "call", BUS_NAME, path, interface, member, *arguments, user=user)


def refused(machine, *command, user=None):
    """What a command says that must fail."""
    status, output = machine.attempt(*command, user=user)
    assert status != 0, output
    return output


CALL = ("busctl", "--allow-interactive-authorization=no", "call", BUS_NAME)


def show(machine, name, unit=UNIT):
    return machine.run("systemctl", "show", "--value", "-p", name, unit)


def get(machine, key, user=None):
    return regent(machine, "Get", "s", key, user=user)


def files(machine):
    """The files and directories of the machine, but for what dpkg, systemd and the bus make for themselves."""
    volatile = r"/(dev|proc|sys|run|tmp|packages|root|var/(cache|log|tmp|backups|lib/(dbus|dpkg|systemd|private|polkit-1)))(/|$)"
    found = machine.run("find", "/", "-xdev", "-not", "-path", "/proc/*", "-printf", "%p\\n")
    return {line for line in found.splitlines() if not re.match(volatile, line)}


# built


def test_packages_are_built(packages):
    assert {*OURS, "regent-dbgsym", "libregent0-dbgsym"} == set(packages)


def test_lintian_has_nothing_to_say(packages):
    result = subprocess.run(
        ["lintian", "--fail-on", "error,warning", "--allow-root", *(packages[name] for name in OURS)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert (result.returncode, result.stdout) == (0, "")


def test_packages_share_no_file_and_lose_none(packages, tmp_path):
    """All that meson installs is in one of them, but for NEWS.md, which is the changelog there."""
    library, main, development = (contents(packages[name]) for name in OURS)
    together = [path for each in (main, library, development) for path in each if not path.endswith("/")]
    shared = {path for path in together if together.count(path) > 1}
    tree = os.path.join(os.path.dirname(packages["regent"]), "regent", "obj-" + machine_triplet())
    subprocess.run(
        ["meson", "install", "--no-rebuild", "--quiet", "--destdir", str(tmp_path), "-C", tree], check=True
    )
    installed = {
        os.path.join(directory, name).removeprefix(str(tmp_path))
        for directory, _, names in os.walk(tmp_path)
        for name in names
    }
    compressed = {path + ".gz" for path in installed if "/man/" in path}
    lost = installed - set(together) - {path.removesuffix(".gz") for path in compressed & set(together)}

    assert shared == set()
    assert lost == {"/usr/share/doc/regent/NEWS.md"}
    libraries = f"/usr/lib/{library_triplet()}"
    assert {"/usr/include/regent/regent.h", "/usr/include/regent/regent-view.h", f"{libraries}/pkgconfig/regent.pc", f"{libraries}/libregent.so",
            "/usr/share/man/man3/regent_get.3.gz"} <= development  # fmt: skip
    assert f"{libraries}/libregent.so.0" in library
    assert "/usr/share/dbus-1/interfaces/org.regentd.State1.Manager.xml" in development


# installed where nothing runs, as in the making of an image


def test_package_installs_and_purges_without_a_running_system(machine, packages):
    before = files(machine)
    install(machine, packages, *NEEDED)
    assert machine.run("dpkg-query", "-W", "-f", "${Status}", "regent") == "install ok installed"
    assert machine.run("id", "-un", "regent") == "regent"
    machine.run("dpkg", "-P", *NEEDED)

    assert files(machine) - before == set()
    assert machine.run("id", "-un", "regent") == "regent"
    machine.run("userdel", "regent")


# installed on a running system


def test_package_starts_regentd_at_once(booted, packages):
    """dbus-daemon has read its policies before the user was made; regentd gets its name all the same."""
    booted.files_before = files(booted)
    install(booted, packages, *OURS)

    assert booted.run("systemctl", "is-active", UNIT) == "active"
    assert booted.run("systemctl", "is-enabled", UNIT) == "enabled"
    assert show(booted, "NRestarts") == "0"
    assert show(booted, "StatusText") == "running"


def test_unit_is_found_by_the_name_of_its_activation(booted):
    assert show(booted, "Id", f"dbus-{BUS_NAME}.service") == UNIT


def test_directories_belong_to_regentd_and_the_configuration_to_root(booted):
    def owner_and_mode(path):
        return booted.run("stat", "-c", "%U:%G %a", path)

    assert owner_and_mode("/var/lib/regent") == "regent:regent 700"
    assert owner_and_mode("/run/regent") == "regent:regent 700"
    for path in ("/etc/regent", "/etc/regent/namespaces.d", "/usr/lib/regent/namespaces.d"):
        assert owner_and_mode(path) == "root:root 755"


def test_process_is_confined(booted):
    status = booted.run("cat", f"/proc/{show(booted, 'MainPID')}/status")

    def field(name):
        return re.search(rf"^{name}:\s+(.*)$", status, re.MULTILINE)[1]

    assert set(field("Uid").split()) == {booted.run("id", "-u", "regent")}
    assert set(field("Gid").split()) == {booted.run("id", "-g", "regent")}
    assert int(field("CapEff"), 16) == int(field("CapBnd"), 16) == 0
    assert field("NoNewPrivs") == "1"
    assert field("Seccomp") == "2"


def test_exposure_is_what_it_is_offline(booted):
    booted.run("systemd-analyze", "security", "--no-pager", "--threshold=15", UNIT)


def test_root_creates_and_alice_reads(booted):
    regent(booted, "CreateNamespace", "sa{sv}", ROUTER, "0", path=ROOT_PATH, interface=MANAGER)
    regent(booted, "Set", "sv", "mtu", "u", "1500")
    regent(booted, "Apply", "a{sv}asta{sv}", "1", "link", "s", "up", "0", "0", "1", "class", "s", "runtime")

    assert get(booted, "mtu", user="alice") == "v u 1500"


def test_owner_is_who_the_bus_says_also_from_within_the_sandbox(booted):
    """PrivateUsers= hides other users from regentd; their numbers come in messages."""
    uid = booted.run("id", "-u", "alice")
    regent(booted, "CreateNamespace", "sa{sv}", "org.example.Alice", "2", "owner", "u", uid, "mode", "u", str(0o600),
           path=ROOT_PATH, interface=MANAGER)  # fmt: skip
    path = path_of("org.example.Alice")
    regent(booted, "Set", "sv", "a", "s", "b", path=path, user="alice")

    assert "There is no namespace" in refused(booted, *CALL, path, NAMESPACE, "Get", "s", "a", user="nobody")


def test_polkit_is_asked_with_details_and_a_rule_grants(booted):
    """Only the owner of an action may ask with details: the annotation of the actions and the user agree."""
    command = (*CALL, path_of(ROUTER), NAMESPACE, "Set", "sv", "mtu", "u", "9000")
    assert "polkit action org.regentd.state1.write needs a password" in refused(booted, *command, user="alice")
    booted.write("/etc/polkit-1/rules.d/50-test.rules", """
        polkit.addRule(function (action, subject) {
            if (action.id == "org.regentd.state1.write" && action.lookup("namespace") == "org.example.Router" &&
                subject.user == "alice")
                return polkit.Result.YES;
        });
    """)  # fmt: skip
    booted.run("chown", "polkitd", "/etc/polkit-1/rules.d/50-test.rules")
    booted.run("systemctl", "restart", "polkit.service")
    booted.run(*command, user="alice")

    assert get(booted, "mtu") == "v u 9000"


def test_systemctl_sets_the_log_level(booted):
    assert booted.run("systemctl", "service-log-level", UNIT) == "info"
    assert booted.run("systemctl", "service-log-target", UNIT) == "journal"
    booted.run("systemctl", "service-log-level", UNIT, "debug")
    regent(booted, "Set", "sv", "probe", "s", "x")
    assert booted.run("systemctl", "service-log-level", UNIT) == "debug"
    assert "journal" in refused(booted, "systemctl", "service-log-target", UNIT, "kmsg")
    booted.run("journalctl", "--sync")

    assert booted.run("journalctl", "-u", UNIT, "-o", "cat", f"NAMESPACE={ROUTER}", "KEY=probe")


def test_alice_may_see_the_log_level_and_not_set_it(booted):
    assert booted.run("busctl", "get-property", *LEVEL, user="alice") == 's "debug"'
    refused(booted, "busctl", "set-property", *LEVEL, "s", "info", user="alice")

    assert booted.run("systemctl", "service-log-level", UNIT) == "debug"


def test_configuration_below_run_counts_after_a_reload(booted):
    """regentd's own /run/regent is closed to others; root may put files there all the same."""
    booted.run("mkdir", "-p", "/run/regent/regentd.conf.d")
    booted.run("sh", "-c", "printf '[Service]\\nLogLevel=notice\\n' > /run/regent/regentd.conf.d/50-test.conf")
    booted.run("systemctl", "reload", UNIT)
    assert booted.run("systemctl", "service-log-level", UNIT) == "notice"

    booted.run("rm", "-r", "/run/regent/regentd.conf.d")
    booted.run("systemctl", "reload", UNIT)
    assert booted.run("systemctl", "service-log-level", UNIT) == "info"


def test_namespace_declared_below_run_belongs_to_the_user_named(booted):
    """Names of users are found in the sandbox, too."""
    booted.run("mkdir", "-p", "/run/regent/namespaces.d")
    booted.run("sh", "-c", "printf '[Namespace]\\nOwner=alice\\nMode=0600\\n[Key mtu]\\nType=u\\nDefault=1400\\n'"
               " > /run/regent/namespaces.d/org.example.Declared.conf")  # fmt: skip
    booted.run("systemctl", "reload", UNIT)
    path = path_of("org.example.Declared")

    assert regent(booted, "Get", "s", "mtu", path=path, user="alice") == "v u 1400"
    regent(booted, "Set", "sv", "mtu", "u", "1300", path=path, user="alice")
    assert "There is no namespace" in refused(booted, *CALL, path, NAMESPACE, "Get", "s", "mtu", user="nobody")
    booted.run("rm", "-r", "/run/regent/namespaces.d")


def test_call_activates_regentd(booted):
    booted.run("systemctl", "stop", UNIT)
    assert booted.attempt("systemctl", "is-active", UNIT)[1] == "inactive"

    assert get(booted, "mtu", user="alice") == "v u 9000"
    assert get(booted, "link") == 'v s "up"'
    assert booted.run("systemctl", "is-active", UNIT) == "active"


def test_regentd_is_there_again_after_a_crash(booted):
    pid = show(booted, "MainPID")
    regent(booted, "Set", "sv", "last", "s", "word")
    booted.run("systemctl", "kill", "-s", "KILL", UNIT)

    assert get(booted, "last") == 'v s "word"'
    assert show(booted, "MainPID") != pid
    assert show(booted, "Result") == "success"


def test_watchdog_ends_a_regentd_that_hangs(booted):
    booted.run("sh", "-c", f"mkdir -p /run/systemd/system/{UNIT}.d; "
               f"printf '[Service]\\nWatchdogSec=2s\\n' > /run/systemd/system/{UNIT}.d/50-test.conf")  # fmt: skip
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "restart", UNIT)
    pid = show(booted, "MainPID")
    booted.run("systemctl", "kill", "-s", "STOP", UNIT)
    # The bus says so when the one who was called is gone.
    refused(booted, "busctl", "--timeout=60", "call", BUS_NAME, ROOT_PATH, "org.freedesktop.DBus.Peer", "Ping")
    assert get(booted, "last") == 'v s "word"'
    booted.run("journalctl", "--sync")

    assert show(booted, "MainPID") != pid
    assert "Watchdog timeout" in booted.run("journalctl", "-b", "-u", UNIT, "-o", "cat")
    booted.run("rm", "-r", f"/run/systemd/system/{UNIT}.d")
    booted.run("systemctl", "daemon-reload")


# rebooted


def test_reboot_keeps_state_and_ends_nobody_early(booted):
    """Who comes before the bus waits for an answer, and who stops before regentd still saves its state."""
    booted.write("/etc/systemd/system/early.service", EARLY)
    booted.write("/etc/systemd/system/late.service", LATE)
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "enable", "early.service")
    booted.run("systemctl", "enable", "--now", "late.service")
    booted.power_off()
    booted.boot()

    assert booted.run("systemctl", "is-active", UNIT) == "active"
    assert show(booted, "Result", "early.service") == "success"
    assert get(booted, "early") == 'v s "yes"'
    assert get(booted, "late") == 'v s "saved"'
    assert get(booted, "mtu") == "v u 9000"
    assert "There is no key 'link'" in refused(booted, *CALL, path_of(ROUTER), NAMESPACE, "Get", "s", "link")


def test_boot_and_shutdown_were_orderly(booted):
    stopped = booted.run("journalctl", "-b", "-1", "-u", UNIT, "-o", "cat")
    assert "The bus has gone" not in stopped
    assert stopped.splitlines()[-1].startswith(("regentd.service: Consumed", "Stopped"))
    assert "Failed" not in stopped.split("Stopping")[-1]
    for boot in ("-1", "0"):
        assert "ordering cycle" not in booted.run("journalctl", "-b", boot, "-o", "cat")


def test_with_dbus_broker_the_early_boot_can_use_regentd(booted):
    booted.write("/etc/systemd/system/earliest.service", EARLIEST)
    booted.run("systemctl", "enable", "dbus-broker.service", "earliest.service")
    booted.power_off()
    booted.boot()

    assert show(booted, "Id", "dbus.service") == "dbus-broker.service"
    assert show(booted, "Result", "earliest.service") == "success"
    assert get(booted, "earliest") == 'v s "yes"'
    assert "ordering cycle" not in booted.run("journalctl", "-b", "0", "-o", "cat")

    booted.run("systemctl", "disable", "dbus-broker.service", "earliest.service")
    booted.power_off()
    booted.boot()
    assert show(booted, "Id", "dbus.service") == "dbus.service"


# upgraded


def test_upgrade_starts_the_new_regentd_and_keeps_all(booted, newer_packages):
    regent(booted, "Apply", "a{sv}asta{sv}", "1", "link", "s", "down", "0", "0", "1", "class", "s", "runtime")
    pid = show(booted, "MainPID")
    install(booted, newer_packages, *OURS)

    assert booted.run("dpkg-query", "-W", "-f", "${Version}", "regent") == "0.1.0-1000"
    assert show(booted, "MainPID") not in (pid, "0")
    assert get(booted, "mtu") == "v u 9000"
    assert get(booted, "link") == 'v s "down"'


def test_changed_configuration_outlives_an_upgrade(booted, packages):
    booted.run("sh", "-c", "printf '[Service]\\nLogLevel=warning\\n' > /etc/regent/regentd.conf")
    install(booted, packages, "regent")

    assert booted.run("systemctl", "service-log-level", UNIT) == "warning"


# removed


def test_removal_stops_regentd_and_keeps_the_state(booted):
    booted.run("systemctl", "disable", "--now", "early.service", "late.service")
    pid = show(booted, "MainPID")
    booted.run("dpkg", "-r", *OURS)

    assert not os.path.exists(f"{booted.root}/usr/libexec/regent/regentd")
    assert booted.attempt("test", "-d", f"/proc/{pid}")[0] != 0
    assert booted.attempt("systemctl", "is-active", UNIT)[0] != 0
    refused(booted, *CALL, ROOT_PATH, MANAGER, "Flush")
    booted.run("test", "-s", "/var/lib/regent/MANIFEST")
    booted.run("test", "-f", "/etc/regent/regentd.conf")


def test_reinstallation_finds_the_state_again(booted, newer_packages):
    install(booted, newer_packages, *NEEDED)

    assert get(booted, "mtu") == "v u 9000"
    booted.run("dpkg", "-r", *NEEDED)


def test_purge_leaves_nothing_but_the_user(booted):
    booted.run("dpkg", "-P", *NEEDED)
    for path in ("/var/lib/regent", "/run/regent", "/etc/regent", "/usr/lib/regent"):
        assert booted.attempt("test", "-e", path)[0] != 0, path
    left = files(booted) - booted.files_before
    ours = {f"/etc/systemd/system/{name}.service" for name in ("early", "earliest", "late")}

    assert left - ours == {"/etc/polkit-1/rules.d/50-test.rules"}
    assert booted.run("id", "-un", "regent") == "regent"
