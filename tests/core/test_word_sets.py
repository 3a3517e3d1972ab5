"""Sets of words that are searched for in one pass: equal to a search for each word, at any position."""

from __future__ import annotations

import random

import pytest

from sensor.core.words import Words

SOME = Words(b"pass", b"pw", b"pin", b"\xac\xed\0\x05", b"../", b"$")


def test_words_are_found_as_one_by_one() -> None:
    """In every case, next to the end, and after a beginning of another word; bytes beyond ASCII have no case."""
    given = random.Random(1)
    pieces = (b"p", b"P", b"a", b"S", b"s", b"w", b"W", b"in", b".", b"/", b"$", b"\xac", b"\xed\0\x05", b"\xcc", b"x")
    found = 0
    for _ in range(4000):
        text = b"".join(given.choices(pieces, k=given.randint(0, 7)))
        assert SOME.any_in(text) == any(word in text.lower() for word in SOME.texts), text
        found += SOME.any_in(text)
    assert 1000 < found < 3000


@pytest.mark.parametrize("texts", [(b"",), (b"Pass",), tuple(b"a%d" % number for number in range(33))])
def test_sets_that_cannot_be_searched_for(texts: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="words"):
        Words(*texts)
