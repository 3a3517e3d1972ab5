"""Literal texts of regular expressions: what each match starts with or contains."""

from __future__ import annotations

import re

import pytest

from sensor.core.literals import alternatives, needed_texts, plain_starts
from tests.sampling import chance, count

PIECES = (
    "ab", "Cd", "e?", "f*", "g{2}", "h{0,3}", "i+", "[jk]", "[^l]", "(?:mn|op)", "(?:q|r)?", "(?!st)", "(?=uv)",
    "(wx)+", r"\.", r"\s", r"\bY", ".", "(?<!z)", "(?:AB(?:cd|ef)|g)", "(?P<n>hi)", r"[\]x]", "[]y]", "{", "(?-i:Kl)",
)  # fmt: skip


@pytest.mark.parametrize(
    ("regex", "starts"),
    [
        (r"^(?:Acme )?(?P<model>X-\d|Line \d)", ["Acme ", "X-", "Line "]),
        (r"^(?!.{0,9}(?:wiki|shop))(?:Acme )?Line", ["Acme ", "Line"]),
        (r"^(?:Acme )??\d", []),
        (r"^(?:Acme )?\d", []),
        ("^HP(?:1|2)$", ["HP"]),
        (r"^FRITZ!Box \(x\)", ["FRITZ!Box (x)"]),
        ("^ab?c", ["a"]),
        ("^ab{2}cde", ["a"]),
        ("^ab+c", ["ab"]),
        ("^(?:UAP|U6|U7)-", ["UAP", "U6", "U7"]),
        ("^(?P<model>GXP|GRP)[0-9]", ["GXP", "GRP"]),
        ("^(?:(?:a|b)c|d)", ["a", "b", "d"]),
        ("^(?:HP-)?Jet", ["HP-", "Jet"]),
        ("^(?:a|[bc])x", []),
        ("^[ab]c-foo", []),
        ("^[|]c", []),
        (r"^\d+ items", []),
        ("^a|^b", []),
        ("a|b", []),
        ("vendor=", []),
    ],
)  # fmt: skip
def test_plain_starts(regex: str, starts: list[str]) -> None:
    """The literals with which every match begins are derived from a regex, and never too many."""
    assert plain_starts(regex) == starts


@pytest.mark.parametrize(
    ("regex", "needed"),
    [
        ("jndi:", ("jndi:",)),
        ("Union.{0,9}Select", ("select",)),
        ("sleep|WaitFor", ("sleep", "waitfor")),
        (r"(?:get|post)\s+/x", ("get", "post")),
        (r"(?:a|b?)c", ("c",)),
        ("ab?cd+e", ("cd",)),
        (r"\.\./|%2e", ("../", "%2e")),
        ("(?:system)?[(]", ()),
        ("(?!long enough)ab", ("ab",)),
        (r"[\]abc]de", ("de",)),
        (r"\x41bc", ()),
        (r"\w+|abc", ()),
        ("", ()),
    ],
)
def test_needed_texts(regex: str, needed: tuple[str, ...]) -> None:
    """The texts of which each match contains one, the longest and rarest of those that can be determined."""
    assert needed_texts(regex) == needed


def test_each_match_contains_a_needed_text() -> None:
    """Random expressions over random texts: no match is without one of the texts, whole or by alternatives."""
    random, matched = chance("literals"), 0
    for _ in range(count(20_000, 1_000)):
        parts = ["".join(random.choices(PIECES, k=random.randint(1, 5))) for _ in range(random.randint(1, 3))]
        regex = "|".join(parts).replace("(?P<n>", "(?:")
        needed = needed_texts(regex)
        assert len(alternatives(regex)) == len(parts)
        for _ in range(20):
            text = "".join(random.choices("abcdefghijklmnopqrstuvwxyAB.{ ]K", k=random.randint(0, 12)))
            if re.search(regex, text, re.IGNORECASE):
                matched += bool(needed)
                assert not needed or any(word in text.lower() for word in needed), (regex, text, needed)
    assert matched
