"""A sample: one whole program, cut by its markers into steps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Punctuation

from livesteps.errors import Problem
from livesteps.read.lines import lines, read_text

_LIKE_A_MARKER = re.compile(r"\bstep[-_ .:]*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """A program and the lines of its markers.

    A marker is a line that holds nothing but a comment and `step-N`. They run
    from `step-1` without a hole; the last one closes the last step.
    """

    path: Path
    text: str
    markers: tuple[int, ...]
    """Line (from 1) of each marker: `markers[0]` is that of step-1."""
    opening: str = ""
    """The line with which the language wants every file to begin, if it does."""
    way: Path | None = None
    """The file that step 1 is of, where another way to connect takes its place."""

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return len(self.markers) - 1

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes, by which a recording knows it."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    def path_of(self, step: int) -> Path:
        """The file in which a person finds a step."""
        return self.way if self.way and step == 1 else self.path

    def line_of(self, step: int) -> int:
        """The line (from 1) of the marker that opens a step."""
        return self.markers[step - 1]

    def block(self, step: int) -> str:
        """The code of a step, without its markers; step 1 has the opening."""
        found = lines(self.text)
        code = "".join(found[self.markers[step - 1] : self.markers[step] - 1])
        return f"{self.opening}\n\n{code}" if self.opening and step == 1 else code

    def by(self, way: Sample, *, padded: bool = True) -> Sample:
        """The whole program with the block `way` in place of its step 1.

        Where the block is the shorter one, and `padded`, no other line moves.
        """
        mine = lines(self.text)[self.markers[1] - 1 :]
        block = lines(way.text)[: way.markers[1] - 1]
        block += ["\n"] * (self.markers[1] - way.markers[1]) * padded
        moved = len(block) + 1 - self.markers[1]
        markers = (way.markers[0], *(line + moved for line in self.markers[1:]))
        text = "".join([*block, *mine])
        return Sample(self.path, text, markers, self.opening, way.path)

    def with_boundaries(self, boundary: str) -> str:
        """Its text with the statement `boundary` in place of each marker.

        No line moves, so that an error of the running program points at the
        published line. step-1 stays: its step begins with the process.
        """
        found = lines(self.text)
        for step, line in enumerate(self.markers[1:], start=2):
            marker = found[line - 1]
            indent = marker[: len(marker) - len(marker.lstrip())]
            statement = boundary.replace("{step}", f"step-{step}")
            found[line - 1] = f"{indent}{statement}\n"
        return "".join(found)


def read_sample(
    path: Path,
    *,
    comment: str,
    lexer: str,
    lexer_options: Mapping[str, object] | None = None,
    opening: str = "",
) -> Sample:
    """Read a program; `Problem` says which of its markers is wrong, and where.

    `comment` opens a comment that ends with the line, `lexer` is Pygments'
    name of the language, `opening` the line with which it must begin.
    literalinclude finds a marker by substring and takes the first, so that
    nothing else in the file may look like one.
    """
    text = read_text(path)
    if opening and text.partition("\n")[0] != opening:
        raise Problem(
            f"it does not begin with '{opening}'", "make it the first line", path=path
        )
    form = re.compile(rf"\s*{re.escape(comment)} step-([1-9]\d*)")
    code, comments = _lines_of(text, lexer, lexer_options or {})
    markers: list[int] = []
    for line, written in enumerate(lines(text), start=1):
        like = _LIKE_A_MARKER.search(written)
        if not like:
            continue
        due = f"{comment} step-{len(markers) + 1}"
        marker = form.fullmatch(written.rstrip("\n"))
        if line not in comments:
            what = f"'{like[0]}' looks like a marker, but is code or in a string"
            todo = "say it in other words: literalinclude would take it for one"
        elif line in code:
            what = f"marker '{like[0]}' shares its line with code"
            todo = "give it a line of its own"
        elif not marker:
            what = f"'{written.strip()}' is not a marker, but looks like one"
            todo = f"write '{due}', alone on its line, or other words"
        elif int(marker[1]) <= len(markers):
            what = f"marker '{like[0]}' is here again (first on line " + (
                f"{markers[int(marker[1]) - 1]})"
            )
            todo = f"the next one is '{due}'"
        elif int(marker[1]) > len(markers) + 1:
            what = f"marker '{like[0]}' comes where '{due}' is due"
            todo = "put the missing one before it"
        else:
            markers.append(line)
            continue
        raise Problem(what, todo, path=path, line=line)
    if len(markers) < 2:
        raise Problem(
            f"no '{comment} step-{len(markers) + 1}' in it",
            "mark where each step begins, and the end of the last",
            path=path,
        )
    shown = [line for line in code if line > 1 or not opening]
    hidden = min(shown, default=markers[0])
    if hidden < markers[0]:
        raise Problem(
            "code before step-1, which no reader would see",
            "move it into step 1",
            path=path,
            line=hidden,
        )
    after = [line for line, real in code.items() if real and line > markers[-1]]
    if after:
        raise Problem(
            f"code after the closing marker step-{len(markers)}",
            "move it into the last step: only brackets may close after it",
            path=path,
            line=after[0],
        )
    return Sample(path, text, tuple(markers), opening)


def _lines_of(
    text: str, lexer: str, options: Mapping[str, object]
) -> tuple[dict[int, bool], set[int]]:
    """The lines that hold code, and those that hold a comment.

    For a line with code, whether there is more than brackets on it.
    """
    code: dict[int, bool] = {}
    comments: set[int] = set()
    line = 1
    kept = {"stripnl": False, "ensurenl": False, **options}
    for kind, value in get_lexer_by_name(lexer, **kept).get_tokens(text):
        for piece in lines(value):
            if piece.strip():
                if Comment in kind.split():
                    comments.add(line)
                else:
                    code[line] = (
                        code.get(line, False) or Punctuation not in kind.split()
                    )
            line += piece.endswith("\n")
    return dict(sorted(code.items())), comments
