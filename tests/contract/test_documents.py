# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documents for people: their examples work as printed, and what they point at is there."""

import os
import re
import subprocess
import threading

import pytest

import project

DOCUMENTS = ("README.md", "HACKING.md", "SECURITY.md", "NEWS.md")


class Example:
    """A command after "$ ", the lines after "> " that go on with it, and what it prints."""

    def __init__(self, line):
        self.command = line
        self.expected = ""

    def is_met_by(self, output):
        pattern = re.escape(self.expected).replace("…", ".*")
        return re.fullmatch(pattern, output, re.DOTALL) is not None


def examples(text):
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Example(line[2:]))
            elif line.startswith("> "):
                found[-1].command += "\n" + line[2:]
            else:
                found[-1].expected += line + "\n"
    return found


class Shell:
    """One bash for all examples, as a reader has who pastes them one after the other."""

    END = "end-of-example"

    def __init__(self, address):
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def run(self, command):
        self._process.stdin.write(f"{command}\nprintf '\\n%s\\n' {self.END}\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.rstrip("\n") == self.END:
                break
            lines.append(line)
        return "".join(lines).removesuffix("\n")


@pytest.fixture
def revived(stack):
    """A service that is started again when it is killed, as ./dev with and systemd do."""
    started = stack()
    lock = threading.Lock()
    is_stopping = False

    def revive():
        while True:
            started.regentd.process.wait()
            with lock:
                if is_stopping:
                    return
                started.regentd.spawn()

    watcher = threading.Thread(target=revive)
    watcher.start()
    yield started
    with lock:
        is_stopping = True
        started.regentd.process.terminate()
    watcher.join(timeout=30)
    assert started.regentd.process.returncode == 0, started.regentd.log()
    started.regentd.process = None


def test_examples_of_the_readme_print_what_they_say(revived, sandbox):
    with Shell(revived.bus.address) as shell:
        for example in examples(project.read("README.md")):
            assert example.is_met_by(output := shell.run(example.command)), (
                f"$ {example.command}\nprinted:\n{output}expected:\n{example.expected}"
            )


def test_readme_has_examples_and_the_two_commands():
    text = project.read("README.md")

    assert len(examples(text)) >= 5
    assert "./dev run" in text
    assert "./dev test" in text


def files_of_the_tree():
    """Base names of files that people are pointed at, also under the name they are installed by."""
    directories = ("", "client", "data", "dbus", "polkit")
    names = {name for directory in directories for name in os.listdir(project.path(directory))}
    return names | {name.removesuffix(".in") for name in names}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_named_in_documents_exist(document):
    text = project.read(document)
    known = files_of_the_tree()

    for name in re.findall(r"`([\w./-]+)`", text):
        if re.match(r"(service|client|data|dbus|polkit|tests|man)/", name):
            assert os.path.exists(project.path(name)), name
        elif re.search(r"\.(md|xml|conf|rules|service|policy)$", name):
            assert os.path.basename(name) in known, name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_lines_are_short_enough_to_read_in_a_terminal(document):
    lines = re.sub(r"^```.*?^```", "", project.read(document), flags=re.MULTILINE | re.DOTALL)

    assert [line for line in lines.splitlines() if len(line) > 120 and line[0] != "|"] == []
