"""What a cloud of one's own needs of this machine."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

DEBIAN_PYTHON = "/usr/bin/python3"
DEBIAN_PACKAGES = ("python3-keystone", "python3-keystonemiddleware", "python3-swift")


def supported(*, debian: bool = False) -> str | None:
    """Why no cloud can run here, in a short phrase; None where one can.

    Swift and Keystone are those beside this package, or those that the
    distribution has packaged.
    """
    if sys.platform != "linux":
        return "Swift runs on Linux only"
    if debian:
        imports = ", ".join(
            package.removeprefix("python3-") for package in DEBIAN_PACKAGES
        )
        try:
            tried = subprocess.run(
                [DEBIAN_PYTHON, "-I", "-c", f"import {imports}"],
                capture_output=True,
                check=False,
            ).returncode
        except OSError:
            tried = 1
        if tried:
            packages = " ".join(DEBIAN_PACKAGES)
            return f"Debian's Swift is not installed (apt-get install {packages})"
    # The parent's side, which reads what is stored, is in this Python.
    mine = ("requests", "trustme", "yaml")
    return lacking(*mine, *(() if debian else ("keystone", "swift")))


def lacking(*modules: str) -> str | None:
    """Which of these is not installed, in a short phrase; None where all are."""
    for module in modules:
        if find_spec(module) is None:
            return f"{module} is not installed (pip install 'livesteps[openstack]')"
    return None
