"""The libraries that Python distributions need, with themselves, a line each.

    python -m livesteps.libraries requests click

Those of their extras are not among them.
"""

from __future__ import annotations

import sys
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def libraries(distributions: list[str]) -> set[str]:
    """Their names, as they are installed here.

    Raises `PackageNotFoundError` where one is not.
    """
    found: set[str] = set()
    waiting = list(distributions)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        for line in requires(name) or ():
            wanted = Requirement(line)
            if not wanted.marker or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return found


if __name__ == "__main__":
    print("\n".join(sorted(libraries(sys.argv[1:]))))
