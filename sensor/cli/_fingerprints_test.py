"""``sensor fingerprints test``: loads an operator's files, and tests each entry with its own examples and with hostile
texts under a time limit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put
from sensor.core.phrases import counted
from sensor.documents import Fault, fault_at
from sensor.fingerprinting.entries import PLACEHOLDER, Fingerprint, Knowledge
from sensor.fingerprinting.load import load_more
from sensor.fingerprinting.match import Matcher

SLOW_S = 0.05
# Texts that may cause catastrophic backtracking, in growing sizes, so that a faulty expression is detected while it is
# only slow.
HOSTILE = ("a", "A1", "1.", " ", "-", "x-", "0", "1,")
SIZES = (*range(8, 64, 4), 128, 256, 512, 1024)


def test(args: argparse.Namespace, knowledge: Knowledge) -> int:
    """Load and test; 2 if there is any fault."""
    if not args.operands:
        complain("expected test PATH…: files or folders", error="usage.missing-argument")
        return USAGE
    paths = [Path(word) for word in args.operands]
    absent = [path for path in paths if not path.exists()]
    if absent:
        complain(f"cannot read {absent[0]}: no such file or folder", error="file.not-read")
        return NOT_OPENED
    read = [one for path in paths for one in load_more(knowledge, path)]
    faults = [*knowledge.faults, *examined(read, Matcher(knowledge))]
    complain_of_faults(sorted(faults))
    examples, negatives = sum(len(one.about.samples) for one in read), sum(len(one.about.negatives) for one in read)
    found = counted(len(faults), "fault") if faults else "all passed"
    looked = counted(len(read), "fingerprint"), counted(examples, "example"), counted(negatives, "negative")
    put(f"{', '.join(looked)}: {found}")
    return USAGE if faults else 0


def examined(read: list[Fingerprint], matcher: Matcher) -> Iterator[Fault]:
    """Faults of entries that do not match their examples, or match their negatives, for every kind."""
    places: dict[str, int] = {}
    for one in read:
        number = places[one.path] = places.get(one.path, -1) + 1
        yield from _entry(one, number, matcher)
        if one.match.regex is not None and (slow := _slow(one)):
            yield _fault(
                one,
                (number, "match", "regex"),
                (
                    f"found an expression that takes over {SLOW_S * 1000:.0f} ms on {slow}, expected one with "
                    "bounded run time"
                ),
            )


def _slow(one: Fingerprint) -> str:
    """A text on which the expression takes too long; empty if there is none."""
    search, start = one.match.compiled().search, one.about.samples[0][0]
    for size in SIZES:
        for seed in HOSTILE:
            for text in ((seed * size)[:size] + "!", (start + seed * size)[:size] + "!"):
                if min(_timed(search, text) for _ in range(2)) > SLOW_S:
                    return f"{text[:16]!r}… of {len(text)} characters"
    return ""


def _timed(search: Callable[[str], object], text: str) -> float:
    began = time.perf_counter()
    search(text)
    return time.perf_counter() - began


def _entry(one: Fingerprint, number: int, matcher: Matcher) -> Iterator[Fault]:
    constants = {attribute: text for attribute, text in one.asserts.items() if not PLACEHOLDER.search(text)}
    for place, (value, expected) in enumerate(one.about.samples):
        for kind in one.kinds:
            found, expected_claims = _claims(one, kind, value, matcher), {**constants, **expected}
            if found != expected_claims:
                yield _fault(
                    one,
                    (number, "examples", place),
                    f"found {_words(found)} in the example {value!r} ({kind}), expected {_words(expected_claims)}",
                )
    for place, value in enumerate(one.about.negatives):
        for kind in one.kinds:
            if _claims(one, kind, value, matcher):
                yield _fault(one, (number, "negatives", place), f"found a match for {value!r} ({kind}), expected none")


def _claims(one: Fingerprint, kind: str, value: str, matcher: Matcher) -> dict[str, str]:
    return {claim.attribute: claim.value for claim in matcher.match(kind, value) if claim.fingerprint == one.id}


def _words(claims: dict[str, str]) -> str:
    return ", ".join(f"{attribute} {text!r}" for attribute, text in sorted(claims.items())) or "nothing"


def _fault(one: Fingerprint, place: tuple[Any, ...], message: str) -> Fault:
    return fault_at(Path(one.path), ("fingerprints", *place), message)
