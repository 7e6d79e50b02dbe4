"""`holds`: what the account holds, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

from pydantic import Field

from livesteps.plugin import Kind, Name, Seen, Table

if TYPE_CHECKING:
    from livesteps.read.chapter import Chapter, Data, Step
    from livesteps.read.guide import Guide
    from livesteps.read.sdk import SDK
    from livesteps.run.service import Service
    from livesteps_openstack.accounts import ObjectStore
    from livesteps_openstack.contents import Stored
    from livesteps_openstack.segments import Segment


CONTAINERS = """Those that the program makes besides the ones that chapters name, such
as one for segments. On a cloud that is not ours nothing runs if one of them is there.
"""


class Object(Table):
    """An object that steps store, by its name."""

    file: str
    """Whose bytes it holds, by a name of `files`."""
    segments: Annotated[int, Field(ge=0)] | None = None
    """It is a manifest of at least this many segments; if 0, or one whole object."""
    content_type: str | None = None
    """Its content type; any, if this is left out."""
    metadata: dict[str, str] = {}
    """What it must have of metadata; more may be there."""


class Whole(NamedTuple):
    """An object that is known by its md5 alone."""

    md5: str
    content_type: str


class Stores(Kind):
    """A kind of contract by which a container holds, besides, what others made."""

    def stored(
        self, value: str, services: Mapping[str, Service]
    ) -> dict[str, dict[str, Whole]]:
        """Container, object's name, object."""
        raise NotImplementedError

    def stored_names(self, services: Mapping[str, Service]) -> Iterable[str]:
        """What any step may store by it, whole or in segments below that name."""
        raise NotImplementedError


class Holds(Kind):
    """The account holds exactly these containers, each with exactly these objects;
    segments of large objects do not count."""

    key = "holds"
    type = dict[str, list[str]]
    tables = {"objects": dict[str, Object]}
    sdk_keys = {"containers": Annotated[list[str], CONTAINERS]}

    def names(
        self, value: dict[str, list[str]], step: Step, chapter: Chapter
    ) -> Iterator[Name]:
        """The objects."""
        for names in value.values():
            for name in names:
                yield Name("object", name, chapter.tables["objects"])

    def table_names(self, chapter: Chapter) -> Iterator[Name]:
        """The files of the objects."""
        for name, stored in chapter.tables["objects"].items():
            keys = ("objects", name, "file")
            yield Name("file", stored.file, chapter.files, keys)

    def check(self, value: dict[str, list[str]], seen: Seen) -> list[str]:
        """Differences between what the account holds and what it should."""
        expected: dict[str, dict[str, Object | Whole]] = {
            container: {name: seen.chapter.tables["objects"][name] for name in names}
            for container, names in value.items()
        }
        for key, kind in seen.chapter.kinds.items():
            if isinstance(kind, Stores) and key in seen.step.contract:
                more = kind.stored(seen.step.contract[key], seen.services)
                for container, besides in more.items():
                    expected[container].update(besides)
        account = cast("ObjectStore", seen.account)
        held = account.held(seen.exchanges)
        found = _names("containers", expected, held)
        for container in expected.keys() & held.keys():
            wanted, objects = expected[container], held[container]
            found += _names(f"objects in container '{container}'", wanted, objects)
            for name in sorted(wanted.keys() & objects.keys()):
                found += _differing(
                    seen, (container, name), wanted[name], objects[name]
                )
        return found


def containers_of(chapter: Chapter) -> set[str]:
    """All that the steps hold at one time or another."""
    return {name for step in chapter.steps for name in step.contract["holds"]}


def guarded(guide: Guide, sdks: Iterable[SDK]) -> set[str]:
    """All that programs of these SDKs may make."""
    found = {name for each in guide.chapters.values() for name in containers_of(each)}
    return found.union(*(sdk.more.get("containers", ()) for sdk in sdks))


def stored_by(guide: Guide, services: Mapping[str, Service]) -> Callable[[str], bool]:
    """Whether an object of this name can be one that a program of the guide stored:
    an object of a step, or a segment below the name of one."""
    whole: set[str] = set()
    parted: set[str] = set()
    for chapter in guide.chapters.values():
        objects = chapter.tables["objects"]
        whole.update(objects)
        parted.update(name for name in objects if objects[name].segments is not None)
    for kind in guide.plugins.kinds.values():
        if isinstance(kind, Stores):
            names = set(kind.stored_names(services))
            whole |= names
            parted |= names
    return lambda name: name in whole or ("/" in name and name.split("/")[0] in parted)


def _differing(
    seen: Seen, names: tuple[str, str], wanted: Object | Whole, stored: Stored
) -> list[str]:
    where = f"object '{names[0]}/{names[1]}'"
    if isinstance(wanted, Whole):
        return [
            *_differ(f"{where}: md5", wanted.md5, stored.md5),
            *_differ(
                f"{where}: content type", wanted.content_type, stored.content_type
            ),
        ]
    data = seen.chapter.files[wanted.file]
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
        metadata = cast("ObjectStore", seen.account).contents.metadata(*names)
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
