"""What a rule reads: for each of its kinds the fields, and the conditions that all matches meet. With it a rule can be
evaluated on stored traffic, if that has these fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.rules.model import Block, Rule, Step
from sensor.rules.values import Sets, items_of

_BRACES = lazy_pattern(r"\{([a-z][a-z0-9_.]*)\}")
# Fields in the text of an alert that are not fields of the event.
_OF_TEXT = frozenset(("count", "src", "dst"))


class FieldNeed(NamedTuple):
    """A condition on a field: one of the values must fit."""

    field: str
    operator: str
    values: tuple[str | int | float, ...]


class KindUse(NamedTuple):
    """One kind that a rule watches. ``needs``: conditions that each match meets."""

    kind: str
    fields: frozenset[str]
    needs: tuple[FieldNeed, ...]


def uses(rule: Rule, sets: Sets) -> list[KindUse]:
    """What a valid rule reads of each of its kinds."""
    found = list[KindUse]()
    for step in rule.steps:
        fields = frozenset(_fields(rule, step))
        needs = tuple(_needs(step.where, sets))
        found += [KindUse(kind, fields, needs) for kind in step.when]
    return found


def _fields(rule: Rule, step: Step) -> Iterator[str]:
    for block in (step.where, *step.any, *step.unless):
        yield from block
    yield from step.by or rule.by
    if rule.distinct:
        yield rule.distinct
    if step is rule.steps[-1]:
        yield from (name for name in _BRACES.findall(rule.summary or rule.title) if name not in _OF_TEXT)


def _needs(where: Block, sets: Sets) -> Iterator[FieldNeed]:
    for field, condition in where.items():
        conditions: dict[str, Any] = condition if isinstance(condition, dict) else {"is": condition}
        for operator, wanted in conditions.items():
            if operator not in ("not", "present"):
                yield FieldNeed(field, operator, tuple(items_of(wanted, sets)))
