"""Literal texts of regular expressions, which decide whether a value has to be searched with the expression at all.

Only what follows from the characters of an expression is stated; of anything else nothing is known, and the expression
is tried for each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import AnyStr

from sensor.core.lazy_pattern import lazy_pattern

_SPECIAL = frozenset("\\.^$*+?{}[]|()")
# Characters that are literal after a backslash.
_ESCAPED = _SPECIAL | frozenset("-/ #&~")
_GROUP = lazy_pattern(r"\^\((?:\?:|\?P<\w+>)")
# The beginning of a group whose content is part of each match, and escapes that write a character as a number.
_CONTENT = lazy_pattern(r"\((?:\?(?:[a-z]{0,4}(?:-[a-z]{1,4})?:|P<\w+>|=)|(?!\?))")
_NUMBERED = lazy_pattern(r"\\[xuUN0]")
# Literal characters of which none is repeated or optional.
_PLAIN = lazy_pattern(r"[\w /#&~\"'<>=:;,@%!`-]+(?![*+?{])", re.ASCII)
# How often an element occurs, and the beginnings of those that include zero.
_TIMES = lazy_pattern(r"(?:[*+?]|\{(?:\d+(?:,\d*)?|,\d*)\})[?+]?")
_OPTIONAL = ("?", "*", "{0", "{,")
# Characters of a text beyond which a longer one is no better, and number of texts per expression.
LONG_ENOUGH, TEXTS_LIMIT = 6, 64


def plain_starts(regex: str) -> list[str]:
    """The texts one of which every match of an anchored regex starts with; empty if that cannot be determined."""
    if not regex.startswith("^") or len(alternatives(regex)) > 1:
        return []
    if regex.startswith("^(?!"):  # tests what follows, and consumes nothing
        return plain_starts("^" + _group_end(regex, len("^(?!"))[1])
    group = _GROUP.match(regex)
    if group is None:
        run = _literal_start(regex[1:])
        return [run] if run else []
    inner, rest = _group_end(regex, group.end())
    if rest.startswith(("*", "{", "??", "?+")):
        return []
    starts = [plain_starts("^" + part) for part in alternatives(inner)]
    if rest.startswith("?"):
        starts.append(plain_starts("^" + rest[1:]))
    return [start for found in starts for start in found] if all(starts) else []


def needed_texts(regex: str) -> tuple[str, ...]:
    """Texts of which each match contains one, ignoring case, in lower case; empty if that cannot be determined."""
    return () if _NUMBERED.search(regex) else _Needs(regex).of_group()


def may_match(lowered: AnyStr, needed: tuple[AnyStr, ...]) -> bool:
    """Whether a text in lower case has one of the texts that an expression needs, or it is not known what that is."""
    for word in needed:
        if word in lowered:
            return True
    return not needed


class _Needs:
    """Reads an expression once. ``at``: the next character."""

    def __init__(self, regex: str) -> None:
        self.regex, self.at = regex, 0

    def of_group(self) -> tuple[str, ...]:
        """The texts that a group needs, up to its end: those of all its alternatives."""
        needed: list[str] = []
        known = True
        while True:
            best = max(self._alternative(), key=_usefulness, default=())
            needed += best
            known = known and bool(best)
            if self.regex[self.at : self.at + 1] != "|":
                return tuple(dict.fromkeys(needed)) if known and len(needed) <= TEXTS_LIMIT else ()
            self.at += 1

    def _alternative(self) -> list[tuple[str, ...]]:
        """Sets of texts of which a match of one alternative contains one: each literal text and each group, unless it
        is optional.
        """
        choices: list[tuple[str, ...]] = []
        run = ""
        while self.at < len(self.regex) and self.regex[self.at] not in "|)":
            if plain := _PLAIN.match(self.regex, self.at):
                run += plain[0].lower()
                self.at = plain.end()
                continue
            literal, group = self._element()
            times = _TIMES.match(self.regex, self.at)
            if times:
                self.at = times.end()
            if not times or not times[0].startswith(_OPTIONAL):
                run += literal
                choices += [group] if group else []
            if run and (times or not literal):
                choices.append((run,))
                run = ""
        return [*choices, (run,)] if run else choices

    def _element(self) -> tuple[str, tuple[str, ...]]:
        """(the literal character, the texts that the group needs) of the next element."""
        char = self.regex[self.at]
        if char == "(":
            content = _CONTENT.match(self.regex, self.at)
            self.at = content.end() if content else self.at + 1
            group = self.of_group()
            self.at += 1
            return "", group if content else ()
        if char == "[":
            self.at = _class_end(self.regex, self.at)
            return "", ()
        plain = char not in _SPECIAL
        if char == "\\":
            self.at += 1
            char = self.regex[self.at]
            plain = char in _ESCAPED
        self.at += 1
        return char.lower() if plain and char.isascii() else "", ()


def _usefulness(texts: tuple[str, ...]) -> tuple[int, int]:
    """Longer texts are rarer, and fewer are found faster."""
    return min(LONG_ENOUGH, *map(len, texts)), -len(texts)


def _group_end(regex: str, start: int) -> tuple[str, str]:
    """(content of the group that opens before ``start``, what follows the group); both empty if it does not end."""
    for at, char, depth in _outside_classes(regex[start:]):
        if char == ")" and depth < 0:
            return regex[start : start + at], regex[start + at + 1 :]
    return "", ""


def alternatives(regex: str) -> list[str]:
    """The top-level alternatives (|) of a regex."""
    if "|" not in regex:
        return [regex]
    cuts = [at for at, char, depth in _outside_classes(regex) if char == "|" and not depth]
    return [regex[start:stop] for start, stop in zip([0, *(at + 1 for at in cuts)], [*cuts, len(regex)], strict=True)]


def _outside_classes(regex: str) -> Iterator[tuple[int, str, int]]:
    """(index, character, depth of groups) of characters that are neither escaped nor in a class. An opening bracket
    counts for what follows it; a closing one also for itself.
    """
    depth, at = 0, 0
    while at < len(regex):
        char = regex[at]
        if char == ")":
            depth -= 1
        yield at, char, depth
        if char == "(":
            depth += 1
        at = _class_end(regex, at) if char == "[" else at + 1 + (char == "\\")


def _class_end(regex: str, at: int) -> int:
    """The position after the class that opens at ``at``. A closing bracket at its start belongs to it."""
    at += 1 + (regex[at + 1 : at + 2] == "^")
    at += regex[at : at + 1] == "]"
    while at < len(regex) and regex[at] != "]":
        at += 1 + (regex[at] == "\\")
    return at + 1


def _literal_start(regex: str) -> str:
    """The literal text at the start of a regex."""
    run = ""
    for at, char, depth in _outside_classes(regex):
        follows = regex[at + 1 : at + 2]
        if depth or (char in _SPECIAL and not (char == "\\" and follows in _ESCAPED)):
            # A quantifier may make the character before it optional.
            return run[:-1] if char in "?*{" and not depth else run
        run += follows if char == "\\" else char
    return run
