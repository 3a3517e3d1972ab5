"""docs/reference/recommendations.md: every recommendation, from the files that the sensor reads."""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, link, page, table
from sensor.posture.recommendations.knowledge import Advice, load_advice
from sensor.posture.recommendations.tables import factory_names, supports

INTRODUCTION = """\
This page lists all recommendations. A recommendation reports an insecure setting of a device, with the packet that
proves it. `sensor posture recommendations --open` lists open recommendations. In events of the kind `recommendation`,
`recommendation.setting` is the name below.
"""
CHECKS = """\
`default_name`, `end_of_life`, `firmware_behind`, `internet` and `wrong_segment` are derived from device attributes
rather than from one message: active devices are checked once an hour, and all devices once a day. A host name is a
factory default if it matches one of the patterns below. The end of support is compared with packet time; unverified
dates are marked.
"""


def recommendations() -> str:
    """The page."""
    return page("Recommendations", _lines())


def _lines() -> Iterator[str]:
    known = load_advice()
    yield INTRODUCTION
    yield from table(
        ("setting", "title", "severity"),
        [(link(name), inline(one.title), one.severity) for name, one in sorted(known.items())],
    )
    for _, one in sorted(known.items()):
        yield from _one(one)
    yield from ("## Data for device checks", "", CHECKS, "### Ends of support", "")
    heads = ("product", "ended", "severity", "basis", "source")
    rows = [
        (
            inline(one.name),
            one.ends.isoformat() + " at the latest" * one.at_latest,
            one.severity,
            {"recalled": "unverified"}.get(one.basis, one.basis),
            f"<{one.source}>",
        )
        for one in supports()
    ]
    yield from table(heads, rows)
    yield from ("### Factory default names", "")
    yield from table(
        ("device types", "pattern", "example"),
        [(", ".join(one.types), code(one.pattern), code(one.examples[0])) for one in factory_names()],
    )


def _one(one: Advice) -> Iterator[str]:
    yield from (f"## {one.setting}", "", f"**{inline(one.title)}** ({one.severity}). {inline(one.why)}", "")
    yield from (f"- Fix: {inline(one.fix)}", f"- Verification: {inline(one.test)}")
    yield from (f"- {maker}: {inline(steps)}" for maker, steps in one.makers.items())
    yield ""
