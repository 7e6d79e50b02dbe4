"""`step` and `sdk`: a step of the guide in the tabs of all SDKs; and
`requests-table`: how many requests each step made; `trouble`: the message
of each SDK in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.directives.code import LiteralInclude
from sphinx.util.docutils import SphinxDirective

from livesteps.errors import Problem, nearest
from livesteps.guide.labels import label_of, put_label
from livesteps.guide.nodes import (
    Folded,
    cannot,
    file_name,
    gap,
    output,
    requests,
    server_gaps,
    stamp,
    tab,
    tab_set,
    table,
)
from livesteps.guide.shelf import shelf
from livesteps.read.chapter import Chapter
from livesteps.read.recording import output_path
from livesteps.read.sdk import SDK
from livesteps.read.trouble import read_message, trouble_path


class sdk_text(nodes.General, nodes.Element):  # noqa: N801 - as docutils names nodes
    """Text that belongs in one SDK's tab, until its step puts it there."""


class SdkDirective(SphinxDirective):
    """Text for one SDK, inside a step: `.. sdk:: NAME`, by its folder."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Read the text; the step around it moves it into its tab."""
        wanted = self.arguments[0]
        known = shelf(self.config).guide.sdks
        if wanted not in known:
            raise self.error(f"unknown SDK '{wanted}'; {nearest(wanted, known)}")
        if not isinstance(self.state_machine.node, _step_text):
            raise self.error(
                "'sdk' stands outside of a step; write it directly inside one"
            )
        self.assert_has_content()
        text = sdk_text("", sdk=wanted)
        self.state.nested_parse(self.content, self.content_offset, text)
        return [text]


class _step_text(nodes.General, nodes.Element):  # noqa: N801
    """The content of a step, while it is read."""


class Chaptered(SphinxDirective):
    """A directive that is about a chapter: that of its page, or the one it names."""

    option_spec: ClassVar = {"chapter": directives.unchanged_required}

    def chapter(self) -> Chapter:
        """Which one it is."""
        parts = shelf(self.config)
        known = parts.guide.chapters
        if name := self.options.get("chapter"):
            if name not in known:
                raise self.error(f"unknown chapter '{name}'; {nearest(name, known)}")
            return known[name]
        found = parts.chapter(self.env.docname)
        if found is None and len(known) > 1:
            example = next(iter(known))
            raise self.error(
                f"this page is of no chapter; say which, as ':chapter: {example}'"
            )
        return found or next(iter(known.values()))


class StepDirective(Chaptered):
    """A step, as a tab for each SDK: code, output, requests, stamp.

    `.. step:: 4`; in its content, text for all SDKs stands above the tabs,
    and text under `sdk` in that SDK's tab, above the code. The section around it
    gets the label `CHAPTER-step-4`. `:chapter:` names another chapter than that
    of the page.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The text for all, then the tabs (or the one SDK of this edition)."""
        parts = shelf(self.config)
        chapter = self.chapter()
        written = self.arguments[0]
        if not written.isdecimal() or not 1 <= int(written) <= len(chapter):
            raise self.error(
                f"there is no step '{written}'; they are 1 to {len(chapter)}"
            )
        number = int(written)
        section = self.state_machine.node
        if isinstance(section, nodes.section):
            put_label(self.state.document, section, label_of(chapter, number))
        text = _step_text()
        self.state.nested_parse(self.content, self.content_offset, text)
        own: dict[str, list[nodes.Node]] = {}
        shared: list[nodes.Node] = []
        for node in text.children:
            if isinstance(node, sdk_text):
                own.setdefault(node["sdk"], []).extend(node.children)
            else:
                shared.append(node)
        for path in (
            *(parts.guide.path, chapter.path),
            parts.guide.samples / "servers.toml",
        ):
            self.env.note_dependency(str(path))
        contents = {
            sdk.id: own.get(sdk.id, []) + self._step_of(sdk, chapter, number)
            for sdk in parts.sdks
        }
        if parts.single:
            return shared + contents[parts.sdks[0].id]
        tabs = [tab(sdk, contents[sdk.id]) for sdk in parts.sdks]
        made = tab_set(tabs)
        self.set_source_info(made)
        return [*shared, made]

    def _step_of(self, sdk: SDK, chapter: Chapter, number: int) -> list[nodes.Node]:
        parts = shelf(self.config)
        self.env.note_dependency(str(sdk.toml))
        if lack := sdk.gaps(chapter.name).get(0):
            return cannot(f"{sdk.name} has no program of this chapter", lack)
        recording = parts.recording(sdk, chapter)
        folder = parts.folder(sdk, chapter)
        self.env.note_dependency(str(folder / "run.toml"))
        self.env.note_dependency(str(output_path(folder, number)))
        fresh = (sdk.id, chapter.name) in parts.fresh
        return [
            *gap(sdk, chapter, number),
            *server_gaps(parts.guide, sdk, chapter.steps[number - 1]),
            *self._code_of(sdk, number, sdk.path(chapter.name)),
            *output(recording.outputs[number - 1]),
            *requests(recording.step[number - 1].request),
            stamp(sdk, recording, fresh=fresh),
            *(self._ways_of(sdk, chapter) if number == 1 else ()),
        ]

    def _ways_of(self, sdk: SDK, chapter: Chapter) -> list[nodes.Node]:
        """The other blocks that may take the place of step 1's."""
        made: list[nodes.Node] = []
        for way in chapter.ways.values():
            has = sdk.ways.get(way.name)
            if has is None:
                continue
            if has.sample:
                sdk.block_of(way.name)  # its markers are checked
                code = self._code_of(sdk, 1, sdk.folder / has.sample)
                made.append(Folded("", *code, title=f"Connect {way.title}"))
            else:
                made += cannot(f"{sdk.name} does not connect {way.title}", has)
        return made

    def _code_of(self, sdk: SDK, number: int, file: Path) -> list[nodes.Node]:
        """The block of a step in a file, by Sphinx's own `literalinclude`."""
        above = f"{sdk.opening}\n" if sdk.opening and number == 1 else None
        source = os.path.dirname(self.env.doc2path(self.env.docname))
        path = os.path.relpath(file, source)
        made = LiteralInclude(
            name="literalinclude",
            arguments=[path],
            options={
                "language": sdk.lexer,
                "start-after": f"step-{number}",
                "end-before": f"step-{number + 1}",
                "dedent": None,
                "prepend": above,
                # What has just run is not wrong because Pygments is older.
                "force": None,
            },
            content=StringList(),
            lineno=self.lineno,
            content_offset=self.content_offset,
            block_text=self.block_text,
            state=self.state,
            state_machine=self.state_machine,
        ).run()
        for block in made:
            if isinstance(block, nodes.literal_block):
                # The blank line before the next marker is not the step's. Sphinx
                # colours a block only as long as rawsource and text are the same.
                block.rawsource = block.rawsource.rstrip("\n")
                block[:] = [nodes.Text(block.rawsource)]
        return [file_name(path), *made]


class TroubleDirective(SphinxDirective):
    """The message of each SDK in a trouble, as a tab: `.. trouble:: wrong-password`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The tabs, or the words of the one SDK of this edition."""
        parts = shelf(self.config)
        name = self.arguments[0]
        if name not in parts.guide.troubles:
            raise self.error(
                f"unknown trouble '{name}'; {nearest(name, parts.guide.troubles)}"
            )
        self.env.note_dependency(str(parts.guide.samples / "troubles.toml"))
        contents = {sdk.id: self._message_of(sdk, name) for sdk in parts.sdks}
        if parts.single:
            return contents[parts.sdks[0].id]
        made = tab_set([tab(sdk, contents[sdk.id]) for sdk in parts.sdks])
        self.set_source_info(made)
        return [made]

    def _message_of(self, sdk: SDK, name: str) -> list[nodes.Node]:
        trouble = shelf(self.config).guide.troubles[name]
        folder = sdk.recorded(trouble.chapter)
        self.env.note_dependency(str(trouble_path(folder, name)))
        try:
            message = read_message(folder, name)
        except Problem as problem:
            raise self.error(str(problem)) from None
        if message:
            return output(message)
        text = "The program is not stopped by this: it runs on."
        return [nodes.paragraph(text, text)]


class RequestsTableDirective(Chaptered):
    """How many requests each step made, as a tab for each SDK: `.. requests-table::`.
    `:chapter:` names another chapter than that of the page.

    Beside the SDK's own numbers stand the fewest and the most of all SDKs; not
    so in the edition for one.
    """

    def run(self) -> list[nodes.Node]:
        """The tabs, or the one table of this edition."""
        parts = shelf(self.config)
        chapter = self.chapter()
        shown = [sdk for sdk in parts.sdks if sdk in parts.having(chapter)]
        for sdk in shown:
            self.env.note_dependency(str(parts.folder(sdk, chapter) / "run.toml"))
        if parts.single:
            return [self._table_of(sdk, chapter) for sdk in shown]
        made = tab_set([tab(sdk, [self._table_of(sdk, chapter)]) for sdk in shown])
        self.set_source_info(made)
        return [made]

    def _table_of(self, sdk: SDK, chapter: Chapter) -> nodes.Node:
        parts = shelf(self.config)
        counts = {
            each.id: [len(step.request) for step in parts.recording(each, chapter).step]
            for each in parts.having(chapter)
        }
        for each in counts.values():
            each.append(sum(each))
        titles = [f"{step.number} {step.title}" for step in chapter.steps]
        head = ["Step", "Requests", "Any SDK"]
        rows = []
        for row, title in enumerate([*titles, "all steps"]):
            of_all = [each[row] for each in counts.values()]
            low, high = min(of_all), max(of_all)
            between = str(low) if low == high else f"{low}\N{EN DASH}{high}"
            rows.append([title, str(counts[sdk.id][row]), between])
        if parts.single:
            head, rows = head[:2], [row[:2] for row in rows]
        return table(head, rows)


class EditionsDirective(SphinxDirective):
    """A list of the editions, for where `livesteps editions` builds them."""

    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """This one on paper; then the others."""
        parts = shelf(self.config)
        made = nodes.bullet_list()
        if parts.single:
            made += self._item("This edition", "")
            made += self._item("All SDKs", "../../", "in tabs")
        else:
            made += self._item("All SDKs", "")
            for sdk in parts.sdks:
                made += self._item(sdk.name, f"editions/{quote(sdk.id)}/", "alone")
        return [made]

    def _item(self, name: str, folder: str, here: str = "") -> nodes.Node:
        links = [(here, f"{folder}index.html")] if here else []
        file = folder + shelf(self.config).guide.slug
        links += [("PDF", f"{file}.pdf"), ("EPUB", f"{file}.epub")]
        text = nodes.paragraph("", f"{name}: ")
        for index, (title, uri) in enumerate(links):
            text += nodes.Text(", " if index else "")
            text += nodes.reference("", title, refuri=uri, internal=True)
        return nodes.list_item("", text)
