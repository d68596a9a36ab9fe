# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentd.conf and its drop-ins: which wins, and what is wrong in them is named and never harms."""

import os
import signal
import subprocess

import pytest
from regent_testing import environment
from regent_testing.api import blob
from regent_testing.checks import refused
from regent_testing.names import Error


def value_limit(ns):
    """The limit in force, by which sizes are taken: one of 1 to 64 KiB, or None."""
    for size in (1, 2, 4, 8, 16, 32, 64):
        try:
            ns.set("probe", blob(bytes((size << 10) + 1)))
        except Exception as error:
            assert error.name == Error.TooBig
            return size
    return None


def started(stack, config=None, drop_ins=None, **how):
    made = stack(start=False, config=config, **how)
    if drop_ins:
        os.mkdir(made.regentd.config_path + ".d")
        for name, text in drop_ins.items():
            path = os.path.join(made.regentd.config_path + ".d", name)
            if text is None:
                os.symlink("/dev/null", path)
            else:
                with open(path, "wb") as file:
                    file.write(text.encode() if isinstance(text, str) else text)
    made.regentd.start()
    return made, made.root.create("org.example.X")


def limit(size):
    return f"[Limits]\nValueBytesMax={size}K\n"


def test_settings_count(stack):
    _, ns = started(stack, limit(4))
    assert value_limit(ns) == 4


def test_drop_ins_win_in_order_of_their_names(stack):
    _, ns = started(stack, limit(2), {"10-a.conf": limit(4), "90-z.conf": limit(16), "50-m.conf": limit(8)})
    assert value_limit(ns) == 16


def test_other_files_beside_drop_ins_do_not_count(stack):
    _, ns = started(stack, limit(2), {"a.conf~": limit(4), "b.txt": limit(4), "c.conf.dpkg-old": limit(4)})
    assert value_limit(ns) == 2


def test_the_last_of_a_file_wins(stack):
    _, ns = started(stack, limit(2) + "ValueBytesMax=8K\n")
    assert value_limit(ns) == 8


def test_comments_spaces_and_empty_lines(stack):
    _, ns = started(stack, "\n# a\n; b\n\n  [Limits]  \n  ValueBytesMax  =  4K  \n#ValueBytesMax=8K\n")
    assert value_limit(ns) == 4


def test_the_shipped_file_is_right(stack):
    with open(os.path.join(environment.source_root(), "data", "regentd.conf"), encoding="utf-8") as file:
        shipped = file.read()
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and "=" in line and " " not in line else line
        for line in shipped.splitlines()
    )
    made, ns = started(stack, shipped)
    assert value_limit(ns) is None
    assert "regentd.conf" not in made.regentd.log()
    made, ns = started(stack, uncommented + "\n")
    assert value_limit(ns) is None
    assert "regentd.conf:" not in made.regentd.log()


WRONG = {
    "unknown setting": ("[Limits]\nNonsense=1\n", 2),
    "unknown section": ("[Nonsense]\nValueBytesMax=1\n", 1),
    "setting before a section": ("ValueBytesMax=1K\n", 1),
    "no equals sign": ("[Limits]\nValueBytesMax\n", 2),
    "no number": ("[Limits]\nValueBytesMax=many\n", 2),
    "empty": ("[Limits]\nValueBytesMax=\n", 2),
    "negative": ("[Limits]\nValueBytesMax=-1\n", 2),
    "too large for a number": ("[Limits]\nValueBytesMax=99999999999999999999\n", 2),
    "overflow by suffix": ("[Limits]\nValueBytesMax=99999999999999999G\n", 2),
    "out of range": ("[Limits]\nValueBytesMax=900G\n", 2),
    "zero": ("[Limits]\nValueBytesMax=0\n", 2),
    "unknown suffix": ("[Limits]\nValueBytesMax=1X\n", 2),
    "number with a tail": ("[Limits]\nValueBytesMax=1K2\n", 2),
    "fraction": ("[Limits]\nValueBytesMax=1.5K\n", 2),
    "unknown log level": ("[Service]\nLogLevel=loud\n", 2),
    "wrong case": ("[Limits]\nvaluebytesmax=1K\n", 2),
    "section not closed": ("[Limits\nValueBytesMax=1K\n", 1),
    "third line": ("# a comment\n[Store]\nCheckpointJournalBytes=x\n", 3),
}


@pytest.mark.parametrize("text, line", WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_are_named_with_file_and_line(stack, text, line):
    made, ns = started(stack, text)
    assert f"{made.regentd.config_path}:{line}" in made.regentd.log()
    assert value_limit(ns) is None
    made.regentd.check_running()


def test_the_rest_of_a_wrong_file_counts(stack):
    made, ns = started(stack, "[Limits]\nNonsense=1\nValueBytesMax=4K\n[Nonsense]\na=b\n")
    assert value_limit(ns) == 4
    assert f"{made.regentd.config_path}:2" in made.regentd.log()


def test_wrong_settings_in_a_drop_in_are_named(stack):
    made, ns = started(stack, limit(4), {"10.conf": "[Limits]\nValueBytesMax=x\n"})
    assert f"{made.regentd.config_path}.d/10.conf:2" in made.regentd.log()
    assert value_limit(ns) == 4


HOSTILE = {
    "binary": bytes(range(256)) * 100,
    "NUL": b"[Limits]\nValueBytesMax=1K\0\n",
    "one long line": b"x" * 1000000,
    "many lines": b"[Limits]\n" + b"Nonsense=1\n" * 20000,
    "no newline at the end": b"[Limits]\nNonsense=1",
    "bad UTF-8": b"[Limits]\n\xff\xfe=\xc3\x28\n",
    "percent": b"[Limits]\n%s%n%s=%s\n",
    "escape": b"[Limits]\n\x1b[31mred=1\n",
    "empty": b"",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_never_crash(stack, text):
    made, ns = started(stack, "", {"10.conf": text})
    ns.set("a", 1)
    assert "\x1b" not in made.regentd.log()


def test_a_drop_in_that_cannot_be_read(stack):
    made = stack(start=False)
    os.mkdir(made.regentd.config_path + ".d")
    os.mkdir(made.regentd.config_path + ".d/10.conf")
    os.symlink("/nonexistent", made.regentd.config_path + ".d/20.conf")
    made.regentd.start()
    assert "10.conf" in made.regentd.log()


def test_a_wrong_reload_keeps_what_was(stack):
    made, ns = started(stack, limit(4))
    made.regentd.write_config("[Limits]\nValueBytesMax=nonsense\n")
    made.root.reload()
    assert f"{made.regentd.config_path}:2" in made.regentd.log()
    made.regentd.check_running()
    made.regentd.write_config(limit(8))
    made.root.reload()
    assert value_limit(ns) == 8


def test_a_setting_taken_away_goes_back_to_its_default(stack):
    made, ns = started(stack, limit(4))
    made.regentd.write_config("")
    made.root.reload()
    assert value_limit(ns) is None


def test_a_file_gone_at_reload_changes_nothing(stack):
    made, ns = started(stack, limit(4))
    os.unlink(made.regentd.config_path)
    try:
        made.root.reload()
    except Exception as error:
        assert error.name
    assert value_limit(ns) == 4
    made.regentd.check_running()


def test_a_lower_limit_spares_what_is_there(stack):
    made, ns = started(stack, "")
    ns.set("large", blob(bytes(100000)))
    made.regentd.write_config(limit(1))
    made.root.reload()
    assert ns.get("large").get_size() == 100000
    with refused(Error.TooBig):
        ns.set("large", blob(bytes(100001)))
    ns.delete("large")
    made.regentd.restart()
    assert ns.keys() == []


def test_log_level_of_the_file_and_of_the_command_line(stack):
    made, ns = started(stack, "[Service]\nLogLevel=err\n")
    ns.set("a", 1)
    assert made.regentd.log() == ""
    made, ns = started(stack, "[Service]\nLogLevel=err\n", options=["--log-level=debug"])
    ns.set("a", 1)
    assert "debug" in made.regentd.log()


@pytest.fixture
def in_directories(stack, sandbox):
    """A factory: starts regentd with files in its own /usr/lib, /etc and /run."""
    def start(files):
        made = stack(start=False, config=False)
        where = os.path.join(made.directory, "directories")
        for directory in ("etc", "usr/lib", "run"):
            os.makedirs(os.path.join(where, directory))
        for path, text in files.items():
            path = os.path.join(where, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if text is None:
                os.symlink("/dev/null", path)
            else:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
        wrapper = ["unshare", "-m", "sh", "-c", environment.OWN_DIRECTORIES, "sh", where]
        if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 77:
            pytest.skip("no overlay mounts here")
        made.regentd.wrapper = wrapper
        made.regentd.start()
        return made, made.root.create("org.example.X")

    return start


MAIN, DROP_IN = "regent/regentd.conf", "regent/regentd.conf.d/"


def test_etc_wins_over_usr_lib_and_run_over_etc(in_directories):
    files = {f"usr/lib/{MAIN}": limit(2)}
    assert value_limit(in_directories(files)[1]) == 2
    files[f"etc/{MAIN}"] = limit(4)
    assert value_limit(in_directories(files)[1]) == 4
    files[f"run/{MAIN}"] = limit(8)
    assert value_limit(in_directories(files)[1]) == 8


def test_drop_ins_win_over_every_main_file(in_directories):
    files = {f"usr/lib/{DROP_IN}10.conf": limit(2), f"run/{MAIN}": limit(8)}
    assert value_limit(in_directories(files)[1]) == 2


def test_drop_ins_of_all_directories_in_order_of_their_names(in_directories):
    files = {
        f"run/{DROP_IN}10.conf": limit(2), f"usr/lib/{DROP_IN}30.conf": limit(8), f"etc/{DROP_IN}20.conf": limit(4),
    }  # fmt: skip
    assert value_limit(in_directories(files)[1]) == 8


def test_a_drop_in_masks_its_namesake(in_directories):
    files = {f"usr/lib/{DROP_IN}10.conf": limit(2), f"etc/{DROP_IN}10.conf": limit(4)}
    assert value_limit(in_directories(files)[1]) == 4
    files[f"run/{DROP_IN}10.conf"] = None
    assert value_limit(in_directories(files)[1]) is None


def test_nothing_anywhere_means_defaults(in_directories):
    assert value_limit(in_directories({})[1]) is None


def test_sighup_with_a_broken_file_in_etc(in_directories):
    made, ns = in_directories({f"etc/{MAIN}": limit(4) + "Broken\n"})
    assert f"/etc/{MAIN}:3" in made.regentd.log()
    made.regentd.process.send_signal(signal.SIGHUP)
    made.root.ping()
    assert value_limit(ns) == 4
