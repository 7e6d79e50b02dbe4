"""A TOML file read into a model, with errors that say on which line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from livesteps.errors import Problem, nearest


class Table(BaseModel):
    """A TOML table: immutable, its types exact, and no key it does not know."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise PydanticCustomError(
                    "unknown_key",
                    "unknown key '{key}'; {advice}",
                    {"key": key, "advice": nearest(key, known)},
                )
        return data


Model = TypeVar("Model", bound=Table)


def load(path: Path, model: type[Model]) -> Model:
    """Read `path` into `model`; `Problem` says where it is wrong and why."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(
            f"cannot be read: {error.strerror}",
            "make it, or mend its permissions",
            path=path,
        ) from None
    except UnicodeDecodeError as error:
        raise Problem(
            f"byte {error.start} is not UTF-8", "save it as UTF-8", path=path
        ) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise Problem(
            f"not TOML: {str(error).split(' (at ')[0]}",
            "see https://toml.io",
            path=path,
            line=line,
        ) from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        keys = list(first["loc"])
        what, _, todo = first["msg"].partition("; ")
        if first["type"] == "unknown_key":
            keys.append(first["ctx"]["key"])
        elif first["type"] == "missing":
            what, todo = f"key '{keys[-1]}' is missing", "add it"
        else:
            name = ".".join(str(key) for key in keys)
            what = f"{name}: {what}" if name else what
        raise Problem(what, todo, path=path, line=line_of(text, keys)) from None


def line_of(text: str, keys: list[int | str]) -> int:
    """The line (from 1) of the key that `keys` leads to in a TOML text.

    A key that is not written there gives the line of the nearest table
    around it. Whole numbers in `keys` count the entries of an array of
    tables from 0.
    """
    entries: Counter[tuple[int | str, ...]] = Counter()

    def resolve(dotted: str, *, entry: bool) -> list[int | str]:
        names = [name.strip('"') for name in re.findall(r'[\w-]+|"[^"]*"', dotted)]
        path: list[int | str] = []
        for left, name in enumerate(names, start=1 - len(names)):
            path.append(name)
            if entry and not left:
                entries[tuple(path)] += 1
            if tuple(path) in entries:
                path.append(entries[tuple(path)] - 1)
        return path

    best, line = 0, 1
    table: list[int | str] = []
    for number, written in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[(\[?)([^\[\]]+)\]", written):
            path = table = resolve(header[2], entry=bool(header[1]))
        elif key := re.match(r'\s*((?:[\w.-]+|"[^"]*")+)\s*=', written):
            path = table + resolve(key[1], entry=False)
        else:
            continue
        if len(path) > best and path == keys[: len(path)]:
            best, line = len(path), number
    return line
