"""Commands with actions: the first argument selects one; only its module is imported, so that `--help` is fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from sensor.cli._setup import complain
from sensor.core.phrases import counted

Action = Callable[..., int]


def action_of(args: argparse.Namespace, actions: Mapping[str, Any], usual: str, *, filters: bool = False) -> bool:
    """Split the action off the arguments of a command line; False after an error if there is none of that name.
    ``filters``: filters of devices without an action are those of the usual one.
    """
    if filters and args.operands and _is_filter(args.operands[0]):
        args.operands.insert(0, usual)
    args.action, *args.operands = args.operands or [usual]
    return is_action(args.action, actions)


def is_action(name: str, actions: Iterable[str]) -> bool:
    """Whether a command has the action; False after an error."""
    known = list(actions)
    if name in known:
        return True
    from sensor.documents import nearest

    complain(f"no action {name!r}, {nearest(name, known)}", error="usage.unknown-action")
    return False


def has_arguments(args: argparse.Namespace, count: range | None, form: str) -> bool:
    """Whether an action has the right number of arguments; False after an error. ``count``: how many it takes, None for
    one or more; ``form``: their names.
    """
    found, least = len(args.operands), 1 if count is None else count.start
    if found >= least and (count is None or found < count.stop):
        return True
    complain(
        f"found {counted(found, 'argument')} after {args.action}, expected {f'{args.action} {form}'.strip()}",
        error="usage.missing-argument" if found < least else "usage.unexpected-argument",
    )
    return False


def _is_filter(word: str) -> bool:
    from sensor.views.device_terms import is_term

    return is_term(word)


def function_of(module: str, name: str) -> Action:
    """A function of a module in this folder."""
    found: Action = getattr(import_module(f"sensor.cli.{module}"), name)
    return found
