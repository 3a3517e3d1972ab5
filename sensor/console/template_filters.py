"""How pages show values: times, severities, names, numbers and rows of queries. Every text is cleaned of control
characters; the functions are filters and tests of templates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from markupsafe import Markup

from sensor.console.moments import age_text, parsed
from sensor.console.parts import each, pairs
from sensor.core.foreign import host_of
from sensor.core.phrases import segment_text
from sensor.core.reader import clean
from sensor.core.record_parts import time_text
from sensor.core.severities import SEVERITIES
from sensor.core.time_units import duration_text
from sensor.datasets.dataset import Dataset
from sensor.documents.spans import span_text

LONGEST = 4000
# Units at the end of names of numbers.
UNITS = ("s", "h")
# Names of figures that are not written as in records.
NAMES = {"community_id": "Community ID", "proto": "protocol", "vlan": "VLAN", "ja3": "JA3", "ja4": "JA4", "sni": "SNI"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}")


def multiline(text: str) -> Markup:
    """A multi-line text, each line cleaned, with its indentation."""
    lines = (line.expandtabs(4) for line in text.splitlines())
    return Markup("\n").join(
        " " * (len(line) - len(line.lstrip(" "))) + clean(line, LONGEST).strip() if line.strip() else ""
        for line in lines
    )


def coded(text: str) -> Markup:
    """A sentence with commands in pairs of backticks."""
    parts = clean(text, LONGEST).split("`")
    if len(parts) % 2 == 0:
        return Markup("{}").format(clean(text, LONGEST))
    forms = (Markup("{}"), Markup("<code>{}</code>"))
    return Markup("").join(forms[place % 2].format(part) for place, part in enumerate(parts))


def breakable(value: object) -> Markup:
    """A name with line break opportunities after dots and underscores."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", clean(str(value), LONGEST)))


def setting(value: object) -> str:
    """A configuration value as YAML."""
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


def cell(value: object) -> str:
    """A value of a query's row."""
    if value is None:
        return ""
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000 else str(value)
    )


def is_address(value: object) -> bool:
    """Whether a value of a query's row is an address, which can be searched for."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def is_moment(value: object) -> bool:
    """Whether a value of a query's row is a time: RFC 3339, or the text of DuckDB, which is UTC without a zone."""
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def cleaned(value: object) -> object:
    """Clean every value before it enters a page: peers may have written it."""
    return clean(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


def moment(value: object) -> Markup | str:
    """A time (ns, or RFC 3339) in UTC; a script converts it to the reader's time zone. Other values are unchanged."""
    text = time_text(value) if isinstance(value, int) else str(value or "")
    when = parsed(text)
    if when is None:
        return clean(text)
    shown = when.isoformat(" ")[:26]  # made of digits and signs: needs no escaping
    second = shown[:19]
    return Markup(f'<time datetime="{second[:10]}T{second[11:]}Z" title="{shown} UTC">{second} UTC</time>')  # noqa: S704


def age(value: object) -> str:
    """``4 days ago``; empty if the time is unknown."""
    when = parsed(time_text(value) if isinstance(value, int) else str(value or ""))
    return age_text(when, datetime.now(UTC)) if when is not None else ""


def span(dataset: Dataset) -> Markup | str:
    """The time range of a dataset."""
    first, last = dataset.span
    return Markup("{} to {}").format(moment(first), moment(last)) if first else "time span unknown"


def severity(word: object) -> Markup:
    """A severity as a badge; an unknown value has no color."""
    text = clean(str(word or "unknown"))
    kind = text if text in SEVERITIES else "unknown"
    return Markup('<span class="badge {}">{}</span>').format(kind, text)


def name_of(end: object) -> str:
    """The name of an endpoint with its address, or the one of them that is known."""
    if not isinstance(end, dict):
        return "unknown"
    name, place = str(end.get("hostname") or ""), host_of(end)
    return f"{name} ({place})" if name and place else name or place or "unknown"


def done(action: str) -> str:
    """The action of a record as a past participle: ``open`` is ``opened``."""
    return {"open": "opened", "close": "closed", "update": "updated"}.get(action, action.replace("_", " "))


def instant(ts: int) -> str:
    """A time (ns) for a URL."""
    return time_text(ts)


def duration(seconds: int) -> str:
    """``1h``, as in configuration files."""
    return span_text(seconds)


def segment(name: str) -> str:
    return segment_text(name)


def count(number: int) -> str:
    return f"{number:,}"


def percent(value: object) -> str:
    """A confidence of 0 to 1 as a percentage, rounded as commands round it to two digits."""
    return f"{float(f'{value:.2f}'):.0%}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def fact(value: object) -> object:
    """A value of a record in readable form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return moment(value) if isinstance(value, str) and _TIME.fullmatch(value) else value


def figure(name: str, value: object) -> Markup:
    """A named value with its unit: ``window_s`` 600 → ``window 600 s``."""
    what, _, unit = name.rpartition("_")
    label, end = (what, f" {unit}") if unit in UNITS else (name, "")
    shown = fact(value)
    text = shown if isinstance(shown, Markup) else clean(str(shown), LONGEST)
    return Markup("{} {}{}").format(clean(NAMES.get(name, label.replace("_", " ")), LONGEST), text, end)


def ordered(counts: Mapping[str, int], name: str) -> list[tuple[str, int]]:
    """A facet: severities and bands of scores in their order, other values by count."""
    return (
        [(one, counts[one]) for one in SEVERITIES[::-1] if one in counts]
        if name in ("severity", "band")
        else list(counts.items())
    )


FILTERS = {
    one.__name__: one
    for one in (
        moment, age, count, percent, name_of, severity, span, each, pairs, fact, figure, ordered, multiline, coded,
        cell, breakable, setting, done, instant, duration, duration_text, segment,
    )
}  # fmt: skip
TESTS = {"address": is_address, "moment": is_moment}
