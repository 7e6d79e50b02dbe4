"""The real guide, for tests of which there is one for each of its SDKs."""

from __future__ import annotations

from small import ROOT

from livesteps.read.guide import load_guide

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
CHAPTER = GUIDE.chapters["durability"]
SDKS = [sdk for sdk in GUIDE.sdks.values() if not sdk.recorded_only]
