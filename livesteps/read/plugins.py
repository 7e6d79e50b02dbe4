"""What a guide's plugins bring, found in the modules that its guide.toml names."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from livesteps.errors import Problem, nearest
from livesteps.plugin import Change, Kind, Server, Vocabulary
from livesteps.read import contracts
from livesteps.read.normalise import COMMON

GROUP = "livesteps.plugins"
"""The entry points by which packages bring plugins."""

Kinded = TypeVar("Kinded")


@dataclass(frozen=True)
class Plugins:
    """All of them together, each by its name."""

    kinds: Mapping[str, Kind]
    servers: Mapping[str, type[Server]]
    """Those of `--server`, by title."""
    reached: Mapping[str, type[Server]]
    """Those that are a person's own, by their option."""
    changes: Mapping[str, Change]
    vocabulary: Vocabulary


def load_plugins(
    names: Iterable[str], folder: Path, always: Iterable[str] = ()
) -> Plugins:
    """Load what a guide names: a package's entry point, or a file `NAME.py` below
    its folder. `Problem` says what is not there.

    The kinds `always` are checked first.
    """
    modules = [contracts]
    for name in names:
        modules += _modules(name, folder)
    kinds: dict[str, Kind] = {
        kind.key: kind() for kind in _classes(modules, Kind) if hasattr(kind, "key")
    }
    first = [key for key in always if key in kinds]
    servers = [each for each in _classes(modules, Server) if hasattr(each, "name")]
    servers.sort(key=lambda server: server.title.casefold())
    words = COMMON
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, Vocabulary) and each is not COMMON:
                words = each + words
    return Plugins(
        {key: kinds[key] for key in [*first, *sorted(kinds.keys() - set(first))]},
        {each.name: each for each in servers if not each.option},
        {each.option: each for each in servers if each.option},
        {
            each.name: each()
            for each in _classes(modules, Change)
            if hasattr(each, "name")
        },
        words,
    )


def _modules(name: str, folder: Path) -> Iterator[ModuleType]:
    if name.endswith(".py"):
        yield _of_file(folder / name)
        return
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        advice = nearest(name, found) if found else "install the package that brings it"
        raise Problem(f"unknown plugin '{name}'", advice)
    yield from _below(found[name].load())


def _below(module: ModuleType) -> Iterator[ModuleType]:
    """A module; of a package, those that it names as its `plugins`, or all."""
    yield module
    inner = [
        each.name for each in pkgutil.iter_modules(getattr(module, "__path__", ()))
    ]
    for name in getattr(module, "plugins", inner):
        yield from _below(importlib.import_module(f"{module.__name__}.{name}"))


def _of_file(path: Path) -> ModuleType:
    """A module of a guide's own; read once."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"livesteps_plugin_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Problem(f"there is no plugin '{path.name}' beside it", "write it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _classes(modules: list[ModuleType], kind: type[Kinded]) -> list[type[Kinded]]:
    """The classes of a kind that these modules themselves define."""
    found: dict[type[Kinded], None] = {}
    for module in modules:
        for each in vars(module).values():
            if _is(each, kind) and each.__module__ == module.__name__:
                found[each] = None
    return list(found)


def _is(each: Any, kind: type[Any]) -> bool:
    return isinstance(each, type) and issubclass(each, kind)
