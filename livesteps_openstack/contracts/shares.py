"""`shares`: an object that anyone gets who has its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from livesteps.plugin import Kind, Name, Seen

if TYPE_CHECKING:
    from livesteps.read.chapter import Chapter, Step
    from livesteps_openstack.accounts import ObjectStore

TIMEOUT = 30
"""Seconds that one answer of the server may take."""


class Shares(Kind):
    """The output holds a URL that gives this object (``"c/o"``) without a token,
    and does not give it without its signature."""

    key = "shares"
    type = str

    def names(self, value: str, step: Step, chapter: Chapter) -> Iterator[Name]:
        """Its container, and the object in that."""
        container, _, name = value.partition("/")
        holds = step.contract.get("holds", {})
        yield Name("container", container, holds)
        yield Name("object", name, holds.get(container, ()))

    def check(self, value: str, seen: Seen) -> list[str]:
        """Try both."""
        address = re.search(r"https?://[^\s'\"<>]+\?[^\s'\"<>]+", seen.output)
        if not address:
            return [f"expected a temporary URL of '{value}' in the output, found none"]
        name = value.partition("/")[2]
        file = seen.chapter.tables["objects"][name].file
        content = seen.chapter.files[file].content
        account = cast("ObjectStore", seen.account)
        with account.contents.anyone() as anyone:
            answer = anyone.get(address[0], timeout=TIMEOUT)
            bare = anyone.get(address[0].partition("?")[0], timeout=TIMEOUT)
        found = []
        if not answer.ok:
            found.append(
                f"expected the temporary URL to give '{value}' without a token,"
                f" found {answer.status_code} {answer.reason}"
            )
        elif answer.content != content:
            found.append(
                f"expected the temporary URL to give the {len(content)} bytes of"
                f" '{value}', found {len(answer.content)} bytes that differ"
            )
        if bare.ok:
            found.append(
                f"expected '{value}' to be private, found that anyone reads it"
            )
        return found
