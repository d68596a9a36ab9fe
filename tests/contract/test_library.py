# SPDX-License-Identifier: LGPL-2.1-or-later
"""What libregent exports is what its headers declare and its manual pages describe, under its version."""

import os
import re

import pytest

import pages
import project

HEADERS = ("regent.h", "regent-change.h", "regent-follow.h", "regent-service.h", "regent-shared.h")
LIBRARY = os.path.join(project.build_root(), "client", "libregent", "libregent.so.0")


def declared():
    """Functions of the headers."""
    found = set()
    for name in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", project.read("client", name), flags=re.DOTALL)
        text = re.sub(r"^(#|G_DEFINE).*$|^typedef [^{;]*;", "", text, flags=re.MULTILINE)
        found |= set(re.findall(r"\b(regent_\w+)\(", text))
    return found


def exported():
    """name: version, of what others can link."""
    lines = project.run("nm", "--dynamic", "--defined-only", "--with-symbol-versions", LIBRARY).splitlines()
    names = [line.split()[2] for line in lines]
    return dict(name.split("@@") for name in names if "@@" in name)


def listed():
    return re.findall(r"^ +(regent_\w+);", project.read("client", "libregent", "libregent.sym"), re.MULTILINE)


def test_what_is_exported_is_what_is_declared():
    assert set(exported()) == declared()
    assert set(exported().values()) == {"LIBREGENT_0"}


def test_symbols_are_listed_once_and_in_order():
    assert listed() == sorted(set(listed()))
    assert set(listed()) == set(exported())


def test_library_has_its_name_and_needs_no_more_than_it_must():
    text = project.run("readelf", "--dynamic", "--wide", LIBRARY)

    assert re.findall(r"\(SONAME\).*\[(.*)\]", text) == ["libregent.so.0"]
    assert set(re.findall(r"\(NEEDED\).*\[(.*?)\.so", text)) <= {"libglib-2.0", "libsystemd", "libc"}


def described():
    """function: the page that its name leads to."""
    found = {}
    directory = os.path.join(project.build_root(), "man")
    for name in os.listdir(directory):
        if name.startswith("regent_") and name.endswith(".3"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                text = file.read()
            alias = re.fullmatch(r"\.so man3/(\w+)\.3\n", text)
            found[name.removesuffix(".3")] = alias[1] if alias else name.removesuffix(".3")
    return found


def test_every_function_has_a_page_that_describes_it():
    assert set(described()) == set(exported())
    for function, page in described().items():
        assert f"{function}()" in pages.rendered(page), f"{function} is not on {page}(3)"
        assert re.search(rf"\b{function}\(", pages.words(pages.docbook(page).find("refsynopsisdiv")))


def pages_of_functions():
    return sorted(name for name in pages.names() if name.startswith("regent_"))


def synopsis(page):
    """Its lines, as somebody copies them."""
    return "".join(pages.docbook(page).find("refsynopsisdiv/synopsis").itertext())


def compiled(tmp_path, text):
    source = tmp_path / "synopsis.c"
    source.write_text(text)
    flags = project.run("pkg-config", "--cflags", "glib-2.0").split()
    project.run("cc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", project.path(), *flags, str(source))


def of_the_page(text):
    """Enumerations and structures under other names, beside those of the header, and what says that they are equal."""
    checks = []
    for kind, name, body in re.findall(r"typedef (enum|struct) (\w+) \{\n(.*?)\n\} \w+;", text, re.DOTALL):
        own = body
        for member in re.findall(r"\b(\w+)(?: = \d+)?[,;]$", body, re.MULTILINE):
            if kind == "enum":
                own = re.sub(rf"\b{member}\b", f"PAGE_{member}", own)
                checks.append(f"(int) PAGE_{member} == (int) {member}")
            else:
                types = (f"__typeof__((({side} *) NULL)->{member})" for side in (f"Page{name}", name))
                checks.append(f"__builtin_types_compatible_p({', '.join(types)})")
                checks.append(f"offsetof(Page{name}, {member}) == offsetof({name}, {member})")
        checks.append(f"sizeof(Page{name}) == sizeof({name})")
        text = text.replace(f"typedef {kind} {name} {{\n{body}\n}} {name};", f"typedef {kind} {{\n{own}\n}} Page{name};")
    return text + "".join(f'\n_Static_assert({check}, "");' for check in checks) + "\n"


@pytest.mark.parametrize("page", pages_of_functions())
def test_synopsis_of_a_page_is_the_header(page, tmp_path):
    """A compiler takes both for the same."""
    text = synopsis(page)
    assert text.startswith("#include <regent/regent.h>\n")

    compiled(tmp_path, of_the_page(text.replace("<regent/", "<client/", 1)))


def test_synopsis_is_compared_with_the_header(tmp_path):
    text = synopsis("regent_watch_new").replace("<regent/", "<client/", 1)
    for right, wrong in (
        ("const char *position", "const char position"), ("bool is_merged", "char is_merged"),
        ("REGENT_WATCH_GONE", "REGENT_WATCH_LEFT"), ("= 1,", "= 2,"), ("const char *ns_prefix", "char *ns_prefix"),
    ):  # fmt: skip
        assert right in text
        with pytest.raises(AssertionError):
            compiled(tmp_path, of_the_page(text.replace(right, wrong)))


def test_every_page_is_named_by_that_of_the_library():
    named = pages.section("libregent", "Pages").iter("refentrytitle")

    assert sorted(map(pages.words, named)) == pages_of_functions()


@pytest.mark.parametrize("name", HEADERS)
def test_header_stands_alone(name, tmp_path):
    """In C and in C++, without what the tree is built with."""
    for language in ("c", "c++"):
        source = tmp_path / f"client.{language}"
        source.write_text(f"#include <client/{name}>\n")
        flags = project.run("pkg-config", "--cflags", "glib-2.0").split()
        project.run(
            "cc", "-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
            "-I", project.path(), *flags, str(source),
        )  # fmt: skip


def test_errors_of_the_header_are_those_that_are_returned():
    header = project.read("client", "regent.h").split("#pragma once")[1].split("*/")[0]
    said = {}
    for names, errno in re.findall(r"(\w+(?:, \w+)*) +(-E\w+)", header.split("and these of D-Bus")[0]):
        said.update({name: errno.removeprefix("-") for name in names.split(", ")})
    table = re.findall(r"SD_BUS_ERROR_MAP\(REGENT_ERROR_(\w+), (E\w+)\)", project.read("wire", "errors.c"))

    assert {name.upper(): errno for name, errno in said.items()} == {
        name.replace("_", ""): errno for name, errno in table
    }
