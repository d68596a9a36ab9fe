#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""library-page.py SKELETON CLIENT-DIR EXAMPLES-DIR   Writes the DocBook of a page about libregent to standard output.
library-page.py --aliases SKELETON CLIENT-DIR         Prints the functions that the page is about, one a line.

Prototypes, types and what is said of them come from the headers in CLIENT-DIR. In the skeleton
<?synopsis FILE SECTION?> and <?description FILE SECTION?> say of which; the section "-" is what stands before the
first. <?example FILE?> is a program of EXAMPLES-DIR.
"""

import os
import re
import sys
from xml.sax.saxutils import escape

WIDTH = 70


class Block:
    """Declarations that stand below one comment, and the comment's paragraphs."""

    def __init__(self, comment, code):
        self.paragraphs = paragraphs(comment) if comment else []
        self.code = code

    @classmethod
    def of_text(cls, texts):
        block = cls(None, "")
        block.paragraphs = texts
        return block

    def functions(self):
        return re.findall(r"^[\w ]+?[ *]+(regent_\w+)\(([^;]*)\);", self.code, re.MULTILINE | re.DOTALL)

    def prototypes(self):
        return [text.strip() + ";" for text in bare(self.code).split(";") if re.search(r"\bregent_\w+\(", text)]

    def callbacks(self):
        return re.findall(r"typedef \w+ \(\*\w+\)\(.*?\);", self.code, re.DOTALL)

    def flags(self):
        return re.findall(r"^#define (REGENT_\w+ .*)", self.code, re.MULTILINE)

    def compounds(self):
        """(kind, name, [(member, what is said of it)]) of each enumeration and structure."""
        found = re.findall(r"typedef (enum|struct) (\w+) \{\n(.*?)\n\} \w+;", self.code, re.DOTALL)
        return [(kind, name, members(body)) for kind, name, body in found]


def members(body):
    """(member, what is said of it). A member ends with a comma or semicolon, wherever its lines do; its comment comes
    behind that."""
    found, text = [], ""
    for token in re.findall(r"/\*.*?\*/|[,;]|[^,;/]+|/", body, re.DOTALL):
        if token.startswith("/*") and found and not text.strip():
            found[-1][1] += token[2:-2]
        elif token in (",", ";") and text.count("(") == text.count(")"):
            found.append([text, ""])
            text = ""
        elif not token.startswith("/*"):
            text += token
    if text.strip():
        found.append([text, ""])
    return [(re.sub(r"\* (?=\w)", "*", " ".join(member.split())), " ".join(comment.split())) for member, comment in found]


def bare(code):
    """Without comments, preprocessor and what GLib's macros stand for."""
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)
    code = re.sub(r"typedef (enum|struct) \w+ \{.*?\} \w+;", "", code, flags=re.DOTALL)
    return re.sub(r"^(#.*|G_[A-Z_]+(\(.*\))?|typedef [^{;]*;)$", "", code, flags=re.MULTILINE)


def paragraphs(comment):
    lines = [re.sub(r"^ *\* ?", "", line) for line in comment.strip().splitlines()]
    return [part for part in re.split(r"\n\s*\n", "\n".join(lines)) if part.strip()]


def is_title(text):
    return "\n" not in text and not text.endswith((".", ":"))


def sections(path):
    """title: blocks. A comment that a blank line follows is about all that comes; with a title it begins a section."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = {"-": []}
    title = "-"
    parts = re.split(r"^/\*(.*?)\*/\n", text, flags=re.MULTILINE | re.DOTALL)
    for comment, code in zip(parts[1::2], parts[2::2]):
        if "SPDX" in comment:
            continue
        first, *rest = paragraphs(comment)
        if code.startswith("\n") and is_title(first):
            if not code.startswith("\n#include"):  # else it is the file's own
                title = first
                found[title] = []
            found[title].append(Block.of_text(rest))
            found[title].append(Block(None, code))
        elif code.startswith("\n"):
            found[title] += [Block.of_text([first, *rest]), Block(None, code)]
        else:
            found[title].append(Block(comment, code))
    return found


def blocks_of(client_directory, name, title):
    found = sections(os.path.join(client_directory, name))
    assert title in found, f"{name} has no section {title!r}, but {list(found)}"
    return found[title]


def wrapped_prototype(text):
    """As C, no wider than a page is."""
    head, arguments = " ".join(text.split()).split("(", 1)
    if head.startswith("typedef"):  # of a callback
        name, arguments = arguments.split(")(", 1)
        head += f"({name})"
    indent = " " * min(len(head) + 1, 24)
    pieces = [piece.strip() for piece in arguments.rstrip(";")[:-1].split(",")]
    lines = [head + "("]
    for i, piece in enumerate(pieces):
        piece += "," if i < len(pieces) - 1 else ");"
        if len(lines[-1]) + len(piece) + 1 > WIDTH:
            lines.append(indent + piece)
        else:
            lines[-1] += piece if lines[-1].endswith("(") else " " + piece
    return "\n".join(lines)


def compound_text(kind, name, content):
    end = "," if kind == "enum" else ";"
    return f"typedef {kind} {name} {{\n" + "".join(f"        {text}{end}\n" for text, _ in content) + f"}} {name};"


def synopsis(blocks):
    parts = ["#include <regent/regent.h>"]
    for block in blocks:
        parts += [compound_text(*compound) for compound in block.compounds()]
        parts += ["#define " + " ".join(flag.split()) for flag in block.flags()]
        parts += [wrapped_prototype(text) for text in block.callbacks() + block.prototypes()]
    return f"<synopsis>{escape(chr(10).join(part + chr(10) for part in parts).rstrip())}</synopsis>"


def marked(text):
    """Names that the reader knows from the synopsis stand out."""
    text = escape(" ".join(text.split()))
    text = re.sub(r"\b(regent_\w+)\(\)", r"<function>\1()</function>", text)
    return re.sub(r"@(\w+)", r"<parameter>\1</parameter>", text)


def as_paragraph(text):
    if re.search(r"\S {2,}-E[A-Z]", text):  # a table
        return f"<literallayout>{escape(reflowed_table(text))}</literallayout>"
    return f"<para>{marked(text)}</para>"


def reflowed_table(text):
    """Two columns become one: a page is narrower than a header."""
    cells = re.findall(r"(\w[\w, ]*?) +(-E\w+)", text)
    return "\n".join(f"{names:<34}{code}" for names, code in cells)


def item(terms, content):
    return (
        "<varlistentry>" + "".join(f"<term>{term}</term>" for term in terms)
        + f"<listitem>{content}</listitem></varlistentry>"
    )  # fmt: skip


def member_list(content):
    said = [(text, comment) for text, comment in content if comment]
    if not said:
        return ""
    return "<variablelist>" + "".join(
        item([f"<literal>{escape(text.split(' = ')[0])}</literal>"], f"<para>{marked(comment)}</para>")
        for text, comment in said
    ) + "</variablelist>"  # fmt: skip


def described(block):
    """What a block says, or nothing."""
    terms = [f"<function>{name}()</function>" for name, _ in block.functions()]
    names = [re.search(r"\(\*(\w+)\)", text)[1] for text in block.callbacks()]
    terms += [f"<type>{name}</type>" for name in names]
    terms += [f"<literal>{flag.split()[0]}</literal>" for flag in block.flags()]
    texts = "".join(map(as_paragraph, block.paragraphs))
    entries = []
    for _, name, content in block.compounds():
        inner = texts + member_list(content)
        texts = ""
        entries.append(item([f"<type>{name}</type>"], inner or "<para/>"))
    if terms and texts:
        entries.insert(0, item(terms, texts))
    return "".join(entries) if entries else texts


def description(blocks):
    parts = [described(block) for block in blocks]
    out, is_open = [], False
    for part in filter(None, parts):
        is_item = part.startswith("<varlistentry>")
        if is_item != is_open:
            out.append("<variablelist>" if is_item else "</variablelist>")
            is_open = is_item
        out.append(part)
    if is_open:
        out.append("</variablelist>")
    return "".join(out)


def example(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        text = file.read().split("\n", 1)[1]  # without the licence
    return f"<programlisting>{escape(text)}</programlisting>"


def page(skeleton, client_directory, examples_directory):
    def replaced(match):
        what, name, title = match[1], match[2], (match[3] or "-").strip()
        if what == "example":
            return example(examples_directory, name)
        make = synopsis if what == "synopsis" else description
        return make(blocks_of(client_directory, name, title))

    return re.sub(r"<\?(synopsis|description|example) (\S+?)( .+?)?\?>", replaced, skeleton)


def aliases(skeleton, client_directory):
    own = re.search(r"<refentrytitle>(.+?)<", skeleton)[1]
    for name, title in re.findall(r"<\?synopsis (\S+?)(?: (.+?))?\?>", skeleton):
        for block in blocks_of(client_directory, name, title or "-"):
            for function, _ in block.functions():
                if function != own:
                    print(function)


def main(arguments):
    is_list = arguments[0] == "--aliases"
    with open(arguments[1 if is_list else 0], encoding="utf-8") as file:
        skeleton = file.read()
    if is_list:
        aliases(skeleton, arguments[2])
    else:
        sys.stdout.write(page(skeleton, *arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
