"""`matrix`: the SDKs beside one another, from their recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from livesteps.errors import nearest
from livesteps.guide.chart import chart
from livesteps.guide.labels import label_of
from livesteps.guide.links import step_link
from livesteps.guide.nodes import written
from livesteps.guide.shelf import Shelf, shelf
from livesteps.read.chapter import Chapter
from livesteps.read.deviations import ServerGap
from livesteps.read.lines import lines
from livesteps.read.recording import RecordedStep
from livesteps.read.sdk import SDK


class MatrixDirective(SphinxDirective):
    """A table, or a chart, of all SDKs: `.. matrix:: seconds`."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Make it."""
        parts = shelf(self.config)
        wanted = self.arguments[0]
        known = {**MADE, **WHOLE}
        if wanted not in known:
            raise self.error(
                f"there is no matrix of '{wanted}'; {nearest(wanted, known)}"
            )
        for path in parts.sources():
            self.env.note_dependency(str(path))
        chapters = list(parts.guide.chapters.values())
        if wanted in WHOLE:
            return WHOLE[wanted](parts)
        made: list[nodes.Node] = []
        for chapter in chapters:
            if len(chapters) > 1:
                made.append(nodes.rubric(chapter.name, chapter.name))
            made += MADE[wanted](parts, chapter)
        return made


def _passed(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    def cell(sdk: SDK, step: int) -> nodes.Node:
        text = "gap" if step in sdk.gaps(chapter.name) else "✓"
        shown = sdk in parts.sdks
        return _link(chapter, step, text, sdk) if shown else nodes.Text(text)

    rows = [
        [nodes.Text(sdk.name), *(cell(sdk, step.number) for step in chapter.steps)]
        for sdk in parts.having(chapter)
    ]
    why = [
        nodes.paragraph(
            "", f"{sdk.name}, {f'step {step}' if step else chapter.name}: {gap.reason}"
        )
        for sdk in parts.every
        for step, gap in sdk.gaps(chapter.name).items()
    ]
    for name, title in parts.guide.others().items():
        for lack in parts.guide.deviations[name].gaps:
            steps = _concerned(chapter, lack)
            able = [sdk.name for sdk in parts.every if sdk.id in lack.able]
            others = f" {' and '.join(able)} can." if able else ""
            text = f"On {title}, step {steps}: {lack.reason}{others}"
            why.append(nodes.paragraph(text, text))
    return [_table([nodes.Text("SDK"), *_heads(chapter)], rows), *why]


def _concerned(chapter: Chapter, lack: ServerGap) -> str:
    """The numbers of the steps that a server's gap is in."""
    return ", ".join(
        str(step.number) for step in chapter.steps if lack.concerns("", step)
    )


def _seconds(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    return _figures(
        parts, chapter, lambda step: step.seconds, lambda seconds: f"{seconds:.2f}"
    )


def _requests(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    def count(step: RecordedStep) -> int:
        return len(step.request)

    title = "HTTP requests, all steps together"
    bars = [
        (sdk.name, sum(map(count, parts.recording(sdk, chapter).step)))
        for sdk in parts.having(chapter)
    ]
    return [*_figures(parts, chapter, count, str), chart(title, bars)]


def _bytes(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    def moved(step: RecordedStep) -> int:
        return sum(exchange.sent + exchange.received for exchange in step.request)

    return _figures(parts, chapter, moved, _short_size)


def _figures(
    parts: Shelf,
    chapter: Chapter,
    figure: Callable[[RecordedStep], float],
    shown: Callable[[float], str],
) -> list[nodes.Node]:
    """A figure of each step, and of all together."""
    rows = []
    for sdk in parts.having(chapter):
        figures = [figure(step) for step in parts.recording(sdk, chapter).step]
        texts = [sdk.name, *map(shown, figures), shown(sum(figures))]
        rows.append([nodes.Text(text) for text in texts])
    return [_table([nodes.Text("SDK"), *_heads(chapter), nodes.Text("all")], rows)]


def _heads(chapter: Chapter) -> list[nodes.Node]:
    return [_link(chapter, step.number, str(step.number)) for step in chapter.steps]


def _link(chapter: Chapter, step: int, text: str, sdk: SDK | None = None) -> nodes.Node:
    label = label_of(chapter, step)
    return step_link("", nodes.Text(text), label=label, sdk=sdk.id if sdk else "")


def _versions(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    """What ran, against what, and when."""
    recordings = [parts.recording(sdk, chapter) for sdk in parts.having(chapter)]
    names = {name for recording in recordings for name in recording.servers}
    servers = sorted(names, reverse=True)
    others = parts.guide.others()
    rows = []
    for sdk, recording in zip(parts.having(chapter), recordings, strict=True):
        texts = [
            sdk.name,
            recording.sdk,
            f"{sdk.language} {recording.language}".rstrip(),
            *(recording.servers.get(name, "-") for name in servers),
            f"{recording.date}",
            *(_passed_on(parts, chapter, sdk, server) for server in others),
        ]
        rows.append([nodes.Text(text) for text in texts])
    heads = (
        "SDK",
        "version",
        "language",
        *(written(name) for name in servers),
        "recorded on",
        *(f"on {title}" for title in others.values()),
    )
    made = [_table([nodes.Text(head) for head in heads], rows)]
    for sdk in parts.every:
        if sdk.recorded_only:
            text = f"{sdk.name} is recorded only, not run at every change: "
            text += f"{sdk.recorded_only}."
            made.append(nodes.paragraph(text, text))
    return made


def _passed_on(parts: Shelf, chapter: Chapter, sdk: SDK, server: str) -> str:
    """How many of the steps pass on another server, if the SDK is run there."""
    if server not in sdk.servers:
        return "-"
    gaps = sum(
        step.number in sdk.gaps(chapter.name)
        or parts.guide.deviations[server].gap(sdk.id, step) is not None
        for step in chapter.steps
    )
    return f"{len(chapter) - gaps} of {len(chapter)}"


def _ways(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    """How each connects besides the way of step 1."""
    ways = chapter.ways.values()
    rows = []
    why = []
    for sdk in parts.having(chapter):
        row = [nodes.Text(sdk.name)]
        for way in ways:
            has = sdk.ways.get(way.name)
            row.append(nodes.Text("✓" if has and has.sample else "-"))
            if has and has.reason:
                what = f"{sdk.name} does not connect {way.title}: {has.reason}"
                why.append(nodes.paragraph("", what))
        rows.append(row)
    heads = [nodes.Text("SDK"), *(nodes.Text(way.title) for way in ways)]
    return [_table(heads, rows), *why]


def _ca(parts: Shelf) -> list[nodes.Node]:
    """The variables that tell a language of a private CA."""
    rows = []
    for sdk in parts.sdks:
        names = [name for name, value in sdk.ca.items() if "{ca}" in value]
        shown = ", ".join(names) or "none, but an option"
        rows.append([nodes.Text(sdk.name), nodes.Text(shown)])
    return [_table([nodes.Text("SDK"), nodes.Text("variable")], rows)]


def _lines(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    def count(sdk: SDK) -> int:
        """Without blank lines, and the lines of the markers."""
        sample = sdk.sample_of(chapter.name)
        written = sum(1 for line in lines(sample.text) if line.strip())
        return written - len(sample.markers)

    bars = [(sdk.name, count(sdk)) for sdk in parts.having(chapter)]
    return [chart("Lines of the program", bars)]


def _libraries(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    bars = [
        (sdk.name, parts.recording(sdk, chapter).libraries)
        for sdk in parts.having(chapter)
    ]
    return [chart("Libraries that the program needs", bars)]


def _memory(parts: Shelf, chapter: Chapter) -> list[nodes.Node]:
    bars = [
        (sdk.name, round(parts.recording(sdk, chapter).memory / 1e6))
        for sdk in parts.having(chapter)
    ]
    return [chart("Most megabytes of memory", bars)]


def _table(
    heads: Sequence[nodes.Node], rows: Sequence[Sequence[nodes.Node]]
) -> nodes.Node:
    """A table of short entries, whose first column names the row."""

    def made(entries: Sequence[nodes.Node]) -> nodes.row:
        row = nodes.row()
        for entry in entries:
            row += nodes.entry("", nodes.paragraph("", "", entry))
        return row

    group = nodes.tgroup(cols=len(heads))
    for index in range(len(heads)):
        group += nodes.colspec(colwidth=3 if index == 0 else 1, stub=index == 0)
    group += nodes.thead("", made(heads))
    group += nodes.tbody("", *map(made, rows))
    return nodes.table("", group, classes=["livesteps-matrix"])


def _short_size(size: float) -> str:
    """A number of bytes in a few characters: `999`, `112k`, `12.6M`."""
    if size < 1000:
        return f"{size:.0f}"
    return f"{size / 1000:.0f}k" if size < 999_500 else f"{size / 1e6:.1f}M"


MADE: dict[str, Callable[[Shelf, Chapter], list[nodes.Node]]] = {
    "steps": _passed,
    "versions": _versions,
    "ways": _ways,
    "seconds": _seconds,
    "requests": _requests,
    "bytes": _bytes,
    "lines": _lines,
    "libraries": _libraries,
    "memory": _memory,
}
"""What there is a matrix of, for each chapter."""
WHOLE: dict[str, Callable[[Shelf], list[nodes.Node]]] = {"ca": _ca}
"""What is the same for all chapters."""
