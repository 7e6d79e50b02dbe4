"""Sphinx's configuration of the guide."""

project = "Making it durable"
author = "The authors of the guide"
copyright = "2026, the authors of the guide; Apache License 2.0"
language = "en"

extensions = ["livesteps.guide"]
nitpicky = True

html_theme = "furo"
html_title = "Making it durable"
html_static_path = ["_static"]
html_css_files = ["livesteps.css"]
html_js_files = ["livesteps.js"]
html_show_sphinx = False
