"""The proxy's cache, in the process: what Swift asks of memcached."""

from __future__ import annotations

import json
import time as clock
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

LIMIT = 10_000
MONTH = 30 * 24 * 3600


class MemoryCache:
    """The calls of `swift.common.memcached.MemcacheRing` that Swift makes.

    Values go through JSON, as they do on their way to memcached, so that no
    caller can change what another one gets. Beyond `LIMIT` entries the oldest
    goes first.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, bytes | str]] = OrderedDict()

    def get(self, key: str, raise_on_error: bool = False) -> Any:
        expires, value = self._entries.get(key, (0.0, "null"))
        if expires < clock.time():
            self._entries.pop(key, None)
            return None
        return value if isinstance(value, bytes) else json.loads(value)

    def set(self, key: str, value: Any, *_: Any, time: float = 0, **__: Any) -> None:
        if not isinstance(value, bytes):
            value = json.dumps(value)
        self._entries[key] = (_expiry(time), value)
        self._entries.move_to_end(key)
        if len(self._entries) > LIMIT:
            self._entries.popitem(last=False)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        if self.get(key) is None:
            self.set(key, 0, time=time)
        expires, value = self._entries[key]
        count = max(0, int(value) + int(delta))
        self._entries[key] = (expires, str(count))
        return count

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -delta, time)

    def delete(self, key: str, *_: Any) -> None:
        self._entries.pop(key, None)

    def set_multi(self, mapping: dict[str, Any], *_: Any, time: float = 0) -> None:
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: list[str], *_: Any) -> list[Any]:
        return [self.get(key) for key in keys]


def _expiry(time: float) -> float:
    """When an entry ends: memcached takes seconds, or an epoch above a month."""
    if not time:
        return float("inf")
    return time if time > MONTH else clock.time() + time


def filter_factory(global_conf: dict[str, str], **_: str) -> Callable[[Any], Any]:
    """The paste filter `cache`."""
    memory = MemoryCache()

    def cache_filter(app: Any) -> Any:
        def with_cache(environ: dict[str, Any], start_response: Any) -> Any:
            environ["swift.cache"] = memory
            return app(environ, start_response)

        return with_cache

    return cache_filter
