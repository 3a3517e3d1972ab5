"""Literal texts of regular expressions, by which the matcher decides whether it has to try one.

Only what follows from the characters of an expression is stated; of anything else nothing is known, and the expression
is tried for each value.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.lazy_pattern import lazy_pattern

_SPECIAL = frozenset("\\.^$*+?{}[]|()")
# Characters that are literal after a backslash.
_ESCAPED = _SPECIAL | frozenset("-/ #&~")
_GROUP = lazy_pattern(r"\^\((?:\?:|\?P<\w+>)")


def plain_starts(regex: str) -> list[str]:
    """The texts one of which every match of an anchored regex starts with; empty if that cannot be determined."""
    if not regex.startswith("^") or len(_alternatives(regex)) > 1:
        return []
    if regex.startswith("^(?!"):  # tests what follows, and consumes nothing
        return plain_starts("^" + _group_end(regex, len("^(?!"))[1])
    group = _GROUP.match(regex)
    if group is None:
        run = _runs(regex[1:])[0]
        return [run] if run else []
    inner, rest = _group_end(regex, group.end())
    if rest.startswith(("*", "{", "??", "?+")):
        return []
    starts = [plain_starts("^" + part) for part in _alternatives(inner)]
    if rest.startswith("?"):
        starts.append(plain_starts("^" + rest[1:]))
    return [start for found in starts for start in found] if all(starts) else []


def plain_text(regex: str) -> str:
    """The longest literal text outside groups, which every match contains; empty if there is none."""
    return "" if len(_alternatives(regex)) > 1 else max(_runs(regex.removeprefix("^")), key=len)


def _group_end(regex: str, start: int) -> tuple[str, str]:
    """(content of the group that opens before ``start``, what follows the group); both empty if it does not end."""
    for at, char, depth in _outside_classes(regex[start:]):
        if char == ")" and depth < 0:
            return regex[start : start + at], regex[start + at + 1 :]
    return "", ""


def _alternatives(regex: str) -> list[str]:
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
        at = regex.index("]", at + 2) + 1 if char == "[" else at + 1 + (char == "\\")


def _runs(regex: str) -> list[str]:
    """The literal texts between other parts; the first is empty if the regex does not start with a literal."""
    runs, skip = [""], 0
    for at, char, depth in _outside_classes(regex):
        if at < skip:
            continue
        follows = regex[at + 1 : at + 2]
        if not depth and (char not in _SPECIAL or (char == "\\" and follows in _ESCAPED)):
            runs[-1] += follows if char == "\\" else char
            continue
        if char in "?*{" and not depth:
            # A quantifier may make the character before it optional.
            runs[-1] = runs[-1][:-1]
            skip = regex.index("}", at) + 1 if char == "{" else 0
        runs.append("")
    return runs
