"""``sensor fingerprints list`` and ``show``."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sensor.cli._codes import NOT_FOUND, USAGE
from sensor.cli._colors import coloured, paint
from sensor.cli._setup import complain
from sensor.cli._show import decimal, meant, put, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted
from sensor.fingerprinting.entries import Fingerprint, Knowledge
from sensor.fingerprinting.vocabulary import Vocabulary

COLUMNS = ("fingerprint", "kind", "matches", "asserts")
# Attributes that the summary counts.
SHOWN_ATTRIBUTES = ("type", "vendor", "model", "firmware")
KEYS = ("kind", "vendor", "type", "model", "family", "source", "id")
PATTERN_LIMIT = 60
NEAREST = 3


def list_fingerprints(args: argparse.Namespace, knowledge: Knowledge) -> int:
    """Matching fingerprints by id, in the requested format."""
    wanted = [
        argument.casefold().partition("=")[::2] if "=" in argument else ("", argument.casefold())
        for argument in args.operands
    ]
    unknown = [key for key, _ in wanted if key and key not in KEYS]
    if unknown:
        complain(_no_key(unknown[0]), error="usage.unknown-filter")
        return USAGE
    found = sorted((one for one in knowledge.fingerprints if matches(one, wanted)), key=lambda one: one.id)
    if args.json:
        for one in found:
            put(json.dumps(plain(one), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.summary:
        put(summary(found))
    elif not found:
        put("no fingerprints")
    else:
        put(table(COLUMNS, [_row(one) for one in found], sys.stdout))
        counts = ", ".join(
            f"{count:,} {protocol}" for protocol, count in Counter(map(protocol_of, found)).most_common()
        )
        put(f"{counted(len(found), 'fingerprint')}: {counts}")
    return 0


def _no_key(key: str) -> str:
    from sensor.documents import nearest

    return f"no filter {key!r}, {nearest(key, KEYS)}"


def protocol_of(one: Fingerprint) -> str:
    """The first part of an id: the folder of our own fingerprints."""
    return one.id.partition(".")[0]


def matches(one: Fingerprint, wanted: Iterable[tuple[str, str]]) -> bool:
    """Values of a repeated key are alternatives; different keys, and texts without a key, must all match."""
    either: dict[str, bool] = {}
    for key, text in wanted:
        values = [value.casefold() for value in _values(one, key)]
        hit = text in values if key == "type" else any(text in value for value in values)
        if key:
            either[key] = either.get(key, False) or hit
        elif not hit:
            return False
    return all(either.values())


def _values(one: Fingerprint, key: str) -> Iterable[str]:
    """Values of an entry under a key, or all values."""
    if key in ("vendor", "type", "model"):
        return (one.asserts.get(key, ""),)
    if key:
        return {"kind": one.kinds, "family": (one.family,), "source": (one.about.source,), "id": (one.id,)}[key]
    about = one.about
    samples = (value for value, _ in about.samples)
    return one.id, *one.kinds, *one.match.texts, *one.asserts.values(), about.note, *samples


def _row(one: Fingerprint) -> tuple[str, ...]:
    pattern = f"{one.match.operator} {', '.join(one.match.texts)}"
    pattern = pattern if len(pattern) <= PATTERN_LIMIT else pattern[: PATTERN_LIMIT - 1] + "…"
    return (
        one.id,
        one.kinds[0] + (f" +{len(one.kinds) - 1}" if len(one.kinds) > 1 else ""),
        tidy(pattern),
        _asserts(one),
    )


def _asserts(one: Fingerprint) -> str:
    return ", ".join(
        f"{attribute} {tidy(text)} {decimal(one.certainty[attribute])}" for attribute, text in one.asserts.items()
    )


def plain(one: Fingerprint) -> dict[str, Any]:
    """An entry as a JSON object."""
    about = one.about
    examples = [{"value": value, **expected} for value, expected in about.samples]
    match = {"by": one.match.operator, "texts": one.match.texts, "ignore_case": one.match.ignore_case}
    entry = {
        "id": one.id,
        "kinds": one.kinds,
        "family": one.family,
        "match": match,
        "assert": one.asserts,
        "certainty": one.certainty,
        "examples": examples,
    }
    return {**entry, "negatives": about.negatives, "source": about.source, "note": about.note, "file": one.path}


def summary(found: list[Fingerprint]) -> str:
    """The number of entries per protocol, and how many of them assert the most frequent attributes."""
    counts = Counter(map(protocol_of, found))
    asserted = Counter((protocol_of(one), attribute) for one in found for attribute in one.asserts)
    rows = [
        [protocol, str(count), *(str(asserted[protocol, name] or "") for name in SHOWN_ATTRIBUTES)]
        for protocol, count in counts.most_common()
    ]
    rows.append(
        ["all", str(len(found)), *(str(sum(name in one.asserts for one in found)) for name in SHOWN_ATTRIBUTES)]
    )
    return table(["protocol", "entries", *SHOWN_ATTRIBUTES], rows, sys.stdout)


def show(args: argparse.Namespace, knowledge: Knowledge) -> int:
    """Show entries in full; 1 if one is unknown."""
    by_id = {one.id: one for one in knowledge.fingerprints}
    unknown = [name for name in args.operands if name not in by_id]
    for name in unknown:
        from difflib import get_close_matches

        near = get_close_matches(name, by_id, NEAREST)
        complain(f"no fingerprint {name!r}{meant(near)}", error="fingerprint.unknown")
    if not args.operands:
        complain("expected show FINGERPRINT…, as in `sensor fingerprints list`", error="usage.missing-argument")
        return USAGE
    found = [by_id[name] for name in args.operands if name in by_id]
    for one in found:
        put(
            json.dumps(plain(one), ensure_ascii=False, separators=(",", ":"))
            if args.json
            else "\n".join(_description(one, knowledge.vocabulary))
        )
    return NOT_FOUND if unknown else 0


def _description(one: Fingerprint, known: Vocabulary) -> Iterator[str]:
    """An entry as lines of text."""
    yield paint(one.id, "bold", coloured(sys.stdout))
    case = ", case-insensitive" if one.match.ignore_case else ""
    facts = [("observes", f"{kind} ({known.observations.get(kind, '')})") for kind in one.kinds]
    facts += [("matches", f"{one.match.operator} {text}{case}") for text in one.match.texts]
    facts += [
        ("asserts", f"{attribute} {text}, certainty {decimal(one.certainty[attribute])}")
        for attribute, text in one.asserts.items()
    ]
    facts += [
        ("family", f"{one.family} ({known.families.get(one.family, '')})"),
        ("source", one.about.source),
        ("note", one.about.note),
    ]
    for value, expected in one.about.samples:
        yields = ", ".join(f"{attribute} {text}" for attribute, text in expected.items())
        facts.append(("example", f"{value}{' → ' if yields else ''}{yields}"))
    facts += [("not", value) for value in one.about.negatives] + [("file", str(Path(one.path)))]
    before = ""
    for name, text in facts:
        if text:
            yield f"  {'' if name == before else name:9} {tidy(text, 2048)}"
        before = name
