"""What this machine has for each SDK, what it lacks, and what brings that."""

from __future__ import annotations

from pathlib import Path

from bindep.depends import Depends

from livesteps.errors import Problem
from livesteps.kit import SERVERS, Kit
from livesteps.stage import supported

INSTALLERS = {
    "Debian, Ubuntu": ("platform:dpkg", "sudo apt-get install"),
    "Fedora": ("platform:rpm", "sudo dnf install"),
}


def look_for(kit: Kit) -> tuple[str, bool]:
    """What there is of a kit's SDK, or what is missing; and whether any is."""
    try:
        kit.check_machine()
    except Problem as problem:
        return problem.what, True
    sdk, language = kit.version_of("sdk"), kit.version_of("language")
    return f"{sdk} on {kit.language} {language}", False


def servers() -> dict[str, str]:
    """Each server that samples can run against, and why it cannot run here."""
    return {server: supported(server) or "" for server in SERVERS}


def remedies(bindep: Path, profile: str, download: str = "") -> list[str]:
    """Commands that bring what an SDK or a server needs, a line for each
    distribution; `download` is where to get what a distribution has not."""
    try:
        rules = Depends(bindep.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(
            f"cannot be read: {error.strerror}", "restore it", path=bindep
        ) from None
    lines = []
    for name, (platform, command) in INSTALLERS.items():
        packages = [rule[0] for rule in rules.active_rules([profile, platform])]
        if packages:
            lines.append(f"{name}: {command} {' '.join(packages)}")
    if download:
        lines.append(f"or from {download}" if lines else f"from {download}")
    return lines
