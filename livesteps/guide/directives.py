"""`step` and `sdk`: a step of the guide in the tabs of all SDKs; and
`requests-table`: how many requests each step made; `trouble`: what is said then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.directives.code import LiteralInclude
from sphinx.util.docutils import SphinxDirective

from livesteps.errors import Problem, nearest
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
from livesteps.kit import SERVERS, Kit
from livesteps.recording import output_path
from livesteps.trouble import read_said, trouble_path

FILE = "making-it-durable"
"""What an edition's PDF and EPUB are called, without their endings."""


class sdk_text(nodes.General, nodes.Element):  # noqa: N801 - as docutils names nodes
    """Text that belongs in one SDK's tab, until its step puts it there."""


class SdkDirective(SphinxDirective):
    """Text for one SDK, inside a step: `.. sdk:: libcloud`."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Read the text; the step around it moves it into its tab."""
        wanted = self.arguments[0]
        known = shelf(self.config).all_ids
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


class StepDirective(SphinxDirective):
    """A step, as a tab for each SDK: code, output, requests, stamp.

    `.. step:: 4`; in its content, text for all SDKs stands above the tabs,
    and text under `sdk` in that SDK's tab, above the code.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """The text for all, then the tabs (or the one SDK of this edition)."""
        parts = shelf(self.config)
        written = self.arguments[0]
        if not written.isdecimal() or not 1 <= int(written) <= len(parts.steps):
            raise self.error(
                f"there is no step '{written}'; they are 1 to {len(parts.steps)}"
            )
        number = int(written)
        text = _step_text()
        self.state.nested_parse(self.content, self.content_offset, text)
        own: dict[str, list[nodes.Node]] = {}
        shared: list[nodes.Node] = []
        for node in text.children:
            if isinstance(node, sdk_text):
                own.setdefault(node["sdk"], []).extend(node.children)
            else:
                shared.append(node)
        self.env.note_dependency(str(parts.steps.path))
        self.env.note_dependency(str(parts.servers[SERVERS[0]].path))
        contents = {
            kit.id: own.get(kit.id, []) + self._step_of(kit, number)
            for kit in parts.kits
        }
        if parts.single:
            return shared + contents[parts.kits[0].id]
        tabs = [tab(kit, contents[kit.id]) for kit in parts.kits]
        made = tab_set(tabs)
        self.set_source_info(made)
        return [*shared, made]

    def _step_of(self, kit: Kit, number: int) -> list[nodes.Node]:
        parts = shelf(self.config)
        recording = parts.recordings[kit.id]
        folder = parts.folders[kit.id]
        self.env.note_dependency(str(kit.folder / "sdk.toml"))
        self.env.note_dependency(str(folder / "run.toml"))
        self.env.note_dependency(str(output_path(folder, number)))
        return [
            *gap(kit, number),
            *server_gaps(kit, parts.steps.steps[number - 1], parts.servers),
            *self._code_of(kit, number, kit.path),
            *output(recording.outputs[number - 1]),
            *requests(recording.steps[number - 1].request),
            stamp(kit, recording, fresh=kit.id in parts.fresh),
            *(self._ways_of(kit) if number == 1 else ()),
        ]

    def _ways_of(self, kit: Kit) -> list[nodes.Node]:
        """The other blocks that may take the place of step 1's."""
        made: list[nodes.Node] = []
        for way in shelf(self.config).steps.ways.values():
            has = kit.ways.get(way.name)
            if has is None:
                continue
            if has.sample:
                kit.way(way.name)  # its markers are checked
                code = self._code_of(kit, 1, kit.folder / has.sample)
                made.append(Folded("", *code, title=f"Connect {way.title}"))
            else:
                made += cannot(f"{kit.name} does not connect {way.title}", has)
        return made

    def _code_of(self, kit: Kit, number: int, file: Path) -> list[nodes.Node]:
        """The block of a step in a file, by Sphinx's own `literalinclude`."""
        above = f"{kit.opening}\n" if kit.opening and number == 1 else None
        source = os.path.dirname(self.env.doc2path(self.env.docname))
        path = os.path.relpath(file, source)
        made = LiteralInclude(
            name="literalinclude",
            arguments=[path],
            options={
                "language": kit.lexer,
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
    """What each SDK says in a trouble, as a tab: `.. trouble:: wrong-password`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The tabs, or the words of the one SDK of this edition."""
        parts = shelf(self.config)
        name = self.arguments[0]
        if name not in parts.troubles:
            raise self.error(
                f"unknown trouble '{name}'; {nearest(name, parts.troubles)}"
            )
        self.env.note_dependency(str(parts.samples / "troubles.toml"))
        contents = {kit.id: self._said_by(kit, name) for kit in parts.kits}
        if parts.single:
            return contents[parts.kits[0].id]
        made = tab_set([tab(kit, contents[kit.id]) for kit in parts.kits])
        self.set_source_info(made)
        return [made]

    def _said_by(self, kit: Kit, name: str) -> list[nodes.Node]:
        folder = kit.folder / "recorded"
        self.env.note_dependency(str(trouble_path(folder, name)))
        try:
            said = read_said(folder, name)
        except Problem as problem:
            raise self.error(str(problem)) from None
        if said:
            return output(said)
        text = "The program is not stopped by this: it runs on."
        return [nodes.paragraph(text, text)]


class RequestsTableDirective(SphinxDirective):
    """How many requests each step made, as a tab for each SDK: `.. requests-table::`.

    Beside the SDK's own numbers stand the fewest and the most of all SDKs; not
    so in the edition for one.
    """

    def run(self) -> list[nodes.Node]:
        """The tabs, or the one table of this edition."""
        parts = shelf(self.config)
        for kit in parts.kits:
            self.env.note_dependency(str(parts.folders[kit.id] / "run.toml"))
        if parts.single:
            return [self._table_of(parts.kits[0])]
        made = tab_set([tab(kit, [self._table_of(kit)]) for kit in parts.kits])
        self.set_source_info(made)
        return [made]

    def _table_of(self, kit: Kit) -> nodes.Node:
        parts = shelf(self.config)
        counts = {
            id_: [len(step.request) for step in recording.steps]
            for id_, recording in parts.recordings.items()
        }
        for each in counts.values():
            each.append(sum(each))
        titles = [f"{step.number} {step.title}" for step in parts.steps.steps]
        head = ["Step", "Requests", "Any SDK"]
        rows = []
        for row, title in enumerate([*titles, "all steps"]):
            of_all = [each[row] for each in counts.values()]
            low, high = min(of_all), max(of_all)
            between = str(low) if low == high else f"{low}\N{EN DASH}{high}"
            rows.append([title, str(counts[kit.id][row]), between])
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
            for kit in parts.kits:
                made += self._item(kit.name, f"editions/{quote(kit.id)}/", "alone")
        return [made]

    def _item(self, name: str, folder: str, here: str = "") -> nodes.Node:
        links = [(here, f"{folder}index.html")] if here else []
        links += [("PDF", f"{folder}{FILE}.pdf"), ("EPUB", f"{folder}{FILE}.epub")]
        text = nodes.paragraph("", f"{name}: ")
        for index, (title, uri) in enumerate(links):
            text += nodes.Text(", " if index else "")
            text += nodes.reference("", title, refuri=uri, internal=True)
        return nodes.list_item("", text)
