"""The Sphinx extension: pages made of steps that ran."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rcssmin
import rjsmin

from livesteps import __version__
from livesteps.guide.chart import Chart, visit_chart
from livesteps.guide.diagram import Diagram, DiagramDirective, visit_diagram
from livesteps.guide.directives import (
    EditionsDirective,
    RequestsTableDirective,
    SdkDirective,
    StepDirective,
    TroubleDirective,
)
from livesteps.guide.links import StepLinkTransform
from livesteps.guide.matrix import MatrixDirective
from livesteps.guide.nodes import (
    FlatTransform,
    Folded,
    LabelTransform,
    depart_folded,
    skip,
    visit_folded,
)
from livesteps.guide.shelf import open_shelf

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.docutils import SphinxDirective


DIRECTIVES: dict[str, type[SphinxDirective]] = {
    "diagram": DiagramDirective,
    "editions": EditionsDirective,
    "matrix": MatrixDirective,
    "requests-table": RequestsTableDirective,
    "sdk": SdkDirective,
    "step": StepDirective,
    "trouble": TroubleDirective,
}


def bring_static(app: Sphinx) -> None:
    """Let Sphinx copy the style and script of this package."""
    app.config.html_static_path.append(str(Path(__file__).with_name("static")))


def shrink(app: Sphinx, exception: Exception | None) -> None:
    """Leave comments and blanks out of the style and script that are ours."""
    if exception or app.builder.format != "html":
        return
    for name, small in (("css", rcssmin.cssmin), ("js", rjsmin.jsmin)):
        path = Path(app.outdir) / "_static" / f"livesteps.{name}"
        if path.is_file():
            path.write_text(small(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx for `extensions = ["livesteps.guide"]`."""
    app.setup_extension("sphinx_design")
    app.add_config_value("livesteps_samples", "../samples", "env", str)
    app.add_config_value("livesteps_fresh", "", "env", str)
    # Not to be set: `open_shelf` does, so that Sphinx reads the pages again
    # when the edition, the SDKs or the places of their recordings are others.
    app.add_config_value("livesteps_shown", (), "env", (list, tuple))
    for name, directive in DIRECTIVES.items():
        # sphinx-design has a `step`, too, which is not for here.
        app.add_directive(name, directive, override=True)
    written = ("latex", "man", "markdown", "texinfo", "text")
    plain: dict[str, Any] = dict.fromkeys(written, (skip, skip))
    folded = (visit_folded, depart_folded)
    app.add_node(Folded, html=folded, epub=folded, **plain)
    app.add_node(Chart, html=(visit_chart, None), epub=(skip, skip), **plain)
    app.add_node(Diagram, html=(visit_diagram, skip), epub=(skip, skip), **plain)
    app.add_post_transform(StepLinkTransform)
    app.add_post_transform(FlatTransform)
    app.add_post_transform(LabelTransform)
    app.connect("config-inited", open_shelf)
    app.connect("builder-inited", bring_static)
    # Behind those of themes and of other extensions.
    app.add_css_file("livesteps.css", priority=800)
    app.add_js_file("livesteps.js", priority=800)
    app.connect("build-finished", shrink)
    return {
        "version": __version__,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
