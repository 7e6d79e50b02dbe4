"""What every contract can say: of the working folder, and of the output."""

from __future__ import annotations

from collections.abc import Iterator

from livesteps.plugin import Kind, Name, Seen
from livesteps.read.chapter import Chapter, Step


class Downloads(Kind):
    """Files in the working folder, and the file whose bytes each one holds."""

    key = "downloads"
    type = dict[str, str]

    def names(
        self, value: dict[str, str], step: Step, chapter: Chapter
    ) -> Iterator[Name]:
        """The files that they are copies of."""
        for source in value.values():
            yield Name("file", source, chapter.files)

    def check(self, value: dict[str, str], seen: Seen) -> list[str]:
        """Each is there, and the same."""
        found = []
        for name, source in value.items():
            path = seen.folder / name
            content = seen.chapter.files[source].content
            if not path.is_file():
                found.append(
                    f"expected a file '{name}' in the working folder, found none"
                )
            elif path.read_bytes() != content:
                found.append(
                    f"expected '{name}' to be the same as {source}"
                    f" ({len(content)} bytes), found {path.stat().st_size} bytes"
                    " that are not"
                )
        return found


class PrintsMd5(Kind):
    """The md5 of this file is in the output."""

    key = "prints_md5"
    type = str

    def names(self, value: str, step: Step, chapter: Chapter) -> Iterator[Name]:
        """The file."""
        yield Name("file", value, chapter.files)

    def check(self, value: str, seen: Seen) -> list[str]:
        """It is there, in small letters or large ones."""
        md5 = seen.chapter.files[value].md5
        if md5 in seen.output.lower():
            return []
        return [f"expected the md5 of {value} in the output, {md5}, found none"]
