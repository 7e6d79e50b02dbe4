"""A child process that ends when its standard input is closed."""

from __future__ import annotations

import subprocess

PATIENCE = 10.0
"""Seconds that it may take to end."""


def end(child: subprocess.Popen[bytes]) -> None:
    """Close its input and wait until it has ended; kill it if it does not."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
