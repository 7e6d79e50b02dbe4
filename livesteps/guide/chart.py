"""Charts: bars of a few numbers, drawn in the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from docutils import nodes

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


def chart(title: str, bars: list[tuple[str, int]]) -> nodes.Node:
    """A chart, which says in words what it shows."""
    told = ", ".join(f"{name} {value:,}" for name, value in bars)
    text = f"{title}: {told}."
    return Chart("", nodes.paragraph(text, text), bars=bars)
