"""A guide of one step that needs nothing but this machine."""

from __future__ import annotations

from pathlib import Path

from small import write_guide

HERE = '''\
"""A server that is this machine."""

from __future__ import annotations

from livesteps.plugin import Account, Server


class Folder(Account):
    """Nothing is stored anywhere."""

    def __init__(self):
        self.environment, self.known, self.secrets = {}, {}, {}
        self.versions = {"here": "1"}


class Here(Server):
    """Always there."""

    name = "here"
    title = "this machine"

    def account(self, purpose):
        """For any program."""
        return Folder()
'''
GUIDE = """\
title = "Elsewhere"
chapters = ["tiny"]
plugins = ["{plugin}"]
server = "{server}"
"""
PAGE = """\
Tiny
====

First
-----

.. step:: 1
"""
INDEX = """\
Elsewhere
=========

.. toctree::

   tiny
"""
CONF = """\
extensions = ["livesteps.guide"]
project = "Elsewhere"
version = "1"
copyright = "nobody"
"""


def elsewhere(folder: Path, plugin: str = "here.py", server: str = "here") -> Path:
    """The folder of a guide of one step, which has a page and a server."""
    guide = write_guide(folder / "guide", ['print("hello")'], [""])
    samples = guide.samples
    (samples / "guide.toml").write_text(GUIDE.format(plugin=plugin, server=server))
    (samples / "here.py").write_text(HERE)
    (guide.folder / "doc").mkdir()
    (guide.folder / "doc" / "conf.py").write_text(CONF)
    (guide.folder / "doc" / "index.rst").write_text(INDEX)
    (guide.folder / "doc" / "tiny.rst").write_text(PAGE)
    return guide.folder
