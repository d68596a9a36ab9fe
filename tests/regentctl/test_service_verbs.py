# SPDX-License-Identifier: LGPL-2.1-or-later
"""reload, flush, statistics, check."""

import re

from ctl import DENIED, INVALID, OTHER, Regentctl


def test_reload(stack):
    service = stack()
    ctl = Regentctl(service.bus)
    path = f"{service.regentd.namespaces_dir}/org.example.Declared.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write("[Key mtu]\nType=u\nDefault=1500\n")
    result = ctl("reload")
    assert result.err == "Configuration and declared namespaces were read again.\n" and not result.out
    assert ctl("get", "org.example.Declared", "mtu").out == "1500\n"
    assert ctl.json("reload") == {"reloaded": True}
    assert ctl("reload", "-q").err == ""


def test_reload_is_not_for_everybody(ctl_as, sandbox, service):
    hint = ctl_as("bob").failure("reload", status=DENIED)["hint"]
    assert "org.regentd.state1.manage with the verb Reload" in hint


def test_flush(ctl, root, space):
    assert ctl("flush").err == f"On disk up to revision {root.revision()}.\n"
    assert ctl.json("flush") == {"revision": root.revision()}
    assert ctl("flush", "-q").err == ""


def test_statistics(ctl, root, space):
    lines = ctl("statistics").lines
    assert lines[0].split() == ["NAME", "VALUE"]
    rows = dict(line.split(None, 1) for line in lines[1:])
    assert list(rows) == sorted(rows)
    document = ctl.json("statistics")
    assert set(document) == set(rows) == set(root.statistics())
    assert document["commits"] >= 2 and isinstance(document["commits"], int)
    assert isinstance(document["flush-mean-usec"], float)
    assert all(re.fullmatch(r"[0-9.e+-]+|\[.*\]", text) for text in rows.values()), rows


RIGHT = "[Namespace]\nMode=0644\n[Key mtu]\nType=u\nDefault=1500\n"
WRONG = "[Namespace]\nMode=0644\n[Key mtu]\nType=u\nDefault=none\nColour=red\n"


def test_check(ctl, tmp_path):
    right = tmp_path / "org.example.Right.conf"
    wrong = tmp_path / "org.example.Wrong.conf"
    right.write_text(RIGHT)
    wrong.write_text(WRONG)
    result = ctl("check", str(right))
    assert not result.out and result.err == "Nothing is wrong.\n"
    assert ctl.json("check", str(right)) == {"errors": []}
    result = ctl("check", str(right), str(wrong), status=INVALID)
    assert f"{wrong}:5:" in result.out and f"{wrong}:6:" in result.out and len(result.lines) == 2
    assert ctl.json("check", str(wrong), status=INVALID)["errors"] == result.lines
    ctl("check", str(tmp_path / "missing.conf"), status=INVALID)


def test_check_prints_nothing_raw(ctl, tmp_path):
    wrong = tmp_path / "org.example.Wrong.conf"
    wrong.write_text("[Key a]\nType=\x1b[31m\n")
    assert "\x1b" not in ctl("check", str(wrong), status=INVALID).out


def test_check_takes_any_file_name(ctl):
    ctl("check", b"/nonexistent/\xff.conf", status=INVALID)


def test_check_needs_regentd(ctl, tmp_path):
    away = ctl.with_(environ={"REGENTD": "/nonexistent/regentd"})
    assert "/nonexistent/regentd" in away("check", str(tmp_path / "x"), status=OTHER).err


def test_check_needs_no_bus(ctl, tmp_path):
    right = tmp_path / "org.example.Right.conf"
    right.write_text(RIGHT)
    ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})("check", str(right))
