# SPDX-License-Identifier: LGPL-2.1-or-later
"""status --connections: what each connection leaves unread."""

from ctl import DENIED, USAGE
from regent_testing.api import blob
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
    assert header.split() == ["CONNECTION", "USER", "UNREAD", "FDS", "RECEIPT", "WAITING", "REFUSED", "DROPPED"]
    assert row.split()[:2] == [raw.name, "root"]
    assert "1.8M" in row
    raw.close()


def test_not_of_a_namespace(ctl, space):
    ctl("status", "--connections", space.name, status=USAGE)


def test_not_for_everybody(ctl_as):
    ctl_as("erin")("status", "--connections", status=DENIED)
