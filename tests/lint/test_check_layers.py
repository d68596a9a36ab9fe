# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-layers.sh finds what it is there to find, however it is spelt, and nothing else."""

import os
import subprocess

import pytest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check-layers.sh")

TREE = {
    "service/main.c": '#include "daemon.h"\n#include "store/store.h"\n#include <stdio.h>\n',
    "service/daemon.h": '#include "bus/server.h"\n',
    "service/util/io.h": "#include <sys/stat.h>\n",
    "service/core/name.h": '#include "util/io.h"\n',
    "service/store/store.h": '#include "core/name.h"\n',
    "service/bus/server.h": '#include "core/name.h"\n#include "client/regent-names.h"\n#include "wire/values.h"\n',
    "service/view/view.h": '#include "client/regent-view.h"\n',
    "client/regent-names.h": "#pragma once\n",
    "client/regent-view.h": "#include <stdint.h>\n",
    "client/regent.h": '#include "regent-names.h"\n',
    "client/libregent/call.c": '#include "wire/values.h"\n',
    "wire/values.h": '#include "client/regent-names.h"\n#include "wire/errors.h"\n',
    "wire/errors.h": "",
}


@pytest.fixture
def tree(tmp_path):
    for path, text in TREE.items():
        write(tmp_path, path, text)
    return tmp_path


def write(tree, path, text):
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def check(tree):
    result = subprocess.run(
        [SCRIPT, str(tree)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_tree_within_the_rules_passes(tree):
    assert check(tree) == (0, "")


@pytest.mark.parametrize(
    "include",
    [
        '#include "store/store.h"',
        "#include <store/store.h>",
        '#include "../store/store.h"',
        '#include "./../core/../store/store.h"',
        '#include "service/store/store.h"',
        "#include <service/store/store.h>",
        '  #  include  "store/store.h"',
        '%:include "store/store.h"',
        '#include_next "store/store.h"',
        '#import "store/store.h"',
        '#inc\\\nlude \\\n "store/store.h"',
        '/* a\n comment */ #include /* another */ "store/store.h" // and one more',
        'static const char *text = "/*";\n#include "store/store.h"\n/* */',
        "static const char quote = '\"';\n#include \"store/store.h\"",
        '#define STORE "store/store.h"\n#include STORE',
    ],
)
def test_violation_is_found_however_it_is_spelt(tree, include):
    write(tree, "service/bus/object.c", include + "\n")

    status, output = check(tree)

    assert status == 1
    assert output.startswith("service/bus/object.c:")
    assert len(output.splitlines()) == 1


def test_violation_through_absolute_path_or_link_is_found(tree):
    os.symlink("../store/store.h", tree / "service/bus/alias.h")
    write(tree, "service/bus/object.c", '#include "bus/alias.h"\n')
    write(tree, "service/bus/other.c", f'#include "{tree}/service/store/store.h"\n')

    status, output = check(tree)

    assert status == 1
    assert "service/bus/object.c:1: bus may include only" in output
    assert "service/bus/other.c:1: bus may include only" in output


@pytest.mark.parametrize(
    "path, include",
    [
        ("service/util/log.c", "core/name.h"),
        ("service/core/state.c", "store/store.h"),
        ("service/core/state.c", "daemon.h"),
        ("service/store/store.c", "bus/server.h"),
        ("service/store/store.c", "view/view.h"),
        ("service/view/view.c", "bus/server.h"),
        ("service/cluster/cluster.c", "store/store.h"),
        ("service/bus/server.c", "store/store.h"),
        ("service/bus/server.c", "client/regent.h"),
        ("service/main.c", "client/regent.h"),
        ("service/extra/new.c", "util/io.h"),
        ("client/regent.c", "service/core/name.h"),
        ("wire/values.c", "service/core/name.h"),
        ("wire/values.c", "client/regent.h"),
        ("service/core/name.c", "wire/values.h"),
        ("client/regent.c", "../service/util/io.h"),
    ],
)
def test_every_forbidden_direction_is_found(tree, path, include):
    write(tree, path, f'#include "{include}"\n')

    status, output = check(tree)

    assert status == 1
    assert output.startswith(path + ":1: ")


def test_quoted_include_of_an_unknown_file_is_found(tree):
    write(tree, "service/core/state.c", '#include "elsewhere.h"\n')

    assert check(tree)[0] == 1


@pytest.mark.parametrize("text", ['// #include "store/store.h"', '/*\n#include "store/store.h"\n*/'])
def test_include_in_a_comment_is_none(tree, text):
    write(tree, "service/bus/object.c", text + "\n")

    assert check(tree) == (0, "")


def test_empty_tree_is_an_error(tmp_path):
    (tmp_path / "service").mkdir()
    (tmp_path / "client").mkdir()
    (tmp_path / "wire").mkdir()

    assert check(tmp_path)[0] == 1
