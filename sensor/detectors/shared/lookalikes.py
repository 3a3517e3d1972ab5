"""Lookalike domains: one letter changed, a digit in place of a letter, or a homoglyph (UTS 39).

A single word that differs by one letter may be a word of its own (twister, goggle), so short ones count only next to a
term such as ``drivres-update``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

# Imitated vendors and services, and terms that accompany them.
BRANDS = frozenset(
    "microsoft windows outlook office onedrive sharepoint google gmail youtube facebook instagram whatsapp linkedin "
    "twitter telegram paypal dropbox amazon apple icloud netflix adobe oracle mozilla firefox chrome android samsung "
    "symantec norton mcafee kaspersky cloudflare akamai github coinbase skype zoom cisco fortinet logitech lenovo "
    "citrix vmware yahoo".split()
)
TRADE = frozenset(
    "update updates upgrade driver drivers security secure account accounts support service services download "
    "downloads login signin verify server servers network system systems antivirus defender firewall webmail mail "
    "office online cloud static cdn api auth check analytics software hotfix patch".split()
)
# Brands of at least this length have no similar ordinary words.
LONG = 8
# Terms below this length have too many similar words.
SHORT = 6
LONGEST = max(map(len, BRANDS | TRADE)) + 1
_DIGITS = str.maketrans("013457", "oleast")
# The most frequent letters of other alphabets that look like Latin ones (Unicode Technical Standard 39).
_FOREIGN = str.maketrans("аеорсухіјѕԁһӏαοερυνтвкмнԛԝ", "aeopcyxijsdhlaoepuvtbkmhqw")
_DIGIT_LETTERS = frozenset("013457")
# Words of which similar ones are searched. A single difference leaves the first or the last letters as they are.
_WORDS = sorted(word for word in BRANDS | TRADE if len(word) >= SHORT)
_STARTS, _ENDS = {word[:2] for word in _WORDS}, {word[-3:] for word in _WORDS}


def _without_one(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


# A word without one letter → the word: similar words share one of these keys.
_NEIGHBOURS: dict[str, list[str]] = {}
for _word in _WORDS:
    for _short in {_word, *_without_one(_word)}:
        _NEIGHBOURS.setdefault(_short, []).append(_word)


@functools.lru_cache(maxsize=4096)
def imitated(label: str) -> tuple[str, str]:
    """(imitated brand, how); empty if the label imitates nothing."""
    if label.startswith("xn--"):
        return _foreign(label)
    tokens = [token for token in label.split("-") if token]
    if not tokens or len(label) > 63:
        return "", ""
    if not _DIGIT_LETTERS.isdisjoint(label):
        for token in tokens:
            plain = token.translate(_DIGITS)
            if plain != token and plain in BRANDS and len(plain) >= SHORT:
                return plain, "a digit replaces a letter"
    words = list(itertools.takewhile(bool, map(_meant, tokens)))
    if len(words) < len(tokens):
        return "", ""
    off = [word for token, word in zip(tokens, words, strict=True) if token != word]
    if len(off) == 1 and (len(tokens) > 1 or (len(off[0]) >= LONG and off[0] in BRANDS)):
        return "-".join(words), "one letter differs"
    return "", ""


def _meant(token: str) -> str:
    """The word itself, or one that differs by a letter; empty if there is none."""
    if token in BRANDS or token in TRADE:
        return token
    if not SHORT <= len(token) <= LONGEST or (token[:2] not in _STARTS and token[-3:] not in _ENDS):
        return ""
    for short in (token, *_without_one(token)):
        for word in _NEIGHBOURS.get(short, ()):
            if _is_a_letter_off(token, word):
                return word
    return ""


def _is_a_letter_off(one: str, other: str) -> bool:
    """Whether a letter is missing, added or replaced, or two adjacent ones are swapped. At the end it is rather another
    word: a plural, a verb.
    """
    first = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if first >= len(other) - 1:
        return False
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[first + 1 :] == shorter[first:]
    return one[first + 1 :] == other[first + 1 :] or (
        one[first : first + 2] == other[first : first + 2][::-1] and one[first + 2 :] == other[first + 2 :]
    )


def _foreign(label: str) -> tuple[str, str]:
    """A label in Punycode (RFC 3492) that reads like a brand."""
    try:
        plain = label[4:].encode("ascii").decode("punycode").translate(_FOREIGN)
    except (UnicodeError, ValueError):
        return "", ""
    return (plain, "letters of another script replace Latin ones") if plain in BRANDS else ("", "")
