"""Standard output, of which the reader may go away, or the disk be full."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from livesteps.errors import Problem


class Output:
    """Stands in for standard output while the context lasts.

    A run does not end because nobody reads on (`livesteps run --all | head`):
    what it does is not left half done, and its exit status still tells how it
    went. Where output is lost in another way, that is a `Problem` at the end.
    """

    def __enter__(self) -> Output:
        if sys.stdout is None:  # closed by whoever started this, who knows it
            sys.stdout = open(os.devnull, "w", encoding="utf-8")
        self._stream = sys.stdout
        self._lost: OSError | None = None
        self._silent = False
        sys.stdout = self
        return self

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        self.flush()
        sys.stdout = self._stream
        if self._lost and (error is None or isinstance(error, SystemExit)):
            raise Problem(
                f"standard output: {self._lost.strerror}",
                "a part of the output is lost; send it elsewhere",
            )

    def write(self, text: str) -> int:
        """As a stream does, but that it always succeeds."""
        try:
            return 0 if self._silent else self._stream.write(text)
        except OSError as error:
            return self._end(error)

    def flush(self) -> None:
        """As a stream does, but that it always succeeds."""
        try:
            if not self._silent:
                self._stream.flush()
        except OSError as error:
            self._end(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _end(self, error: OSError) -> int:
        """Print no more, and let what is still buffered go nowhere."""
        self._silent = True
        if error.errno != errno.EPIPE:
            self._lost = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        return 0
