"""docs/reference/health.md: the health checks, from the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docs._markdown import code, inline, page, table
from sensor.doctor import card_checks, machine_checks, mirror_checks, traffic_checks, watch
from sensor.doctor.finding import Check

INTRODUCTION = f"""\
This page lists the health checks of `sensor doctor` and of a running sensor. For each check `sensor doctor` reports
`ok`, `warning` (the sensor works, but misses or misreports data) or `error` (it cannot work), the finding, and advice.
In `--json` the name is `check`. It also checks the configured outputs, as `sensor outputs check` does.

A running sensor repeats the inexpensive checks every {watch.EVERY_S / 60:g} minutes. It reports a fault as an event
(`kind: sensor`, `action: health`), with the name in the last column as `facts.check` and the advice as `facts.advice`.
A warning has severity {watch.SEVERITIES["warning"]}, an error severity {watch.SEVERITIES["error"]}. For events based on
the sensor's own counters, see [troubleshooting](../operate/troubleshooting.md#health-events).
"""
WATCHED = (
    *machine_checks.CLOCK,
    *watch.DISK,
    *watch.CARD,
    *card_checks.WHILE_CAPTURING,
    *card_checks.AFTER,
    *watch.TRAFFIC,
    *mirror_checks.MIRROR,
)
SUBJECTS = {
    "Host": (*machine_checks.RIGHTS, *machine_checks.CLOCK),
    "Each folder that the sensor writes": machine_checks.FOLDER,
    "Each interface": (*card_checks.BEFORE, *card_checks.WHILE_CAPTURING, *card_checks.AFTER),
    "The traffic of each interface, or of a capture": traffic_checks.TRAFFIC,
    "Mirror port": mirror_checks.MIRROR,
}


def health() -> str:
    """The page."""
    return page("Health", _lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for subject, checks in SUBJECTS.items():
        yield from (
            f"## {subject}",
            "",
            *table(("check", "expected state", "event of a running sensor"), _rows(checks)),
        )


def _rows(checks: Iterable[Check]) -> Iterator[tuple[str, str, str]]:
    for check in checks:
        yield (
            code(check.__name__),
            inline((check.__doc__ or "").partition(". ")[0].rstrip(".") + "."),
            code(f"sensor.{check.__name__}" if check in WATCHED else ""),
        )
