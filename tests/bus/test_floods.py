# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that send too much, read nothing, or connect until the bus refuses. Others must not notice."""

import subprocess
import sys

import pytest
from regent_testing import environment
from regent_testing.api import RegentError, blob
from regent_testing.checks import refused
from regent_testing.names import NAMESPACE, USERS, Error
from regent_testing.wire import Disconnected, marshal
from regent_testing.waiting import retry_until

# The bus would refuse most of it first: more than 128 unanswered calls of a connection.
STACK = {"limits": {"max_replies_per_connection": 100000}}

CONNECTION_CALLS, UID_CALLS = 64, 128


def outcomes(raw, serials):
    """How many calls were done and how many refused; anything but LimitsExceeded fails."""
    done, n_refused = [], 0
    for index, serial in enumerate(serials):
        try:
            raw.reply(serial)
            done.append(index)
        except RegentError as error:
            assert error.name == Error.LimitsExceeded, error
            assert error.text
            n_refused += 1
    return done, n_refused


def flood(raw, space, count, prefix="k"):
    """Sends so many Sets in one go and returns their serials."""
    content, serials = bytearray(), []
    for n in range(count):
        body = marshal("sv", (f"{prefix}{n}", ("u", n)))
        message, serial = raw.build(space.path, NAMESPACE, "Set", "sv", body)
        content += message
        serials.append(serial)
    raw.send_bytes(bytes(content))
    return serials


def test_one_connection_with_too_many_writes_under_way(service, root, ns):
    raw = service.raw()
    serials = flood(raw, ns, 3000)
    ns.set("other", 1)
    done, n_refused = outcomes(raw, serials)
    assert len(done) >= CONNECTION_CALLS
    assert n_refused > 0
    assert len(done) + n_refused == 3000
    # What was refused is not there, and what was acknowledged is.
    assert set(ns.everything()) == {"other", *(f"k{n}" for n in done)}
    raw.call(ns.path, NAMESPACE, "Set", "sv", ("again", ("u", 1)))
    raw.close()


def test_uid_0_has_only_the_limit_of_a_connection(service, root, ns):
    raws = [service.raw() for _ in range(4)]
    serials = [flood(raw, ns, CONNECTION_CALLS // 2, f"c{index}.") for index, raw in enumerate(raws)]
    for raw, sent in zip(raws, serials, strict=True):
        assert len(outcomes(raw, sent)[0]) == len(sent)
        raw.close()


FLOODER = """
import sys
sys.path.insert(0, {support!r})
from regent_testing.wire import RawClient, marshal
raws = [RawClient({socket!r}) for _ in range({connections})]
print("ready", flush=True)
sys.stdin.readline()
for index, raw in enumerate(raws):
    content = bytearray()
    for n in range({count}):
        message, _ = raw.build({path!r}, {interface!r}, {member!r}, {signature!r}, marshal({signature!r}, {things!r}))
        content += message
    raw.send_bytes(bytes(content))
print("sent", flush=True)
sys.stdin.readline()
"""


class Flooder:
    """A process under another uid that floods on several connections and then reads nothing."""

    def __init__(self, service, user, connections, count, space, member, signature, things):
        uid, gid, _ = USERS[user]
        program = FLOODER.format(
            support=environment.support_directory(), socket=service.bus.socket, connections=connections, count=count,
            path=space.path, interface=NAMESPACE, member=member, signature=signature, things=things,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-c", program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=uid, group=gid, extra_groups=[], cwd="/",
        )  # fmt: skip
        self.expect("ready")

    def expect(self, word):
        line = self.process.stdout.readline().decode()
        assert line.strip() == word, f"the flooder said {line!r}"

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def flooder(service, sandbox):
    made = []

    def make(*arguments):
        made.append(Flooder(service, *arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_one_uid_has_its_limit_over_all_its_connections(stack, sandbox):
    """Lowered from 128 here. Another uid has its own, and uid 0 has none."""
    made = stack(config="[Limits]\nUidCallsMax=4\n")
    space = made.root.create("org.example.X", owner=4001, group=4100, mode=0o660)
    pair = [made.user("alice"), made.user("alice")]
    bob = made.user("bob")
    for caller in (*pair, bob):
        space.seen_by(caller).get_many()

    def burst(callers):
        pending = [space.seen_by(caller).start_set(f"k{n}", n) for n in range(25) for caller in callers]
        refusals = []
        for call in pending:
            try:
                call.result()
            except RegentError as error:
                assert error.name == Error.LimitsExceeded
                refusals.append(error.text)
        return refusals

    # How many are under way at once is for the disk to say, so it may take a few bursts.
    refusals = retry_until(lambda: burst(pair), 20, "a refusal")
    assert all("4" in text for text in refusals), refusals
    space.seen_by(bob).set("k", "bob")
    assert not burst([made.root])
    space.seen_by(pair[0]).set("k", "alice again")


def test_one_uid_with_many_connections(service, root, name, flooder, alice):
    """Many connections of one uid share its limit, while others write as ever."""
    space = root.create(name, owner=4005)
    mine = root.create(name + ".Mine", owner=4001)
    many = flooder("erin", 8, 500, space, "Set", "sv", ("a", ("u", 1)))
    many.go()
    for n in range(200):
        mine.seen_by(alice).set("a", n)
    many.expect("sent")
    mine.seen_by(alice).set("a", "still")


def test_flood_of_reads(service, root, name, flooder, alice):
    space = root.create(name)
    space.set("a", 1)
    many = flooder("erin", 8, 2000, space, "Get", "s", ("a",))
    many.go()
    for _ in range(200):
        assert space.seen_by(alice).get("a").unpack() == 1
    many.expect("sent")


def test_flood_of_errors(service, root, name, flooder, alice):
    space = root.create(name)
    space.set("a", 1)
    many = flooder("erin", 4, 2000, space, "Set", "sv", ("a", ("u", 1)))
    many.go()
    for _ in range(200):
        assert space.seen_by(alice).get("a").unpack() == 1
    many.expect("sent")
    assert space.get("a").unpack() == 1


def test_large_replies_that_are_never_read(service, root, ns, alice, flooder):
    """They pile up in the bus, on the reader's account; each stays under the limit of a reply."""
    ns.set("k0", blob(bytes(1000 << 10)))
    ns.set("k1", blob(bytes(900 << 10)))
    ns.seen_by(alice).get("k0")
    before = service.regentd.memory_kib()
    greedy = flooder("erin", 1, 24, ns, "GetMany", "asa{sv}", ([], {}))
    greedy.go()
    greedy.expect("sent")
    for n in range(100):
        ns.set("other", n)
        assert ns.seen_by(alice).get("other").unpack() == n
    assert service.regentd.memory_kib() - before < 100 << 10
    greedy.close()
    ns.set("other", "after")
    assert ns.seen_by(alice).get("other").unpack() == "after"


def test_a_reader_that_stops_reading_and_signals(service, root, ns, alice):
    """A subscriber that reads nothing costs the others nothing."""
    deaf = service.raw()
    deaf.call(
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", ("type='signal'",),
        destination="org.freedesktop.DBus",
    )  # fmt: skip
    for n in range(300):
        ns.apply({f"k{m}": blob(bytes([n % 256]) * 4000) for m in range(10)})
    ns.seen_by(alice).get("k0")
    deaf.close()
    ns.set("after", 1)


CONNECTOR = """
import sys
sys.path.insert(0, {support!r})
from regent_testing.wire import RawClient, Disconnected
open_ = []
try:
    while len(open_) < 2000:
        raw = RawClient({socket!r})
        open_.append(raw)
        raw.call({path!r}, {interface!r}, "Get", "s", ("a",))
except Exception as error:
    print("refused", len(open_), flush=True)
sys.stdin.readline()
"""


def test_connections_until_the_bus_refuses(service, root, ns, alice, sandbox):
    ns.set("a", 1)
    fds = service.regentd.n_fds()
    uid, gid, _ = USERS["erin"]
    program = CONNECTOR.format(
        support=environment.support_directory(), socket=service.bus.socket,
        path=ns.path, interface=NAMESPACE,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        user=uid, group=gid, extra_groups=[], cwd="/",
    )  # fmt: skip
    word, count = process.stdout.readline().split()
    assert word == b"refused" and int(count) >= 100
    for n in range(50):
        ns.set("b", n)
        assert ns.seen_by(alice).get("b").unpack() == n
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    ns.set("b", "after")

    retry_until(lambda: service.regentd.n_fds() <= fds, 10, "regentd to let go of descriptors", lambda _: root.ping())


def test_clients_that_come_and_go(service, root, ns, sandbox):
    """What is known of a connection is forgotten when it leaves."""
    ns.set("a", 1)
    for _ in range(50):
        service.raw().close()
    root.ping()
    before = service.regentd.memory_kib()
    for _ in range(300):
        raw = service.raw()
        raw.send(ns.path, NAMESPACE, "Set", "sv", ("a", ("u", 1)))
        raw.close()
    root.ping()
    ns.set("b", 1)
    assert service.regentd.memory_kib() - before < 4 << 10


def test_caller_that_goes_before_its_write_is_sequenced(service, root, ns):
    """Whatever becomes of each write, it is whole, and later ones are not held up."""
    for n in range(100):
        raw = service.raw()
        try:
            for m in range(10):
                raw.send(
                    ns.path, NAMESPACE, "Apply", "a{sv}asta{sv}",
                    ({f"a{m}": ("u", n), f"b{m}": ("u", n)}, [], 0, {}),
                )  # fmt: skip
        except Disconnected:
            pass
        raw.close()
    ns.set("after", 1)
    found = {key: v.unpack() for key, v in ns.everything().items()}
    for m in range(10):
        assert found.get(f"a{m}") == found.get(f"b{m}")


def test_quota_of_namespaces_a_uid_may_create(stack, sandbox):
    """polkit lets carol create; the limit of 256 still stands. Lowered here."""
    made = stack(polkit=True, config="[Limits]\nUidNamespacesMax=3\n")
    made.polkitd.set_rules(
        "polkit.addRule(function(a, s) { if (a.id == 'org.regentd.state1.manage') return polkit.Result.YES; });"
    )
    carol = made.user("carol")
    for n in range(3):
        carol.create(f"org.example.N{n}")
    with refused(Error.QuotaExceeded):
        carol.create("org.example.N3")
    carol.remove("org.example.N0")
    carol.create("org.example.N3")
    for n in range(10):
        made.root.create(f"org.example.Root{n}")


def test_bytes_a_uid_owns(stack, sandbox):
    made = stack(config="[Limits]\nUidBytesMax=64K\n")
    one = made.root.create("org.example.One", owner=4001)
    two = made.root.create("org.example.Two", owner=4001)
    alice = made.user("alice")
    one.seen_by(alice).set("a", blob(bytes(40 << 10)))
    with refused(Error.QuotaExceeded):
        two.seen_by(alice).set("a", blob(bytes(40 << 10)))
    one.seen_by(alice).delete("a")
    two.seen_by(alice).set("a", blob(bytes(40 << 10)))
