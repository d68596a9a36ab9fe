# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of classes kernel and runtime outlives checkpoints, kills, reboots and Restore, and who may see it."""

import os

from kernels import A, B, C, library, made, ns, of, seen, signals_of
from regent_testing import machine
from regent_testing.checks import refused

# on the disk


def test_survives_checkpoints_and_kills(stack, library):
    made = stack(environ=machine.environ(library, A), config="[Store]\nCheckpointJournalBytes=64K\n")
    ns = made.root.create("org.example.X")
    expected = {A: {}, B: {}, "": {}}
    releases = list(expected)
    n_checkpoints = 0
    for n in range(300):
        release = releases[n % 3]
        key = f"k{n % 7}"
        if n % 11 == 10 and key in expected[release]:
            ns.apply(unset=[key], release=release)
            del expected[release][key]
        else:
            ns.apply({key: f"{n}" + "x" * 2000}, release=release)
            expected[release][key] = f"{n}" + "x" * 2000
        if n % 60 == 59:
            n_checkpoints += made.root.statistics()["checkpoints"].unpack()
            made.regentd.kill()
            made.regentd.start()
            for each, values in expected.items():
                assert of(ns, each) == values
    assert n_checkpoints > 0
    assert seen(ns) == {**expected[""], **expected[A]}
    machine.reboot(made, B)
    assert seen(ns) == {**expected[""], **expected[B]}
    machine.reboot(made, C)
    assert seen(ns) == expected[""]
    assert made.root.property("State") == "running"


def test_restore_brings_back_every_release(made, ns):
    ns.apply({"k": 0, "gone": 0})
    ns.apply({"k": 1, "own": 1}, release=A)
    ns.apply({"k": 2}, release=B)
    made.root.mark_good()
    ns.apply({"k": 10, "new": 1}, release=A)
    ns.apply(unset=["own"], release=A)
    ns.apply({"k": 20}, release=C)
    ns.apply(unset=["k"], release=B)
    ns.apply({"k": "r"}, class_="runtime")
    ns.apply(unset=["gone"])
    log = ns.watch_values()
    made.root.restore()

    def check():
        assert of(ns, "") == {"k": 0, "gone": 0}
        assert of(ns, A) == {"k": 1, "own": 1}
        assert of(ns, B) == {"k": 2}
        assert ns.property("KernelReleases") == [A, B]

    check()
    assert seen(ns) == {"k": 1, "own": 1, "gone": 0}
    (changed, invalidated), = signals_of(ns, log)
    assert changed == {"k": 1, "own": 1, "gone": 0} and invalidated == ["new"]
    log.close()
    made.regentd.kill()
    made.regentd.start()
    check()
    machine.reboot(made, B)
    check()
    assert seen(ns) == {"k": 2, "gone": 0}


def test_restore_after_another_kernel_was_booted(made, ns):
    """The journal's Restore is found out again while another kernel runs than the one it was made on."""
    ns.apply({"k": 0})
    ns.apply({"k": 1}, release=A)
    made.root.mark_good()
    ns.apply({"k": 5}, release=A)
    ns.apply({"k": 6}, release=B)
    made.root.restore()
    machine.reboot(made, B, kill=True)
    assert (of(ns, ""), of(ns, A), of(ns, B)) == ({"k": 0}, {"k": 1}, {})
    assert seen(ns) == {"k": 0}


# who may


def test_hidden_entries_need_the_same_rights(stack, library, sandbox):
    made = stack(environ=machine.environ(library, A))
    alice, bob = made.user("alice"), made.user("bob")
    space = made.root.create("org.example.X", owner=alice_uid(alice), mode=0o600)
    mine, other = space.seen_by(alice), space.seen_by(bob)
    mine.apply({"k": 1}, release=B)
    assert of(mine, B) == {"k": 1}
    denied = "org.freedesktop.DBus.Error.AccessDenied"
    with refused(denied):
        of(other, B)
    with refused(denied):
        other.apply(unset=["k"], release=B)
    with refused(denied):
        other.property("KernelReleases")
    assert of(mine, B) == {"k": 1}


def alice_uid(alice):
    from regent_testing import environment

    return environment.ids_of("alice")[0]


# class runtime


def files_below(directory):
    return [os.path.join(at, name) for at, _, names in os.walk(directory) for name in names]


def test_runtime_is_never_synced(stack, library, tmp_path):
    syncs = tmp_path / "syncs"
    syncs.touch(mode=0o666)
    made = stack(
        environ=machine.environ(library, A, syncs), config="[Store]\nCheckpointJournalBytes=64K\n"
    )
    ns = made.root.create("org.example.X")
    syncs.write_text("")
    for n in range(100):
        ns.apply({f"k{n % 5}": "x" * 2000 + str(n)}, class_="runtime")
    assert made.root.statistics()["checkpoints"].unpack() > 0
    runtime = os.path.realpath(made.regentd.runtime_dir)
    state = os.path.realpath(made.regentd.state_dir)
    assert [p for p in syncs.read_text().splitlines() if p.startswith(runtime)] == []
    ns.set("p", 1)
    made.regentd.restart()
    made.regentd.kill()
    made.regentd.start()
    synced = syncs.read_text().splitlines()
    assert [p for p in synced if p.startswith(runtime)] == []
    assert [p for p in synced if p.startswith(state)]


def test_runtime_survives_a_kill_and_not_a_reboot(made, ns):
    ns.apply({"r": 1, "p": 2, "k": 3}, classes={"r": "runtime", "k": "kernel"})
    ns.apply({"k": 4}, class_="runtime")
    for end in (made.regentd.kill, made.regentd.stop):
        end()
        made.regentd.start()
        assert seen(ns) == {"r": 1, "p": 2, "k": 3}
        assert of(ns, "") == {"r": 1, "p": 2, "k": 4}
    before = made.root.revision()
    machine.reboot(made)
    assert made.root.revision() > before
    assert seen(ns) == {"p": 2, "k": 3}
    assert of(ns, "") == {"p": 2}
    assert (ns.property("Keys"), ns.property("HiddenKeys")) == (2, 0)
    assert made.root.property("State") == "running"
