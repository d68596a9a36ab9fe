# SPDX-License-Identifier: LGPL-2.1-or-later
"""watch: what there is, then every commit, over restarts, with a command, on a terminal."""

import json
import os
import signal

import pytest
from ctl import DENIED, DONE, NOT_FOUND, UNREACHABLE, USAGE, Regentctl
from regent_testing.api import change


def begin(ctl, *arguments, verb="watch"):
    """A watch in JSON that has told what there is, and those events."""
    running = ctl.watch(verb, "--json=short", *arguments)
    told = []
    while not told or told[-1]["event"] != "watching":
        told.append(event(running))
    return running, told


def event(running):
    document = json.loads(running.line())
    assert document.pop("time") > 1_600_000_000_000_000
    return document


def typed(signature, data):
    return {"type": signature, "data": data}


def check_chain(events, revision):
    """Each change goes on where the one before ended."""
    for each in events:
        assert each["event"] == "change" and each["previous"] == revision, each
        assert each["revision"] > revision
        revision = each["revision"]


def test_the_state_and_then_every_commit(ctl, space):
    running, told = begin(ctl, space.name)
    with running:
        state, watching = told
        assert state["event"] == "state" and state["namespace"] == space.name
        assert state["values"]["mtu"] == typed("x", 1500) and len(state["values"]) == 5
        assert watching["position"] == state["position"]
        for number in range(50):
            space.set("n", number)
        space.apply({"a": 1, "b": True}, unset=["n"])
        space.set("mtu", 1500)  # no change
        space.set("end", "x")
        events = [event(running) for _ in range(52)]
        check_chain(events, state["revision"])
        assert [each["changed"] for each in events[:50]] == [{"n": typed("x", number)} for number in range(50)]
        assert events[50]["changed"] == {"a": typed("x", 1), "b": typed("b", True)}
        assert events[50]["removed"] == ["n"] and not events[50]["merged"]
        running.signal()
        assert running.finish(DONE) == ""


def test_a_prefix_of_keys(ctl, ns):
    ns.apply({"net.a": 1, "other": 2})
    running, told = begin(ctl, ns.name, "net.")
    with running:
        assert list(told[0]["values"]) == ["net.a"]
        ns.set("other", 3)
        ns.apply({"net.b": 1, "other": 4})
        seen = event(running)
        assert seen["changed"] == {"net.b": typed("x", 1)} and seen["previous"] == told[0]["revision"]


def test_since(ctl, space):
    running, told = begin(ctl, space.name)
    with running:
        running.signal()
        running.finish(DONE)
    space.apply({"mtu": 9000, "new": 1}, unset=["on"])
    space.set("mtu", 9001)
    result = ctl("watch", space.name, f"--since={told[-1]['position']}", "--count=1", "--json=short")
    (seen,) = [json.loads(line) for line in result.lines]
    assert seen["event"] == "change" and seen["merged"]
    assert seen["changed"] == {"mtu": typed("x", 9001), "new": typed("x", 1)} and seen["removed"] == ["on"]
    assert seen["previous"] == told[0]["revision"]
    running, told = begin(ctl, space.name, f"--since={seen['position']}")
    with running:
        assert len(told) == 1  # nothing differs
        space.set("mtu", 1)
        assert event(running)["previous"] == seen["revision"]


def test_since_what_is_not_known(ctl, space):
    running, told = begin(ctl, space.name, "--since=" + "0" * 32 + ":7")
    with running:
        lost, state, _ = told
        assert lost["event"] == "history-lost" and state["event"] == "state" and len(state["values"]) == 5
    with ctl.watch("watch", space.name, "--since=" + "0" * 32 + ":7") as running:
        running.expect("What has changed is not known any more")
        running.expect(f"{space.name} mtu x 1500")


def test_count(ctl, ns):
    running, _ = begin(ctl, ns.name, "--count=3")
    with running:
        for number in range(5):
            ns.set("k", number)
        assert [event(running)["changed"]["k"]["data"] for _ in range(3)] == [0, 1, 2]
        assert running.finish(DONE) == ""


def test_large_values(ctl, ns):
    running, _ = begin(ctl, ns.name)
    with running:
        ns.set("k", "x" * 1000000)
        assert event(running)["changed"]["k"]["data"] == "x" * 1000000
        ns.delete("k")
        assert event(running)["removed"] == ["k"]


def test_more_than_one_answer_may_hold(ctl, ns):
    for number in range(8):
        ns.apply({f"k{number}.{at}": "y" * 60000 for at in range(10)})
    running, told = begin(ctl, ns.name)
    with running:
        assert len(told[0]["values"]) == 80 and told[0]["event"] == "state"
        ns.set("k0.0", "z")
        seen = event(running)
        assert seen["changed"] == {"k0.0": typed("s", "z")} and seen["previous"] == told[0]["revision"]


def test_text_in_a_pipe(ctl, ns):
    ns.set("k", "a\nb\x1b")
    with ctl.watch("watch", ns.name) as running:
        line = running.line()
        assert line.split(" ", 1)[1].startswith(f"{ns.name} k s ") and "\x1b" not in line
        running.expect("Watching; end with")
        ns.set("l", 7)
        running.expect(rf"^[\d:.]+ {ns.name} l x 7$")
        ns.delete("k")
        running.expect(rf"{ns.name} k \(deleted\)")
        running.signal(signal.SIGTERM)
        position = running.expect(r"--since=(\w+:\d+) goes on from here").group(1)
        running.finish(DONE)
    ns.set("l", 8)
    result = ctl("watch", "-q", ns.name, "--since=" + position, "--count=1")
    assert result.out.endswith(f" {ns.name} l x 8\n") and not result.err


def test_text_on_a_terminal(ctl, ns):
    ns.set("k", "\x1b[2J\u202e")
    with ctl.with_(environ={"NO_COLOR": "1"}).terminal("watch", ns.name) as running:
        running.expect(rf"^[\d:.]+ {ns.name} revision \d+\r?$")
        line = running.expect(r"^  k s .*$").group(0)
        assert "\x1b" not in line and "\u202e" not in line
        running.expect("Watching; end with")
        ns.apply({"a": 1}, unset=["k"])
        running.expect(r"  a x 1\r?\n  k \(deleted\)")
        running.type("\x03")
        running.finish(DONE)


def test_who_reads_no_more(ctl, ns):
    read, write = os.pipe()
    process = ctl.start("watch", "--json=short", ns.name, stdout=write)
    os.close(write)
    assert os.read(read, 10)
    os.close(read)
    for number in range(3):
        ns.set("k", number)
    assert process.wait(20) == -signal.SIGPIPE
    process.stderr.close()


def test_what_is_not_there(ctl, ctl_as, root, name):
    assert name in ctl("watch", name, status=NOT_FOUND).err
    root.create(name, mode=0o600)
    ctl_as("bob")("watch", name, status=DENIED)


def test_a_namespace_goes_and_comes(ctl, root, name):
    root.create(name).set("k", 1)
    running, _ = begin(ctl, name)
    with running:
        root.remove(name, 1)
        assert event(running)["event"] == "removed"
        root.create(name).set("k", 2)
        state = event(running)
        assert state["event"] == "state"
        assert event(running)["event"] == "watching"
        if not state["values"]:
            assert event(running)["changed"] == {"k": typed("x", 2)}


def test_the_right_to_read_goes(ctl_as, root, name):
    made = root.create(name)
    running, _ = begin(ctl_as("bob"), name)
    with running:
        made.set_access(mode=0o600)
        assert "AccessDenied" in running.finish(DENIED)


@pytest.fixture
def own(stack):
    made = stack()
    return made, Regentctl(made.bus)


def test_a_restart(own, name):
    service, ctl = own
    space = service.root.create(name)
    space.apply({"stays": 1, "goes": 2}, class_="persistent")
    running, told = begin(ctl, name)
    with running:
        space.set("k", 1)
        first = event(running)
        service.regentd.kill()
        assert event(running)["event"] == "away"
        service.regentd.start()
        assert event(running)["event"] == "back"
        assert event(running)["event"] == "watching"
        space.set("k", 2)
        space.delete("goes")
        events = [event(running) for _ in range(2)]
        check_chain([first], told[0]["revision"])
        check_chain(events[1:], events[0]["revision"])
        assert events[0]["changed"] == {"k": typed("x", 2)} and events[1]["removed"] == ["goes"]


def test_the_bus_goes(own, name):
    service, ctl = own
    service.root.create(name)
    with ctl.watch("watch", name) as running:
        running.expect("Watching")
        service.bus.kill()
        assert "bus" in running.finish(UNREACHABLE)
    service.regentd.ignore_how_it_ended()


# With a command


def test_a_command_for_each_change(ctl, ns, tmp_path):
    log = tmp_path / "log"
    ns.set("before", 1)
    with ctl.watch("watch", ns.name, "--count=20", "--exec", "--", "tee", "-a", str(log)) as running:
        running.expect("Watching")
        for number in range(20):
            ns.set("k", number)
        running.expect('"revision"')
        running.finish(DONE)
    documents = [json.loads(line) for line in log.read_text().splitlines()]
    assert [each["changed"]["k"]["data"] for each in documents] == list(range(20))


def test_a_command_that_is_slow(ctl, ns, tmp_path):
    """More comes than regentd keeps for it: that is told merged, and nothing is missing or told twice."""
    script = f"cat >>{tmp_path}/log; echo begun; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done"
    with ctl.watch("watch", ns.name, "--exec", "--", "sh", "-c", script) as running:
        running.expect("Watching")
        ns.set("k", -1)
        running.expect("begun")
        for number in range(100):
            ns.apply({"k": number, "much": str(number % 10) * 60000})
        ns.set("end", True)
        (tmp_path / "go").touch()
        running.expect(r"Behind \(more came than was taken\)", seconds=60)
        ns.set("last", True)
        documents = []
        while not documents or "last" not in documents[-1]["changed"]:
            running.expect("begun")
            documents = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    check_chain(documents[1:], documents[0]["revision"])
    numbers = [each["changed"]["k"]["data"] for each in documents if "k" in each["changed"]]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 99
    (merged,) = [each for each in documents if each["merged"]]
    assert merged["changed"]["end"] == typed("b", True)


def test_a_command_is_no_shell(ctl, ns, tmp_path):
    with ctl.watch("watch", ns.name, "--count=1", "--exec", "--", "/bin/echo", "$(id)", "a;b") as running:
        running.expect("Watching")
        ns.set("k", 1)
        running.expect(r"^\$\(id\) a;b$")
        running.finish(DONE)


def test_a_command_that_fails_is_told_of(ctl, ns):
    with ctl.watch("watch", ns.name, "--count=2", "--exec", "--", "false") as running:
        running.expect("Watching")
        ns.set("k", 1)
        ns.set("k", 2)
        running.expect("The command ended with status 1")
        running.finish(DONE)


def test_a_command_that_is_not_there(ctl, ns):
    result = ctl("watch", ns.name, "--exec", "--", "/nonexistent/command", status=USAGE)
    assert "/nonexistent/command" in result.err and not result.out


def test_a_command_ends_with_it(ctl, ns):
    with ctl.watch("watch", ns.name, "--exec", "--", "sh", "-c", "echo $$; exec sleep 1000") as running:
        running.expect("Watching")
        ns.set("k", 1)
        pid = int(running.expect(r"^(\d+)$").group(1))
        running.signal()
        running.finish(DONE)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# Many namespaces


def test_all_below_a_prefix_of_names(ctl, root, name):
    spaces = [root.create(f"{name}.{label}") for label in "AB"]
    spaces[0].set("k", 1)
    running, told = begin(ctl, "--prefix=" + name + ".")
    with running:
        assert {each["namespace"]: each["values"] for each in told[:-1]} == {
            spaces[0].name: {"k": typed("x", 1)},
            spaces[1].name: {},
        }
        root.apply_all({each.name: change({"both": 1}) for each in spaces})
        events = [event(running) for _ in range(2)]
        check_chain(events[:1], told[0]["revision"])
        assert events[1]["previous"] == events[1]["revision"] == events[0]["revision"]
        assert {each["namespace"] for each in events} == {each.name for each in spaces}
        made = root.create(name + ".C")
        made.set("k", 3)
        while (seen := event(running))["changed"] != {"k": typed("x", 3)}:
            assert seen["namespace"] == made.name
        root.remove(made.name, 1)
        while (gone := event(running))["event"] != "removed":
            assert gone["event"] in ("behind", "change")
        assert gone["namespace"] == made.name
        spaces[0].set("k", 4)
        while (seen := event(running))["event"] != "change":
            assert seen["event"] == "watching"
        assert seen["namespace"] == spaces[0].name and seen["changed"] == {"k": typed("x", 4)}


def test_all_below_a_prefix_over_a_restart(own, name):
    service, ctl = own
    spaces = [service.root.create(f"{name}.{label}") for label in "AB"]
    running, told = begin(ctl, "--prefix=" + name + ".")
    with running:
        spaces[0].set("k", 1)
        assert event(running)["changed"] == {"k": typed("x", 1)}
        service.regentd.kill()
        service.regentd.start()
        spaces[1].set("k", 2)
        seen = []
        while not seen or seen[-1].get("namespace") != spaces[1].name:
            seen.append(event(running))
        assert [each["event"] for each in seen[:2]] == ["away", "back"]
        assert seen[-1]["changed"] == {"k": typed("x", 2)}
        running.signal()
        running.finish(DONE)
    assert len(told) == 3


def test_one_below_a_prefix_becomes_readable_again(ctl_as, root, name):
    """What was read before is forgotten by then, and what was not changed since must be told, too."""
    spaces = [root.create(f"{name}.{label}", mode=0o644) for label in "AB"]
    spaces[1].apply({"old": 1, "gone": 1})
    running, _ = begin(ctl_as("bob"), "--prefix=" + name + ".")
    with running:
        for number in range(2):
            spaces[1].set_access(mode=0o600)
            while (seen := event(running))["event"] != "removed":
                assert seen["event"] in ("behind", "watching")
            assert seen["namespace"] == spaces[1].name
            spaces[1].apply({"new": number}, unset=["gone"] if not number else [])
            spaces[1].set_access(mode=0o644)
            while (seen := event(running))["event"] != "state":
                assert seen["event"] in ("behind", "watching")
            assert seen["namespace"] == spaces[1].name
            assert seen["values"] == {"old": typed("x", 1), "new": typed("x", number)}
        spaces[1].set("old", 2)
        while (seen := event(running))["event"] != "change":
            assert seen["event"] == "watching"
        assert seen["changed"] == {"old": typed("x", 2)}


def test_since_of_many_namespaces(ctl, root, name):
    spaces = [root.create(f"{name}.{label}") for label in "ABC"]
    prefix = "--prefix=" + name + "."
    running, told = begin(ctl, prefix)
    with running:
        running.signal()
        running.finish(DONE)
    spaces[0].set("k", 1)
    root.remove(spaces[1].name, 1)
    root.create(name + ".D").set("k", 4)
    _, told = begin(ctl, prefix, "--since=" + told[-1]["position"])
    assert {(each["event"], each.get("namespace")) for each in told} == {
        ("change", spaces[0].name),
        ("state", name + ".D"),
        ("watching", None),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("watch",),
        ("watch", "a.b", "--prefix=x"),
        ("watch", "a.b", "c", "d"),
        ("watch", "a.b", "--since=nonsense"),
        ("watch", "a.b", "--since=:1"),
        ("watch", "a.b", "--since=x:-1"),
        ("watch", "a.b", "--count=0"),
        ("watch", "a.b", "--count=x"),
        ("watch", "a.b", "--exec"),
        ("watch", "a.b", "--exec", "--"),
        ("watch", "a.b", "--", "true"),
    ],
)
def test_usage(ctl, arguments):
    result = ctl(*arguments, status=USAGE)
    assert result.err.startswith("regentctl: ") and not result.out


def test_a_command_gets_json_anyway(ctl):
    assert "exclude each other" in ctl("watch", "a.b", "--exec", "-j", "--", "true", status=USAGE).err


def test_an_unreachable_bus(ctl):
    dead = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    dead("watch", "a.b", status=UNREACHABLE)
