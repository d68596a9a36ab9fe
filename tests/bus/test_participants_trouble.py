# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants that die, hang, answer late, come and go; writers and a regentd that do. Nobody else is held up."""

import resource

import pytest
from joining import join  # pylint: disable=unused-import
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import MANAGER, ROOT_PATH, Error
from regent_testing.participant import OPTIONAL, PATH, Participant
from regent_testing.waiting import retry_until

SHORT = 100000  # microseconds: a deadline that is there to be missed
LONG = 10000000


def revision_of(pending):
    return pending.result().get_child_value(0).get_uint64()


def number(root, name):
    return root.statistics()[name].unpack()


def test_one_that_is_killed_while_it_is_asked_objects(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    two.register(ns)
    revision = root.revision()
    pending = ns.start_set("a", 1)
    waiting = ns.start_set("a", 1)
    one.expect("Prepare")
    two.expect("Prepare").agree()
    one.close()
    with refused(Error.Vetoed, one.name, "left"):
        pending.result()
    two.expect("Abort").agree()
    two.expect("Prepare").veto()
    with refused(Error.Vetoed, two.name):
        waiting.result()
    assert root.revision() == revision and ns.keys() == []
    two.close()
    retry_until(lambda: ns.property("Participants") == 0, 20, "both to be gone")
    ns.set("a", 1)


def test_an_optional_one_that_is_killed_is_absent(root, ns, join):
    one, two = join(), join()
    one.register(ns, flags=OPTIONAL)
    two.register(ns)
    pending = ns.start_set("a", 1)
    one.expect("Prepare")
    one.close()
    asked = two.expect("Prepare")
    asked.agree()
    assert two.expect("Commit").revision == revision_of(pending)


def test_one_that_is_killed_between_its_answer_and_the_commit(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    two.register(ns)
    pending = ns.start_set("a", 1)
    one.expect("Prepare").agree()
    asked = two.expect("Prepare")
    one.close()
    retry_until(lambda: ns.property("Participants") == 1, 20, "one to be gone")
    assert not pending.is_done()
    asked.agree()
    assert two.expect("Commit").revision == revision_of(pending)


def test_one_that_never_answers_is_unregistered(root, ns, join):
    one, two = join(), join()
    one.register(ns, timeout_usec=SHORT)
    two.register(ns)
    dropped = number(root, "participants-dropped")
    with refused(Error.Timeout, one.name, "'a'", "100 ms"):
        pending = ns.start_set("a", 1)
        asked = one.expect("Prepare")
        two.expect("Prepare").agree()
        pending.result()
    assert one.expect("Abort").transaction == asked.transaction
    two.expect("Abort").agree()
    assert ns.property("Participants") == 1
    assert number(root, "participants-dropped") == dropped + 1

    pending = ns.start_set("a", 2)
    two.expect("Prepare").agree()
    pending.result()
    asked.agree()  # late: of no interest to anybody
    one.expect_nothing()
    one.register(ns)
    assert ns.property("Participants") == 2


def test_one_that_never_answers_a_dry_run_is_among_the_vetoes(root, ns, join):
    one, two = join(), join()
    one.register(ns, timeout_usec=SHORT)
    two.register(ns)
    pending = ns.start_apply({"a": 1}, flags=1)
    one.expect("Prepare")
    two.expect("Prepare").veto("never")
    vetoes = pending.result().unpack()[1]["vetoes"]
    reasons = {veto["participant"]: veto["reason"] for veto in vetoes.values()}
    assert set(reasons) == {one.name, two.name}
    assert "100 ms" in reasons[one.name]
    assert ns.property("Participants") == 1


def test_ten_seconds_are_the_end_for_all_that_waits(root, ns, join):
    one = join()
    one.register(ns, "a", timeout_usec=LONG)
    first, second = ns.start_set("a", 1), ns.start_set("z", 1)
    one.expect("Prepare")
    with refused(Error.Timeout):
        first.result()
    # It came later, so that it has its turn; or its time was up in the same moment.
    try:
        assert revision_of(second)
    except Exception as error:  # pylint: disable=broad-except
        assert Error.Timeout in str(error)
    assert ns.property("Participants") == 0


def test_one_that_leaves_while_it_is_asked_counts_as_it_would_by_leaving_the_bus(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    pending = ns.start_set("a", 1)
    asked = one.expect("Prepare")
    two.register(ns)  # the set of those who are asked is settled
    one.unregister(ns)
    with refused(Error.Vetoed, "left"):
        pending.result()
    asked.agree()
    two.expect_nothing()

    one.register(ns, flags=OPTIONAL)
    pending = ns.start_set("a", 1)
    one.expect("Prepare")
    two.expect("Prepare").agree()
    one.unregister(ns)
    assert two.expect("Commit").revision == revision_of(pending)


def test_one_that_comes_while_others_are_asked_hears_of_the_commit(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    pending = ns.start_set("a", 1)
    asked = one.expect("Prepare")
    assert two.register(ns)[0] == {}
    asked.agree()
    revision = revision_of(pending)
    assert one.expect("Commit").revision == two.expect("Commit").revision == revision


def test_coming_and_going_all_the_time(root, ns, join):
    steady, restless = join(), join()
    steady.register(ns)
    for n in range(50):
        restless.register(ns, flags=OPTIONAL, path=f"{PATH}/{n}")
        pending = ns.start_set("a", n)
        asked = steady.expect("Prepare")
        late = restless.expect("Prepare")
        restless.unregister(ns, path=f"{PATH}/{n}")
        late.agree()
        asked.agree()
        revision = revision_of(pending)
        told = steady.expect("Commit")
        assert told.revision == revision
        told.agree()
    assert ns.property("Participants") == 1


def test_a_writer_that_is_gone_changes_nothing(service, root, ns, join):
    one = join()
    one.register(ns)
    with nothing_changed(root, ns):
        writer = Participant(service)
        writer.start_set(ns, "a", "1")
        asked = one.expect("Prepare")
        writer.close()
        assert one.expect("Abort").transaction == asked.transaction
        asked.agree()
    pending = ns.start_set("a", 2)
    one.expect("Prepare").agree()
    pending.result()


def test_commits_and_aborts_that_fail_are_counted(root, ns, join):
    one = join()
    one.register(ns)
    failed = number(root, "participant-calls-failed")
    pending = ns.start_set("a", 1)
    one.expect("Prepare").agree()
    pending.result()
    one.expect("Commit").veto("cannot")
    root.ping()
    retry_until(
        lambda: number(root, "participant-calls-failed") == failed + 1, 20, "the error to be counted"
    )


def test_a_program_that_does_not_know_the_interface_vetoes(root, ns, name):
    """As GDBus answers for an object that is not there."""
    root.call(
        ns.path, "org.regentd.State1.Namespace", "RegisterParticipant", "(sota{sv})", ("", PATH, 0, {})
    )
    pending = ns.start_set("a", 1)
    with refused(Error.Vetoed, root.unique_name()):
        pending.result()
    root.call(ns.path, "org.regentd.State1.Namespace", "UnregisterParticipant", "(o)", (PATH,))


def test_a_failed_sync_comes_to_nothing(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    with Participant(made) as one:
        one.register(ns)
        made.root.flush()
        process = made.regentd.process.pid
        hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
        pending = ns.start_set("a", 1)
        asked = one.expect("Prepare")
        resource.prlimit(process, resource.RLIMIT_FSIZE, (100, hard))
        asked.agree()
        with refused(Error.OutcomeUnknown):
            pending.result()
        assert one.expect("Abort").transaction == asked.transaction
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))
        retry_until(lambda: made.root.property("State") == "running", 30, "the disk to work again")
        with refused(Error.NoSuchKey):
            ns.get("a")
        pending = ns.start_set("a", 2)
        one.next().agree()
        pending.result()


def test_regentd_is_stopped_in_between(stack):
    """The participant is a writer, too, and others wait behind it."""
    made = stack()
    spaces = [made.root.create(f"org.example.N{n}") for n in range(2)]
    one, two = Participant(made), Participant(made)
    one.register(spaces[0])
    two.register(spaces[1])
    two.start_set(spaces[0], "k", "1")
    one.expect("Prepare")
    waiting = [made.root.ns(space.name).start_set("z", 1) for space in spaces]
    two.expect("Prepare")
    made.regentd.stop()
    for each, error in zip(waiting, (Error.NoReply, Error.Busy)):
        with refused(error):
            each.result()
    made.regentd.start()
    assert [space.keys() for space in spaces] == [[], []]
    one.close()
    two.close()


@pytest.mark.parametrize("has_answered", [False, True], ids=["asked", "committed"])
def test_regentd_is_killed_in_between(stack, has_answered):
    made = stack()
    ns = made.root.create("org.example.X")
    ns.set("a", "old")
    with Participant(made) as one:
        one.register(ns)
        pending = ns.start_set("a", "new")
        asked = one.expect("Prepare")
        if has_answered:
            asked.agree()
            pending.result()
        made.regentd.kill()
        made.regentd.start()
        # It registers again, and is told what has become of it.
        values, revision = one.register(ns)
        assert values == {"a": "new" if has_answered else "old"}
        assert revision == made.root.revision()


def test_a_stop_is_told(stack):
    made = stack()
    ns = made.root.create("org.example.N")
    with Participant(made) as one, Participant(made) as two:
        one.register(ns)
        two.register(ns)
        pending = ns.start_set("a", 1)
        dry = made.root.create("org.example.Dry")
        two.register(dry)
        asked = one.expect("Prepare")
        asked.agree()
        two.expect("Prepare")
        of_dry = dry.start_apply({"a": 1}, flags=1)
        two.expect("Prepare")
        made.regentd.stop()
        assert one.expect("Abort").transaction == asked.transaction
        two.expect("Abort")
        two.expect("Abort")
        for each in (pending, of_dry):
            with refused(Error.Busy, "stops"):
                each.result()
    assert "Cannot" not in made.regentd.log(1000)
    made.regentd.start()
    assert ns.keys() == []


def test_many_that_answer_nothing_are_bounded_and_held_up_are_only_theirs(stack):
    """4 calls of a uid and 48 in all wait for answers; the others are asked when there is room."""
    made = stack()
    root = made.root
    spaces, mine = [], []
    for n in range(8):
        spaces.append(root.create(f"org.example.N{n}", owner=4001))
        mine.append(Participant(made, "alice"))
        mine[-1].register(spaces[-1], timeout_usec=SHORT * 5)
    other = root.create("org.example.Other")
    with Participant(made, "bob") as bob:
        open_space = root.create("org.example.Bobs", owner=4002)
        bob.register(open_space)
        pending = [space.start_set("a", 1) for space in spaces]
        for each in mine[:4]:
            each.expect("Prepare")
        assert number(root, "participant-calls-waiting") == 4
        for each in mine[4:]:
            each.expect_nothing()
        other.set("a", 1)
        of_bob = open_space.start_set("a", 1)
        bob.expect("Prepare").agree()
        of_bob.result()
        for each in pending:
            with refused(Error.Timeout):
                each.result()
        # An answer is waited for by nobody, and takes its place until its connection leaves.
        assert number(root, "participant-calls-waiting") >= 4
        for each in mine:
            each.close()
        retry_until(lambda: number(root, "participant-calls-waiting") <= 1, 20, "their places")


def test_one_that_could_not_be_asked_stays(root, name, join):
    """Another connection of its uid has all the places."""
    hung, good = join("alice"), join("alice")
    spaces = [root.create(f"{name}.N{n}", owner=4001) for n in range(5)]
    last = spaces.pop()
    for space in spaces:
        hung.register(space, timeout_usec=SHORT)
    good.register(last, timeout_usec=SHORT)
    for pending in [space.start_set("a", 1) for space in spaces]:
        with refused(Error.Timeout, "has not answered"):
            pending.result()
    assert [space.property("Participants") for space in spaces] == [0] * 4

    dropped = number(root, "participants-dropped")
    with refused(Error.Timeout, "could not be asked"):
        last.set("a", 1)
    good.expect_nothing()
    assert last.property("Participants") == 1
    assert number(root, "participants-dropped") == dropped

    hung.close()
    retry_until(lambda: number(root, "participant-calls-waiting") == 0, 20, "its places")
    pending = last.start_set("a", 1)
    good.expect("Prepare").agree()
    assert good.expect("Commit").revision == revision_of(pending)


def test_one_that_does_not_read(service, root, ns, join):
    """A Prepare of which it can have no room is not sent; whoever reads nothing has no say."""
    one = join()
    one.register(ns, timeout_usec=SHORT)
    for n in range(12):
        try:
            ns.set("a", f"{n}" + "x" * (900 << 10))
        except Exception as error:  # pylint: disable=broad-except
            assert Error.Timeout in str(error)
            break
    assert ns.property("Participants") == 0
    ns.set("a", 1)


def test_the_end_of_a_session_is_not_kept_out_of_what_is_prepared(service, root, ns, join):
    one, writer = join(), service.client()
    made_at = ns.seen_by(writer).apply({"s": 1}, class_="session")[0]
    one.register(ns, "k")
    pending = ns.start_apply({"k": 1}, expect={"s": made_at})
    asked = one.expect("Prepare")
    writer.close()
    retry_until(lambda: ns.keys() == [], 20, "what was of the connection to go")
    asked.agree()
    with refused(Error.Conflict, "'s'"):
        pending.result()
    assert one.expect("Abort").transaction == asked.transaction


def test_the_end_of_a_session_is_told_and_not_asked_about(service, root, ns, join):
    one = join()
    one.register(ns)
    writer = service.client()
    pending = ns.seen_by(writer).start_apply({"a": 1}, class_="session")
    one.expect("Prepare").agree()
    pending.result()
    told = one.expect("Commit")
    told.agree()
    writer.close()
    ended = one.expect("Commit")
    assert ended.revision > told.revision and ended.transaction != told.transaction
    assert ns.keys() == []


def test_a_restore_is_told_and_not_asked_about(stack):
    """It waits for who is being asked already; what it brings back is no reason to ask anybody."""
    made = stack()
    ns = made.root.create("org.example.Restored")
    ns.set("a", 1)
    made.root.mark_good()
    ns.set("a", 2)
    with Participant(made) as one:
        one.register(ns)
        pending = ns.start_set("a", 3)
        asked = one.expect("Prepare")
        restoring = made.root.start(ROOT_PATH, MANAGER, "Restore", "(st)", ("last-known-good", 0))
        made.root.settle()
        assert not restoring.is_done() and ns.get("a").unpack() == 2
        asked.agree()
        written = revision_of(pending)
        assert one.expect("Commit").revision == written
        told = one.expect("Commit")
        assert (told.revision,) == restoring.result().unpack() and told.revision == written + 1
        assert ns.get("a").unpack() == 1
        assert number(made.root, "participants") == 1
