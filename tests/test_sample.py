"""A sample's markers: which are right, and what is said of the wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from livesteps.errors import Problem
from livesteps.read.sample import Sample, read_sample

GOOD = """\
# step-1
import os

print(os.name)

# step-2
for letter in "ab":
    print(letter)
    # step-3
    print("in a block")

# step-4
"""
GO = """\
// step-1
package main

import "fmt"

func main() {
\t// step-2
\tfmt.Println("two")

\t// step-3
}
"""
JAVA = """\
// step-1
import java.util.List;

class Durability {
    public static void main(String[] names) {
        // step-2
        System.out.println(List.of("two"));

        // step-3
    }
}
"""


PHP = """\
<?php

// step-1
$word = "one";

// step-2
print $word;

// step-3
"""


def read(path: Path, text: str | bytes, comment: str, lexer: str) -> Sample:
    """Write a program and read it as a sample."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sample(path, comment=comment, lexer=lexer)


@pytest.mark.parametrize(
    ("text", "line", "what", "todo"),
    [
        pytest.param("", 1, "no '# step-1'", "mark where", id="empty"),
        pytest.param("print(1)\n", 1, "no '# step-1'", "mark where", id="no marker"),
        pytest.param(
            "# step-1\nprint(1)\n", 1, "no '# step-2'", "the end of the last", id="one"
        ),
        pytest.param(
            "print(1)\n# step-2\nprint(2)\n# step-3\n",
            *(2, "marker 'step-2' comes where '# step-1' is due", "put the missing"),
            id="first is missing",
        ),
        pytest.param(
            "# step-1\nprint(1)\n# step-3\nprint(3)\n# step-4\n",
            *(3, "marker 'step-3' comes where '# step-2' is due", "put the missing"),
            id="middle is missing",
        ),
        pytest.param(
            "# step-1\nprint(1)\n# step-2\nprint(2)\n",
            *(4, "code after the closing marker step-2", "move it into the last step"),
            id="closing is missing",
        ),
        pytest.param(
            "# step-1\nprint(1)\n# step-2\nprint(2)\n# step-2\n",
            *(5, "marker 'step-2' is here again (first on line 3)", "'# step-3'"),
            id="repeated",
        ),
        pytest.param(
            "# step-1\nprint(1)\n# step-3\nprint(2)\n# step-2\nprint(3)\n# step-4\n",
            *(3, "marker 'step-3' comes where '# step-2' is due", "put the missing"),
            id="out of order",
        ),
        *(
            pytest.param(
                f"# step-1\nprint(1)\n{wrong}\nprint(2)\n# step-3\n",
                *(3, f"'{wrong}' is not a marker", "write '# step-2', alone"),
                id=wrong,
            )
            for wrong in [
                *("# step 2", "# Step-2", "#step-2", "# step_2", "#  step-2"),
                *("# step-02", "# step-2 upload", "# step-2.", "## step-2"),
            ]
        ),
        pytest.param(
            '# step-1\nprint("""\n# step-2\n""")\n# step-2\nprint(2)\n# step-3\n',
            *(3, "'step-2' looks like a marker, but is code or in a string", "words"),
            id="in a triple-quoted string",
        ),
        pytest.param(
            "# step-1\nprint('see step-1')\n# step-2\n",
            *(2, "'step-1' looks like a marker", "literalinclude would take it"),
            id="in a string",
        ),
        pytest.param(
            "# step-1\nprint(1)  # step-2\nprint(2)\n# step-3\n",
            *(2, "marker 'step-2' shares its line with code", "a line of its own"),
            id="beside code",
        ),
        pytest.param(
            "import os\n# step-1\nprint(1)\n# step-2\n",
            *(1, "code before step-1", "move it into step 1"),
            id="code before",
        ),
        pytest.param(
            "# step-1\nprint(1)\n# step-2\n\n# the end\nprint(2)\n",
            *(6, "code after the closing marker step-2", "move it"),
            id="code after",
        ),
        pytest.param(
            b"# step-1\r\nprint(1)\r\n# step-2\r\n",
            *(1, "lines end with CR", "plain newlines"),
            id="CRLF",
        ),
        pytest.param(
            b"# step-1\nprint(1)\n# caf\xe9\n# step-2\n",
            *(3, "not UTF-8", "save it as UTF-8"),
            id="Latin-1",
        ),
    ],
)
def test_wrong_markers_are_named_with_their_line(
    tmp_path: Path, text: str | bytes, line: int, what: str, todo: str
) -> None:
    path = tmp_path / "sample.py"
    with pytest.raises(Problem) as raised:
        read(path, text, "#", "python")
    said = str(raised.value)
    assert said.startswith(f"{path}:{line}: ")
    said = said.removeprefix(f"{path}:{line}: ")
    assert what in said.partition("; ")[0]
    assert todo in said.partition("; ")[2]


def test_a_sample_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    with pytest.raises(Problem, match=r"sample.py:1: cannot be read: No such file"):
        read_sample(path, comment="#", lexer="python")


def test_blocks_are_what_stands_between_the_markers(tmp_path: Path) -> None:
    sample = read(tmp_path / "sample.py", GOOD, "#", "python")
    assert sample.steps == 3
    assert [sample.line_of(step) for step in (1, 2, 3)] == [1, 6, 9]
    assert sample.block(1) == "import os\n\nprint(os.name)\n\n"
    assert sample.block(2) == 'for letter in "ab":\n    print(letter)\n'
    assert sample.block(3) == '    print("in a block")\n\n'


def test_boundaries_stand_on_the_lines_of_the_markers(tmp_path: Path) -> None:
    sample = read(tmp_path / "sample.py", GOOD, "#", "python")
    found = sample.with_boundaries("wait('{step}')").splitlines()
    expected = GOOD.splitlines()
    expected[5] = "wait('step-2')"
    expected[8] = "    wait('step-3')"
    expected[11] = "wait('step-4')"
    assert found == expected


@pytest.mark.parametrize(
    ("text", "lexer", "block"),
    [
        pytest.param(GO, "go", '\tfmt.Println("two")\n\n', id="Go"),
        pytest.param(
            JAVA, "java", '        System.out.println(List.of("two"));\n\n', id="Java"
        ),
    ],
)
def test_brackets_may_close_after_the_last_marker(
    tmp_path: Path, text: str, lexer: str, block: str
) -> None:
    sample = read(tmp_path / "sample", text, "//", lexer)
    assert sample.block(2) == block
    found = sample.with_boundaries("at({step});").splitlines()
    assert len(found) == len(text.splitlines())
    last = sample.markers[-1] - 1
    marker = text.splitlines()[last]
    assert found[last] == marker.replace("// step-3", "at(step-3);")
    assert found[last + 1 :] == text.splitlines()[last + 1 :]


def test_in_go_code_after_the_last_marker_is_still_wrong(tmp_path: Path) -> None:
    text = GO.replace("// step-3\n", '// step-3\n\tfmt.Println("more")\n')
    with pytest.raises(Problem, match=r"sample:11: code after the closing marker"):
        read(tmp_path / "sample", text, "//", "go")


def test_a_change_of_one_character_changes_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    digests = {
        read(path, text, "#", "python").digest
        for text in (GOOD, GOOD, GOOD.replace('"ab"', '"ac"'))
    }
    assert len(digests) == 2


def read_php(path: Path, text: str) -> Sample:
    """Write and read a program of a language whose files begin with one line."""
    path.write_text(text)
    options = {"startinline": True}
    return read_sample(
        path, comment="//", lexer="php", lexer_options=options, opening="<?php"
    )


def test_the_opening_of_a_file_is_shown_in_step_1(tmp_path: Path) -> None:
    sample = read_php(tmp_path / "sample.php", PHP)
    assert sample.block(1) == '<?php\n\n$word = "one";\n\n'
    assert sample.block(2) == "print $word;\n\n"
    assert sample.line_of(1) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PHP.removeprefix("<?php\n"), "php:1: it does not begin with '<?php'; make it"),
        (PHP.replace("<?php\n", "<?php\n$a = 1;"), "php:2: code before step-1, which"),
    ],
)
def test_nothing_but_the_opening_stands_before_step_1(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(Problem) as raised:
        read_php(tmp_path / "sample.php", text)
    assert said in str(raised.value)


def test_an_opening_that_no_reader_would_see_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "sample.php"
    path.write_text(PHP)
    options = {"startinline": True}
    with pytest.raises(Problem, match=r"php:1: code before step-1"):
        read_sample(path, comment="//", lexer="php", lexer_options=options)
