"""Converts Sigma rules for network log sources to rules of the sensor. pySigma (the extra ``sigma``) parses them; rules
with unsupported parts are rejected, never converted in part.

The condition is converted to disjunctive normal form; several conditions of a block on one field become one regular
expression.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.core.attack import TECHNIQUES
from sensor.documents import DocumentErrors, foreign_documents, nearest
from sensor.rules.fields import fields_of
from sensor.rules.load import EmptyContext
from sensor.rules.sigma_sources import NUMBERED, PARTS, Source, sources_of
from sensor.rules.values import OPERATORS, Kind

if TYPE_CHECKING:
    from sigma.rule import SigmaRule
    from sigma.rule.base import SigmaRuleBase
    from sigma.types import SigmaString

BLOCKS_LIMIT = 64
_TEXT = frozenset((Kind.TEXT, Kind.TEXTS))
_OPPOSITE = {"above": "at_most", "at_most": "above", "below": "at_least", "at_least": "below", "is": "not", "not": "is"}


class NotConvertible(Exception):
    """Why a rule cannot be converted, as text."""


class Comparison(NamedTuple):
    """A field, an operator of ``values``, and values of which one must match; or with negation, none."""

    field: str
    operator: str
    values: tuple[Any, ...]
    wanted: bool = True


Blocks = list[list[Comparison]]


def imported(path: Path, text: str, ids: set[str]) -> tuple[list[str], list[str]]:
    """The rules in a Sigma file, each as an entry of a rule file; and the rejected ones with the reason, as text.
    ``ids``: those of rules converted before, to which the new ones are added. Raises NotConvertible if it is not a
    Sigma file, or pySigma is not installed.
    """
    try:
        from sigma.collection import SigmaCollection
        from sigma.exceptions import SigmaError
    except ImportError:
        raise NotConvertible(
            "pySigma is needed to read rules of Sigma: pip install 'passive-network-sensor[sigma]'"
        ) from None
    try:
        documents = foreign_documents(path, text)
        rules = (
            list(SigmaCollection.from_dicts(documents, collect_errors=True))
            if all(isinstance(one, dict) for one in documents)
            else []
        )
    except (DocumentErrors, SigmaError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise NotConvertible(f"not a file of Sigma: {' '.join(str(error).split())[:200]}") from None
    if not rules:
        raise NotConvertible("not a file of Sigma: no rules in it")
    entries, refused = [], []
    for rule in rules:
        try:
            entries.append(_entry(_sound(rule), ids))
        except (NotConvertible, SigmaError) as error:
            refused.append(f"{rule.title}: {' '.join(str(error).split())[:300]}")
    return entries, refused


def _sound(rule: SigmaRuleBase) -> SigmaRule:
    """A rule without errors in pySigma."""
    from sigma.rule import SigmaRule

    if rule.errors:
        raise NotConvertible("; ".join(" ".join(str(error).split()) for error in rule.errors))
    if not isinstance(rule, SigmaRule):
        raise NotConvertible("correlations are not supported; use count and within in a rule")
    return rule


def _id_of(title: str, ids: set[str]) -> str:
    """An id from a title, with a number if an earlier rule has it."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60].lstrip("0123456789_").rstrip("_") or "rule"
    found = next(one for number in itertools.count(1) if (one := f"{name}_{number}" if number > 1 else name) not in ids)
    ids.add(found)
    return found


def _entry(rule: SigmaRule, ids: set[str]) -> str:
    """A converted rule as text: JSON values after keys, which is YAML. ``ids``: those of earlier rules."""
    source, blocks = _watched(rule)
    fields: dict[str, Any] = {
        "id": _id_of(rule.title, ids),
        "title": rule.title[:128],
        "severity": _severity(rule),
        "attack": [one for tag in rule.tags if tag.namespace == "attack" and (one := tag.name.upper()) in TECHNIQUES],
        "false_positives": "; ".join(rule.falsepositives)[:1024],
        "author": (rule.author or "")[:128],
        "reference": next(iter([*rule.references, str(rule.id or "")]), "")[:512],
        "actor": source.actor,
        "when": source.when,
        **(
            {"where": _block(blocks[0], source)}
            if len(blocks) == 1
            else {"any": [_block(block, source) for block in blocks]}
        ),
    }
    if len(fields["false_positives"]) < 3:
        del fields["false_positives"]
    lines = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items() if value not in ("", [])
    ]
    return "  - " + "\n    ".join(lines) + "\n"


def _severity(rule: SigmaRule) -> str:
    level = rule.level.name.lower() if rule.level is not None else "medium"
    return "info" if level == "informational" else level


def _watched(rule: SigmaRule) -> tuple[Source, Blocks]:
    """The source that has all fields of the rule, and the conditions."""
    where = rule.logsource
    sources = sources_of(where.category, where.product, where.service)
    if not sources:
        named = ", ".join(
            f"{name} {value}"
            for name, value in (("category", where.category), ("product", where.product), ("service", where.service))
            if value
        )
        raise NotConvertible(f"the log source ({named or 'none'}) is not a supported network log source")
    parsed = [condition.parsed for condition in rule.detection.parsed_condition]
    blocks = [block for one in parsed for block in _either(_tree(one), wanted=True)]
    if len(blocks) > BLOCKS_LIMIT:
        raise NotConvertible(f"the condition comes to {len(blocks)} alternatives, at most {BLOCKS_LIMIT} are supported")
    used = dict.fromkeys(leaf.field for block in blocks for leaf in block)
    for source in sources:
        if all(name in source.fields for name in used):
            return source, blocks
    known = list(dict.fromkeys(name for source in sources for name in source.fields))
    unknown = [name for name in used if name not in known]
    raise NotConvertible(
        f"no counterpart of the field {unknown[0]!r}, {nearest(unknown[0], known)}"
        if unknown
        else f"no event has all of {', '.join(used)}"
    )


# Conditions.


class _Node(NamedTuple):
    """``operator``: and, or, not, or leaf."""

    operator: str
    below: tuple[_Node, ...] = ()
    leaf: Comparison | None = None


def _tree(item: Any) -> _Node:
    """The condition from pySigma, with field names of this sensor; conditions on one field are combined."""
    from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR

    if isinstance(item, ConditionFieldEqualsValueExpression):
        return _Node("leaf", leaf=_on_path(_leaf(item.field, item.value)))
    operator = {ConditionAND: "and", ConditionOR: "or", ConditionNOT: "not"}.get(type(item))
    if operator is None:
        raise NotConvertible("it searches for keywords in raw log lines, which do not exist here")
    below = [_tree(one) for one in item.args]
    return _Node("or", tuple(_together(below))) if operator == "or" else _Node(operator, tuple(below))


def _together(nodes: list[_Node]) -> Iterable[_Node]:
    """Alternatives with one field and operator become one leaf with several values."""
    found: dict[tuple[str, str], Comparison] = {}
    for node in nodes:
        leaf = node.leaf
        if leaf is None or (leaf.operator in _OPPOSITE and leaf.operator != "is"):
            yield node
            continue
        known = found.get((leaf.field, leaf.operator))
        found[leaf.field, leaf.operator] = (
            leaf if known is None else known._replace(values=(*known.values, *leaf.values))
        )
    yield from (_Node("leaf", leaf=leaf) for leaf in found.values())


def _leaf(field: str, value: Any) -> Comparison:
    from sigma.types import (
        SigmaBool,
        SigmaCIDRExpression,
        SigmaCompareExpression,
        SigmaNull,
        SigmaNumber,
        SigmaRegularExpression,
        SigmaString,
    )

    if isinstance(value, SigmaString):
        return _of_text(field, value)
    if isinstance(value, SigmaNumber):
        return Comparison(field, "is", (value.number,))
    if isinstance(value, SigmaCIDRExpression):
        return Comparison(field, "is", (str(value.cidr),))
    if isinstance(value, SigmaBool):
        return Comparison(field, "is", (value.boolean,))
    if isinstance(value, SigmaNull):
        return Comparison(field, "present", (False,))
    if isinstance(value, SigmaRegularExpression):
        return Comparison(field, "matches", (str(value.regexp),))
    if isinstance(value, SigmaCompareExpression):
        operators = {"LT": "below", "LTE": "at_most", "GT": "above", "GTE": "at_least"}
        return Comparison(field, operators[value.op.name], (value.number.number,))
    raise NotConvertible(f"the field {field!r} is compared with an unsupported value ({type(value).__name__})")


def _on_path(leaf: Comparison) -> Comparison:
    """A condition on a part of a path as one on the path."""
    template = PARTS.get(leaf.field, {}).get(leaf.operator)
    if template is not None:
        values = tuple(template.replace("{}", re.escape(str(value))) for value in leaf.values)
        return leaf._replace(operator="matches", values=values)
    if leaf.field == "c-uri-extension":
        raise NotConvertible(f"the field {leaf.field!r} is compared with {leaf.operator}, expected a whole extension")
    return leaf


def _of_text(field: str, value: SigmaString) -> Comparison:
    """Text with wildcards, as the simplest equivalent operator."""
    parts = list(value.s)
    plain = [part for part in parts if isinstance(part, str)]
    if not parts or (len(plain) == 1 and len(parts) == 1):
        return Comparison(field, "is", ("".join(plain),))
    many = ["*" if not isinstance(part, str) and part.name == "WILDCARD_MULTI" else "" for part in parts]
    if len(plain) == 1 and "".join(many) == "*" * (len(parts) - 1):
        operator = "contains" if len(parts) == 3 else "begins" if many[1] else "ends"
        return Comparison(field, operator, (plain[0],))
    return Comparison(field, "matches", (f"^(?:{value.to_regex().regexp})$",))


def _either(node: _Node, *, wanted: bool) -> Blocks:
    """The disjunctive normal form: blocks of which one must match."""
    if node.leaf is not None:
        return [[node.leaf._replace(wanted=wanted)]]
    if node.operator == "not":
        return _either(node.below[0], wanted=not wanted)
    below = [_either(one, wanted=wanted) for one in node.below]
    if (node.operator == "or") is wanted:
        return [block for blocks in below for block in blocks]
    if (size := _product(len(blocks) for blocks in below)) > BLOCKS_LIMIT:
        raise NotConvertible(f"the condition comes to {size} alternatives, at most {BLOCKS_LIMIT} are supported")
    return [[leaf for block in blocks for leaf in block] for blocks in itertools.product(*below)]


def _product(sizes: Iterable[int]) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


# Blocks.


def _block(leaves: list[Comparison], source: Source) -> dict[str, Any]:
    """The conditions on each field."""
    kinds = {name: field.kind for name, field in fields_of([source.when], EmptyContext()).items()}
    by_field: dict[str, list[Comparison]] = {}
    for leaf in dict.fromkeys(leaves):
        by_field.setdefault(source.fields[leaf.field], []).append(_numbered(leaf))
    return {field: _field_conditions(field, kinds[field], some) for field, some in by_field.items()}


def _numbered(leaf: Comparison) -> Comparison:
    """Record type names and similar values as the numbers that the sensor uses."""
    table = NUMBERED.get(leaf.field)
    if table is None:
        return leaf
    values = tuple(table.get(str(value).lower(), value) for value in leaf.values)
    if leaf.operator not in {"is", "present"} or not all(isinstance(value, int) for value in values):
        raise NotConvertible(
            f"the field {leaf.field!r} is compared with {leaf.values[0]!r}, expected one of {', '.join(table)}"
        )
    return leaf._replace(values=values)


def _field_conditions(field: str, kind: Kind, leaves: list[Comparison]) -> Any:
    """All conditions on a field: as operators if each is used once, otherwise as one regular expression."""
    by_operator: dict[str, Any] = {}
    for leaf in leaves:
        operator, values = _with_operator(field, kind, leaf)
        if operator is None or operator in by_operator:
            if kind is not Kind.TEXT:
                raise NotConvertible(f"the condition on {field} is not supported for {kind.value}")
            return {"matches": "".join(_ahead(each) for each in leaves)}
        if operator not in OPERATORS[kind]:
            raise NotConvertible(f"{field} is {kind.value} and does not support {leaf.operator}")
        by_operator[operator] = values[0] if len(values) == 1 else list(values)
    return by_operator["is"] if list(by_operator) == ["is"] else by_operator


def _with_operator(field: str, kind: Kind, leaf: Comparison) -> tuple[str | None, tuple[Any, ...]]:
    """The operator and values of a leaf; no operator if only a regular expression can express it."""
    values = leaf.values
    if kind in {Kind.NUMBER, Kind.NUMBERS} and leaf.operator == "is":
        values = tuple(int(value) if isinstance(value, str) and value.isdigit() else value for value in values)
    if kind in _TEXT and leaf.operator == "is":
        values = tuple(map(str, values))
    if leaf.operator == "present":
        if kind not in {Kind.TEXT, Kind.TEXTS, Kind.ADDRESS}:
            raise NotConvertible(f"{field} is never empty")
        return "present", (bool(values[0]) is leaf.wanted,)
    if kind is Kind.FLAG and leaf.operator == "is":
        return "is", ((str(values[0]).lower() == "true") is leaf.wanted,)
    if leaf.wanted:
        return leaf.operator, values
    return (_OPPOSITE[leaf.operator], values) if leaf.operator in _OPPOSITE else (None, values)


def _ahead(leaf: Comparison) -> str:
    """A leaf as a look-ahead from the beginning of the text."""
    sign = "=" if leaf.wanted else "!"
    if leaf.operator == "present":
        return "^(?=.)" if bool(leaf.values[0]) is leaf.wanted else "^(?!.)"
    texts = [str(value) if leaf.operator == "matches" else re.escape(str(value)) for value in leaf.values]
    around = {"is": "{}$", "begins": "{}", "ends": ".*{}$", "contains": ".*{}", "matches": ".*(?:{})"}[leaf.operator]
    either = "|".join(around.replace("{}", text) for text in texts)
    return f"^(?{sign}{either})"
