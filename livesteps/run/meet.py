"""A sample runs into a trouble: the message with which it gives up.

It runs unchanged. Before a step, the environment or the server is made to differ.
"""

from __future__ import annotations

import re

from livesteps.errors import Problem
from livesteps.plugin import Account
from livesteps.read.normalise import normalise
from livesteps.read.sdk import SDK
from livesteps.read.trouble import Trouble
from livesteps.run.backend import Backend
from livesteps.run.program import Program

MOST_PRINTED = 3
"""How many lines are shown of what a step printed before: the last ones."""
MOST_STDERR = 12
"""How many lines are shown of its standard error: the first ones."""


def meet(backend: Backend, sdk: SDK, trouble: Trouble) -> str:
    """Run an SDK's sample into a trouble; its message, without what varies.

    Nothing, if it does not stop the program.
    """
    chapter = backend.guide.chapters[trouble.chapter]
    account = backend.account(sdk, chapter)
    account.environment |= trouble.environment
    with (
        Program(sdk, chapter) as program,
        backend.run(program, account=account) as run,
    ):
        while len(run.results) < trouble.stops:
            step = len(run.results) + 1
            if step == trouble.before:
                _change(backend, account, trouble)
            result = run.advance(check=step < trouble.before)
            assert result
            if result.failure and step < trouble.before:
                raise Problem(f"before the trouble '{trouble.name}' {result.failure}")
            if result.failure:
                words = backend.guide.plugins.vocabulary
                message = _message(result.output, result.stderr)
                return normalise(message, run.known, words)
    return ""


def _change(backend: Backend, account: Account, trouble: Trouble) -> None:
    if trouble.change:
        backend.guide.plugins.changes[trouble.change].make(account)


# Lines that tell where in the program it was, not what is wrong: those that are
# indented, and what languages put around them.
_CALLS = re.compile(
    r"\s+(?!\s|message: )|$|[{}]|#\d+ |Stack trace:|excon\.error\.response$|Node\.js v"
    r"|(?:node:|file://)\S+:\d+$"
)
# In Ruby and PHP, a line tells both.
_PLACE = re.compile(r"^\S+:\d+:in [`'].*?': | in \S+:\d+$")


def _message(printed: str, stderr: str) -> str:
    """The words of an error, each line once, without the calls that led there.

    The end of what the step printed comes before them, for it may say more.
    """
    # Of errors that Python met while it handled others, the last.
    before, traceback, last = stderr.rpartition("Traceback (most recent call last):\n")
    if traceback:
        stderr = before.partition(traceback)[0] + last
    words = [
        _PLACE.sub("", line.strip())
        for line in stderr.splitlines()
        if not _CALLS.match(line)
    ]
    lines = printed.splitlines()[-MOST_PRINTED:] + words[:MOST_STDERR]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
