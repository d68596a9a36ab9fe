# SPDX-License-Identifier: LGPL-2.1-or-later
"""libregent in each kind of loop."""

import pytest

from lib_client import LOOPS, LibClient


@pytest.fixture(params=LOOPS)
def program(request, service):
    with LibClient(service.bus, request.param) as client:
        yield client


def test_calls_that_do_not_wait_are_answered(ns, name, program):
    calls = [program.start("set", name, f"key{n}", str(n)) for n in range(50)]
    assert [program.reply(call).result for call in calls] == [0] * 50

    assert program.reply(program.start("list", name)).value()[0][:2] == ["key0", "key1"]


def test_calls_of_both_kinds(ns, name, program):
    for n in range(20):
        call = program.start("set", name, "key", str(n))
        assert program.do("get", name, "other").error.endswith("NoSuchKey")
        assert program.reply(call).result == 0


def test_regentd_comes_and_goes_while_nothing_is_asked(stack, request, program):
    own = stack()
    with LibClient(own.bus, "glib") as client:
        own.root.create("org.example.Own")
        client.do("set", "org.example.Own", "key", "1").value()
        own.regentd.stop()
        client.line("presence away")
        own.regentd.start()
        client.line("presence there")
        assert client.reply(client.start("get", "org.example.Own", "key")).value() == (1,)
