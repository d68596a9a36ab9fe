# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many keys and many namespaces: the tools go on doing what their users expect, and listings page."""

import xml.etree.ElementTree as ElementTree

import pytest
from regent_testing.api import change
from regent_testing.checks import refused
from regent_testing.names import BUS_NAME, NAMESPACE, PROPERTIES, ROOT_PATH, VALUES, Error
from regent_testing.tool import gdbus_monitor, run
from regent_testing.waiting import SLOWNESS

N_KEYS = 100_000
N_NAMESPACES = 10_000

pytestmark = pytest.mark.timeout(240 * SLOWNESS)


@pytest.fixture(scope="module")
def many_keys(shared):
    space = shared.root.create("org.example.Large")
    for start in range(0, N_KEYS, 4000):
        space.apply({f"key{n:06}": n for n in range(start, min(start + 4000, N_KEYS))})
    return space


@pytest.fixture(scope="module")
def many_namespaces(shared):
    root = shared.root
    window = []
    names = [f"org.many.N{n:05}" for n in range(N_NAMESPACES)]
    for name in names:
        window.append(root.start(ROOT_PATH, "org.regentd.State1.Manager", "CreateNamespace", "(sa{sv})", (name, {})))
        if len(window) >= 48:
            window.pop(0).result()
    for pending in window:
        pending.result()
    return names


def test_list_walks_through_all_keys(service, many_keys):
    found, after = [], ""
    while True:
        page, _ = many_keys.list("", after, 7000)
        found += page
        if len(page) < 7000:
            break
        after = page[-1]
    assert found == [f"key{n:06}" for n in range(N_KEYS)]


def test_unlimited_list_is_as_much_as_a_reply_holds(service, many_keys):
    """Either all of it or a first part to go on from; never an error for a question without a limit."""
    page, _ = many_keys.list()
    assert page == [f"key{n:06}" for n in range(len(page))]
    assert len(page) > 10000


def test_get_many_pages(service, many_keys):
    found = many_keys.everything()
    assert len(found) == N_KEYS
    assert found["key012345"].unpack() == 12345


def test_get_all_is_over_the_limit(service, many_keys):
    with refused(Error.LimitsExceeded, "GetMany"):
        many_keys.value_all()


def test_single_keys_are_as_ever(service, many_keys):
    many_keys.set("key050000", "changed")
    assert many_keys.get("key050000").unpack() == "changed"
    assert many_keys.value_get("key050001").unpack() == 50001
    assert many_keys.property("Keys") == N_KEYS


def test_busctl_on_many_keys(service, many_keys):
    out = run(service.bus, "busctl", "--system", "--no-pager", "introspect", BUS_NAME, many_keys.path)
    assert ".Keys" in out
    out = run(service.bus, "busctl", "--system", "get-property", BUS_NAME, many_keys.path, VALUES, "key077777")
    assert out == "x 77777\n"
    run(service.bus, "busctl", "--system", "set-property", BUS_NAME, many_keys.path, VALUES, "key077777", "u", "1")
    out = run(service.bus, "busctl", "--system", "call", BUS_NAME, many_keys.path, NAMESPACE, "Get", "s", "key077777")
    assert out == "v u 1\n"


def test_gdbus_on_many_keys(service, many_keys):
    out = run(service.bus, "gdbus", "introspect", "--system", "-d", BUS_NAME, "-o", many_keys.path)
    assert NAMESPACE in out
    out = run(
        service.bus, "gdbus", "call", "--system", "-d", BUS_NAME, "-o", many_keys.path,
        "-m", PROPERTIES + ".Get", VALUES, "key000042",
    )  # fmt: skip
    assert out == "(<int64 42>,)\n"


def test_monitor_on_many_keys(service, many_keys):
    with gdbus_monitor(service.bus, many_keys, "-o", many_keys.path) as monitor:
        many_keys.set("key000007", "seen")
        monitor.expect("'key000007': <'seen'>")
    many_keys.delete("is-gdbus-listening")


def test_list_namespaces_pages(service, root, many_namespaces):
    found, after = [], ""
    while True:
        page = root.list_namespaces("org.many.", after, 999)
        found += page
        if len(page) < 999:
            break
        after = page[-1]
    assert found == many_namespaces


def test_busctl_tree_of_many_namespaces(service, many_namespaces):
    out = run(service.bus, "busctl", "--system", "--no-pager", "tree", "--list", BUS_NAME, seconds=120)
    listed = set(out.splitlines())
    missing = [name for name in many_namespaces if f"{ROOT_PATH}/ns/{name.replace('.', '/')}" not in listed]
    assert not missing


def test_gdbus_introspect_of_many_namespaces(service, root, many_namespaces):
    above = ROOT_PATH + "/ns/org/many"
    out = run(service.bus, "gdbus", "introspect", "--system", "-d", BUS_NAME, "-o", above)
    assert "N09999" in out
    nodes = ElementTree.fromstring(root.introspect(above)).findall("node")
    assert len(nodes) == N_NAMESPACES


def test_object_manager_of_many_namespaces(service, root, many_namespaces):
    objects = root.managed_objects()
    assert ROOT_PATH + "/ns/org/many/N05000" in objects
    assert len(objects) >= N_NAMESPACES


def test_commit_over_many_namespaces(service, root, many_namespaces):
    revision, result = root.apply_all({name: change({"a": 1}) for name in many_namespaces[:256]})
    assert result["changed"] == 256
    assert root.ns(many_namespaces[255]).property("Revision") == revision
    with refused(Error.TooBig, "256"):
        root.apply_all({name: change({"a": 2}) for name in many_namespaces[:257]})
    assert root.ns(many_namespaces[0]).get("a").unpack() == 1


def test_all_of_it_is_there_after_a_kill(service, root, many_keys, many_namespaces):
    service.regentd.kill()
    service.regentd.start()
    assert many_keys.property("Keys") == N_KEYS
    assert len(root.list_namespaces("org.many.", "", 20000)) > 0
    assert root.ns(many_namespaces[-1]).property("Name") == many_namespaces[-1]
    service.regentd.restart()
    assert many_keys.property("Keys") == N_KEYS
    assert many_keys.get("key000001").unpack() == 1
