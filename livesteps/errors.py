"""Errors that are written for the person who reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path


class Problem(Exception):
    """Something the person can put right: `path:line: what; what to do`.

    `what` says what is wrong, `todo` what to do about it. `path` and `line`
    (1-based) say where, if it is in a file. The command line prints it and
    exits with 2; pytest and Sphinx print it in their own way.
    """

    def __init__(
        self,
        what: str,
        todo: str = "",
        *,
        path: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        self.what = what
        self.todo = todo
        self.path = path
        self.line = line
        where = "" if path is None else f"{shown(path)}:{line or 1}: "
        super().__init__(where + what + (f"; {todo}" if todo else ""))


def shown(path: Path | str) -> str:
    """A path as a person wants to see it: relative if it is below here."""
    path = Path(path)
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice on an unknown word: the nearest known one, or all of them."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + ", ".join(known)


def need(what: str, extra: str, *modules: str) -> None:
    """`Problem` if a module is not installed that `what` imports; `extra` of this
    distribution brings it."""
    for module in modules:
        if find_spec(module) is None:
            raise Problem(f"{what} needs {module}", f"pip install 'livesteps[{extra}]'")


@contextmanager
def unwritten(path: Path) -> Iterator[None]:
    """An error of the system inside is a `Problem` with the file that it names, or
    with this path: it cannot be written."""
    try:
        yield
    except OSError as error:
        raise Problem(
            f"cannot be written: {error.strerror}",
            "mend its permissions, or make room",
            path=error.filename or path,
        ) from None
