"""Shell completion of ``sensor`` for bash, zsh and fish, generated from its argument parser: ``python
packaging/completions.py bash``.

It completes commands, actions, options and the choices of options; files and interfaces where a command or an option
takes them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sensor.cli.main import commands, names, parser

# Metavariables of the help whose value is a path.
PATHS = ("FILE", "DIR", "PATH", "LIST", "CAPTURE")
INTERFACES = "ls /sys/class/net"


class Option(NamedTuple):
    """``value``: kind of the value: ``file``, ``interface``, choices separated by spaces, ``any``; empty for a flag."""

    flags: tuple[str, ...]
    about: str
    value: str


class Command(NamedTuple):
    """``actions``: choices of the first argument; ``files``: whether arguments may be files."""

    name: str
    about: str
    options: list[Option]
    actions: list[str]
    files: bool


def described() -> list[Command]:
    """All commands, read from their parsers."""
    below = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    abouts = {choice.dest: choice.help or "" for choice in below._choices_actions}
    found = []
    for name, module in commands(names()).items():
        actions = below.choices[name]._actions
        files = any(
            not action.option_strings and any(word in str(action.metavar) for word in PATHS) for action in actions
        )
        options = [_option(action) for action in actions if action.option_strings]
        found.append(Command(name, _plain(abouts[name]), options, list(getattr(module, "ACTIONS", ())), files))
    return found


def _option(action: argparse.Action) -> Option:
    value = ""
    if action.choices:
        value = " ".join(map(str, action.choices))
    elif action.nargs != 0:
        value = "file" if action.metavar in PATHS else "interface" if "--interface" in action.option_strings else "any"
    return Option(tuple(action.option_strings), _plain(action.help or ""), value)


def _plain(text: str) -> str:
    """The help text without characters that a shell interprets."""
    return re.sub(r"[\[\]'\"`:$\\]", "", text.replace("%%", "%").partition("(")[0]).strip()


def bash(found: list[Command]) -> Iterator[str]:
    yield "# Completion of sensor(1) for bash."
    yield "_sensor() {"
    yield '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words="" files=""'
    yield '    case "$COMP_CWORD ${COMP_WORDS[1]} $before" in'
    yield f"""        "1 "*) words="{" ".join(one.name for one in found)} --help --version" ;;"""
    for one in found:
        yield from _bash_cases(one)
    yield "    esac"
    yield '    [[ $word == -* ]] && files=""'
    yield "    COMPREPLY=()"
    yield '    while IFS= read -r word; do COMPREPLY+=("$word"); done < <('
    yield '        compgen -W "$words" -- "$2"; [[ -z $files ]] || compgen -f -- "$2")'
    yield "    [[ -z $files ]] || compopt -o filenames 2>/dev/null"
    yield "    return 0"
    yield "}"
    yield "complete -F _sensor sensor"


def _bash_cases(one: Command) -> Iterator[str]:
    """Cases of one command: the value of an option, else actions and options."""
    for option in one.options:
        if option.value:
            known = {"file": "files=1", "interface": f"words=$({INTERFACES})", "any": ":"}
            value = known.get(option.value, f'words="{option.value}"')
            before = " | ".join(f'*" {one.name} {flag}"' for flag in option.flags)
            yield f"        {before}) {value} ;;"
    flags = [flag for option in one.options for flag in option.flags if flag.startswith("--")]
    files = " files=1" if one.files else ""
    yield f"""        "2 {one.name} "*) words="{" ".join([*one.actions, *flags])}"{files} ;;"""
    yield f"""        *" {one.name} "*) words="{" ".join(flags)}"{files} ;;"""


def zsh(found: list[Command]) -> Iterator[str]:
    yield "#compdef sensor"
    yield "# Completion of sensor(1) for zsh."
    yield "_sensor() {"
    yield "    local -a commands"
    yield "    commands=("
    yield from (f"        '{one.name}:{one.about}'" for one in found)
    yield "    )"
    yield "    if (( CURRENT == 2 )); then"
    yield "        _describe command commands"
    yield "        return"
    yield "    fi"
    yield "    local command=$words[2]"
    yield "    shift words"
    yield "    (( CURRENT-- ))"
    yield "    case $command in"
    for one in found:
        yield f"        {one.name})"
        yield "            _arguments -S \\"
        yield from (f"                {_zsh_option(option)} \\" for option in one.options)
        if one.actions:
            yield f"                '1:action:({' '.join(one.actions)})' \\"
        yield f"                '*:argument:{'_files' if one.files else ' '}' ;;"
    yield "    esac"
    yield "}"
    yield '_sensor "$@"'


def _zsh_option(option: Option) -> str:
    known = {"": "", "file": ":file:_files", "interface": f":interface:($({INTERFACES}))", "any": ":value: "}
    value = known.get(option.value, f":word:({option.value})")
    return " ".join(f"'*{flag}[{option.about}]{value}'" for flag in option.flags)


def fish(found: list[Command]) -> Iterator[str]:
    yield "# Completion of sensor(1) for fish."
    yield "complete -c sensor -f"
    yield "complete -c sensor -n __fish_use_subcommand -l version -d 'the version'"
    for one in found:
        yield f"complete -c sensor -n __fish_use_subcommand -a {one.name} -d '{one.about}'"
        seen = f"__fish_seen_subcommand_from {one.name}"
        if one.actions:
            yield (
                f"complete -c sensor -n '{seen}; and test (count (commandline -opc)) -eq 2' -a "
                f"'{' '.join(one.actions)}'"
            )
        if one.files:
            yield f"complete -c sensor -n '{seen}' -F"
        yield from (f"complete -c sensor -n '{seen}' {_fish_option(option)}" for option in one.options)


def _fish_option(option: Option) -> str:
    flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
    known = {"": "", "file": " -r -F", "interface": f" -x -a '({INTERFACES})'", "any": " -x"}
    value = known.get(option.value, f" -x -a '{option.value}'")
    return f"{flags}{value} -d '{option.about}'"


SHELLS: dict[str, Callable[[list[Command]], Iterator[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SHELLS:
        sys.exit(f"usage: completions.py {'|'.join(SHELLS)}")
    print("\n".join(SHELLS[sys.argv[1]](described())))
