project = "Copying files"
extensions = ["livesteps.guide"]
html_theme = "furo"
