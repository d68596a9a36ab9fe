# SPDX-License-Identifier: LGPL-2.1-or-later
"""Examples in documents: commands after "$ ", and below each what it prints."""

import os
import re
import subprocess
import tempfile

from . import environment


class Example:
    """A command after "$ ", the lines after "> " that go on with it, and what it prints."""

    def __init__(self, line):
        self.command = line
        self.expected = ""

    def is_met_by(self, output):
        """Whether this was printed; an ellipsis stands for anything."""
        pattern = re.escape(self.expected).replace("…", ".*")
        return re.fullmatch(pattern, output, re.DOTALL) is not None

    def is_met_by_words_of(self, output):
        """The same for a narrow page, where output goes on in the next line."""
        pattern = re.escape(" ".join(self.expected.split())).replace("…", ".*")
        return re.fullmatch(pattern, " ".join(output.split())) is not None


def examples_of(blocks):
    found = []
    for block in blocks:
        for line in block.strip("\n").splitlines():
            if line.startswith("$ "):
                found.append(Example(line[2:]))
            elif line.startswith("> "):
                found[-1].command += "\n" + line[2:]
            else:
                found[-1].expected += line + "\n"
    return found


def examples(text):
    """Those of a Markdown document."""
    return examples_of(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


class Shell:
    """One bash for all examples, as a reader has who pastes them one after the other."""

    END = "end-of-example"

    def __init__(self, stack):
        self._directory = tempfile.TemporaryDirectory(prefix="regent-console-")
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=self._directory.name,
            env={
                **os.environ, "DBUS_SYSTEM_BUS_ADDRESS": stack.bus.address, "LC_ALL": "C.UTF-8",
                "PATH": environment.programs_path(), "REGENT_NAMESPACES_DIR": stack.regentd.namespaces_dir,
            },
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
        self._directory.cleanup()

    def run(self, command):
        # The next example may look at $? of this one.
        self._process.stdin.write(f"{command}\nSTATUS=$?; printf '\\n%s\\n' {self.END}; (exit $STATUS)\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.rstrip("\n") == self.END:
                break
            lines.append(line)
        return "".join(lines).removesuffix("\n")
