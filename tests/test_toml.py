"""A chapter's file and sdk.toml: what is said of a mistake, and on which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from livesteps.errors import Problem
from livesteps.read.guide import load_guide
from livesteps.read.plugins import load_plugins
from livesteps.read.sdk import load_sdk

GUIDE = "samples/guide.toml"
STEPS = "samples/durability.toml"
SDK = "samples/libcloud/sdk.toml"


def spoil(path: Path, old: str, new: str) -> int:
    """Replace the first `old` in a file by `new`; the line where it stood."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def complaint(path: Path) -> str:
    """What is said of the guide that a file is in, with the file's name alone."""
    toml = path.parent / "guide.toml"
    if not toml.exists():
        toml = path.parents[1] / "guide.toml"
    with pytest.raises(Problem) as raised:
        _ = load_guide(toml).sdks
    return str(raised.value).replace(str(path), path.name)


@pytest.mark.parametrize(
    ("file", "old", "new", "below", "said"),
    [
        pytest.param(*case[1:], id=case[0])
        for case in [
            (
                *("unknown key", SDK, "lexer =", "lexxer ="),
                *(0, "unknown key 'lexxer'; did you mean 'lexer'?"),
            ),
            (
                *("unknown key in a table", SDK, "\nsdk =", "\nskd ="),
                *(1, "unknown key 'skd'; did you mean 'sdk'?"),
            ),
            (
                *("unknown key, nothing near", SDK, "lexer =", "qq ="),
                *(0, "unknown key 'qq'; known: boundary, build, ca, cannot, check, "),
            ),
            (
                *("missing key", SDK, 'comment = "#"\n', ""),
                *(None, "key 'comment' is missing; add it"),
            ),
            ("wrong type", SDK, 'comment = "#"', "comment = 1", 0, "comment: "),
            ("not TOML", SDK, 'comment = "#"', 'comment = "#', 0, "not TOML: "),
            (
                *("no command", SDK, '["{python}", "{sample}"]', "[]"),
                *(0, "command: "),
            ),
            (
                *("boundary without the step", SDK, "\\x1e{step}", "\\x1estep"),
                *(0, "boundary: it must be one line and hold {step}; see"),
            ),
            (
                *("boundary of two lines", SDK, "'print(\"", '"\\n{step}" #'),
                *(0, "boundary: it must be one line and hold {step}; see"),
            ),
            (
                *("unknown lexer", SDK, '"python"', '"pyhton"'),
                *(0, "lexer: unknown 'pyhton'; did you mean 'python'?"),
            ),
            (
                *("no sample", SDK, '"{chapter}.py"', '"durable.py"'),
                *(0, "sample: there is no file 'durable.py' beside it; write it"),
            ),
            (
                *("unknown placeholder", SDK, '"{sample}"', '"{simple}"'),
                *(0, "command: unknown '{simple}'; did you mean 'sample'?"),
            ),
            (
                *(
                    "opening of two lines",
                    SDK,
                    "comment =",
                    'opening = "a\\nb"\ncomment =',
                ),
                *(0, "opening: it must be one line; leave the others out"),
            ),
            (
                *("unknown placeholder of a check", SDK, '"79", "{sample}"'),
                '"79", "{built}"',
                *(0, "check: unknown '{built}'; known: "),
            ),
            (
                *("unknown server", SDK, '["debian", ', '["debain", '),
                *(0, "servers.0: unknown 'debain'; did you mean 'debian'?"),
            ),
            (
                *("unknown key", STEPS, "token = true", "tokens = true"),
                *(0, "unknown key 'tokens'; did you mean 'token'?"),
            ),
            (
                *("unknown key at the top", STEPS, "[files]", "[flies]"),
                *(0, "unknown key 'flies'; did you mean 'files'?"),
            ),
            (
                *("unknown key of an object", STEPS, "segments =", "segment ="),
                *(0, "unknown key 'segment'; did you mean 'segments'?"),
            ),
            (
                *("missing title", STEPS, 'title = "upload an object"\n', ""),
                *(-2, "key 'title' is missing; add it"),
            ),
            (
                *("missing holds", STEPS, "holds = {}", ""),
                *(-5, "key 'holds' is missing; add it"),
            ),
            (
                *("wrong type", STEPS, "number = 4", 'number = "4"'),
                *(0, "step.3.number: Input should be a valid integer"),
            ),
            (
                *("truth is no number", STEPS, "token = true", "token = 1"),
                *(0, "step.0.token: Input should be a valid boolean"),
            ),
            ("not TOML", STEPS, "number = 7", "number = ", 0, "not TOML: "),
            (
                *("unknown file", STEPS, 'file = "big.bin"', 'file = "bag.bin"'),
                *(0, "unknown file 'bag.bin'; did you mean 'big.bin'?"),
            ),
            (
                *(
                    "unknown file to download",
                    STEPS,
                    '= "goat.jpg" }',
                    '= "goat.png" }',
                ),
                *(0, "unknown file 'goat.png'; did you mean 'goat.jpg'?"),
            ),
            (
                *("unknown file for an md5", STEPS, 'md5 = "goat.jpg"', 'md5 = "goat"'),
                *(0, "unknown file 'goat'; did you mean 'goat.jpg'?"),
            ),
            (
                *(
                    "unknown object",
                    STEPS,
                    '["an amazing goat"]',
                    '["an amazing gnat"]',
                ),
                *(
                    0,
                    "unknown object 'an amazing gnat'; did you mean 'an amazing goat'?",
                ),
            ),
            (
                *("unknown container", STEPS, '= "fractals"', '= "fractal"'),
                *(0, "unknown container 'fractal'; did you mean 'fractals'?"),
            ),
            (
                *("two steps of one number", STEPS, "number = 5", "number = 4"),
                *(0, "step 4 stands where step 5 is due; number the steps from 1"),
            ),
            (
                *("a hole", STEPS, "number = 5", "number = 6"),
                *(0, "step 6 stands where step 5 is due; number the steps from 1"),
            ),
            (
                *("no such file", STEPS, '"goat.jpg" = {}', '"gnat.jpg" = {}'),
                *(0, "file 'gnat.jpg' is not beside it; add the file, or give a"),
            ),
            (
                *("no size", STEPS, "size = 6291456", "size = 0"),
                *(0, "files.big.bin.size: "),
            ),
        ]
    ],
)
def test_a_mistake_is_named_with_its_line(
    guide_folder: Path, file: str, old: str, new: str, below: int | None, said: str
) -> None:
    path = guide_folder / file
    line = spoil(path, old, new)
    found = complaint(path)
    if below is not None:
        assert found.startswith(f"{path.name}:{line + below}: {said}")
    else:
        assert found.startswith(f"{path.name}:")
        assert said in found


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ("fractal/goat", "unknown container 'fractal'; did you mean 'fractals'?"),
        ("fractals/gnat", "unknown object 'gnat'; did you mean 'goat'?"),
    ],
)
def test_what_a_step_shares_must_be_there(
    guide_folder: Path, shared: str, said: str
) -> None:
    path = guide_folder / STEPS
    line = spoil(path, 'shares = "fractals/goat"', f'shares = "{shared}"')
    assert complaint(path) == f"durability.toml:{line}: {said}"


def test_a_file_that_is_not_utf8_is_named(guide_folder: Path) -> None:
    path = guide_folder / SDK
    path.write_bytes(b'name = "\xe9"\n')
    assert complaint(path) == "sdk.toml:1: byte 8 is not UTF-8; save it as UTF-8"


def test_a_file_that_is_not_there_is_named(guide_folder: Path) -> None:
    path = guide_folder / STEPS
    path.unlink()
    assert "durability.toml:1: cannot be read: No such file" in complaint(path)
    with pytest.raises(Problem, match=r"/sdk.toml:1: cannot be read: No such file"):
        load_sdk(path.parent / "sdk.toml", load_plugins([], path.parent), ["one"])


def test_a_folder_without_an_sdk_toml_is_no_sdk(guide_folder: Path) -> None:
    (guide_folder / "samples" / "fractals").mkdir()
    assert list(load_guide(guide_folder / GUIDE).sdks) == ["libcloud"]


def test_a_generated_file_is_the_same_every_time_and_of_its_size(
    guide_folder: Path,
) -> None:
    first, again = (
        load_guide(guide_folder / GUIDE).chapters["durability"].files["big.bin"]
        for _ in range(2)
    )
    assert len(first.content) == 6291456
    assert first.md5 == again.md5
