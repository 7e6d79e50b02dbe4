"""The lines of a program, counted in one way for checking, cutting and running."""

from __future__ import annotations

from pathlib import Path

from livesteps.errors import Problem

NAMES = {
    "\ufeff": "a byte order mark",
    "\r": "a carriage return",
    "\v": "a vertical tab",
    "\f": "a form feed",
    "\x1c": "a file separator",
    "\x1d": "a group separator",
    "\x1e": "a record separator",
    "\x85": "a next line",
    "\u2028": "a line separator",
    "\u2029": "a paragraph separator",
}
"""What one program takes for the end of a line, and another does not."""


def lines(text: str) -> list[str]:
    """The lines of a text, each with its newline; only that ends a line."""
    found = text.split("\n")
    return [*(line + "\n" for line in found[:-1]), *filter(None, found[-1:])]


def read_text(path: Path) -> str:
    """Read a program's file; `Problem` says where it is not plain text."""
    try:
        content = path.read_bytes()
        text = content.decode()
    except OSError as error:
        raise Problem(
            f"cannot be read: {error.strerror}", "mend it", path=path
        ) from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Problem("not UTF-8", "save it as UTF-8", path=path, line=line) from None
    if "\r\n" in text:
        raise Problem("lines end with CR", "save it with plain newlines", path=path)
    for number, written in enumerate(lines(text), start=1):
        character = next((each for each in written if each in NAMES), "")
        if character:
            raise Problem(
                f"{NAMES[character]} (U+{ord(character):04X}) in it",
                "take it out; in a string, write its escape",
                path=path,
                line=number,
            )
    return text
