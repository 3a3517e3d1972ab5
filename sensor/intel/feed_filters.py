"""Filter lists of DNS filters that have exceptions (Adblock syntax): ``||name^`` is listed, and ``@@||name^`` is an
exception, of the same name too. Modifiers after ``$`` are ignored. Lists without exceptions are read as plain lists.
"""

from __future__ import annotations

from sensor.core.lazy_pattern import lazy_pattern
from sensor.intel.indicator import EXCEPTION, Found, Indicator

EXCEPTED = b"@@||"
# A name between the signs of a rule; text after a blank is a comment.
_RULE = lazy_pattern(r"(@@)?\|\|(?:\*\.)?([\w.-]+)\^?(?:\$\S*)?(?:\s.*)?")
_COMMENTS = ("!", "#", ";", "[")
# Names in hosts files follow an unroutable address.
_UNROUTABLE = ("0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104 - text of lists


def filter_lines(text: str) -> Found:
    """The rules of a list, and its names or addresses without signs."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    rules = [(number, bare, _RULE.fullmatch(bare)) for number, bare in lines if bare]
    excepted = {found[2].lower() for _, _, found in rules if found and found[1]}
    for number, bare, found in rules:
        if found and found[1]:
            yield number, Indicator(found[2], "exception", until=EXCEPTION)
        elif not bare.startswith(_COMMENTS) and (value := found[2] if found else _plain(bare)).lower() not in excepted:
            yield number, Indicator(value)


def _plain(bare: str) -> str:
    words = bare.split()
    return words[1] if words[0] in _UNROUTABLE and len(words) > 1 else words[0]
