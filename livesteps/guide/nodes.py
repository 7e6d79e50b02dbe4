"""What a tab is made of, as docutils nodes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_design.shared import create_component
from sphinx_design.tabs import sd_tab_label

from livesteps.read.chapter import Chapter, Step
from livesteps.read.deviations import ServerGap
from livesteps.read.exchange import Exchange
from livesteps.read.guide import Guide
from livesteps.read.recording import Recording
from livesteps.read.sdk import SDK
from livesteps.read.sdkfile import Gap, Way

if TYPE_CHECKING:
    from sphinx.writers.html5 import HTML5Translator

SYNC_GROUP = "sdk"
"""The name under which all tab sets follow one choice, and of `?sdk=`."""


class Folded(nodes.General, nodes.Element):
    """A part that is closed until the reader opens it; `title` says what it is."""


def visit_folded(self: HTML5Translator, node: Folded) -> None:
    """Open it, as HTML."""
    self.body.append(self.starttag(node, "details", CLASS="livesteps-folded"))
    self.body.append(f"<summary>{self.encode(node['title'])}</summary>\n")


def depart_folded(self: HTML5Translator, node: Folded) -> None:
    """Close it, as HTML."""
    self.body.append("</details>\n")


def skip(self: nodes.NodeVisitor, node: nodes.Node) -> None:
    """Elsewhere it is what is in it."""


class LabelTransform(SphinxPostTransform):
    """Takes `aria-controls` from the labels of sphinx-design's tabs.

    HTML does not allow it there, for what is labelled is the radio button.
    """

    default_priority = 201  # after sphinx-design's own
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Do it on one page."""
        for label in self.document.findall(sd_tab_label):
            label.attributes.pop("aria_controls", None)


class FlatTransform(SphinxPostTransform):
    """Sets the tabs one below the other, each with its SDK's name, on paper."""

    default_priority = 199  # before sphinx-design makes radio buttons of them
    builders = ("epub", "singlehtml")

    def run(self, **kwargs: Any) -> None:
        """Do it on one page."""
        for item in list(self.document.findall(nodes.container)):
            if item.get("design_component") in ("tab-set", "tab-item"):
                item.replace_self(item.children)


def tab_set(tabs: list[nodes.Node]) -> nodes.Node:
    """Tabs that follow the reader's choice of an SDK."""
    return create_component("tab-set", classes=["sd-tab-set"], children=tabs)


def tab(sdk: SDK, content: list[nodes.Node]) -> nodes.Node:
    """The tab of an SDK."""
    label = nodes.rubric(sdk.name, sdk.name, classes=["sd-tab-label"])
    label["sync_group"] = SYNC_GROUP
    label["sync_id"] = sdk.id
    panel = create_component(
        "tab-content", classes=["sd-tab-content"], children=content
    )
    return create_component(
        "tab-item", classes=["sd-tab-item"], children=[label, panel]
    )


def file_name(path: str) -> nodes.Node:
    """A file's name above its code, and its whole text to download; `path` leads
    to it from the page's source."""
    name = PurePosixPath(path).name
    link = addnodes.download_reference("", "", reftarget=path, refexplicit=True)
    link += nodes.literal(name, name, classes=["download"])
    return nodes.paragraph("", "", link, classes=["livesteps-file"])


def gap(sdk: SDK, chapter: Chapter, step: int) -> list[nodes.Node]:
    """Why a step cannot be done with an SDK, if it cannot."""
    if declared := sdk.gaps(chapter.name).get(step):
        return cannot(f"{sdk.name} cannot do this step", declared)
    return []


def server_gaps(guide: Guide, sdk: SDK, step: Step) -> list[nodes.Node]:
    """Why a step cannot be done on a server, for each where it cannot."""
    made = []
    for name, title in guide.others().items():
        if declared := guide.deviations[name].gap(sdk.id, step):
            what = f"On {title} this step does not do what it should"
            made += cannot(what, declared, nodes.note)
    return made


def cannot(
    what: str,
    why: Gap | ServerGap | Way,
    admonition: type[nodes.Element] = nodes.warning,
) -> list[nodes.Node]:
    """That something cannot be done, and why."""
    text = nodes.paragraph("", f"{what}: {why.reason} ")
    text += nodes.reference("", "See its makers' words", refuri=why.link)
    text += nodes.Text(".")
    return [admonition("", text)]


def output(text: str) -> list[nodes.Node]:
    """What a step printed."""
    text = text.rstrip("\n")
    block = nodes.literal_block(text, text, language="text")
    block["classes"] += ["livesteps-output"]
    return [nodes.paragraph("", "Output", classes=["livesteps-label"]), block]


def requests(made: list[Exchange]) -> list[nodes.Node]:
    """The HTTP requests that a step made, folded."""
    if not made:
        return []
    lines = []
    for exchange in made:
        lines.append(f"{exchange.method} {exchange.path}")
        lines += [f"    {key}: {value}" for key, value in exchange.headers.items()]
        sizes = [f"{exchange.sent:,} bytes sent"] if exchange.sent else []
        sizes += [f"{exchange.received:,} bytes received"] if exchange.received else []
        lines.append("    -> " + ", ".join([str(exchange.status), *sizes]))
    text = "\n".join(lines)
    count = f"{len(made)} HTTP request" + ("s" if len(made) > 1 else "")
    folded = Folded("", title=count)
    folded += nodes.literal_block(text, text, language="text")
    return [folded]


def written(server: str) -> str:
    """A server's name as a sentence begins with it; its own capitals stay."""
    return server[:1].upper() + server[1:]


def stamp(sdk: SDK, recording: Recording, *, fresh: bool) -> nodes.Node:
    """With what, and when, the step ran."""
    servers = " and ".join(
        f"{written(name)} {version}"
        for name, version in sorted(recording.servers.items(), reverse=True)
    )
    language = f"{sdk.language} {recording.language}".rstrip()
    date = f"{recording.date.day} {recording.date:%B %Y}"
    text = f"{sdk.name} {recording.sdk} on {language}"
    text += f", against {servers}" if servers else ""
    text += f". {'Ran' if fresh else 'Recorded'} on {date}."
    return nodes.paragraph(text, text, classes=["livesteps-stamp"])


def table(head: list[str], rows: list[list[str]]) -> nodes.Node:
    """A table of short texts; in all columns but the first are numbers."""

    def row(texts: list[str]) -> nodes.row:
        made = nodes.row()
        for text in texts:
            made += nodes.entry("", nodes.paragraph(text, text))
        return made

    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", row(head))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group, classes=["livesteps-numbers"])
