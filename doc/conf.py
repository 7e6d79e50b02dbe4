"""Sphinx's configuration of the guide."""

import os
from urllib.parse import urlsplit

from livesteps import __version__
from livesteps.guide.shelf import shelf

project = "Making it durable"
author = "The authors of the guide"
copyright = "2026, the authors of the guide; Apache License 2.0"
language = "en"
version = release = __version__

extensions = ["livesteps.guide", "livesteps.guide.manual", "notfound.extension"]
exclude_patterns = ["livesteps/first"]
nitpicky = True

html_theme = "furo"
html_title = "Making it durable"
html_static_path = ["_static"]
html_css_files = ["guide.css"]
html_show_sphinx = False

# Where the site is published: what is shared and found needs whole addresses.
html_baseurl = os.environ.get(
    "GUIDE_URL", os.environ.get("READTHEDOCS_CANONICAL_URL", "")
)
if html_baseurl:
    extensions += ["sphinx_sitemap", "sphinxext.opengraph"]
    sitemap_url_scheme = "{link}"
    sitemap_excludes = ["404.html", "genindex.html", "search.html"]
    ogp_site_url = html_baseurl
    ogp_social_cards = {"enable": False}
    ogp_image = "_static/card.jpg"
    ogp_image_alt = "Making it durable: OpenStack Object Storage, step by step"

# The page for what is not there is shown at any depth.
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "There is no such page",
    "body": "<h1>There is no such page</h1>\n<p>It may have moved. Begin at the "
    f'<a href="{notfound_urls_prefix}index.html">first page</a>, or search.</p>',
}

# The tool's manual is a part of the site. An edition for one SDK, and what a reader
# takes along, is the guide alone.
suppress_warnings = ["toc.excluded"]


def leave_out_the_manual(app):
    """Called when the builder is known, before Sphinx looks for pages."""
    if shelf(app.config).single or app.builder.name not in ("html", "linkcheck"):
        app.config.exclude_patterns.append("livesteps/**")


def setup(app):
    """Called by Sphinx."""
    app.connect("builder-inited", leave_out_the_manual)


epub_show_urls = "no"
epub_tocdup = False
epub_exclude_files = ["_static/card.jpg"]
