# SPDX-License-Identifier: LGPL-2.1-or-later
"""regent-state(5): the tables of the format are those of the code, and files read by them alone make sense."""

import ctypes
import os
import re

import pages
import project
import pytest

FORMAT = project.read("service", "store", "format.h")
SIZES = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
_xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


def table(name):
    """The rows of a table of the page: columns are two spaces apart at least, and the first row is their heads."""
    ((_, text),) = pages.listings("regent-state", name)
    head, *rows = (tuple(re.split(r" {2,}", line.strip())) for line in text.strip("\n").splitlines())
    assert {len(row) for row in rows} == {len(head)}
    return rows


def layout(name):
    """{field: (offset, bytes)}, as the page says."""
    return {field: (int(offset), int(n_bytes)) for offset, n_bytes, field, _ in table(name)}


def members(struct):
    """The same as the header says; its asserts see to it that there is no padding."""
    body = re.search(rf"typedef struct {struct} \{{(.*?)\n\}} {struct};", FORMAT, re.DOTALL)[1]
    found, offset = {}, 0
    for type_, name, count in re.findall(r"^ +(uint\d+_t) (\w+)(?:\[(\d+)\])?;", body, re.MULTILINE):
        n_bytes = SIZES[type_] * int(count or 1)
        found[name] = (offset, n_bytes)
        offset += n_bytes
    assert f"static_assert(sizeof({struct}) == {offset}, " in FORMAT
    return found


@pytest.mark.parametrize("struct", ["FileHeader", "RecordHeader"])
def test_layout_is_that_of_the_code(struct):
    assert layout(struct) == members(struct)


def test_kinds_and_flags_are_those_of_the_code():
    kinds = re.search(r"typedef enum RecordKind \{(.*?)\} RecordKind;", FORMAT, re.DOTALL)[1]
    flags = re.search(r"typedef enum RecordFlags \{(.*?)\} RecordFlags;", FORMAT, re.DOTALL)[1]

    assert {(name, number) for number, name, _ in table("RecordKind")} == set(
        re.findall(r"\bRECORD_(\w+) = (\d+),", kinds)
    )
    assert {(name, int(flag)) for flag, name, _ in table("RecordFlags")} == {
        (name, 1 << int(shift)) for name, shift in re.findall(r"\bRECORD_(\w+) = 1 << (\d+),", flags)
    }


def test_versions_are_those_of_the_code():
    version = re.search(r"#define FORMAT_VERSION +(\d+)u", FORMAT)[1]
    oldest = re.search(r"#define FORMAT_VERSION_OLDEST +(\d+)u", FORMAT)[1]

    assert f"This version writes {version}, and reads {oldest} to {version};" in pages.words(
        pages.section("regent-state", "Format")
    )


def test_states_are_those_of_the_service():
    status = project.read("service", "core", "status.c")
    rows = table("properties")

    assert {state for state, _, _ in rows} == set(re.findall(r'\[SERVICE_\w+\] = "([a-z-]+)"', status))
    assert {from_ for _, from_, _ in rows} - {"any"} == set(re.findall(r'\[LOADED_FROM_\w+\] = "([a-z-]+)"', status))


def test_message_is_the_one_of_damage():
    ((_, text),) = [
        each for each in pages.listings("regent-state", None) if "MESSAGE_ID" in each[1]
    ]

    assert re.search(r'MESSAGE_DAMAGED "(\w+)"', project.read("service", "store", "aside.c"))[1] in text


# Files, read by what the page says


class Header(dict):
    def __init__(self, name, content, at=0):
        super().__init__()
        for field, (offset, n_bytes) in layout(name).items():
            text = content[at + offset : at + offset + n_bytes]
            self[field] = text if n_bytes > 8 or field == "magic" else int.from_bytes(text, "little")


def magics():
    return re.findall(r"Regent[A-Z]\\n", next(text for _, _, name, text in table("FileHeader") if name == "magic"))


def read_file(path):
    """Its header and its records, each verified; what is behind them must be zeros."""
    with open(path, "rb") as file:
        content = file.read()
    header = Header("FileHeader", content)
    assert header["magic"].decode() in [magic.replace("\\n", "\n") for magic in magics()]
    n_before = layout("FileHeader")["checksum"][0]
    assert header["checksum"] == _xxhash.XXH3_64bits(content[:n_before], n_before)

    records, at, previous = [], header["header_bytes"], header["checksum"]
    while content[at : at + 4] == b"RGRC":
        record = Header("RecordHeader", content, at)
        place = header["uuid"] + at.to_bytes(8, "little") + record["revision"].to_bytes(8, "little")
        seed = _xxhash.XXH3_64bits(place, len(place))
        n_before = layout("RecordHeader")["checksum"][0]
        assert record["checksum"] == _xxhash.XXH3_64bits_withSeed(content[at : at + n_before], n_before, seed)
        end = at + record["length"]
        checksum = _xxhash.XXH3_64bits_withSeed(content[at : end - 8], record["length"] - 8, seed)
        assert checksum == int.from_bytes(content[end - 8 : end], "little")
        assert record["previous"] == previous
        records.append(record)
        at, previous = end, checksum
    assert not content[at:].strip(b"\0")
    return header, records


def read_manifest(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    body, _, last = text.rpartition("# XXH3 ")
    assert int(last, 16) == _xxhash.XXH3_64bits(body.encode(), len(body))
    return re.findall(r"^(\w+)=", body, re.MULTILINE)


def test_files_are_what_the_page_says(stack):
    started = stack()
    root = started.root
    space = root.create("org.example.Format")
    space.apply({"a": 1, "b": "two"})
    root.mark_good()
    space.set("a", 3)
    space.apply({"runtime": 1}, class_="runtime")
    root.restore()
    started.regentd.restart()
    space.set("a", 4)
    root.flush()
    started.regentd.kill()

    directory = started.regentd.state_dir
    kinds, names = {number: name for number, name, _ in table("RecordKind")}, set()
    for path, _, files in os.walk(directory):
        for name in files:
            if not name.startswith(("checkpoint-", "journal-")):
                continue
            header, records = read_file(os.path.join(path, name))
            assert header["version"] == 3 and name.endswith(f"-{header['base_revision']}")
            names |= {kinds[str(record["kind"])] for record in records}
            if name.startswith("checkpoint-"):
                assert kinds[str(records[-1]["kind"])] == "END"
    assert {"COMMIT", "MARK", "RESTORE", "NAMESPACES", "ENTRIES", "END"} >= names >= {"COMMIT", "ENTRIES", "END"}

    described = {term.rstrip("=") for term in pages.terms(pages.section("regent-state", "Format")) if term[-1] == "="}
    assert set(read_manifest(os.path.join(directory, "MANIFEST"))) <= described
    for name in os.listdir(directory):
        assert any(pattern.fullmatch(name) for pattern in described_files()), name


def test_keys_of_the_manifest_are_those_that_are_written():
    code = project.read("service", "store", "manifest.c")
    written = set(re.findall(r'["n](\w+)=', "".join(re.findall(r'"(?:[^"\\]|\\.)*"', code))))
    described = {term.rstrip("=") for term in pages.terms(pages.section("regent-state", "Format")) if term[-1] == "="}

    assert described == written


def described_files():
    """Patterns of the names that the page says there may be."""
    terms = pages.terms(pages.section("regent-state", "Files"))
    return [re.compile(term.partition("/")[0].replace("REVISION", r"\d+")) for term in terms]
