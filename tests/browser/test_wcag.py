"""Every page of the site against the rules of WCAG, by axe-core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_wcag(
    reader: Callable[..., Any],
    html: Path,
    site: str,
    checkers: Path,
    scheme: str,
    width: int,
) -> None:
    page = reader(color_scheme=scheme, viewport={"width": width, "height": 900})
    broken, checked = [], 0
    for path in sorted(html.rglob("*.html")):
        page.goto(f"{site}/{path.relative_to(html)}")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 1)")
        page.add_script_tag(path=checkers / "axe-core" / "axe.min.js")
        # Of what passes, one place of each rule is told, and not all of them.
        result = page.evaluate(
            """tags => axe.run({
                resultTypes: ['violations'], runOnly: {type: 'tag', values: tags}
            })""",
            WCAG,
        )
        checked += len(result["passes"])
        broken += [
            f"{path.name}: {rule['id']}: {rule['nodes'][0]['html']}: "
            f"{rule['nodes'][0]['failureSummary']} ({len(rule['nodes'])} times)"
            for rule in result["violations"]
        ]
    assert checked > 0
    assert not broken, "\n".join(broken)
