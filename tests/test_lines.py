"""Lines: what ran is what is published, for all that a program's text may hold."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sphinx.directives.code import LiteralIncludeReader

from livesteps.errors import Problem
from livesteps.read.sample import Sample, read_sample

FIRST = "print('one {}')\n# a {} b\n\n"
SECOND = "print('''two\n{}''')\n"
ODD = {
    "\f": "a form feed (U+000C)",
    "\v": "a vertical tab (U+000B)",
    "\r": "a carriage return (U+000D)",
    "\x1c": "a file separator (U+001C)",
    "\x1d": "a group separator (U+001D)",
    "\x1e": "a record separator (U+001E)",
    "\x85": "a next line (U+0085)",
    "\u2028": "a line separator (U+2028)",
    "\u2029": "a paragraph separator (U+2029)",
    "\ufeff": "a byte order mark (U+FEFF)",
}
SPECIAL = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Zs")
]
"""All that is not seen, or moves what is seen."""


def read(path: Path, text: str) -> Sample:
    """Write a program, byte for byte, and read it as a sample."""
    path.write_bytes(text.encode())
    return read_sample(path, comment="#", lexer="python")


def published(path: Path, step: int) -> str:
    """What Sphinx's literalinclude shows of a step."""
    config: Any = SimpleNamespace(source_encoding="utf-8")
    options = {"start-after": f"step-{step}", "end-before": f"step-{step + 1}"}
    text, _ = LiteralIncludeReader(str(path), options, config).read()
    return text


@pytest.mark.parametrize("character", ODD, ids=ODD.values())
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{}# step-1\nprint(1)\n# step-2\n", 1),
        ("# step-1\nprint(1)\n\nprint('a{}b')\n# step-2\n", 4),
        ("# step-1\nprint(1)\n# step-2\n# the end{}", 4),
    ],
    ids=["at the beginning", "in a string", "at the end"],
)
def test_what_ends_a_line_for_some_and_not_for_others_is_refused(
    tmp_path: Path, text: str, line: int, character: str
) -> None:
    path = tmp_path / "sample.py"
    with pytest.raises(Problem) as raised:
        read(path, text.format(character))
    assert str(raised.value) == (
        f"{path}:{line}: {ODD[character]} in it;"
        " take it out; in a string, write its escape"
    )


def test_of_two_on_a_line_the_first_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"py:2: a form feed \(U\+000C\) in it"):
        read(tmp_path / "sample.py", "# step-1\nprint('\f\v\u2028')\n# step-2\n")


def test_a_program_that_is_accepted_has_the_same_lines_for_all(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    refused = []
    for character in SPECIAL:
        first, second = FIRST.replace("{}", character), SECOND.replace("{}", character)
        try:
            sample = read(path, f"# step-1\n{first}# step-2\n{second}# step-3\n")
        except Problem:
            refused.append(character)
            continue
        # Checked, cut and published: each finds the markers where the others do.
        assert [sample.block(1), sample.block(2)] == [first, second]
        assert [published(path, 1), published(path, 2)] == [first, second]
        # Replaced, the markers leave their lines where they were.
        ran = sample.with_boundaries("wait('{step}')")
        assert ran == f"# step-1\n{first}wait('step-2')\n{second}wait('step-3')\n"
        assert (
            ran.count("\n")
            == len(ran.splitlines())
            == len(path.read_text().splitlines())
        )
    assert refused == sorted(ODD)
