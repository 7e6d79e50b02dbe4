"""Sphinx's configuration: pages in Markdown, made of steps that ran."""

project = html_title = "A table in PostgreSQL"
extensions = ["myst_parser", "livesteps.guide"]
myst_enable_extensions = ["colon_fence"]
html_theme = "furo"
version, copyright = "1", "2026, the authors of this guide"
