"""HTTP as the tool speaks it: with nothing of the caller's settings but proxies."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.utils import get_environ_proxies

from livesteps.plugin import Problem

LOOPBACK = "127.0.0.1"
"""Where the Fractals app listens: no proxy stands before it."""
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Session(requests.Session):
    """Takes no `.netrc`, no certificates and no proxy from the environment.

    If it is for a cloud that is not ours, `distant`, it takes the proxies.
    """

    def __init__(self, *, verify: bool | str = True, distant: bool = False) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = verify
        self._distant = distant

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """What all requests come to, and all redirections."""
        if self._distant:
            how["proxies"] = proxies_to(request.url or "")
        return super().send(request, **how)


def proxies_to(url: str) -> dict[str, str]:
    """The caller's proxies that stand before an address, as requests takes them."""
    if urlsplit(url).hostname == LOOPBACK:
        return {}
    return dict(get_environ_proxies(url))


def proxy_variables() -> dict[str, str]:
    """The caller's proxies, in the spellings that all languages read."""
    found = {
        name: value
        for name in _VARIABLES
        if (value := os.environ.get(name) or os.environ.get(name.upper()))
    }
    bypassed = found.pop("no_proxy", "")
    if not found:
        return {}
    found["no_proxy"] = bypassed if bypassed == "*" else f"{bypassed},{LOOPBACK}"
    found["no_proxy"] = found["no_proxy"].lstrip(",")
    return {**found, **{name.upper(): value for name, value in found.items()}}


def proxy_secrets() -> Iterator[str]:
    """The passwords in the addresses of the caller's proxies."""
    for value in proxy_variables().values():
        password = urlsplit(value).password if "://" in value else None
        if password:
            yield from {password, unquote(password)}


def unreachable(error: requests.RequestException) -> Problem:
    """Why there was no answer, in a line, and what to do about it."""
    url = (error.request and error.request.url) or ""
    host = urlsplit(url).netloc.rpartition("@")[2] or "the cloud"
    cause = _innermost(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return Problem(
            f"the proxy before {host} does not let it through: {_said(cause)}",
            "mend HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY",
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Problem(
            f"the certificate of {host} is not trusted: {cause.verify_message}",
            "give the file of its CA as 'cacert' in the cloud's entry",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return Problem(
            f"{host} does not speak TLS as it should: {_said(cause)}",
            "see whether its address begins with http:// or with https://",
        )
    if isinstance(error, requests.Timeout):
        return Problem(
            f"{host} does not answer in time",
            "see that it runs, and that it is reached from this machine",
        )
    if isinstance(error, requests.ConnectionError):
        return Problem(
            f"{host} cannot be reached: {_said(cause)}",
            "see that it runs, and that its address is right",
        )
    return Problem(f"{host}: {_said(error)}", "see that its address is right")


def _innermost(error: BaseException) -> BaseException:
    """What it all began with."""
    reason = getattr(error, "reason", None)
    inner = [reason, error.__cause__, *reversed(error.args), error.__context__]
    for each in inner:
        if isinstance(each, BaseException):
            return _innermost(each)
    return error


def _said(error: BaseException) -> str:
    """What an error says, in a line, without a password."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return re.sub(r"//[^/@\s]*@", "//", " ".join(text.split()))[:200]
