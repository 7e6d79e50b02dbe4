"""The gate in whatever project it is installed for."""

from __future__ import annotations

import pytest
from elsewhere import elsewhere

TEST = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    pass
"""


def scheduler(ran: pytest.RunResult) -> str:
    """What xdist says of who gave the tests to its processes."""
    [line] = [each for each in ran.outlines if each.startswith("scheduling tests via ")]
    return line.rpartition(" ")[2]


def over_two(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in two processes."""
    return pytester.runpytest_subprocess("-v", "-n", "2", *arguments)


def test_a_project_without_a_guide_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=TEST)
    pytester.makefile(".toml", sdk="")
    ran = over_two(pytester)
    ran.assert_outcomes(passed=4)
    assert scheduler(ran) == "LoadScheduling"
    # Nor is anything of a run loaded there.
    pytester.makepyfile(
        conftest="""
        import sys

        def pytest_unconfigure():
            loaded = [name for name in sys.modules if name.startswith("livesteps")]
            print("loaded:", *sorted(loaded))
        """
    )
    ran = pytester.runpytest_subprocess("-s")
    ran.stdout.fnmatch_lines(["loaded: livesteps livesteps.gate"])


def test_a_guide_is_collected_and_kept_together_wherever_it_lies(
    pytester: pytest.Pytester,
) -> None:
    folder = pytester.mkdir("deep") / "deeper"
    folder.mkdir()
    elsewhere(folder)
    pytester.makepyfile(test_it=TEST)
    ran = over_two(pytester)
    assert scheduler(ran) == "LoadFileScheduling"
    # It has no recording, and runs nevertheless.
    ran.assert_outcomes(passed=4, failed=2)
    # Where it is not among what is asked for, it changes nothing.
    assert scheduler(over_two(pytester, "test_it.py")) == "LoadScheduling"
