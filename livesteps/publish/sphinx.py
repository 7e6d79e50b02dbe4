"""Sphinx, called in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from livesteps.errors import Problem


def build(
    doc: Path,
    builder: str,
    out: Path,
    *,
    fresh: Path | None = None,
    tags: Sequence[str] = (),
    options: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    what: str = "",
) -> None:
    """Build pages anew, with every warning an error; `Problem` if there is one.

    `fresh` is the folder of newer recordings; `what` says in the problem, which then
    has all that Sphinx printed, what was to be built.
    """
    with tempfile.TemporaryDirectory(prefix="livesteps-doctrees-") as doctrees:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "-b", builder, "-q", "-E", "-n"),
                *("-W", "--keep-going", "-d", doctrees),
                *(word for tag in tags for word in ("-t", tag)),
                *(("-D", f"livesteps_fresh={fresh}") if fresh else ()),
                *(*options, str(doc), str(out)),
            ],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE if what else None,
            stderr=subprocess.STDOUT if what else None,
            text=True,
            check=False,
        )
    if ran.returncode and what:
        raise Problem(f"{what} was not built:\n{ran.stdout}", path=doc)
    if ran.returncode:
        raise Problem(
            "the guide was not built", "mend what Sphinx says above", path=doc
        )
