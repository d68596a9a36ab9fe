# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of namespaces.d: where they are, which one counts, and what becomes of wrong ones."""

import os
import subprocess

import pytest
from declared import ALICE, DEFAULTS, NAME, ROUTER, V, declared, errors, keys_of
from regent_testing import environment
from regent_testing.api import blob
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error

# Wrong files


def test_a_wrong_file_is_named_and_the_rest_loads(stack, sandbox):
    made = stack(namespaces={NAME: ROUTER, "org.example.Wrong": "[Namespace]\nMode=9\n\n[Key k]\nTipe=u\n"})
    path = f"{made.regentd.namespaces_dir}/org.example.Wrong.conf"
    assert made.root.list_namespaces() == [NAME]
    found = errors(made.root)
    assert [error.rpartition(": ")[0].split(": ")[0] for error in found] == [f"{path}:2", f"{path}:5"]
    for error in found:
        assert error in made.regentd.log()
    statistics = made.user("carol").statistics()
    assert "declaration-errors" not in statistics
    assert statistics["declarations"].unpack() == 1


def test_a_file_that_becomes_wrong_takes_no_lock_off(stack, sandbox):
    made, ns = declared(stack)
    made.regentd.declare(NAME, "Oops\n")
    with nothing_changed(made.root, ns):
        made.root.reload()
    assert f"{NAME}.conf:1: 'Oops'" in errors(made.root)[0]
    assert "stays in force" in made.regentd.log()
    assert ns.get("mtu") == DEFAULTS["mtu"]
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)
    made.regentd.declare(NAME, ROUTER.replace("1500", "1400"))
    made.root.reload()
    assert errors(made.root) == []
    assert ns.get("mtu") == V("u", 1400)


def test_an_owner_that_is_not_known_takes_no_lock_off(stack, sandbox):
    """As at a start before the directory service that knows the group."""
    text = "[Namespace]\nOwner=alice\n[Key secret]\nLocked=yes\n"
    made, ns = declared(stack, text)
    assert ns.property("Owner") == ALICE
    made.regentd.declare(NAME, text.replace("Owner=alice", "Owner=nobody-of-that-name\nGroup=group-of-that-name"))
    made.regentd.declare("org.example.New", "[Namespace]\nOwner=nobody-of-that-name\nGroup=none\n")
    made.regentd.restart()
    assert (ns.property("Owner"), made.root.ns("org.example.New").property("Owner")) == (ALICE, 0)
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)
    found = [error.rpartition("/")[2] for error in errors(made.root)]
    assert found == [
        "org.example.New.conf:2: Owner cannot be 'nobody-of-that-name': there is no such user",
        f"{NAME}.conf:2: Owner cannot be 'nobody-of-that-name': there is no such user",
        f"{NAME}.conf:3: Group cannot be 'group-of-that-name': there is no such group",
    ]
    status, _, complaints = check(f"{made.regentd.namespaces_dir}/{NAME}.conf")
    assert status == 1 and "there is no such group" in complaints


def test_a_wrong_file_at_the_start_declares_nothing(stack):
    made, ns = declared(stack)
    ns.set("mtu", V("u", 9000))
    made.regentd.declare(NAME, "Oops\n")
    made.regentd.restart()
    assert (ns.property("Declaration"), ns.keys()) == ("", ["mtu"])


WRONG = {
    "no namespace": ("Router.conf", "", "named after a namespace"),
    "not a type": (f"{NAME}.conf", "[Key k]\nType=h\n", ":2: Type cannot be 'h'"),
    "key twice": (f"{NAME}.conf", "[Key k]\n[Key k]\n", ":2: [Key 'k'] stands twice"),
    "no key": (f"{NAME}.conf", "[Key ]\nType=u\nDefault=1\n", ":1: [Key '']"),
    "default too small": (f"{NAME}.conf", "[Key k]\nType=u\nDefault=1\nMinimum=2\n", ":3: Default cannot be '1'"),
    "no character": (f"{NAME}.conf", "[Key k]\nType=s\nDefault='\\ud800'\n", "ud800 is no character"),
    "binary": (f"{NAME}.conf", "\0\x1b[31m\n", ":1: the line holds a zero byte"),
    "escape": (f"{NAME}.conf", "\x1b[31m\n", ":1: '\\033[31m'"),
    "escape in the name": ("a.\x1b[31m\n.conf", "", "a.\\u001b[31m\\u000a.conf: the file is not named after"),
}


@pytest.mark.parametrize("file, text, complaint", WRONG.values(), ids=WRONG.keys())
def test_wrong_files(stack, file, text, complaint):
    made = stack(start=False)
    with open(os.path.join(made.regentd.namespaces_dir, file), "w", encoding="utf-8") as out:
        out.write(text)
    made.regentd.start()
    assert complaint in errors(made.root)[0]
    assert complaint in made.regentd.log()
    assert "\x1b" not in made.regentd.log()
    assert made.root.list_namespaces() == []


def test_errors_that_are_told_are_bounded(stack):
    made, _ = declared(stack, "wrong\n" * 1000)
    assert len(errors(made.root)) == 64
    log = made.regentd.log()
    assert "900 more errors" in log and "--check-namespace= names them" in log
    assert log.count("is not a section") == 32


def test_what_cannot_be_read_is_named(stack):
    made = stack(start=False)
    directory = made.regentd.namespaces_dir
    os.mkdir(os.path.join(directory, "org.example.Directory.conf"))
    os.symlink("/nonexistent", os.path.join(directory, "org.example.Dangling.conf"))
    os.mkfifo(os.path.join(directory, "org.example.Fifo.conf"))
    made.regentd.declare(NAME, ROUTER)
    made.regentd.start()
    assert len(errors(made.root)) == 3
    assert made.root.list_namespaces() == [NAME]


def test_a_directory_that_cannot_be_read_takes_no_lock_off(stack):
    made, ns = declared(stack)
    os.rename(made.regentd.namespaces_dir, made.regentd.namespaces_dir + ".away")
    with open(made.regentd.namespaces_dir, "w", encoding="utf-8"):
        pass
    made.root.reload()
    assert "the directory cannot be read" in errors(made.root)[0]
    assert ns.get("mtu") == DEFAULTS["mtu"]
    os.unlink(made.regentd.namespaces_dir)
    made.root.reload()
    assert ns.property("Declaration") == ""


def test_other_files_do_not_count(stack):
    made = stack(start=False)
    odd = ("org.example.A.conf~", "org.example.B.txt", "README", "org.example.C.conf.dpkg-old", ".#org.example.D.conf")
    for name in odd:
        with open(os.path.join(made.regentd.namespaces_dir, name), "w", encoding="utf-8") as file:
            file.write("nonsense\n")
    made.regentd.start()
    assert (made.root.list_namespaces(), errors(made.root)) == ([], [])


def test_what_was_stored_before_a_rule_stays_and_is_told_of(stack):
    made = stack()
    ns = made.root.create(NAME)
    ns.apply({"if/a/mtu": V("u", 20000), "if/b/mtu": "text", "mtu": V("u", 1500), "mode": "hub"})
    made.regentd.declare(NAME, ROUTER)
    made.root.reload()
    (line,) = [line for line in made.regentd.log().splitlines() if "not allowed" in line]
    assert "3 keys" in line and "'if/a/mtu'" in line and NAME in line
    assert ns.get("mode").unpack() == "hub"
    ns.delete("mode")
    made.regentd.restart()
    assert ns.get("if/a/mtu") == V("u", 20000)


# Where the files are


def test_the_last_directory_wins_and_a_link_to_dev_null_masks(stack, tmp_path):
    directories = [tmp_path / name for name in ("usr", "etc", "run")]
    for directory in directories:
        directory.mkdir()
    os.chmod(tmp_path, 0o755)

    def write(directory, name, default):
        (directories[directory] / f"{name}.conf").write_text(keys_of({"k": ["Type=u", f"Default={default}"]}))

    for name in ("org.example.A", "org.example.B", "org.example.C", "org.example.D"):
        write(0, name, 1)
    write(1, "org.example.B", 2)
    write(1, "org.example.C", 2)
    write(2, "org.example.C", 3)
    os.symlink("/dev/null", directories[1] / "org.example.D.conf")
    made = stack(namespaces=False, options=[f"--namespaces-dir={directory}" for directory in directories])
    assert made.root.list_namespaces() == ["org.example.A", "org.example.B", "org.example.C"]
    found = {name[-1]: made.root.ns(name).get("k").unpack() for name in made.root.list_namespaces()}
    assert found == {"A": 1, "B": 2, "C": 3}
    assert made.root.ns("org.example.C").property("Declaration") == str(directories[2] / "org.example.C.conf")

    os.unlink(directories[2] / "org.example.C.conf")
    os.symlink("/dev/null", directories[1] / "org.example.A.conf")
    os.unlink(directories[1] / "org.example.D.conf")
    made.root.reload()
    assert made.root.ns("org.example.C").get("k").unpack() == 2
    assert made.root.ns("org.example.A").property("Declaration") == ""
    assert made.root.ns("org.example.D").get("k").unpack() == 1


def with_directories(made, *names):
    directories = [os.path.join(made.directory, name) for name in names]
    for directory in directories:
        os.mkdir(directory, 0o755)
        made.regentd.options.append(f"--namespaces-dir={directory}")
    made.regentd.restart()
    return directories


def test_a_wrong_file_at_the_start_hides_no_good_one(stack, sandbox):
    made, ns = declared(stack)
    (etc,) = with_directories(made, "etc")
    with open(os.path.join(etc, f"{NAME}.conf"), "w", encoding="utf-8") as file:
        file.write("Oops\n")
    made.regentd.restart()
    assert ns.property("Declaration").startswith(made.regentd.namespaces_dir)
    assert "'Oops'" in errors(made.root)[0]
    with refused(Error.InvalidValue, "Locked="):
        ns.seen_by(made.user("alice")).set("secret", 1)


def unreadable(directory):
    os.rename(directory, directory + ".away")
    with open(directory, "w", encoding="utf-8"):
        pass


def readable(directory):
    os.unlink(directory)
    os.rename(directory + ".away", directory)


def test_what_is_masked_stays_so_where_a_directory_cannot_be_read(stack):
    made, ns = declared(stack)
    etc, run_ = with_directories(made, "etc", "run2")
    unreadable(run_)
    os.symlink("/dev/null", os.path.join(etc, f"{NAME}.conf"))
    made.root.reload()
    assert "run2: the directory cannot be read" in errors(made.root)[0]
    assert ns.property("Declaration") == ""

    # Nor does a mask go that cannot be seen.
    readable(run_)
    unreadable(etc)
    made.root.reload()
    assert ns.property("Declaration") == ""
    readable(etc)
    os.unlink(os.path.join(etc, f"{NAME}.conf"))
    made.root.reload()
    assert ns.property("Declaration") != ""


def test_of_too_many_files_those_that_win_over_others_stay(stack):
    made = stack()
    (etc,) = with_directories(made, "etc")
    made.regentd.stop()
    for n in range(4096):
        os.symlink("/dev/null", os.path.join(made.regentd.namespaces_dir, f"a.n{n:04}.conf"))
    for name in ("a.n0000", "a.n4094", "a.n4095"):
        made.regentd.declare(name, None)
    for name in ("a.n4094", "a.n4096"):
        made.regentd.declare(name, "")
    with open(os.path.join(etc, "org.admin.Own.conf"), "w", encoding="utf-8"):
        pass
    made.regentd.start()
    assert made.root.list_namespaces() == ["a.n4094", "a.n4096", "org.admin.Own"]
    assert errors(made.root) == []
    made.regentd.declare("a.n4095", "")
    made.regentd.declare("a.n4094x", "")
    made.root.reload()
    assert made.root.list_namespaces() == ["a.n4094", "a.n4094x", "a.n4096", "org.admin.Own"]
    (error,) = errors(made.root)
    assert "more than 4096 files" in error
    # What has no place any more, and was declared, stays.
    assert made.root.ns("a.n4096").property("Declaration") != ""
    made.regentd.restart()
    assert made.root.ns("a.n4096").property("Declaration") == ""


def test_the_standard_directories(stack, sandbox):
    made = stack(start=False, namespaces=False)
    where = os.path.join(made.directory, "directories")
    for number, directory in enumerate(("usr/lib", "etc", "run")):
        there = os.path.join(where, directory, "regent", "namespaces.d")
        os.makedirs(there)
        for name in "ABC"[number:]:
            with open(os.path.join(there, f"org.example.{name}.conf"), "w", encoding="utf-8") as file:
                file.write(keys_of({"k": ["Type=u", f"Default={number}"]}))
    wrapper = ["unshare", "-m", "sh", "-c", environment.OWN_DIRECTORIES, "sh", where]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 77:
        pytest.skip("no overlay mounts here")
    made.regentd.wrapper = wrapper
    made.regentd.start()
    assert [made.root.ns(f"org.example.{name}").get("k").unpack() for name in "ABC"] == [0, 1, 2]
    declared_by = made.root.ns("org.example.A").property("Declaration")
    assert declared_by == "/usr/lib/regent/namespaces.d/org.example.A.conf"


# --check-namespace


def check(path):
    result = subprocess.run(
        [environment.regentd_program(), f"--check-namespace={path}", "--config=/dev/null"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return result.returncode, result.stdout, result.stderr


def test_check_is_silent_when_all_is_well(tmp_path):
    path = tmp_path / f"{NAME}.conf"
    path.write_text(ROUTER)
    assert check(path) == (0, "", "")


def test_check_names_every_error_as_the_service_does(stack, tmp_path):
    text = "Early=1\n[Namespace]\nMode=9\n[Key k]\nType=q\nType=u\nDefault=x\n[Key ?bad ]\nLocked=perhaps\n" * 12
    path = tmp_path / f"{NAME}.conf"
    path.write_text(text)
    status, out, complaints = check(path)
    assert (status, out) == (1, "")
    lines = complaints.splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    numbers = [int(line[len(str(path)) + 1:].split(":")[0]) for line in lines]
    assert {1, 3, 6, 7, 9, 10, 9 * 11 + 7} <= set(numbers)
    made, _ = declared(stack, text)
    assert [line.replace(str(tmp_path), made.regentd.namespaces_dir) for line in lines[:64]] == errors(made.root)


def test_check_warns_of_a_file_that_only_root_reads(tmp_path):
    path = tmp_path / f"{NAME}.conf"
    path.write_text(ROUTER)
    path.chmod(0o640)
    status, _, complaints = check(path)
    assert status == 0 and "not readable by others" in complaints
    assert len(complaints.splitlines()) == 1


def test_check_of_what_is_not_there(tmp_path):
    status, _, complaints = check(tmp_path / f"{NAME}.conf")
    assert status == 1 and "cannot be read" in complaints


def test_a_large_value_needs_the_limits_of_the_configuration(stack, tmp_path):
    text = keys_of({"k": ["Type=s", f"Default='{'x' * 5000}'"]})
    made, ns = declared(stack, text, config="[Limits]\nValueBytesMax=4K\n")
    assert "5001 bytes" in errors(made.root)[0]
    path = tmp_path / f"{NAME}.conf"
    path.write_text(text)
    assert check(path)[0] == 0
    made.regentd.write_config("")
    made.root.reload()
    assert ns.get("k").get_size() == 5001


def test_a_declared_value_may_be_of_bytes(stack):
    _, ns = declared(stack, keys_of({"blob": ["Type=ay", "Default=b'abc'", "LengthMaximum=4"]}))
    assert ns.get("blob").get_data_as_bytes().get_data() == b"abc\0"
    with refused(Error.InvalidValue, "at most 4 elements, not 5"):
        ns.set("blob", blob(b"12345"))
