"""Links to steps, which choose the SDK where there are tabs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from livesteps.guide.shelf import shelf


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
            page, anchor = labels.get(link["label"], ("", ""))
            if not page:
                link.replace_self(link.children)
                continue
            uri = builder.get_relative_uri(self.env.docname, page)
            query = f"?sdk={quote(link['sdk'])}" if link["sdk"] and tabs else ""
            uri = f"{uri}{query}#{anchor}"
            link.replace_self(
                nodes.reference("", "", *link.children, internal=True, refuri=uri)
            )
