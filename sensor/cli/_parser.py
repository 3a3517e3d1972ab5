"""The argument parser of `sensor`: errors with codes and the nearest option, and commands listed by task."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, NoReturn

from sensor.cli._codes import USAGE
from sensor.cli._tasks import TASKS, option_suggestion

# Part of argparse's message → error code; the first match. Other messages concern values.
KINDS = (
    ("unrecognized arguments: -", "usage.unknown-option"),
    ("unrecognized arguments", "usage.unexpected-argument"),
    ("arguments are required", "usage.missing-argument"),
    ("expected one argument", "usage.missing-argument"),
    ("expected at least one argument", "usage.missing-argument"),
    ("not allowed with argument", "usage.conflicting-options"),
    ("argument ACTION: invalid choice", "usage.unknown-action"),
    ("argument action: invalid choice", "usage.unknown-action"),
)
CHOICE = re.compile(r"^argument (\S+): invalid choice: (.*) \(choose from (.*)\)$")
# Part of argparse's message → the same in the terms of other messages.
REWORDED = (
    (re.compile(r"^argument (?=\S+: )"), ""),
    (re.compile(r": invalid (?:int|float) value: (.*)$"), r": found \1, expected a number"),
)
OPTIONS = """\
options:
  -h, --help      show this help; after a command, the help of that command
  --version       show the version"""
NAME_WIDTH = 14
# Examples are not wrapped.
CODE = ("  sensor ", "  sudo ", "  tcpdump ")
# Below this width, lines break like argparse's own.
LEAST_WIDTH = 40


class Formatter(argparse.HelpFormatter):
    """Help in which paragraphs are wrapped, and lists and examples keep their lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=max(shutil.get_terminal_size().columns - 2, LEAST_WIDTH))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(wrapped(text, width))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """``-n, --lines N``, in all versions of Python."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of a text. Paragraphs are filled; an indented list item continues below its second column."""
    for number, paragraph in enumerate(re.split(r"\n{2,}", text.strip("\n"))):
        yield from ([""] if number else [])
        for line in _joined(paragraph.splitlines()):
            second = re.match(r"  \S.*?  +(?=\S)", line)
            is_code = line.startswith(CODE) or (line.startswith(" ") and second is None)
            yield (
                line if is_code else textwrap.fill(line, width, subsequent_indent=" " * (second.end() if second else 0))
            )


def _joined(lines: list[str]) -> list[str]:
    """Joins lines that the source wraps: prose, up to a colon or a list, and continuations of list entries."""
    found: list[str] = []
    for line in lines:
        is_rest = line.startswith("   ") or not (line.startswith(" ") or found[-1:] == [] or found[-1].startswith(" "))
        if found and is_rest and not found[-1].endswith(":"):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found


class Parser(argparse.ArgumentParser):
    """Prints usage errors with their code."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after one line: all options would hide it. A mistyped option gets the nearest one."""
        code = next((code for part, code in KINDS if part in message), "usage.invalid-value")
        if code == "usage.unknown-option":
            message += self._nearest(message.partition(": ")[2].split()[0])
        message = CHOICE.sub(_choice, message)
        for pattern, words in REWORDED:
            message = pattern.sub(words, message)
        end = "" if message.endswith("?") else ";"
        self.exit(USAGE, f"{self.prog}: {message}{end} `{self.prog} --help` shows its arguments [{code}]\n")

    def _nearest(self, option: str) -> str:
        near = option_suggestion(option, self._option_string_actions)
        return f": did you mean {near}?" if near else ""


def _choice(found: re.Match[str]) -> str:
    """The message about a value that is none of the choices, in the terms of other messages."""
    from sensor.documents import nearest

    name, value, choices = found[1], found[2], found[3].replace("'", "").split(", ")
    what = f"no action {value}" if name.lower() == "action" else f"{name}: found {value}"
    return f"{what}, {nearest(value.strip(chr(39)), choices)}"


class TopParser(Parser):
    """The parser of `sensor` itself. ``abouts``: commands with their summaries."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.abouts: dict[str, str] = {}

    def error(self, message: str) -> NoReturn:
        """Without arguments, all commands are listed."""
        if message.endswith("required: COMMAND"):
            self.print_help(sys.stderr)
        super().error(message)

    def format_help(self) -> str:
        """Commands by task, wrapped to the terminal."""
        width = max(shutil.get_terminal_size().columns - 2, LEAST_WIDTH)
        parts = [
            self.format_usage(),
            textwrap.fill(self.description or "", width),
            *listed(self.abouts, width),
            "\n".join(wrapped(OPTIONS, width)),
            "\n".join(wrapped(self.epilog or "", width)),
        ]
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def listed(abouts: dict[str, str], width: int) -> Iterator[str]:
    """A paragraph per task with its commands."""
    for task, names in TASKS.items():
        lines = [_line(name, abouts[name], width) for name in names if name in abouts]
        if lines:
            yield "\n".join((f"{task}:", *lines))


def _line(name: str, about: str, width: int) -> str:
    indent = " " * (NAME_WIDTH + 2)
    return textwrap.fill(about, width, initial_indent=f"  {name:{NAME_WIDTH}}", subsequent_indent=indent)
