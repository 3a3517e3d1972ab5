"""A digest as text: subject, plain text, and HTML. Pure functions; names from peers are cleaned, and
escaped in HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sensor.core.phrases import counted
from sensor.core.reader import clean
from sensor.core.severities import SEVERITIES

Record = Mapping[str, Any]

COLOURS = {"info": "#57606a", "low": "#0969da", "medium": "#9a6700", "high": "#bc4c00", "critical": "#cf222e"}
SUBJECT_LIMIT, TEXT_LIMIT, LIST_LIMIT = 150, 500, 8


def subject(records: Sequence[Record], prefix: str) -> str:
    """The most severe record, and the number of others."""
    worst = max(records, key=lambda record: SEVERITIES.index(_severity(record)))
    others = f" and {len(records) - 1} more" if len(records) > 1 else ""
    head = f"{prefix} {_severity(worst).upper()}: "
    return clean(head + _text(worst.get("msg"), max(0, SUBJECT_LIMIT - len(head) - len(others))) + others)


def plain(records: Sequence[Record]) -> str:
    blocks = []
    for record in records:
        lines = [f"[{_severity(record).upper()}] {_text(record.get('msg'))}"]
        lines += [f"  {label}: {value}" for label, value in _facts(record)]
        blocks.append("\n".join(lines))
    return f"{_counted(records)}\n\n" + "\n\n".join(blocks) + "\n"


def page(records: Sequence[Record]) -> str:
    head = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body style="font-family:sans-serif">\n'
    return f"{head}<p>{escape(_counted(records))}</p>\n{'<hr>'.join(map(_block, records))}</body></html>\n"


def _block(record: Record) -> str:
    severity = _severity(record)
    title = f'<b style="color:{COLOURS[severity]}">{severity.upper()}</b> {escape(_text(record.get("msg")))}'
    rows = [f"<tr><td>{escape(label)}</td><td>{escape(value)}</td></tr>\n" for label, value in _facts(record)]
    return f'<p>{title}</p>\n<table cellpadding="4">\n{"".join(rows)}</table>\n'


def _counted(records: Sequence[Record]) -> str:
    """``3 events: 1 critical, 2 low``."""
    counts = [(name, sum(_severity(record) == name for record in records)) for name in reversed(SEVERITIES)]
    parts = ", ".join(f"{count} {name}" for name, count in counts if count)
    return f"{counted(len(records), 'event')}: {parts}"


def _facts(record: Record) -> list[tuple[str, str]]:
    """Labelled facts that the reader needs to act; missing ones are left out."""
    kind = _text(record.get("kind"))
    sensor = _object(record.get("sensor"))
    about = _object(record.get(kind)) if kind != "sensor" else {}
    targets = [_end(one) for one in _list(record.get("targets"))] or [_end(record.get("dst"))]
    facts = [f"{_text(key)} {_text(value)}" for key, value in _object(record.get("facts")).items() if _text(value)]
    parts = [
        ("time", _text(record.get("ts"))),
        ("what", " ".join(filter(None, (kind, _text(record.get("action")), _text(about.get("title")))))),
        ("source", _end(record.get("src"))),
        ("targets", _listed(targets)),
        ("device", _device(about) if kind == "device" else ""),
        ("changes", _listed([_change(_object(one)) for one in _list(record.get("changes"))])),
        ("facts", _listed(facts)),
        ("story", _listed([_text(_object(one).get("msg")) for one in _list(about.get("story"))], "; ")),
        ("risk", _text(about.get("risk"))),
        ("techniques", _listed([_technique(_object(one)) for one in _list(about.get("attack"))])),
        ("why", _listed([_text(one) for one in _list(about.get("why"))], "; ")),
        ("evidence", _text(about.get("seen"))),
        ("recommended action", _text(about.get("advice") or about.get("fix"))),
        ("steps", " ".join(filter(None, (_text(about.get("maker")), _text(about.get("steps")))))),
        ("verification", _text(about.get("test"))),
        ("false positives", _text(about.get("false_positives"))),
        ("mute", _text(about.get("mute"))),
        ("detector", _text(about.get("detector"))),
        ("sensor", " ".join(filter(None, (_text(sensor.get("id")), _text(sensor.get("site")))))),
        ("reference", " ".join(filter(None, (_text(about.get("id")), _text(record.get("id")))))),
    ]
    return [(label, value) for label, value in parts if value]


def _technique(technique: Record) -> str:
    """``T1046 Network Service Discovery``."""
    return f"{_text(technique.get('technique'))} {_text(technique.get('name'))}"


def _end(end: Any) -> str:
    """``10.20.30.41 port 445 (FS01, server)``."""
    seen = _object(end)
    names = ", ".join(filter(None, (_text(seen.get("hostname")), _text(seen.get("type")))))
    port = f" port {_text(seen['port'])}" if seen.get("port") else ""
    where = _text(seen.get("ip")) or _text(seen.get("mac")) or _text(seen.get("device"))
    return f"{where}{port} ({names})" if where and names else where + port if where else names


def _device(device: Record) -> str:
    named = [_text(device.get(key)) for key in ("type", "vendor", "model", "firmware", "hostname")]
    ends = [_text(one) for key in ("ips", "macs") for one in _list(device.get(key))[:2]]
    return " ".join(filter(None, named)) + (f", {', '.join(ends)}" if ends else "")


def _change(change: Record) -> str:
    old = f"{_text(change.get('old'))} → " if change.get("old") else ""
    return f"{_text(change.get('field'))} {old}{_text(change.get('new'))}"


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    parts = [text for text in texts if text]
    return separator.join(parts[:LIST_LIMIT]) + (
        f"{separator}{len(parts) - LIST_LIMIT} more" if len(parts) > LIST_LIMIT else ""
    )


def _severity(record: Record) -> str:
    found = record.get("severity")
    return found if found in SEVERITIES else "info"


def _text(value: Any, limit: int = TEXT_LIMIT) -> str:
    """One clean line for any value."""
    return "" if value is None or isinstance(value, dict | list) else clean(str(value), limit)


def _object(value: Any) -> Record:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
