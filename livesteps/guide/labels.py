"""Labels: each step's section can be referred to, from any page."""

from __future__ import annotations

from docutils import nodes

from livesteps.read.chapter import Chapter


def label_of(chapter: Chapter, step: int) -> str:
    """What `ref` takes; on the chapter's page the anchor is `step-4`."""
    return f"{chapter.name}-step-{step}"


def put_label(document: nodes.document, section: nodes.Element, label: str) -> None:
    """Give a section a label; its anchor is the part of it that begins with `step`."""
    anchor = label[label.rindex("step-") :]
    section["ids"].append(anchor)
    section["names"].append(label)
    document.ids[anchor] = section
    document.nameids[label] = anchor
    document.nametypes[label] = True
    # What a label of one's own leaves there: writers of Markdown take it for one.
    if section.parent is not None:
        section.parent.insert(
            section.parent.index(section), nodes.target("", "", refid=anchor)
        )
