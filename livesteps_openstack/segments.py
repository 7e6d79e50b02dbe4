"""The segments of large objects, where a server does not say which they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Segment(NamedTuple):
    """An object that is a part of a large object; its size in bytes."""

    container: str
    name: str
    size: int
    md5: str


def segments_in(
    listings: Mapping[str, Iterable[Mapping[str, Any]]], size: int, etag: str
) -> tuple[Segment, ...]:
    """Those of a manifest, found in the listings of containers; nothing if they
    are not there.

    They are objects that stand one after the other in a listing, have its `size`
    together, and whose md5 make its `etag`, which is the md5 of them all (Swift's
    API, "Static large objects").
    """
    for container, entries in listings.items():
        window: list[Segment] = []
        rest = size
        for entry in entries:
            window.append(
                Segment(container, entry["name"], entry["bytes"], entry["hash"])
            )
            rest -= entry["bytes"]
            while rest < 0:
                rest += window.pop(0).size
            if window and not rest:
                together = "".join(segment.md5 for segment in window)
                if _md5(together.encode()) == etag:
                    return tuple(window)
    return ()


def parts_of(
    container: str, name: str, content: bytes, number: int
) -> tuple[Segment, ...]:
    """An upload of S3 in this many parts; S3 does not say where they begin."""
    size = -(-len(content) // number)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return tuple(
        Segment(container, f"{name} (part {part})", len(piece), _md5(piece))
        for part, piece in enumerate(pieces, start=1)
    )


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
