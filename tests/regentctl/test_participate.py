# SPDX-License-Identifier: LGPL-2.1-or-later
"""participate: a command that has a say in changes."""

import json
import os
import signal

import pytest
from ctl import DENIED, DONE, NOT_FOUND, REFUSED, TIMEOUT, USAGE, Regentctl
from gi.repository import GLib

SCRIPT = """#!/bin/sh
# Notes what it is asked, in a line, and does as the file "answer" beside it says.
directory=$(dirname "$0")
line="$1 $(cat)"
printf '%s\\n' "$line" >>"$directory/log"
[ "$1" != prepare ] || . "$directory/answer"
"""


class Decider:
    """The command of a participant, and what it has been asked."""

    def __init__(self, directory):
        self._directory = directory
        self.path = str(directory / "decide")
        (directory / "decide").write_text(SCRIPT)
        os.chmod(self.path, 0o755)
        (directory / "log").touch()
        self.answer("exit 0")

    def answer(self, script):
        (self._directory / "answer").write_text(script + "\n")

    @property
    def asked(self):
        lines = (self._directory / "log").read_text().splitlines()
        return [(step, json.loads(text)) for step, text in (line.split(" ", 1) for line in lines)]


@pytest.fixture
def decider(tmp_path):
    return Decider(tmp_path)


def participating(ctl, *arguments):
    running = ctl.watch("participate", *arguments)
    running.expect("Registered; end with")
    running.line()
    return running


def typed(signature, data):
    return {"type": signature, "data": data}


def test_agreed(ctl, ns, decider):
    ns.set("k", 1)
    with participating(ctl, ns.name, "--", decider.path) as running:
        revision = ns.apply({"k": 2, "l": "x"}, unset=["gone"])[0]
        running.expect(rf"^[\d:.]+ {ns.name} prepare \S+ agreed$")
        running.expect(rf"^[\d:.]+ {ns.name} commit \S+$")
        running.signal()
        running.finish(DONE)
    (prepare, asked), (commit, told) = decider.asked
    assert prepare == "prepare" and commit == "commit"
    assert asked["namespace"] == told["namespace"] == ns.name
    assert asked["set"] == told["set"] == {"k": typed("x", 2), "l": typed("s", "x")}
    assert asked["current"] == {"k": typed("x", 1)}
    assert told["transaction"] == asked["transaction"] and told["revision"] == revision
    ns.set("k", 3)  # nobody is asked any more
    assert len(decider.asked) == 2


def test_refused(ctl, ns, decider):
    decider.answer("echo 'no: mtu too large' >&2; echo more >&2; exit 1")
    with participating(ctl, ns.name, "--", decider.path) as running:
        failure = ctl.failure("set", ns.name, "mtu", "9000", status=REFUSED)
        assert "no: mtu too large" in failure["text"] and "more" not in failure["text"]
        assert "mtu" in failure["text"] and "--dry-run" in failure["hint"]
        running.expect("refused: no: mtu too large")
    assert not ns.list()[0]
    assert [step for step, _ in decider.asked] == ["prepare", "prepare"]


def test_refused_without_a_word(ctl, ns):
    with participating(ctl, ns.name, "--", "false"):
        assert "false ended with status 1" in ctl.failure("set", ns.name, "k", "1", status=REFUSED)["text"]


def test_a_reason_that_is_hostile(ctl, ns, decider):
    decider.answer("printf '\\033[2J\\342\\200\\256evil\\377\\n' >&2; exit 1")
    with participating(ctl, ns.name, "--", decider.path) as running:
        refused = ctl("set", ns.name, "k", "1", status=REFUSED)
        assert "evil" in refused.err and "\x1b" not in refused.err and "\u202e" not in refused.err
        line = running.expect("refused: .*").group(0)
        assert "evil" in line and "\x1b" not in line and "\u202e" not in line


def test_a_reason_that_is_endless(ctl, ns, decider):
    decider.answer("head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 1")
    with participating(ctl, ns.name, "--", decider.path):
        assert "xxx" in ctl.failure("set", ns.name, "k", "1", status=REFUSED)["text"]


def test_a_prefix(ctl, ns, decider):
    with participating(ctl, ns.name, "net.", "--", decider.path) as running:
        ns.set("other", 1)
        ns.apply({"net.mtu": 1, "other": 2})
        running.expect("commit")
    assert [list(asked["set"]) for _, asked in decider.asked] == [["net.mtu"], ["net.mtu"]]


def test_large_values(ctl, ns, decider):
    with participating(ctl, ns.name, "--", decider.path) as running:
        ns.set("k", "x" * 1000000)
        running.expect("commit")
    assert decider.asked[0][1]["set"]["k"]["data"] == "x" * 1000000


def test_who_reads_no_input(ctl, ns):
    with participating(ctl, ns.name, "--", "true") as running:
        ns.set("k", "x" * 1000000)
        running.expect("commit")


def test_a_command_that_hangs_is_ended(ctl, ns, tmp_path, decider):
    decider.answer(f"echo $$ >{tmp_path}/pid; sleep 1000")
    with participating(ctl, ns.name, "--timeout=2s", "--", decider.path) as running:
        failure = ctl.failure("set", ns.name, "k", "1", status=REFUSED)
        assert "took too long" in failure["text"]
        running.expect("took too long")
        decider.answer("exit 0")
        ns.set("k", 2)  # it is still asked
        running.expect("agreed")
    with pytest.raises(ProcessLookupError):
        os.killpg(int((tmp_path / "pid").read_text()), 0)


def test_one_that_is_stopped_comes_back(ctl, ns, decider):
    with participating(ctl, ns.name, "--timeout=1s", "--", decider.path) as running:
        running.signal(signal.SIGSTOP)
        assert "Nothing was changed" in ctl("set", ns.name, "k", "1", status=TIMEOUT).err
        running.signal(signal.SIGCONT)
        running.expect("registered again")
        ns.set("k", 2)
        running.expect("agreed")


def test_who_agreed_is_told_that_another_refused(ctl, ns, decider, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    agrees = Decider(other)
    decider.answer(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; exit 1")
    with participating(ctl, ns.name, "--", decider.path), participating(ctl, ns.name, "--", agrees.path) as running:
        write = ctl.start("set", ns.name, "k", "1")
        running.expect("agreed")
        (tmp_path / "go").touch()
        write.communicate(timeout=20)
        assert write.returncode == REFUSED
        running.expect("abort")
    assert [step for step, _ in agrees.asked] == ["prepare", "abort"]


def test_what_is_withdrawn_is_ended(ctl, ns, decider, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    slow = Decider(other)
    slow.answer("sleep 1000")
    decider.answer(f"while ! grep -q prepare {other}/log; do :; done; exit 1")
    with participating(ctl, ns.name, "--", slow.path) as running, participating(ctl, ns.name, "--", decider.path):
        ctl("set", ns.name, "k", "1", status=REFUSED)
        running.expect("withdrawn by regentd")
        running.expect("abort")


def test_json(ctl, ns, decider):
    with ctl.watch("participate", "--json=short", ns.name, "--", decider.path) as running:
        assert json.loads(running.line())["event"] == "registered"
        ns.set("k", 1)
        prepare, commit = json.loads(running.line()), json.loads(running.line())
        assert prepare["event"] == "prepare" and prepare["agreed"] and prepare["set"] == {"k": typed("x", 1)}
        assert commit["event"] == "commit" and commit["revision"] >= 1
        decider.answer("echo no >&2; exit 3")
        ctl("set", ns.name, "k", "2", status=REFUSED)
        prepare = json.loads(running.line())
        assert not prepare["agreed"] and prepare["reason"] == "no"


def until(path, process):
    """Until a command has made that file."""
    while not path.exists():
        assert process.poll() is None


@pytest.mark.parametrize("is_optional", [True, False])
def test_one_that_is_killed_while_it_is_asked(ctl, ns, decider, tmp_path, is_optional):
    decider.answer(f"touch {tmp_path}/begun; exec sleep 1000")
    with participating(ctl, *["--optional"][: int(is_optional)], ns.name, "--", decider.path) as running:
        write = ctl.start("set", ns.name, "k", "1")
        until(tmp_path / "begun", write)
        running.signal(signal.SIGKILL)
        write.communicate(timeout=20)
        assert write.returncode == (DONE if is_optional else REFUSED)


def test_who_may(ctl_as, root, name):
    root.create(name)
    ctl_as("bob")("participate", name, "--", "true", status=DENIED)
    ctl_as("bob")("participate", name + ".Missing", "--", "true", status=DENIED)


def test_what_is_not_there(ctl, ns, name):
    ctl("participate", name + ".Missing", "--", "true", status=NOT_FOUND)
    assert "/nonexistent/command" in ctl("participate", ns.name, "--", "/nonexistent/command", status=USAGE).err
    assert ns.property("Participants") == 0


def test_a_command_that_goes(ctl, ns, decider):
    with participating(ctl, ns.name, "--", decider.path) as running:
        os.unlink(decider.path)
        ctl.run("set", ns.name, "k", "1")
        running.expect(f"{decider.path}: No such file")
        running.finish(11)


@pytest.mark.parametrize(
    "arguments",
    [
        ("participate", "a.b"),
        ("participate", "a.b", "--"),
        ("participate", "--", "true"),
        ("participate", "a.b", "--timeout=11s", "--", "true"),
        ("participate", "a.b", "c", "d", "--", "true"),
    ],
)
def test_usage(ctl, arguments):
    ctl(*arguments, status=USAGE)


@pytest.fixture
def own(stack):
    made = stack()
    return made, Regentctl(made.bus)


def test_a_restart(own, name, decider):
    service, ctl = own
    space = service.root.create(name)
    with participating(ctl, name, "--", decider.path) as running:
        service.regentd.kill()
        running.expect("regentd is gone")
        service.regentd.start()
        running.expect("registered again")
        space.set("k", 1)
        running.expect("agreed")


def test_regentd_goes_while_it_decides(own, name, decider, tmp_path):
    """What was agreed to is looked up when regentd is back: it has not happened here."""
    service, ctl = own
    service.root.create(name).set("k", 1)
    decider.answer(f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; exit 0")
    with participating(ctl, name, "--", decider.path) as running:
        write = ctl.start("set", name, "k", "2")
        until(tmp_path / "begun", write)
        service.regentd.kill()
        (tmp_path / "go").touch()
        write.communicate()
        running.expect("regentd is gone")
        service.regentd.start()
        running.expect("registered again")
        running.expect("abort")
        assert decider.asked[-1][0] == "abort"


def test_dry_run_shows_all_vetoes(ctl, ns, decider, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    second = Decider(other)
    decider.answer("echo 'first \033[31m' >&2; exit 1")
    second.answer("echo 'second' >&2; exit 1")
    ns.set("mtu", 1500)
    with participating(ctl, ns.name, "--", decider.path), participating(ctl, ns.name, "--", second.path):
        shown = ctl("apply", ns.name, "mtu=9000", "--dry-run", status=REFUSED)
        assert "mtu" in shown.out and "9000" in shown.out and "\x1b" not in shown.out
        assert "first" in shown.out and "second" in shown.out and "root" in shown.out
        document = json.loads(ctl("apply", ns.name, "mtu=9000", "--dry-run", "--json=short", status=REFUSED).out)
        assert sorted(each["reason"][:5] for each in document["vetoes"]) == ["first", "secon"]
        assert {each["key"] for each in document["vetoes"]} == {"mtu"}
        assert {each["namespace"] for each in document["vetoes"]} == {ns.name}
        assert {each["uid"] for each in document["vetoes"]} == {0}
        assert document["changes"][ns.name]["mtu"]["new"]
    assert ns.get("mtu") == GLib.Variant("x", 1500)
    shown = ctl("apply", ns.name, "mtu=9000", "--dry-run", "--json=short")
    assert json.loads(shown.out)["vetoes"] == []


def test_dry_runs_of_other_verbs_show_vetoes(ctl, ns, decider, tmp_path):
    """Of each of the commits that they need."""

    def fill(value):
        for begin in (0, 2500):
            ns.apply({f"k{number}": value for number in range(begin, begin + 2500)})

    fill(1)
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump", ns.name).out)
    fill(2)
    with participating(ctl, ns.name, "--", decider.path):
        for verb in (("reset", ns.name), ("load", str(file))):
            decider.answer("echo 'not \033[31m' >&2; exit 1")
            shown = ctl(*verb, "--dry-run", status=REFUSED)
            assert shown.out.count("refused") == 2 and "\x1b" not in shown.out, verb
            document = json.loads(ctl(*verb, "--dry-run", "--json=short", status=REFUSED).out)
            assert [each["reason"][:3] for each in document["vetoes"]] == ["not", "not"]
            decider.answer("exit 0")
            assert json.loads(ctl(*verb, "--dry-run", "--json=short").out)["vetoes"] == []
    assert ns.get("k7") == GLib.Variant("x", 2)


def test_what_nobody_is_asked_about(ctl, ns, decider):
    """A change that is undone comes as a commit without keys."""
    ns.set("k", 1)
    with participating(ctl, ns.name, "--", decider.path) as running:
        token = ns.apply({"k": 2}, confirm_timeout_usec=60_000_000)[1]["token"]
        running.expect("commit")
        ns.caller.manager("CancelChange", "(s)", (token,))
        running.expect("commit")
        ns.set("k", 3)  # it still has its say
        running.expect("agreed")
        running.expect("commit")
    asked = decider.asked
    assert [step for step, _ in asked[:4]] == ["prepare", "commit", "commit", "prepare"]
    undone = asked[2][1]
    assert undone["namespace"] == ns.name and undone["set"] == {} and undone["unset"] == []
    assert undone["revision"] > asked[1][1]["revision"]
    assert undone["transaction"] != asked[1][1]["transaction"]


def test_a_namespace_that_is_made_again(ctl, root, name, decider):
    ns = root.create(name)
    ns.set("k", 1)
    with participating(ctl, name, "--", decider.path) as running:
        ctl("remove", name, "--force")
        running.expect("Does not take part any more")
        root.create(name).set("k", 2)
        running.expect("registered again")
        decider.answer("exit 1")
        ctl("set", name, "k", "3", status=REFUSED)
    assert decider.asked[0][0] == "commit" and decider.asked[0][1]["set"] == {}


def test_a_namespace_that_is_made_again_at_once(ctl, root, name, decider, tmp_path):
    root.create(name)
    decider.answer("exit 1")
    with participating(ctl, name, "--", decider.path) as running:
        running.signal(signal.SIGSTOP)
        root.remove(name, 1)
        root.create(name)
        running.signal(signal.SIGCONT)
        running.expect("registered again")
        ctl("set", name, "k", "3", status=REFUSED)


POLKIT_RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "org.regentd.state1.participate") return polkit.Result.YES; });"""


@pytest.mark.parametrize("is_made", [True, False])
def test_who_may_take_part_and_not_read(stack, name, tmp_path_factory, is_made):
    """What was agreed to is looked up in what the registration returns."""
    made = stack(polkit=True)
    made.polkitd.set_rules(POLKIT_RULE)
    space = made.root.create(name, mode=0o600)
    bob = Regentctl(made.bus, "bob")
    go = tmp_path_factory.mktemp("bob") / "go"
    for directory in go.parents[:2]:
        directory.chmod(0o711)
    script = f"case $1 in prepare) echo begun; while [ ! -e {go} ]; do sleep 0.01; done;; esac"
    with participating(bob, name, "--", "sh", "-c", script, "sh") as running:
        write = Regentctl(made.bus).start("set", name, "k", "2", "--type=x")
        running.expect("begun")
        running.signal(signal.SIGSTOP)
        made.regentd.kill()
        go.touch()
        write.communicate()
        made.regentd.start()
        space.apply({"k": 2} if is_made else {"k": 3})
        running.signal(signal.SIGCONT)
        running.expect("commit" if is_made else "abort")


@pytest.mark.parametrize("is_made", [True, False])
def test_more_than_a_reply_may_hold(own, name, decider, tmp_path, is_made):
    """What was agreed to is looked up alone."""
    service, ctl = own
    space = service.root.create(name)
    for number in range(8):
        space.apply({f"k{number}.{at}": "y" * 60000 for at in range(10)})
    decider.answer(f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; exit 0")
    with participating(ctl, name, "--", decider.path) as running:
        write = ctl.start("apply", name, "k0.0=2", "--type=s", "--unset=k1.1")
        until(tmp_path / "begun", write)
        running.signal(signal.SIGSTOP)
        service.regentd.kill()
        (tmp_path / "go").touch()
        write.communicate()
        service.regentd.start()
        space.apply({"k0.0": "2"}, unset=["k1.1"] if is_made else [])
        running.signal(signal.SIGCONT)
        running.expect("registered again")
        running.expect("commit" if is_made else "abort")
    assert list(decider.asked[-1][1]["set"]) == ["k0.0"]
