"""Draws docs/pictures from the code and the office capture: terminals with command output, and block diagrams.

python -m docs.pictures               writes docs/pictures
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from docs._office import SCREENS, office

FOLDER = Path(__file__).parent / "pictures"
FONT = "font-family='ui-monospace,Menlo,Consolas,monospace' font-size='13'"
LETTER, LINE, MARGIN = 7.9, 19, 16
SHOWN_TYPES = ("camera", "conferencing", "nas", "printer", "router", "tv", "voip_phone", "workstation")
COLUMNS = {"TYPE": 13, "VENDOR": 13, "MODEL": 26, "NAME": 24, "ADDRESS": 13}
COLOURS = {"critical": "#ff7b72", "high": "#ffa657", "medium": "#e3b341", "low": "#79c0ff"}


class Box(NamedTuple):
    """A box on a grid: its column and row, and its lines of text."""

    column: float
    row: float
    lines: tuple[str, ...]


ARCHITECTURE = {
    "capture": Box(0, 0, ("capture", "packets → Batch")),
    "decode": Box(1, 0, ("decode", "columns, flows")),
    "native": Box(2, 0, ("native, dissectors", "events, observations")),
    "inventory": Box(3, 0, ("inventory", "evidence → devices")),
    "detectors": Box(3, 1, ("detectors, rules, intel", "alerts")),
    "alerts": Box(2, 1, ("alerts", "mutes, incidents")),
    "eventlog": Box(1, 1, ("event log", "numbered, durable")),
    "delivery": Box(0, 1, ("delivery, outputs", "SIEM, chat, files")),
    "posture": Box(3, 2, ("posture, report", "scores, tickets, paths")),
    "cli": Box(1, 2, ("cli", "commands")),
}
PATHS = (
    ("capture", "decode"), ("decode", "native"), ("native", "inventory"), ("inventory", "detectors"),
    ("detectors", "alerts"),
    ("alerts", "eventlog"), ("eventlog", "delivery"), ("eventlog", "cli"), ("detectors", "posture"), ("posture", "cli"),
)  # fmt: skip
DATA_MODEL = {
    "packet": Box(0, 0.5, ("packet", "one frame")),
    "observation": Box(1, 0, ("observation", "dhcp.vendor_class")),
    "event": Box(1, 1, ("event, flow", "smb.tree_connect")),
    "evidence": Box(2, 0, ("evidence", "value, confidence")),
    "alert": Box(2, 1, ("alert", "actor, target, numbers")),
    "device": Box(3, 0, ("device", "type, vendor, firmware")),
    "incident": Box(3, 1, ("incident", "related alerts")),
    "weakness": Box(2, 2, ("recommendation, CVE", "packet evidence")),
    "ticket": Box(3, 2, ("ticket", "one fix, many devices")),
}
RELATIONS = (
    ("packet", "observation"), ("packet", "event"), ("observation", "evidence"), ("evidence", "device"),
    ("event", "alert"),
    ("alert", "incident"), ("event", "weakness"), ("weakness", "ticket"),
)  # fmt: skip

PACKET = {
    "ring": Box(0, 0, ("ring, file", "frames of one batch")),
    "row": Box(1, 0, ("row, 128 bytes", "MAC, IP, port, flow")),
    "selected": Box(2, 0, ("selected", "one bit for each dissector")),
    "native": Box(3, 0, ("native dissector", "rows, without the GIL")),
    "python": Box(3, 1, ("Python dissector", "rare or unusual messages")),
    "fact": Box(2, 1, ("fact", "new ones only → inventory")),
    "event": Box(1, 1, ("event", "conditions select detectors")),
    "bulk": Box(0, 1, ("flow changes", "windows, rates, in bulk")),
    "alert": Box(1, 2, ("alert", "roles, mutes, deduplication")),
    "record": Box(2, 2, ("record", "numbered, durable")),
}
STEPS = (
    ("ring", "row"), ("row", "selected"), ("selected", "native"), ("native", "python"), ("python", "fact"),
    ("fact", "event"),
    ("row", "bulk"), ("bulk", "alert"), ("event", "alert"), ("alert", "record"),
)  # fmt: skip


def pictures() -> dict[str, str]:
    """Every picture by file name."""
    return {
        "architecture.svg": _boxes("Stages of the sensor", ARCHITECTURE, PATHS),
        "data_model.svg": _boxes("Data model", DATA_MODEL, RELATIONS),
        "packet_path.svg": _boxes("Path of a packet", PACKET, STEPS),
        "office.svg": _table("Devices and alerts of the office capture", list(_office())),
        **{name: _screen(name) for name in SCREENS},
    }


def _office() -> Iterator[tuple[str, str]]:
    """(text, colour) of each line: one device of each type, then all alerts."""
    records = office().records
    devices = {
        record["device"]["id"]: record["device"]
        for record in records
        if record["kind"] == "device" and "device" in record
    }
    yield "$ make demo", "#8b949e"
    yield _row(COLUMNS), "#8b949e"
    for kind in SHOWN_TYPES:
        yield (
            _row(_cells(next(one for one in devices.values() if one.get("type") == kind and one.get("vendor")))),
            "#e6edf3",
        )
    yield f"… {len(devices)} devices", "#8b949e"
    yield "", "#8b949e"
    for record in _alerts(records):
        ends = f"{record['src']['ip']} → {record['dst']['ip']}" if "dst" in record else record["src"]["ip"]
        yield f"{record['severity']:9} {record['alert']['title']:52} {ends}", COLOURS.get(record["severity"], "#e6edf3")


def _alerts(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The last record of each alert, most severe first."""
    alerts = {record["alert"]["id"]: record for record in records if record["kind"] == "alert"}
    return sorted(alerts.values(), key=lambda record: (list(COLOURS).index(record["severity"]), record["ts"]))


def _cells(device: Mapping[str, Any]) -> dict[str, str]:
    texts = (device["type"], device["vendor"], device.get("model", "-"), device.get("hostname", "-"), device["ips"][0])
    return dict(zip(COLUMNS, texts, strict=True))


def _row(cells: Mapping[str, Any]) -> str:
    texts = [cells[name] if isinstance(cells[name], str) else name for name in COLUMNS]
    return " ".join(text[:width].ljust(width) for text, width in zip(texts, COLUMNS.values(), strict=True))


def _screen(name: str) -> str:
    """A terminal with a command and its output."""
    command, *lines = office().screens[name]
    return _table(command[2:], [(command, "#8b949e"), *((line, "#e6edf3") for line in lines)])


def _svg(title: str, width: float, height: float, body: Iterable[str]) -> str:
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' "
        f"width='{width:.0f}' role='img'>"
    )
    return "\n".join((head, f"<title>{escape(title)}</title>", *body, "</svg>", ""))


def _table(title: str, lines: Sequence[tuple[str, str]]) -> str:
    """A terminal with these lines."""
    width, height = max(len(text) for text, _ in lines) * LETTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    body = ["<rect width='100%' height='100%' rx='8' fill='#0d1117'/>", f"<g {FONT} xml:space='preserve'>"]
    body += [
        f"<text x='{MARGIN}' y='{MARGIN + LINE * (n + 0.7):.0f}' fill='{colour}'>{escape(text)}</text>"
        for n, (text, colour) in enumerate(lines)
    ]
    return _svg(title, width, height, [*body, "</g>"])


SIZE, STEP = (190, 56), (240, 100)


def _boxes(title: str, boxes: Mapping[str, Box], arrows: Iterable[tuple[str, str]]) -> str:
    """Boxes on a grid, connected by arrows."""
    width = max(box.column for box in boxes.values()) * STEP[0] + SIZE[0] + 2 * MARGIN
    height = max(box.row for box in boxes.values()) * STEP[1] + SIZE[1] + 2 * MARGIN
    head = "<path d='M0,0 L8,4 L0,8 z' fill='#57606a'/>"
    tip = (
        "<marker id='tip' viewBox='0 0 8 8' refX='8' refY='4' markerWidth='7' markerHeight='7' "
        f"orient='auto'>{head}</marker>"
    )
    lines = [_arrow(boxes[a], boxes[b]) for a, b in arrows]
    return _svg(
        title,
        width,
        height,
        [f"<rect width='100%' height='100%' fill='#ffffff'/><defs>{tip}</defs>", *lines, *map(_box, boxes.values())],
    )


def _middle(box: Box) -> tuple[float, float]:
    return MARGIN + box.column * STEP[0] + SIZE[0] / 2, MARGIN + box.row * STEP[1] + SIZE[1] / 2


def _arrow(start: Box, end: Box) -> str:
    """From the edge of one box to the edge of another."""
    (x1, y1), (x2, y2) = _middle(start), _middle(end)
    if start.column == end.column:
        down = SIZE[1] / 2 if y2 > y1 else -SIZE[1] / 2
        y1, y2 = y1 + down, y2 - down
    else:
        right = SIZE[0] / 2 if x2 > x1 else -SIZE[0] / 2
        x1, x2 = x1 + right, x2 - right
    return (
        f"<line x1='{x1:.0f}' y1='{y1:.0f}' x2='{x2:.0f}' y2='{y2:.0f}' stroke='#57606a' "
        "stroke-width='1.5' marker-end='url(#tip)'/>"
    )


def _box(box: Box) -> str:
    x, y = _middle(box)
    frame = (
        f"<rect x='{x - SIZE[0] / 2:.0f}' y='{y - SIZE[1] / 2:.0f}' width='{SIZE[0]}' "
        f"height='{SIZE[1]}' rx='6' fill='#f6f8fa' stroke='#57606a'/>"
    )
    name, about = box.lines
    return (
        f"{frame}<g font-family='sans-serif' text-anchor='middle'><text x='{x:.0f}' y='{y - 4:.0f}' "
        f"font-size='14' font-weight='bold'>{escape(name)}</text>"
        f"<text x='{x:.0f}' y='{y + 16:.0f}' font-size='12' fill='#57606a'>{escape(about)}</text></g>"
    )


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
