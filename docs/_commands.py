"""docs/reference/commands.md: every command with its arguments, from the parser that reads them."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from docs._markdown import code, inline, link, page, prose, table
from sensor.cli.main import EPILOG, commands, names, parser

EXITS = "exit codes: "
INTRODUCTION = """\
This page lists every command with its arguments; `sensor COMMAND --help` prints the same text. Options can precede or
follow other arguments. Commands that print lists accept `--json`, which prints one JSON object per line. Colors are
used only on a terminal.
"""


class Argument(NamedTuple):
    """``names``: of an option, empty for a positional argument; ``value``: placeholder of the value or argument."""

    names: tuple[str, ...]
    value: str
    about: str


class Command(NamedTuple):
    """A command with its help. ``about``: its docstring with the first line; ``exits``: its own exit codes, empty if it
    has the common ones.
    """

    name: str
    summary: str
    about: str
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]
    exits: tuple[tuple[str, str], ...]

    @property
    def usage(self) -> str:
        """The command line with placeholders."""
        return " ".join(["sensor", self.name, "[OPTION…]", *(one.value for one in self.arguments if not one.names)])

    @property
    def options(self) -> list[Argument]:
        return [one for one in self.arguments if one.names]


def all_commands() -> list[Command]:
    """All commands, in the order of ``names()``."""
    top = parser()
    below = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return [_command(name, below.choices[name]) for name in names()]


def _command(name: str, one: argparse.ArgumentParser) -> Command:
    module = commands([name])[name]
    about, _, reported = inspect.cleandoc(str(module.__doc__)).partition(f"\n{EXITS}")
    exits, _, more = reported.partition("\n\n")
    examples = tuple(line.strip() for line in module.EXAMPLES.splitlines() if line.strip())
    arguments = tuple(
        _argument(action)
        for action in one._actions
        if not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS
    )
    return Command(
        name,
        about.splitlines()[0].rstrip("."),
        f"{about.strip()}\n\n{more}".strip(),
        arguments,
        examples,
        tuple(_codes(exits)),
    )


def _argument(action: argparse.Action) -> Argument:
    """An argument of the parser, with default values inserted into its help."""
    about = (action.help or "") % (vars(action) | {"prog": "sensor"}) if action.help else ""
    if action.option_strings:
        return Argument(
            tuple(action.option_strings), "" if action.nargs == 0 else _value(action, action.dest.upper()), about
        )
    value = _value(action, action.dest.upper())
    several = action.nargs in ("*", "+") and not value.endswith("…") and " " not in value
    value = f"{value}…" if several else value
    return Argument((), f"[{value}]" if action.nargs in ("*", "?") else value, about)


def _value(action: argparse.Action, otherwise: str) -> str:
    if action.metavar is not None:
        return str(action.metavar) if isinstance(action.metavar, str) else " ".join(action.metavar)
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else otherwise


def exit_codes() -> list[tuple[str, str]]:
    """(code, meaning) of the common exit codes."""
    return _codes(EPILOG.partition(EXITS)[2])


def _codes(reported: str) -> list[tuple[str, str]]:
    """Split ``0 done, 1 not found`` into (code, meaning) pairs."""
    parts = re.split(r", (?=\d+ )", " ".join(reported.split())) if reported else []
    return [(number, meaning) for part in parts for number, _, meaning in [part.partition(" ")]]


def command_page() -> str:
    """The page."""
    return page("Commands", _lines())


def _lines() -> Iterator[str]:
    found = all_commands()
    yield INTRODUCTION
    yield from table(("command", "what it does"), [(link(f"sensor {one.name}"), inline(one.summary)) for one in found])
    yield from (
        "## Exit codes",
        "",
        "These apply to all commands that do not list their own.",
        "",
        *_exits(exit_codes()),
    )
    for one in found:
        yield from (f"## sensor {one.name}", "", "```text", one.usage, "```", "")
        yield from prose(one.about)
        yield from table(
            ("argument", "meaning"),
            [(_shown(argument), inline(argument.about)) for argument in one.arguments if argument.about],
        )
        yield from ("```sh", *one.examples, "```", "")
        yield from _exits(one.exits) if one.exits else ()


def _exits(codes: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from table(("exit code", "meaning"), [(code(number), inline(meaning)) for number, meaning in codes])


def _shown(one: Argument) -> str:
    return code(", ".join(one.names) + (f" {one.value}" if one.value else "")) if one.names else code(one.value)
