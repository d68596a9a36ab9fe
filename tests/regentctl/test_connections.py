# SPDX-License-Identifier: LGPL-2.1-or-later
"""status --connections: what each connection leaves unread."""

from ctl import DENIED, USAGE
from regent_testing.api import blob
from regent_testing.channel import ChannelClient
from regent_testing.client import Client
from regent_testing.names import NAMESPACE


def test_table_and_document(ctl, service, space):
    space.set("large", blob(bytes(900 << 10)))
    raw = service.raw()
    for _ in range(2):
        raw.send(space.path, NAMESPACE, "Get", "s", ("large",))
    service.root.ping()
    first = ctl.json("status", "--connections")[0]
    assert first["connection"] == raw.name
    assert first["uid"] == 0
    assert 1800 << 10 < first["unread-bytes"] <= first["sent-bytes"] < 1900 << 10
    assert first["receipts-waiting"] == 1
    assert (first["unread-descriptors"], first["calls-refused"], first["calls-unanswered"]) == (0, 0, 0)

    header, row, *_ = ctl("status", "--connections").out.splitlines()
    assert header.split() == ["CONNECTION", "USER", "UNREAD", "FDS", "RECEIPT", "WAITING", "REFUSED", "DROPPED", "WATCHES"]
    assert row.split()[:2] == [raw.name, "root"]
    assert "1.8M" in row
    raw.close()


def test_watches_are_shown_with_their_state(ctl, service, space):
    caller = service.client()
    (number, *_) = caller.call(space.path, NAMESPACE, "Watch", "(sta{sv})", ("k", 1, {}))
    caller.manager("Watch", "(sta{sv})", (space.name[:-1], 0, {}))
    space.set("k", 1)
    caller.settle()

    document = ctl.json("status", "--connections")
    (found,) = (each for each in document if each["connection"] == caller.unique_name())
    of_one, of_names = found["watches"]
    assert of_one["watch"] == number.unpack()
    assert (of_one["ns-name"], of_one["prefix"], of_one["state"]) == (space.name, "k", "live")
    assert (of_one["sent"], of_one["withheld"], of_one["unacknowledged"]) == (1, 0, 1)
    assert of_names["ns-prefix"] == space.name[:-1] and "unacknowledged" not in of_names

    lines = ctl("status", "--connections").out.splitlines()
    second = lines.index("") + 1
    assert lines[second].split() == [
        "CONNECTION", "WATCH", "NAMESPACE", "PREFIX", "STATE", "SENT", "WITHHELD", "RESYNC", "UNACKNOWLEDGED",
    ]  # fmt: skip
    rows = [line.split() for line in lines if line.startswith(caller.unique_name())]
    assert rows[0][-1] == "2"
    assert rows[1][1:5] == [str(of_one["watch"]), space.name, "k", "live"]
    assert rows[2][2] == space.name[:-1] + "*"


def test_channels_stand_behind_their_connections(ctl, service, space):
    first, second = (ChannelClient(service.bus.address) for _ in range(2))
    for client in (second, first):
        client.ns(space.name).set("k", 1)
        Client.ping(client)
    number = first.call(space.path, NAMESPACE, "Watch", "(sta{sv})", ("k", 0, {}))[0].unpack()

    document = ctl.json("status", "--connections")
    names = [each["connection"] for each in document if each["unread-bytes"] == 0 and "/" in each["connection"]]
    assert [name.partition("/")[0] for name in names] == [first.unique_name(), second.unique_name()]
    (channel,) = (each for each in document if each["connection"] == names[0])
    assert (channel["uid"], channel["receipts-waiting"]) == (0, 0)
    assert channel["sent-bytes"] > 0
    assert [each["watch"] for each in channel["watches"]] == [number]

    rows = [line.split() for line in ctl("status", "--connections").out.splitlines()]
    assert [names[0], "root", "0B", "0", "0", "0", "0", "0", "1"] in rows
    assert [names[0], str(number), space.name, "k", "live"] in [row[:5] for row in rows]
    for client in (first, second):
        client.close()


def test_not_of_a_namespace(ctl, space):
    ctl("status", "--connections", space.name, status=USAGE)


def test_not_for_everybody(ctl_as):
    assert "org.regentd.state1.manage" in ctl_as("erin")("status", "--connections", status=DENIED).err
