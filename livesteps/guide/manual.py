"""Directives that make a reference from the code: a Sphinx extension of its own."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from livesteps import __version__
from livesteps.errors import nearest
from livesteps.guide.shelf import shelf
from livesteps.read.tomlfile import Table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

NAMES = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "date": "date",
    "float": "float",
}
"""Of Python's types, as TOML calls them."""


@dataclass(frozen=True)
class Key:
    """A key of a TOML file, as the class says that reads it."""

    name: str
    kind: Any
    text: str
    """What stands below it in the class."""
    required: bool


def keys_of(table: type) -> Iterator[Key]:
    """Those of a class, in their order.

    `LookupError` names a key that is not explained, neither there nor by the class
    of its value.
    """
    kinds = typing.get_type_hints(table, include_extras=True)
    [body] = ast.parse(textwrap.dedent(inspect.getsource(table))).body
    assert isinstance(body, ast.ClassDef)
    for line, below in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
            continue
        name, kind = line.target.id, kinds[line.target.id]
        if typing.get_origin(kind) is ClassVar:
            continue
        inner = table_in(kind)
        text = (inspect.getdoc(inner) if inner else "") or ""
        match below:
            case ast.Expr(value=ast.Constant(value=str(written))):
                text = written
        if not text:
            raise LookupError(f"'{name}' of {table.__name__} is not explained")
        field = getattr(table, "model_fields", {}).get(name)
        shown = field.alias or name if field else name
        yield Key(shown, kind, inspect.cleandoc(text), line.value is None)


def table_in(kind: Any) -> type | None:
    """The class of the tables in a value, if there are any."""
    if isinstance(kind, type) and (
        issubclass(kind, Table) or hasattr(kind, "__dataclass_fields__")
    ):
        return kind
    return next(filter(None, map(table_in, typing.get_args(kind))), None)


def in_toml(kind: Any) -> str:
    """What TOML calls a value of this type."""
    inner = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Annotated:
            return in_toml(inner[0])
        case typing.Union | types.UnionType:
            some = [each for each in inner if each is not types.NoneType]
            return " or ".join(map(in_toml, some))
        case origin if origin is list:
            return f"array of {_plural(in_toml(inner[0]))}"
        case origin if origin is dict:
            return f"table of {_plural(in_toml(inner[1]))}"
    return "table" if table_in(kind) else NAMES[kind.__name__]


def _plural(words: str) -> str:
    return re.sub(r"^\w+|(?<= or )\w+", r"\g<0>s", words)


class Made(SphinxDirective):
    """A directive that makes a list of definitions."""

    def listed(self, items: Iterable[nodes.Node]) -> nodes.Element:
        """The list of what `item` made."""
        return nodes.definition_list("", *items)

    def item(
        self, name: str, about: str, text: str, below: Iterable[nodes.Node] = ()
    ) -> nodes.Node:
        """A name, a few words on it, and what it means."""
        made = nodes.definition_list_item()
        made += nodes.term("", "", nodes.literal(name, name))
        if about:
            made += nodes.classifier(about, about)
        made += nodes.definition("", *self.parsed(text), *below)
        return made

    def parsed(self, docstring: str) -> list[nodes.Node]:
        """A docstring, in which `code` stands between single backticks; options of a
        command are code, too."""
        text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", inspect.cleandoc(docstring))
        text = re.sub(r"(?<![\w`-])--[a-z][\w-]*(?!`)\b", r"``\g<0>``", text)
        return self.parse_text_to_nodes(text)

    def keys(self, table: type) -> nodes.Node:
        """The keys of a class, and in them those of the tables that they hold."""
        items = []
        for key in keys_of(table):
            about = in_toml(key.kind) + (", required" if key.required else "")
            inner = table_in(key.kind)
            below = [self.keys(inner)] if inner else []
            items.append(self.item(key.name, about, key.text, below))
        return self.listed(items)

    def kind_keys(self, kinds: dict[str, Any]) -> Iterator[nodes.Node]:
        """Keys that a plugin declares by their types."""
        for name, kind in kinds.items():
            inner = table_in(kind)
            text = _description(kind) or (inspect.getdoc(inner) if inner else "")
            if not text:
                raise self.error(
                    f"'{name}' is not explained;"
                    " write its type as Annotated[..., 'text']"
                )
            below = [self.keys(inner)] if inner else []
            yield self.item(name, in_toml(kind), text, below)


class KeysDirective(Made):
    """The keys of a TOML file: `.. livesteps-keys:: livesteps.read.guide.GuideFile`
    names the class that reads it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the class, and what stands below each of its fields."""
        module, _, name = self.arguments[0].rpartition(".")
        try:
            table = getattr(importlib.import_module(module), name)
            return [self.keys(table)]
        except (AttributeError, ImportError, ValueError):
            raise self.error(
                f"there is no class '{self.arguments[0]}'; give its module and name"
            ) from None
        except LookupError as error:
            raise self.error(f"{error.args[0]}; write a docstring below it") from None


class PluginsDirective(Made):
    """What plugins bring: `.. livesteps-plugins:: kinds`, or `servers` or `changes`.

    `:of:` takes only those of one package or module.
    """

    required_arguments = 1
    option_spec: ClassVar = {"of": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """List those that the guide's plugins bring."""
        known = {"kinds": self._kinds, "servers": self._servers, "changes": self._named}
        what = self.arguments[0]
        if what not in known:
            raise self.error(f"plugins bring no '{what}'; {nearest(what, known)}")
        plugins = shelf(self.config).guide.plugins
        found = dict(getattr(plugins, what))
        if what == "servers":
            found.update(plugins.reached)
        prefix = self.options.get("of", "")
        ours = {
            name: each
            for name, each in found.items()
            if _module(each).startswith(prefix)
        }
        if not ours:
            raise self.error(f"'{prefix}' brings no {what}; see the guide's plugins")
        return [self.listed(known[what](ours))]

    def _kinds(self, found: dict[str, Any]) -> Iterator[nodes.Node]:
        for key, kind in sorted(found.items()):
            below: list[nodes.Node] = []
            for where, keys in (
                ("At the top of the chapter's file it brings:", kind.tables),
                ("In ``sdk.toml`` it brings:", kind.sdk_keys),
            ):
                if keys:
                    below += self.parsed(where)
                    below.append(self.listed(self.kind_keys(keys)))
            text = inspect.getdoc(kind) or ""
            yield self.item(key, in_toml(kind.type), text, below)

    def _servers(self, found: dict[str, Any]) -> Iterator[nodes.Node]:
        for name, server in found.items():
            yield self.item(name, server.title, inspect.getdoc(server) or "")

    def _named(self, found: dict[str, Any]) -> Iterator[nodes.Node]:
        for name, each in found.items():
            yield self.item(name, "", inspect.getdoc(each) or "")


class CommandDirective(Made):
    """A command of `livesteps`, with the options that it has in this guide:
    `.. livesteps-command:: run`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """What its `--help` says."""
        [script] = entry_points(group="console_scripts", name="livesteps")
        main = script.load()

        name = self.arguments[0]
        context = click.Context(main, info_name="livesteps")
        command = main.get_command(context, name)
        if command is None:
            known = main.list_commands(context)
            raise self.error(f"there is no command '{name}'; {nearest(name, known)}")
        own = click.Context(command, info_name=name, parent=context)
        with chdir(shelf(self.config).guide.root):
            options = [
                each
                for each in command.get_params(own)
                if isinstance(each, click.Option) and "--help" not in each.opts
            ]
            records = [option.get_help_record(own) for option in options]
            pieces = " ".join(command.collect_usage_pieces(own))
        items = [self.item(record[0], "", record[1]) for record in records if record]
        usage = f"{own.command_path} {pieces}"
        return [
            nodes.literal_block(usage, usage, language="none"),
            *self.parsed(command.help or ""),
            *([self.listed(items)] if items else []),
        ]


class DirectivesDirective(Made):
    """The directives of an extension: `.. livesteps-directives:: livesteps.guide`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Those of its `DIRECTIVES`, each with what its class says of it."""
        found = importlib.import_module(self.arguments[0]).DIRECTIVES
        return [
            self.listed(
                self.item(name, _options(each), inspect.getdoc(each) or "")
                for name, each in sorted(found.items())
            )
        ]


def _description(kind: Any) -> str:
    """The text of `Annotated[..., "text"]`."""
    texts = [each for each in typing.get_args(kind) if isinstance(each, str)]
    return next(iter(texts), "")


def _options(directive: Any) -> str:
    options = ", ".join(directive.option_spec or ())
    return f"with the option {options}" if options else ""


def _module(each: Any) -> str:
    """Where a class, or the class of an object, is written."""
    return str((each if isinstance(each, type) else type(each)).__module__)


DIRECTIVES: dict[str, type[SphinxDirective]] = {
    "livesteps-command": CommandDirective,
    "livesteps-directives": DirectivesDirective,
    "livesteps-keys": KeysDirective,
    "livesteps-plugins": PluginsDirective,
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx for `extensions = ["livesteps.guide.manual"]`."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {
        "version": __version__,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
