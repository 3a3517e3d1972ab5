"""Result of a check: subject, plain description, and advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec

from sensor.core.reader import clean

Level = Literal["ok", "warning", "error"]
Facts = dict[str, int | float | str | bool]


class CheckResult(msgspec.Struct, frozen=True):
    """The result of one check. ``advice``: what to do, with the exact command if there is one; empty if there is no
    fault.
    """

    level: Level
    found: str
    advice: str = ""
    facts: Facts = {}


class Finding(msgspec.Struct, frozen=True):
    """A verdict with the name of its check and its subject: an interface, a folder, the machine."""

    check: str
    subject: str
    level: Level
    found: str
    advice: str = ""
    facts: Facts = {}


Check = Callable[..., CheckResult | None]


def ok(found: str, **facts: Any) -> CheckResult:
    """No fault."""
    return CheckResult("ok", found, facts=facts)


def warning(found: str, advice: str, **facts: Any) -> CheckResult:
    """The sensor works, but misses data or reports it incorrectly."""
    return CheckResult("warning", found, advice, facts)


def error(found: str, advice: str, **facts: Any) -> CheckResult:
    """The sensor cannot do its work."""
    return CheckResult("error", found, advice, facts)


def findings(checks: Iterable[Check], subject: str, *args: object) -> Iterator[Finding]:
    """The results of the checks for one subject, each by the name of its function; checks without a result are left
    out.
    """
    for check in checks:
        verdict = check(*args)
        if verdict is not None:
            yield Finding(check.__name__, clean(subject), verdict.level, verdict.found, verdict.advice, verdict.facts)
