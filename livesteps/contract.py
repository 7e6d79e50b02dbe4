"""Whether a step did what its contract says, seen from the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from livesteps.place import Place, Request
from livesteps.segments import Segment
from livesteps.snapshot import TIMEOUT, Stored, path_below
from livesteps.step import Data, Object, Step, Steps

PICTURE_TYPE = "image/png"


def breaches(
    step: Step,
    steps: Steps,
    pictures: Mapping[str, str],
    place: Place,
    output: str,
    asked: list[Request] | None,
    folder: Path,
) -> list[str]:
    """What of a step's contract does not hold, as lines to read; best none.

    `pictures` are the Fractals app's: name and md5. `folder` is the sample's
    working folder. Where `asked` is None, nobody saw them, and what they
    would show is left unchecked.
    """
    found = _held(step, steps, pictures, place, asked)
    if asked is not None:
        found += _asked(step, place, asked)
    for name, source in step.downloads.items():
        path = folder / name
        data = steps.files[source]
        if not path.is_file():
            found.append(f"expected a file '{name}' in the working folder, found none")
        elif path.read_bytes() != data.content:
            found.append(
                f"expected '{name}' to be the same as {source}"
                f" ({len(data.content)} bytes), found {path.stat().st_size} bytes"
                " that are not"
            )
    if step.prints_md5 and steps.files[step.prints_md5].md5 not in output.lower():
        found.append(
            f"expected the md5 of {step.prints_md5} in the output,"
            f" {steps.files[step.prints_md5].md5}, found none"
        )
    if step.shares:
        name = step.shares.partition("/")[2]
        content = steps.files[steps.objects[name].file].content
        found += _shared(step.shares, content, output, place)
        place.requests()  # these were ours
    return found


def _held(
    step: Step,
    steps: Steps,
    pictures: Mapping[str, str],
    place: Place,
    asked: list[Request] | None,
) -> list[str]:
    """Differences between what the account holds and what it should."""
    expected: dict[str, dict[str, Object | str]] = {
        container: {name: steps.objects[name] for name in names}
        for container, names in step.holds.items()
    }
    if step.pictures is not None:
        expected[step.pictures].update(pictures)
    snapshot = place.held(asked)
    found = _names("containers", expected, snapshot)
    for container in expected.keys() & snapshot.keys():
        objects = snapshot[container]
        found += _names(
            f"objects in container '{container}'", expected[container], objects
        )
        for name in sorted(expected[container].keys() & objects.keys()):
            wanted = expected[container][name]
            where = f"object '{container}/{name}'"
            if isinstance(wanted, str):
                found += _differ(f"{where}: md5", wanted, objects[name].md5)
                found += _differ(
                    f"{where}: content type", PICTURE_TYPE, objects[name].content_type
                )
            else:
                found += _differing(
                    where, wanted, objects[name], steps, place, (container, name)
                )
    return found


def _differing(
    where: str,
    wanted: Object,
    stored: Stored,
    steps: Steps,
    place: Place,
    names: tuple[str, str],
) -> list[str]:
    data = steps.files[wanted.file]
    if stored.segments is None:
        found = _differ(f"{where}: bytes", len(data.content), stored.size)
        found += _differ(f"{where}: md5", data.md5, stored.md5)
        if wanted.segments:
            found = [f"{where}: expected a manifest, found one whole object"]
    elif wanted.segments is None:
        found = [f"{where}: expected one whole object, found a manifest"]
    else:
        found = _parts_differ(where, wanted, data, stored.segments)
    if wanted.content_type:
        found += _differ(
            f"{where}: content type", wanted.content_type, stored.content_type
        )
    if wanted.metadata:
        metadata = place.account.metadata(*names)
        for key, value in wanted.metadata.items():
            found += _differ(f"{where}: metadata '{key}'", value, metadata.get(key))
    return found


def _parts_differ(
    where: str, wanted: Object, data: Data, segments: tuple[Segment, ...]
) -> list[str]:
    """Whether the segments, put together, are the bytes of the file."""
    found = []
    if len(segments) < (wanted.segments or 0):
        found.append(
            f"{where}: expected at least {wanted.segments} segments,"
            f" found {len(segments)}"
        )
    start = 0
    for segment in segments:
        end = start + segment.size
        found += _differ(
            f"{where}: md5 of segment '{segment.container}/{segment.name}', which"
            f" is {data.name} from byte {start} to {end}",
            data.md5_of(start, end),
            segment.md5,
        )
        start = end
    found += _differ(f"{where}: bytes of all segments", len(data.content), start)
    return found


def _asked(step: Step, place: Place, asked: list[Request]) -> list[str]:
    """Requests that the contract wants and the server did not see."""
    answered = [entry for entry in asked if entry["status"] < 300]
    found = []
    if step.token and not any(
        entry["service"] == "identity"
        and entry["method"] == "POST"
        and entry["path"].endswith("/auth/tokens")
        for entry in answered
    ):
        found.append("expected a request for a token, found none")
    # What is downloaded is what a GET gave; a HEAD alone gives no bytes.
    methods = ("GET",) if step.downloads else ("GET", "HEAD")
    read = {
        path_below(place.account.url, entry["path"])
        for entry in answered
        if entry["service"] == "object-store" and entry["method"] in methods
    }
    for path in step.reads:
        if path not in read:
            what = f"'{path}'" if path else "the account"
            found.append(f"expected a {' or '.join(methods)} of {what}, found none")
    return found


def _shared(what: str, content: bytes, output: str, place: Place) -> list[str]:
    """Whether the output's address gives the object, and only with its signature."""
    address = re.search(r"https?://[^\s'\"<>]+\?[^\s'\"<>]+", output)
    if not address:
        return [f"expected a temporary URL of '{what}' in the output, found none"]
    with place.account.anyone() as anyone:
        answer = anyone.get(address[0], timeout=TIMEOUT)
        bare = anyone.get(address[0].partition("?")[0], timeout=TIMEOUT)
    found = []
    if not answer.ok:
        found.append(
            f"expected the temporary URL to give '{what}' without a token,"
            f" found {answer.status_code} {answer.reason}"
        )
    elif answer.content != content:
        found.append(
            f"expected the temporary URL to give the {len(content)} bytes of"
            f" '{what}', found {len(answer.content)} bytes that differ"
        )
    if bare.ok:
        found.append(f"expected '{what}' to be private, found that anyone reads it")
    return found


def _names(
    what: str, expected: Mapping[str, object], found: Mapping[str, object]
) -> list[str]:
    missing = sorted(expected.keys() - found.keys())
    extra = sorted(found.keys() - expected.keys())
    if not missing and not extra:
        return []
    parts = [f"'{name}' is missing" for name in missing]
    parts += [f"'{name}' should not be there" for name in extra]
    return [f"{what}: " + ", ".join(parts)]


def _differ(what: str, expected: object, found: object) -> list[str]:
    if expected == found:
        return []
    return [f"{what}: expected {expected!r}, found {found!r}"]
