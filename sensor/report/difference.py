"""Difference from an older report: devices, findings, score and work, from the JSON of both.

The older one is an untrusted file: its text is cleaned before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sensor.core.reader import clean
from sensor.report.model import Device, Difference, Report


def difference(old: Report, new: Report) -> Difference:
    """From the older report to the newer. A finding counts per device: it may be fixed on one and new on the next."""
    before, now = _present(old), _present(new)
    were, are = _weak(before), _weak(now)
    titles = {one.name: one.title for report in (old, new) for one in report.findings}
    text_of = _texts_of(titles, before | now)
    return Difference(
        until=old.period.until,
        label=clean(old.period.label, 128),
        score=old.score,
        new=_cleaned(now[name].text for name in now if name not in before),
        gone=_cleaned(before[name].text for name in before if name not in now),
        found=_cleaned(text_of(pair) for pair in are if pair not in were),
        # A device that is gone is not a fix.
        fixed=_cleaned(text_of(pair) for pair in were if pair not in are and pair[1] in now),
        worse=_cleaned(_worse(before, now)),
        done=_cleaned(_done(old, new)),
    )


def _cleaned(lines: Iterable[str]) -> list[str]:
    return [clean(line, 512) for line in lines]


def _present(report: Report) -> dict[str, Device]:
    return {device.id: device for device in report.devices if not device.gone}


def _weak(devices: dict[str, Device]) -> dict[tuple[str, str], None]:
    """Each finding on each device, in order."""
    return {(name, device.id): None for device in devices.values() for name in device.findings}


def _texts_of(titles: dict[str, str], devices: dict[str, Device]) -> Callable[[tuple[str, str]], str]:
    def text_of(pair: tuple[str, str]) -> str:
        name, device = pair
        title = titles.get(name, "")
        return f"{name}{f', {title}' if title not in {'', name} else ''}: {devices[device].text}"

    return text_of


def _worse(before: dict[str, Device], now: dict[str, Device]) -> list[str]:
    """Devices in a higher band than before, highest score first."""
    bands = {"low": 0, "medium": 1, "high": 2}
    found = []
    for name, device in now.items():
        old = before[name].score if name in before else None
        if old is not None and device.score is not None and bands.get(device.score.band, 0) > bands.get(old.band, 0):
            found.append((device.score.points, f"{device.text}: {old.points:g} → {device.score.points:g}"))
    return [text for _, text in sorted(found, key=lambda one: (-one[0], one[1]))]


def _done(old: Report, new: Report) -> list[str]:
    """Work that is no longer needed."""
    left = {work.id for work in new.work}
    return [work.title for work in old.work if work.id not in left]
