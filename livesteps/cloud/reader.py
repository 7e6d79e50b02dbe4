"""Who looks at a cloud from outside: reads every account, with a key, and no more."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any


def filter_factory(
    global_conf: dict[str, str], *, key: str, **_: str
) -> Callable[[Any], Any]:
    """The paste filter `reader`: whoever has the key may read, nobody may write.

    It stands in the place of Keystone's filters, which take half the time of a
    listing.
    """

    def reader_filter(app: Any) -> Any:
        def checked(environ: dict[str, Any], start_response: Any) -> Any:
            given = environ.get("HTTP_X_AUTH_TOKEN", "")
            known = hmac.compare_digest(given.encode(), key.encode())
            if known and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
                return app(environ, start_response)
            status = "405 Method Not Allowed" if known else "401 Unauthorized"
            start_response(status, [("Content-Length", "0")])
            return [b""]

        return checked

    return reader_filter
