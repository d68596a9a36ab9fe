# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion: what regentctl offers, and what bash and zsh make of it when somebody presses Tab."""

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import termios
import time

import pytest
from ctl import Running
from regent_testing import environment
from regent_testing.waiting import SLOWNESS

DIRECTORY = os.path.join(environment.source_root(), "data", "completion")


@pytest.fixture
def complete(ctl):
    """complete("get", "org.") gives the candidates; complete.described those with their descriptions."""

    def run(*words):
        return [line.split("\t")[0] for line in ctl("complete", "--", *words).lines]

    run.described = lambda *words: dict(line.split("\t") for line in ctl("complete", "--", *words).lines)
    return run


def verbs_of(ctl):
    return re.findall(r"^  ([a-z-]+)\b", ctl("--help").out.split("Options")[0], re.MULTILINE)


def test_verbs_are_those_of_the_help(ctl, complete):
    assert complete("") == verbs_of(ctl)
    assert complete("s") == ["status", "set", "statistics"]
    assert complete("--json=short", "-q", "mon") == ["monitor"]
    assert complete("help", "mon") == ["monitor"]
    assert not complete("help", "monitor", "m") and not complete("compl")
    assert complete("rel") == ["reload"]
    assert complete("mark") == ["mark-good"]
    assert complete("restore", "") == ["last-known-good"]
    assert complete.described("flus") == {"flush": "Return when all that was written is on disk"}


def test_options_are_those_of_the_help(ctl, complete):
    common = set(re.findall(r"^  .. (--[a-z-]+)", ctl("--help").out, re.MULTILINE))
    assert {option.rstrip("=") for option in complete("--")} == common
    for verb in verbs_of(ctl):
        own = set(re.findall(r"^  .. (--[a-z-]+)", ctl(verb, "--help").out, re.MULTILINE))
        assert {option.rstrip("=") for option in complete(verb, "--")} == common | own
    assert complete("get", "--def") == ["--default="]
    assert complete("get", "--ra") == ["--raw"]


def test_namespaces(complete, root, name):
    for label in ("B", "A"):
        root.create(f"{name}.{label}")
    for verb in ("get", "set", "list", "access", "remove", "status", "monitor", "dump", "edit", "namespaces"):
        assert complete(verb, name) == [name + ".A", name + ".B"], verb
    assert complete("status", name + ".A", name) == [name + ".A", name + ".B"]
    assert not complete("list", name + ".A", name)


def test_keys(complete, space):
    for verb in ("get", "set", "delete", "describe", "reset"):
        assert complete(verb, space.name, "m") == ["mtu"], verb
    assert complete("get", space.name, "mtu", "n") == ["name"]
    assert complete("apply", space.name, "m") == ["mtu="]
    assert complete("get", "--json=short", space.name, "") == ["blob", "list", "mtu", "name", "on"]
    assert complete("get", space.name, "--prefix=m") == ["--prefix=mtu"]
    assert not complete("get", "org.example.Nowhere", "m")


def test_verbs_that_follow(complete, space):
    assert complete("participate", space.name[:-1])[0].startswith(space.name[:-1])
    for verb in ("watch", "participate"):
        assert complete(verb, space.name, "mt") == ["mtu"]
        assert complete(verb, space.name, "--", "") == complete(verb, space.name, "--", "--no") == ["<files>"]
    assert complete("wait", space.name, "mt") == ["mtu"]
    assert space.name in complete("watch", "--prefix=" + space.name)[0]
    assert complete("monitor", space.name, "--prefix=mt") == ["--prefix=mtu"]
    assert complete("wait", space.name, "--timeout") == ["--timeout="]
    assert "30s" in complete("wait", space.name, "--timeout", "")


def test_arguments_of_options(complete):
    assert complete("--json=") == ["--json=pretty", "--json=short", "--json=off"]
    assert complete("--json", "s") == ["short"]
    assert "as" in complete("set", "a.b", "k", "-t", "a")
    assert complete("set", "--class=r") == ["--class=runtime"]
    assert complete("set", "--durability=") == ["--durability=sync", "--durability=lazy"]
    assert complete("create", "--owner=") == ["<users>"] == complete("create", "--owner", "x")
    assert complete("create", "--group=") == ["--group=none", "<groups>"]
    assert complete("-H", "x") == ["<hosts>"]
    assert complete("set", "--from-file=x") == ["<files>"]
    assert "--mode=0644" in complete("access", "--mode=")
    assert complete("check", "x") == complete("load", "x") == ["<files>"]
    assert complete("verify", "x") == complete("backup", "x") == complete("dump", "--state-dir=x") == ["<files>"]
    assert complete("recover", "--from", "") == ["last-known-good", "<files>"]


def test_it_is_silent_about_everything(ctl, ctl_as, sandbox, service, complete, root, name):
    root.create(name, mode=0o600).set("secret", 1)
    for words in [("bogus", ""), ("get", "no name", ""), ("--bogus", ""), ("get", "--bogus=", ""), ("--timeout", "")]:
        result = ctl("complete", "--", *words)
        assert not result.err
    bob = ctl_as("bob")
    for words in [("get", name, ""), ("get", name)]:
        result = bob("complete", "--", *words)
        assert not result.out and not result.err
    away = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert not away("complete", "--", "get", "").err
    assert away("complete", "--", "--address=" + service.bus.address, "get", "org").out
    assert not ctl("complete").out


def test_it_waits_for_nobody(service, ctl):
    service.regentd.process.send_signal(signal.SIGSTOP)
    try:
        start = time.monotonic()
        assert not ctl("complete", "--", "get", "org").out
        assert time.monotonic() - start < 1.2 * SLOWNESS
    finally:
        service.regentd.process.send_signal(signal.SIGCONT)


class Shell(Running):
    """An interactive shell on a terminal. type_and_tab() gives the line as it stands after Tab."""

    def __init__(self, ctl, command, environ):
        self._master, slave = pty.openpty()
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd="/",
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**ctl.environ(), "TERM": "dumb", "PS1": "ready> ", **environ},
        )  # fmt: skip
        os.close(slave)
        super().__init__(process, self._master)

    def type(self, text):
        os.write(self._master, text.encode())

    def _read(self, deadline, what):
        is_more = super()._read(deadline, what)
        self.output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.output)
        return is_more

    def tab(self, line, expected):
        """Types a line and Tab, waits for what it becomes, and leaves an empty line."""
        self.expect("ready> ")
        self.type(line + "\t")
        self.expect(re.escape(expected))
        self.type("\x15\n")

    def close(self):
        super().close()
        os.close(self._master)


@pytest.fixture
def bash(ctl, tmp_path):
    rc = tmp_path / "rc"
    rc.write_text(f"PS1='ready> '\n. {DIRECTORY}/regentctl\nbind 'set bell-style none'\n"
                  "bind 'set enable-bracketed-paste off'\n")  # fmt: skip
    path = os.path.dirname(environment.regentctl_program()) + ":/usr/bin:/bin"
    with Shell(ctl, ["bash", "--noprofile", "--rcfile", str(rc), "-i"], {"PATH": path, "INPUTRC": "/dev/null"}) as shell:
        yield shell


def test_bash(bash, root, space, tmp_path):
    (tmp_path / "some file.json").touch()
    bash.tab("regentctl stati", "stics ")
    root.create("org.example.Zebra")
    bash.tab("regentctl get org.example.Ze", "bra ")
    bash.tab(f"regentctl get {space.name} mt", "mtu ")
    bash.tab("regentctl get --jso", "--json=")
    bash.tab("regentctl get --json=pre", "pretty ")
    bash.tab(f"regentctl apply {space.name} mt", "mtu=")
    bash.tab("regentctl create --owner=roo", "root ")
    bash.tab(f"regentctl load {tmp_path}/some", r"\ file.json ")
    space.set("net:one", 1)
    bash.tab(f"regentctl get {space.name} net:", "net:one ")


@pytest.fixture
def zsh(ctl, tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("no zsh")
    rc = tmp_path / ".zshrc"
    rc.write_text(f"PS1='ready> '\nunsetopt zle_bracketed_paste 2>/dev/null\nunset zle_bracketed_paste\n"
                  f"fpath=({DIRECTORY} $fpath)\nautoload -U compinit && compinit -D -u\nunsetopt beep prompt_sp\n")  # fmt: skip
    path = os.path.dirname(environment.regentctl_program()) + ":/usr/bin:/bin"
    with Shell(ctl, ["zsh", "-d", "-i"], {"PATH": path, "ZDOTDIR": str(tmp_path), "TERM": "xterm"}) as shell:
        yield shell


def test_zsh(zsh, space, tmp_path):
    (tmp_path / "some file.json").touch()
    zsh.tab("regentctl stati", "stics ")
    zsh.tab(f"regentctl get {space.name} mt", "mtu ")
    zsh.tab("regentctl get --jso", "--json=")
    zsh.tab("regentctl get --json=pre", "pretty ")
    zsh.tab(f"regentctl apply {space.name} mt", "mtu=")
    zsh.tab("regentctl create --owner=roo", "root")
    zsh.tab(f"regentctl load {tmp_path}/some", r"\ file.json")
    space.set("net:one", 1)
    zsh.tab(f"regentctl get {space.name} net:", "one")
