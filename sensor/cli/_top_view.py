"""The screen of ``sensor top``: a status and the previous one, as rich tables that fit the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sensor.cli._colors import STYLES, coloured
from sensor.cli._show import number, part, tidy
from sensor.cli._status_text import Status, alerts, decimal, devices, headline, health, output, process, size
from sensor.cli._times import clock
from sensor.core.ids import short_id
from sensor.core.severities import SEVERITIES

WIDE, HIGH = 132, 40
# Minimum of lines for everything but the newest alerts.
OTHERS = 22
NEWEST_SHOWN = 16


class AlternateScreen:
    """The screen of a terminal, which is restored afterwards."""

    def __init__(self) -> None:
        console = Console(no_color=not coloured(sys.stdout), highlight=False)
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stderr=False, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def draw(self, before: Status, status: Status, now: float) -> None:
        """Draw for the current size of the terminal."""
        self._live.update(_all(before, status, now, self._live.console.size.height), refresh=True)


def drawn(before: Status, status: Status, now: float) -> str:
    """The same as text, if the output is not a terminal."""
    console = Console(file=io.StringIO(), width=WIDE, height=HIGH, highlight=False, no_color=True)
    with console.capture() as made:
        console.print(_all(before, status, now, HIGH))
    return "\n".join(line.rstrip() for line in made.get().splitlines())


def _all(before: Status, status: Status, now: float, height: int) -> RenderableType:
    seconds = decimal(status.get("uptime_s")) - decimal(before.get("uptime_s"))
    return Group(
        Text(headline(status, now), style="bold", no_wrap=True, overflow="ellipsis"),
        Text(),
        _rates(before, status, seconds),
        Text(),
        _interfaces(before, status, seconds),
        Text(),
        _words(status, now),
        _newest(
            status,
            max(1, min(NEWEST_SHOWN, height - OTHERS - len(part(status, "outputs")) - len(part(status, "interfaces")))),
        ),
    )


def _rate(before: Any, after: Any, seconds: float) -> float:
    """Per second; 0 if the engine made no progress or restarted."""
    return max(0.0, decimal(after) - decimal(before)) / seconds if seconds > 0 else 0.0


def _rates(before: Status, status: Status, seconds: float) -> Table:
    old, new = part(before, "traffic"), part(status, "traffic")
    cpu = _rate(part(before, "process").get("cpu_s"), part(status, "process").get("cpu_s"), seconds)
    flows = _rate(part(before, "flows").get("opened"), part(status, "flows").get("opened"), seconds)
    columns = {
        "packets/s": f"{_rate(old.get('packets'), new.get('packets'), seconds):,.0f}",
        "bit/s": _bits(8 * _rate(old.get("wire_bytes"), new.get("wire_bytes"), seconds)),
        "read/s": f"{_rate(old.get('selected'), new.get('selected'), seconds):,.0f}",
        "flows/s": f"{flows:,.0f}",
        "lost/s": f"{_rate(old.get('dropped'), new.get('dropped'), seconds):,.0f}",
        "unread/s": f"{_rate(old.get('shed'), new.get('shed'), seconds):,.0f}",
        "ring": f"{decimal(new.get('backlog')):.0%}",
        "core": f"{cpu:.0%}",
    }
    grid = _table(*columns)
    grid.add_row(*columns.values())
    return grid


def _interfaces(before: Status, status: Status, seconds: float) -> Table:
    grid = _table("interface", "packets/s", "packets", "lost", first="left")
    for name, one in part(status, "interfaces").items():
        old, new = part(part(before, "interfaces"), name), one if isinstance(one, dict) else {}
        lost = number(new.get("dropped"))
        rate = _rate(old.get("packets"), new.get("packets"), seconds)
        grid.add_row(
            Text(tidy(name)),
            f"{rate:,.0f}",
            f"{number(new.get('packets')):,}",
            Text(f"{lost:,}", style="red" if lost else ""),
        )
    return grid


def _words(status: Status, now: float) -> Table:
    """Lines without a rate."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", min_width=8, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for name, text, style in _lines(status, now):
        grid.add_row(name, Text(text, style=style))
    grid.add_row()
    return grid


def _lines(status: Status, now: float) -> Iterator[tuple[str, str, str]]:
    yield "devices", devices(part(status, "devices")), ""
    yield "alerts", alerts(part(status, "alerts")), ""
    outputs = part(status, "outputs")
    for place, (name, one) in enumerate(outputs.items()):
        yield "" if place else "outputs", *output(name, one if isinstance(one, dict) else {}, now)
    log = part(status, "log")
    yield (
        "log",
        f"{size(log.get('bytes'))}, {size(log.get('waiting_bytes'))} pending in memory",
        "red" if log.get("stalled") else "",
    )
    rings = part(status, "traffic").get("ring_bytes")
    yield "process", process(part(status, "process"), decimal(status.get("uptime_s")), rings), ""
    for place, (text, style) in enumerate(health(status, now)):
        yield "" if place else "health", text, style


def _newest(status: Status, most: int) -> RenderableType:
    """The newest alerts, last one first."""
    newest = status.get("newest")
    found = [one for one in newest if isinstance(one, dict)][:most] if isinstance(newest, list) else []
    if not found:
        return Text("no alerts since the start")
    grid = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name in ("time UTC", "severity", "alert"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("summary", ratio=1, no_wrap=True, overflow="ellipsis")
    for one in found:
        severity = tidy(one.get("severity"))
        style = STYLES.get(severity, "") if severity in SEVERITIES else ""
        grid.add_row(
            clock(one.get("ts"))[11:19],
            Text(severity, style=style),
            Text(short_id(tidy(one.get("id")))),
            Text(tidy(one.get("msg")), style=style),
        )
    return grid


def _table(*columns: str, first: str = "right") -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        grid.add_column(name, justify="left" if first == "left" and not place else "right", no_wrap=True)
    return grid


def _bits(rate: float) -> str:
    """Bits per second with decimal prefixes: thousands, not 1,024."""
    for unit in ("", "k", "M", "G"):
        if rate < 1000 or unit == "G":
            return f"{rate:,.0f} {unit}".strip() if rate >= 100 or not unit else f"{rate:.1f} {unit}"
        rate /= 1000
    return ""
