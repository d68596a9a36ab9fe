# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a connection leaves unread is bounded, and one that does not read is no matter to the others.

All of it on a bus with its stock limits.
"""

import pytest
from regent_testing import names
from regent_testing.api import RegentError, blob
from regent_testing.checks import refused
from regent_testing.greedy import Greedy
from regent_testing.names import NAMESPACE, PEER, Error
from regent_testing.waiting import Deadline, retry_until
from regent_testing.wire import CALL, ERROR, RETURN

MIB = 1 << 20
READ_ALL = (NAMESPACE, "GetMany", "asa{sv}", ([], {}))
GET = (NAMESPACE, "Get", "s", ("k",))
CONNECTIONS = 1  # flag of GetStatistics
CONNECTION_MAX, UID_MAX, RECEIPT = 4 * MIB, 8 * MIB, MIB
FRAME = 64 << 10  # more than what a few replies have beside their values

# A bus that does not tell what it has queued for whom, as any but dbus-daemon.
BLIND = """<policy user="root"><deny send_destination="org.freedesktop.DBus"
  send_interface="org.freedesktop.DBus.Debug.Stats"/></policy>"""


@pytest.fixture
def greedy(sandbox):
    """A factory: greedy(service, user, connections)."""
    made = []

    def make(*arguments):
        made.append(Greedy(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


def fill(space, n_bytes, key="k"):
    space.set(key, blob(bytes(n_bytes)))
    return space


def size(space):
    """Of the value that fill() set."""
    return space.get("k").get_size()


def numbers(caller):
    return {name: v.unpack() for name, v in caller.statistics().items()}


def connections(caller):
    """{unique name: {what: number}} of all connections."""
    found = caller.manager("GetStatistics", "(t)", (CONNECTIONS,))[0].unpack()["connections"]
    return found


def connections_after(caller, n_refused, name):
    """The same once so many calls of @name have been refused: calls of others may be answered before."""
    for _ in range(10_000):
        found = connections(caller)
        if found.get(name, {}).get("calls-refused", 0) >= n_refused:
            return found
    raise AssertionError(found)


def unread(caller, name):
    return connections(caller).get(name, {}).get("unread-bytes", 0)


def ask(raw, space, call=GET):
    """Sends a call and reads nothing."""
    return raw.send(space.path, *call)


def read_until(raw, serial):
    """All messages up to the answer to that call."""
    messages = []
    deadline = Deadline(20)
    while True:
        messages.append(raw.receive(deadline))
        if messages[-1].kind in (RETURN, ERROR) and messages[-1].field(5) == serial:
            return messages


def pings(messages):
    return [m for m in messages if m.kind == CALL and m.field(3) == "Ping" and m.field(2) == PEER]


def answer(raw, service, ping, error=False):
    """Answers a Ping, by an error when wanted."""
    raw.answer(service.regentd.name, ping.serial, error)


def outcomes(messages):
    """How many of the answers are replies, and how many LimitsExceeded."""
    errors = [m for m in messages if m.kind == ERROR]
    for each in errors:
        assert each.field(4) == Error.LimitsExceeded
        assert "unread" in each.body()[0]
    return sum(m.kind == RETURN for m in messages), len(errors)


def test_replies_of_8_mib_that_nobody_reads(stack, sandbox, greedy):
    """14 of them on each of two connections would be more than the bus takes of regentd for all receivers."""
    made = stack(config="[Limits]\nReplyBytesMax=9M\nValueBytesMax=8M\nCommitBytesMax=9M\n")
    space = fill(made.root.create("org.example.X"), 8 * MIB - 1024)
    alice = made.user("alice")
    alice.ping()
    idle = greedy(made, "erin", 2)
    idle.send(14, space.path, *READ_ALL)
    for n in range(50):
        alice.ping()
        space.set("other", n)
        assert space.seen_by(alice).get("other").unpack() == n
    done = idle.read()
    assert all(each[0] + each[1] == 14 for each in done)
    # One of any size to each, while the uid has less than a receipt's worth.
    assert sum(each[0] for each in done) <= 2


def test_values_that_nobody_reads(service, root, ns, greedy, alice, bob):
    """No connection has more than its bound, nor a uid, and others go on."""
    fill(ns, MIB - 1024)
    one, several = greedy(service, "erin", 1), greedy(service, "dave", 4)
    one.send(60, ns.path, *GET)
    several.send(60, ns.path, *GET)
    alice.ping()
    found = connections_after(root, 50, one.names[0])
    assert CONNECTION_MAX - MIB - FRAME < found[one.names[0]]["unread-bytes"] <= CONNECTION_MAX + FRAME
    of_dave = [found[name]["unread-bytes"] for name in several.names]
    assert UID_MAX - MIB - FRAME < sum(of_dave) <= UID_MAX + 4 * FRAME
    assert found[one.names[0]]["uid"] == 4005
    assert found[one.names[0]]["receipts-waiting"] == 1
    for caller in (alice, bob):
        assert size(ns.seen_by(caller)) == MIB - 1024
    (done, n_refused), = one.read()
    assert (done, n_refused) == (4, 56) or (done, n_refused) == (3, 57)


def test_the_receipt(service, root, ns):
    """After a receipt's worth there is a Ping; what comes before its answer is bounded, and after it all is well."""
    fill(ns, 512 << 10)
    raw = service.raw()
    serials = [ask(raw, ns) for _ in range(30)]
    messages = read_until(raw, serials[-1])
    (ping,) = pings(messages)
    first = messages.index(ping)
    assert outcomes(messages[:first])[0] == 2
    # Some of it had been read, as the bus could tell, when more was asked for.
    assert outcomes(messages)[0] >= 7
    answer(raw, service, ping)
    for each in pings(read_until(raw, raw.send(names.ROOT_PATH, PEER, "Ping"))):
        answer(raw, service, each)
    retry_until(lambda: connections(root)[raw.name]["receipts-waiting"] == 0, 10, "the receipts to arrive")
    raw.call(ns.path, *GET)
    raw.close()


@pytest.mark.parametrize("error", [False, True])
def test_a_bus_that_does_not_tell(stack, error):
    """There a Ping's answer alone counts, by whatever kind of reply."""
    made = stack(policy=BLIND)
    space = fill(made.root.create("org.example.X"), 512 << 10)
    raw = made.raw()
    seen = []
    for round_ in range(3):
        for _ in range(12):
            seen += read_until(raw, ask(raw, space))
        done, n_refused = outcomes(seen)
        assert 6 <= done <= 8 and n_refused >= 4, round_
        (ping,) = pings(seen)
        answer(raw, made, ping, error)
        seen.clear()
        # What was sent after that Ping is asked for by another one.
        (ping,) = pings([raw.receive(Deadline(20))])
        answer(raw, made, ping, error)
        retry_until(lambda: unread(made.root, raw.name) < RECEIPT, 10, "the receipt to count")
    assert "does not tell" in made.regentd.log()
    raw.close()


def test_a_reader_that_answers_no_ping(service, ns):
    """As a program that only ever waits for the replies to its own calls. It reads, and that counts."""
    fill(ns, MIB - 1024)
    raw = service.raw()
    for _ in range(40):
        (value,) = raw.call(ns.path, *GET)
        assert len(value[1]) == MIB - 1024
    raw.close()


def test_pages_read_one_after_the_other(service, root, name, alice):
    """A client that reads is refused nothing, however much it reads."""
    space = root.create(name)
    for n in range(8):
        fill(space, 900 << 10, f"k{n}")
    for _ in range(10):
        for n in range(0, 8, 2):
            found, _ = space.seen_by(alice).get_many(after=f"k{n - 1}" if n else "", limit=2)
            assert len(found) == 2


def test_many_connections_that_read_little_each(service, root, ns, greedy):
    """Together they read more than a uid may leave unread, each less than asks for a receipt."""
    fill(ns, 300 << 10)
    many = greedy(service, "erin", 60)
    assert many.call(ns.path, *GET) == [60, 0]
    assert numbers(root)["unread-bytes"] < UID_MAX


@pytest.mark.parametrize("policy", ["", BLIND])
def test_a_connection_that_leaves_is_forgotten(stack, sandbox, greedy, policy):
    made = stack(policy=policy)
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    for _ in range(5):
        idle = greedy(made, "erin", 2)
        idle.send(8, space.path, *GET)
        made.root.ping()
        assert sum(unread(made.root, name) for name in idle.names) > UID_MAX - 3 * MIB
        idle.close()
        gone = idle.names

        retry_until(lambda: not set(gone) & set(connections(made.root)), 10, "the connections to be forgotten")
    found = numbers(made.root)
    assert found["receipts-waiting"] == 0
    assert found["unread-bytes"] < MIB


def test_bound_of_all(stack, sandbox, greedy):
    """Lowered. A connection with little unread is served nevertheless."""
    made = stack(config="[Limits]\nUnreadBytesMax=6M\n")
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    space.set("small", 1)
    idle = [greedy(made, user, 1) for user in ("erin", "dave", "carol")]
    for each in idle:
        each.send(20, space.path, *GET)
    made.root.ping()
    assert 5 * MIB - FRAME < numbers(made.root)["unread-bytes"] < 7 * MIB
    alice, bob = made.user("alice"), made.user("bob")
    for n in range(100):
        bob.ping()
        space.set("small", n)
        assert space.seen_by(alice).get("small").unpack() == n
    with refused(Error.LimitsExceeded, "All connections"):
        space.seen_by(alice).get("k")
    # Of uid 0 only what its own connection has unread counts.
    assert size(space) == MIB - 1024
    idle[0].read()
    assert retry_until(lambda: try_get(space.seen_by(alice)), 10, "what was read to count")


def try_get(space):
    try:
        return size(space)
    except RegentError:
        return None


def test_places_for_receipts(stack, sandbox):
    """One alone here, and a bus that does not tell: the second waits for its turn."""
    made = stack(policy=BLIND, config="[Limits]\nReceiptsMax=1\n")
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    first, second = made.raw(), made.raw()
    for raw in (first, second):
        for _ in range(2):
            raw.call(space.path, *GET)
    assert numbers(made.root)["receipts-waiting"] == 1
    messages = read_until(second, second.send(names.ROOT_PATH, PEER, "Ping"))
    assert not pings(messages)
    first.close()
    ping = second.receive(Deadline(20))
    assert pings([ping])
    answer(second, made, ping)
    retry_until(lambda: unread(made.root, second.name) < MIB, 10, "the receipt to count")
    second.close()


@pytest.mark.parametrize("policy", ["", BLIND])
def test_stopped_clients_take_no_place_for_good(stack, sandbox, greedy, policy):
    """Three uids fill all places; somebody else goes on reading, and answers."""
    made = stack(policy=policy)
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    for user in ("erin", "dave", "carol"):
        greedy(made, user, 8).send(2, space.path, *GET)
    alice = made.user("alice")
    assert numbers(made.root)["receipts-waiting"] <= 24
    for _ in range(3):
        assert size(space.seen_by(alice)) == MIB - 1024
    made.root.ping()


def test_small_replies_and_errors_that_nobody_reads(stack, sandbox, greedy):
    """However small they are: refused, and in the end not even answered, with a bound for all of it."""
    made = stack(config="[Limits]\nConnectionUnreadBytesMax=64K\n")
    space = fill(made.root.create("org.example.X"), 1)
    idle = greedy(made, "erin", 1)
    calls = ((names.ROOT_PATH, PEER, "Ping"), (space.path, NAMESPACE, "Nothing"), (space.path, *GET),
             ("/", "org.freedesktop.DBus.Introspectable", "Introspect"))  # fmt: skip
    alice = made.user("alice")
    for _ in range(20):
        for call in calls:
            idle.send(100, *call)
        alice.ping()
    found = connections(made.root)[idle.names[0]]
    # The bus itself may have put some of it into the socket, which counts no more.
    assert found["unread-bytes"] <= 128 << 10
    alice.ping()


MATCH_ALL = ("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", ("type='signal'",))


LARGE_SIGNALS = "[Limits]\nSignalBytesMax=1M\nSignalValueBytesMax=64K\n"


def broadcast(space, n_bytes):
    """Sets values of 60 kB, 16 a commit, so that about so many bytes are broadcast."""
    for n in range(n_bytes // 960000):
        space.apply({f"k{m}": blob(n.to_bytes(4, "big") * 15000) for m in range(16)})


def test_a_subscriber_that_stops_reading(stack, sandbox):
    """180 MB of broadcasts, more than the bus keeps for all. Others are served, and told what they missed."""
    made = stack(config=LARGE_SIGNALS)
    space, other = made.root.create("org.example.X"), made.root.create("org.example.Other")
    alice = made.user("alice")
    stopped = made.raw()
    stopped.call(*MATCH_ALL, destination="org.freedesktop.DBus")
    for _ in range(18):
        broadcast(space, 10_000_000)
        alice.ping()
    assert numbers(made.root)["signals-withheld"] > 100
    seen = alice.subscribe(names.PROPERTIES, "PropertiesChanged", space.path)
    objects = alice.subscribe(names.OBJECT_MANAGER)
    space.set("k0", "unseen")
    other.set("k", 1)
    alice.settle()
    assert not seen.items
    stopped.close()
    retry_until(lambda: alice.settle() or seen.items, 20, "the signals to be sent again")
    interface, changed, invalidated = seen.items[0].parameters.unpack()
    assert interface == names.VALUES and not changed
    assert set(invalidated) == set(space.keys())
    alice.settle()
    assert [signal.member for signal in objects.items] == ["InterfacesRemoved", "InterfacesAdded"] * 2
    seen.items.clear()
    space.set("k0", "seen")
    alice.settle()
    assert [signal.parameters.unpack()[1] for signal in seen.items] == [{"k0": "seen"}]


def test_signals_that_the_bus_does_not_take(stack, sandbox):
    """Of a bus that does not tell, when it takes nothing more from regentd: they do not pile up in regentd."""
    made = stack(config=LARGE_SIGNALS + "ConnectionCallsMax=128\nConnectionCallBytesMax=256M\n", policy=BLIND)
    space = made.root.create("org.example.X")
    # Commits of one batch share a signal a namespace.
    spaces = [made.root.create(f"org.example.N{n}") for n in range(120)]
    stopped, writer = made.raw(), made.raw()
    stopped.call(*MATCH_ALL, destination="org.freedesktop.DBus")
    broadcast(space, 120_000_000)
    serials = []
    for each in spaces:
        values = {f"k{m}": ("ay", bytes(60000)) for m in range(16)}
        serials.append(writer.send(each.path, NAMESPACE, "Apply", "a{sv}asta{sv}", (values, [], 0, {})))
    retry_until(lambda: "withheld" in made.regentd.log(), 30, "signals to be withheld")
    stopped.close()
    for serial in serials:
        writer.reply(serial, seconds=60)
    assert numbers(made.root)["signals-withheld"] > 0
    writer.close()


def test_a_bus_with_less_room_for_receivers(stack, sandbox):
    """As SECURITY.md has it: dbus-daemon drops what a full receiver does not read, and nothing is withheld."""
    made = stack(config=LARGE_SIGNALS, policy=BLIND, limits={"max_outgoing_bytes": 32 * MIB})
    space = made.root.create("org.example.X")
    alice = made.user("alice")
    stopped = made.raw()
    stopped.call(*MATCH_ALL, destination="org.freedesktop.DBus")
    for _ in range(18):
        broadcast(space, 10_000_000)
        alice.ping()
    assert numbers(made.root)["signals-withheld"] == 0
    stopped.close()


def test_as_the_user_it_runs_as(stack, sandbox):
    """The bus's stock policy, and Regent's on top, let regentd ask its callers and the bus."""
    made = stack(user="regent")
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    raw = made.raw()
    for _ in range(12):
        raw.call(space.path, *GET)
    assert numbers(made.root)["receipts-waiting"] == 1
    assert "does not tell" not in made.regentd.log()
    raw.close()


YES = "polkit.addRule(function(a, s) { if (a.lookup('verb') == '%s') return polkit.Result.YES; });"


def test_a_write_that_waits_is_answered_whatever_is_unread(stack, sandbox, greedy):
    made = stack(polkit=True, policy=BLIND)
    space = fill(made.root.create("org.example.X"), MIB - 1024)
    made.polkitd.set_rules(YES % "Set")
    writer = greedy(made, "erin", 1)
    made.polkitd.stop()
    writer.send(1, space.path, NAMESPACE, "Set", "sv", ("waits", ("u", 1)))
    writer.send(30, space.path, *GET)
    made.root.ping()
    with refused(Error.NoSuchKey):
        space.get("waits")
    made.polkitd.cont()
    (done, n_refused), = writer.read()
    assert space.get("waits").unpack() == 1
    assert (done, n_refused) in ((5, 26), (4, 27))


def test_who_may_know_of_connections(stack, sandbox):
    made = stack(polkit=True)
    carol, alice = made.user("carol"), made.user("alice")
    made.polkitd.set_rules("")
    with refused(Error.InteractiveAuthorizationRequired):
        connections(carol)
    made.polkitd.set_rules(YES % "GetStatistics")
    assert connections(carol)[carol.unique_name()]["calls-waiting"] >= 0
    alice.statistics()
    with refused(Error.InvalidArgs):
        made.root.manager("GetStatistics", "(t)", (2,))


def test_a_write_is_refused_before_it_happens_or_answered(stack):
    made = stack(policy=BLIND, config="[Limits]\nConnectionUnreadBytesMax=64K\nReceiptBytes=4K\n")
    space = made.root.create("org.example.X")
    raw = made.raw()
    done, not_done = set(), set()
    for n in range(150):
        try:
            raw.call(space.path, NAMESPACE, "Set", "sv", (f"k{n}", ("u", n)))
            done.add(f"k{n}")
        except RegentError as error:
            assert error.name == Error.LimitsExceeded and "This connection" in error.text
            not_done.add(f"k{n}")
    assert not_done and len(done) > 100
    assert set(space.keys()) == done
    raw.close()
