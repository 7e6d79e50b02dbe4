"""`matrix`: the SDKs beside one another, from their recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from livesteps.errors import nearest
from livesteps.guide.shelf import Shelf, shelf
from livesteps.kit import SERVERS, Kit
from livesteps.recording import RecordedStep
from livesteps.servers import TITLES, ServerGap

if TYPE_CHECKING:
    from sphinx.writers.html5 import HTML5Translator


class Chart(nodes.General, nodes.Element):
    """Bars: `title` says of what, `bars` are pairs of a name and a number.

    What is in it says the same in words, for where nothing is drawn.
    """


def visit_chart(self: HTML5Translator, node: Chart) -> None:
    """Draw the bars, in the colours of the page."""
    width, row = 340, 40
    most = max(value for _, value in node["bars"]) or 1
    self.body.append(
        f'<svg class="livesteps-chart" role="img" aria-label="{escape(node.astext())}" '
        f'viewBox="0 0 {width} {row * len(node["bars"])}">\n'
    )
    for index, (name, value) in enumerate(node["bars"]):
        y = row * index
        length = max(1, round(width * value / most))
        self.body.append(
            f'<text y="{y + 14}">{escape(name)}</text>'
            f'<text x="{width}" y="{y + 14}" text-anchor="end">{value:,}</text>'
            f'<rect y="{y + 20}" width="{length}" height="10" fill="#0a4bff"/>\n'
        )
    self.body.append("</svg>\n")
    raise nodes.SkipNode


class step_link(nodes.General, nodes.Element):  # noqa: N801 - as docutils names nodes
    """A link to a `step`, by its label, and to the tab of an `sdk` if it has one."""


class StepLinkTransform(SphinxPostTransform):
    """Makes links to steps; where there are tabs, they choose the SDK."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Do it on one page."""
        builder = self.env._app.builder
        tabs = builder.name in ("html", "dirhtml") and not shelf(self.config).single
        labels = self.env.domains.standard_domain.anonlabels
        for link in list(self.document.findall(step_link)):
            page, anchor = labels.get(f"step-{link['step']}", ("", ""))
            if not page:
                link.replace_self(link.children)
                continue
            uri = builder.get_relative_uri(self.env.docname, page)
            query = f"?sdk={quote(link['sdk'])}" if link["sdk"] and tabs else ""
            uri = f"{uri}{query}#{anchor}"
            link.replace_self(
                nodes.reference("", "", *link.children, internal=True, refuri=uri)
            )


class MatrixDirective(SphinxDirective):
    """A table, or a chart, of all SDKs: `.. matrix:: seconds`."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Make it."""
        parts = shelf(self.config)
        wanted = self.arguments[0]
        if wanted not in MADE:
            raise self.error(
                f"there is no matrix of '{wanted}'; {nearest(wanted, MADE)}"
            )
        self.env.note_dependency(str(parts.steps.path))
        self.env.note_dependency(str(parts.servers[SERVERS[0]].path))
        for kit in parts.every:
            self.env.note_dependency(str(kit.folder / "sdk.toml"))
            self.env.note_dependency(str(parts.folders[kit.id] / "run.toml"))
        return MADE[wanted](parts)


def _passed(parts: Shelf) -> list[nodes.Node]:
    def cell(kit: Kit, step: int) -> nodes.Node:
        text = "gap" if step in kit.gaps else "✓"
        return _link(step, text, kit) if kit in parts.kits else nodes.Text(text)

    rows = [
        [
            nodes.Text(kit.name),
            *(cell(kit, step.number) for step in parts.steps.steps),
        ]
        for kit in parts.every
    ]
    why = [
        nodes.paragraph("", f"{kit.name}, step {step}: {gap.reason}")
        for kit in parts.every
        for step, gap in kit.gaps.items()
    ]
    for name, server in parts.servers.items():
        for lack in server.gaps:
            steps = _concerned(parts, lack)
            able = [kit.name for kit in parts.every if kit.id in lack.able]
            others = f" {' and '.join(able)} can." if able else ""
            text = f"On {TITLES[name]}, step {steps}: {lack.reason}{others}"
            why.append(nodes.paragraph(text, text))
    return [_table([nodes.Text("SDK"), *_heads(parts)], rows), *why]


def _concerned(parts: Shelf, lack: ServerGap) -> str:
    """The numbers of the steps that a server's gap is in."""
    return ", ".join(
        str(step.number) for step in parts.steps.steps if lack.concerns("", step)
    )


def _seconds(parts: Shelf) -> list[nodes.Node]:
    return _figures(parts, lambda step: step.seconds, lambda seconds: f"{seconds:.2f}")


def _requests(parts: Shelf) -> list[nodes.Node]:
    def count(step: RecordedStep) -> int:
        return len(step.request)

    title = "HTTP requests, all steps together"
    bars = [(kit.name, sum(map(count, _steps(parts, kit)))) for kit in parts.every]
    return [*_figures(parts, count, str), _chart(title, bars)]


def _bytes(parts: Shelf) -> list[nodes.Node]:
    def moved(step: RecordedStep) -> int:
        return sum(exchange.sent + exchange.received for exchange in step.request)

    return _figures(parts, moved, _short_size)


def _figures(
    parts: Shelf,
    figure: Callable[[RecordedStep], float],
    shown: Callable[[float], str],
) -> list[nodes.Node]:
    """A figure of each step, and of all together."""
    rows = []
    for kit in parts.every:
        figures = [figure(step) for step in _steps(parts, kit)]
        texts = [kit.name, *map(shown, figures), shown(sum(figures))]
        rows.append([nodes.Text(text) for text in texts])
    return [_table([nodes.Text("SDK"), *_heads(parts), nodes.Text("all")], rows)]


def _heads(parts: Shelf) -> list[nodes.Node]:
    return [_link(step.number, str(step.number)) for step in parts.steps.steps]


def _link(step: int, text: str, kit: Kit | None = None) -> nodes.Node:
    return step_link("", nodes.Text(text), step=step, sdk=kit.id if kit else "")


def _steps(parts: Shelf, kit: Kit) -> tuple[RecordedStep, ...]:
    return parts.recordings[kit.id].steps


def _versions(parts: Shelf) -> list[nodes.Node]:
    rows = []
    for kit in parts.every:
        recording = parts.recordings[kit.id]
        texts = [
            kit.name,
            recording.sdk,
            f"{kit.language} {recording.language}",
            recording.servers.get("swift", "-"),
            recording.servers.get("keystone", "-"),
            f"{recording.date}",
            *(_passed_on(parts, kit, server) for server in TITLES),
        ]
        rows.append([nodes.Text(text) for text in texts])
    heads = (
        "SDK",
        "version",
        "language",
        "Swift",
        "Keystone",
        "recorded on",
        *(f"on {title}" for title in TITLES.values()),
    )
    made = [_table([nodes.Text(head) for head in heads], rows)]
    for kit in parts.every:
        if kit.recorded_only:
            text = f"{kit.name} is recorded only, not run at every change: "
            text += f"{kit.recorded_only}."
            made.append(nodes.paragraph(text, text))
    return made


def _passed_on(parts: Shelf, kit: Kit, server: str) -> str:
    """How many of the steps pass on another server, if the SDK is run there."""
    if server not in kit.servers:
        return "-"
    steps = parts.steps.steps
    gaps = sum(
        step.number in kit.gaps or parts.servers[server].gap(kit.id, step) is not None
        for step in steps
    )
    return f"{len(steps) - gaps} of {len(steps)}"


def _ways(parts: Shelf) -> list[nodes.Node]:
    """How each connects besides the way of step 1."""
    ways = parts.steps.ways.values()
    rows = []
    why = []
    for kit in parts.every:
        row = [nodes.Text(kit.name)]
        for way in ways:
            has = kit.ways.get(way.name)
            row.append(nodes.Text("✓" if has and has.sample else "-"))
            if has and has.reason:
                what = f"{kit.name} does not connect {way.title}: {has.reason}"
                why.append(nodes.paragraph("", what))
        rows.append(row)
    heads = [nodes.Text("SDK"), *(nodes.Text(way.title) for way in ways)]
    return [_table(heads, rows), *why]


def _ca(parts: Shelf) -> list[nodes.Node]:
    """The variables that tell a language of a private CA."""
    rows = []
    for kit in parts.kits:
        names = [name for name, value in kit.ca.items() if "{ca}" in value]
        shown = ", ".join(names) or "none, but an option"
        rows.append([nodes.Text(kit.name), nodes.Text(shown)])
    return [_table([nodes.Text("SDK"), nodes.Text("variable")], rows)]


def _lines(parts: Shelf) -> list[nodes.Node]:
    def lines(kit: Kit) -> int:
        """Without blank lines, and the lines of the markers."""
        written = sum(1 for line in kit.sample.text.splitlines() if line.strip())
        return written - len(kit.sample.markers)

    bars = [(kit.name, lines(kit)) for kit in parts.every]
    return [_chart("Lines of the program", bars)]


def _libraries(parts: Shelf) -> list[nodes.Node]:
    bars = [(kit.name, parts.recordings[kit.id].libraries) for kit in parts.every]
    return [_chart("Libraries that the program needs", bars)]


def _memory(parts: Shelf) -> list[nodes.Node]:
    bars = [
        (kit.name, round(parts.recordings[kit.id].memory / 1e6)) for kit in parts.every
    ]
    return [_chart("Most megabytes of memory", bars)]


def _chart(title: str, bars: list[tuple[str, int]]) -> nodes.Node:
    told = ", ".join(f"{name} {value:,}" for name, value in bars)
    text = f"{title}: {told}."
    return Chart("", nodes.paragraph(text, text), bars=bars)


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


MADE: dict[str, Callable[[Shelf], list[nodes.Node]]] = {
    "steps": _passed,
    "versions": _versions,
    "ways": _ways,
    "ca": _ca,
    "seconds": _seconds,
    "requests": _requests,
    "bytes": _bytes,
    "lines": _lines,
    "libraries": _libraries,
    "memory": _memory,
}
"""What there is a matrix of."""
