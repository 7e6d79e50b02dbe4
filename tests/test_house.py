"""The house: what names whom, who imports whom, and how long a room is."""

from __future__ import annotations

import ast
import copy
import re
import statistics
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from small import ROOT

from livesteps.read.guide import load_guide

PACKAGES = ("livesteps", "livesteps_openstack")
MAY = {
    "livesteps.errors": set(),
    # A plugin's tables are read as the tool's own are.
    "livesteps.plugin": {"livesteps.errors", "livesteps.read.tomlfile"},
    "livesteps.read": {"livesteps.errors", "livesteps.plugin"},
    "livesteps.run": {"livesteps.errors", "livesteps.plugin", "livesteps.read"},
    "livesteps.guide": {"livesteps.errors", "livesteps.plugin", "livesteps.read"},
    **{
        f"livesteps.{host}": {
            *("livesteps.errors", "livesteps.plugin"),
            *("livesteps.read", "livesteps.run"),
        }
        for host in ("gate", "publish", "report")
    },
    "livesteps.cli": {
        *("livesteps.errors", "livesteps.plugin", "livesteps.read", "livesteps.run"),
        *("livesteps.publish", "livesteps.report"),
    },
    "livesteps.libraries": set(),
    "livesteps_openstack": {
        *("livesteps.errors", "livesteps.plugin"),
        *("livesteps.read.exchange", "livesteps.run.process"),
    },
}
"""What each room may import, besides itself, when it is run."""
MOST_LINES = 350
MEDIAN_LINES = 150
RUN = 6
"""Statements: so many in a row that are the same in two modules are one too many."""


@cache
def modules() -> dict[str, Path]:
    """Those of both packages, by their names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@cache
def tree(name: str) -> ast.Module:
    """A module's source."""
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports(name: str, *, late: bool) -> set[str]:
    """What a module imports when it is run; those in its functions are `late`.

    What only its types need is not among them.
    """
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.FunctionDef) and not late:
                continue
            if isinstance(child, ast.Import):
                found.update(each.name for each in child.names)
            if isinstance(child, ast.ImportFrom):
                assert not child.level, f"{name} imports by dots"
                for each in child.names:
                    full = f"{child.module}.{each.name}"
                    found.add(full if full in modules() else str(child.module))
            look(child)

    look(tree(name))
    return found


def below(name: str, room: str) -> bool:
    """Whether a module is a room, or in it."""
    return name == room or name.startswith(f"{room}.")


def test_the_tool_names_no_server_and_no_sdk() -> None:
    guide = load_guide(ROOT / "samples" / "guide.toml")
    words = {"swift", "keystone", "openstack", "fractal", "moto", "ceph"}
    words |= {name for sdk in guide.sdks.values() for name in (sdk.id, sdk.name)}
    pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "livesteps").rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found


def test_imports_go_by_the_arrows() -> None:
    against = []
    for name in modules():
        [room] = [each for each in MAY if below(name, each)] or ["livesteps"]
        for each in imports(name, late=True):
            # The package itself holds its version, and where it is.
            if each.partition(".")[0] not in PACKAGES or each == "livesteps":
                continue
            if not any(below(each, one) for one in {room, *MAY.get(room, set())}):
                against.append(f"{name} imports {each}")
    assert not against


def test_no_import_goes_round() -> None:
    graph = {
        name: imports(name, late=False) & modules().keys() - {name}
        for name in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]))


def test_no_module_is_long() -> None:
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in modules().items()
    }
    assert not {name: n for name, n in lengths.items() if n > MOST_LINES}
    assert statistics.median(lengths.values()) <= MEDIAN_LINES


def test_nothing_is_written_twice() -> None:
    where: dict[tuple[str, ...], str] = {}
    twice = []
    for name in modules():
        lines = list(statements(tree(name)))
        for start in range(len(lines) - RUN + 1):
            run = tuple(lines[start : start + RUN])
            if where.setdefault(run, name) != name:
                twice.append(f"{name} as {where[run]}:\n" + "\n".join(run))
    assert not twice


def statements(node: ast.AST) -> Iterator[str]:
    """The code, a line for each statement, and for the head of each that has others
    in it; without imports and docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if not text and not isinstance(child, ast.Import | ast.ImportFrom):
                head = copy.copy(child)
                for part in ("body", "orelse", "finalbody", "handlers", "cases"):
                    if hasattr(head, part):
                        setattr(head, part, [])
                yield ast.unparse(head)
            yield from statements(child)


def test_what_is_imported_is_what_the_wheel_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {
        extra: {canonicalize_name(Requirement(line).name) for line in lines}
        for extra, lines in {
            "": project["dependencies"],
            **project["optional-dependencies"],
        }.items()
    }
    extras = {
        "livesteps.gate": "gate",
        "livesteps.guide": "guide",
        "livesteps.publish.editions": "editions",
        "livesteps_openstack": "openstack",
    }
    # xdist is there where `-n` is used; rados comes with Ceph.
    others = {*sys.stdlib_module_names, *PACKAGES, "xdist", "rados"}
    brought = packages_distributions()
    missing = []
    for name in modules():
        known = asked[""].union(
            *(asked[extra] for room, extra in extras.items() if below(name, room))
        )
        for top in {each.partition(".")[0] for each in imports(name, late=True)}:
            if top not in others and not known & set(
                map(canonicalize_name, brought.get(top, [top]))
            ):
                missing.append(f"{name} imports {top}")
    assert not missing
