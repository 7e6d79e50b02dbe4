"""One HTTP request and its answer, as the server saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Exchange:
    """The same from the request log to the page; nothing in it is secret."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    method: str
    """Such as `GET`."""
    path: str
    """With its query."""
    status: int
    """Of the answer."""
    sent: int = 0
    """Bytes of the request's body."""
    received: int = 0
    """Bytes of the answer's body."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the request, those that may be shown."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    """Of the answer, likewise."""
    service: str = ""
    """Which service was asked, as its server calls it."""
    start: float = 0.0
    """When it began, in seconds since 1970."""
    seconds: float = 0.0
    """Until the answer was complete."""

    @property
    def resource(self) -> str:
        """Its path without the query."""
        return self.path.partition("?")[0]

    def recorded(self, telling: tuple[str, ...]) -> dict[str, Any]:
        """What a recording keeps of it: of the headers, those that tell what the
        step did, by how their names begin."""
        headers = {
            name: value
            for name, value in sorted(self.headers.items())
            if name.lower().startswith(telling)
        }
        kept = {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "sent": self.sent,
            "received": self.received,
        }
        return {**kept, "headers": headers} if headers else kept


def in_order(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Those of a step in an order that does not depend on chance.

    They stand as they began; those that overlapped, by method, path and query.
    """
    clusters: list[list[Exchange]] = []
    end = 0.0
    for each in sorted(exchanges, key=lambda each: each.start):
        if each.start >= end:
            clusters.append([])
        clusters[-1].append(each)
        end = max(end, each.start + each.seconds)
    return [each for cluster in clusters for each in sorted(cluster, key=_names)]


def _names(exchange: Exchange) -> tuple[str, ...]:
    path, _, query = exchange.path.partition("?")
    return exchange.method, path, query
