"""docs/reference/recommendations.md: every recommendation, from the files that the sensor reads."""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, link, page, table, words
from sensor.posture.recommendations.knowledge import Advice, load_advice
from sensor.posture.recommendations.tables import factory_names, supports

INTRODUCTION = """\
A recommendation is one thing of one device that should be otherwise, with the packet that proves it. `sensor posture recommendations --open` lists them; each
is an event of the kind `recommendation`, whose `recommendation.setting` is the word below.
"""
LOOKS = """\
`default_name`, `end_of_life`, `firmware_behind`, `internet` and `wrong_segment` rest on what packets told of a device, rather than on one message: all devices
are looked at once an hour. A name is as its maker gave it where it has one of the forms below. The end of support is judged by the time of the packets; a day
that is only remembered is told so.
"""


def recommendations() -> str:
    """The page."""
    return page("Recommendations", _lines())


def _lines() -> Iterator[str]:
    known = load_advice()
    yield INTRODUCTION
    yield from table(("setting", "title", "severity"), [(link(name), words(one.title), one.severity) for name, one in sorted(known.items())])
    for _, one in sorted(known.items()):
        yield from _one(one)
    yield from ("## What looks at devices know", "", LOOKS, "### Ends of support", "")
    heads = ("product", "ended", "severity", "basis", "source")
    rows = [(words(one.name), one.ends.isoformat() + " at the latest" * one.at_latest, one.severity, one.basis, f"<{one.source}>") for one in supports()]
    yield from table(heads, rows)
    yield from ("### Names of factories", "")
    yield from table(("of", "form", "example"), [(", ".join(one.types), code(one.pattern), code(one.examples[0])) for one in factory_names()])


def _one(one: Advice) -> Iterator[str]:
    yield from (f"## {one.setting}", "", f"**{words(one.title)}** ({one.severity}). {words(one.why)}", "")
    yield from (f"- What to do: {words(one.fix)}", f"- How to see that it is done: {words(one.test)}")
    yield from (f"- {maker}: {words(steps)}" for maker, steps in one.makers.items())
    yield ""
