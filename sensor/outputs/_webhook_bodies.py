"""Bodies of webhooks: a record in the form that a chat room, a ticket system or a pager expects. Pure functions; None
if a receiver has no use for a record.

Texts of records may come from peers: they appear only where receivers read plain text, or escaped, so that they cannot
mention users, create links or formatting. A record may lack fields, or have hashes in their place; missing values are
left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sensor.core.reader import clean

Body = dict[str, Any]
Record = Mapping[str, Any]

TITLE_LIMIT, TEXT_LIMIT, FACT_LIMIT = 150, 1500, 300
LISTED = 5

# Jira ends text without markup at this brace and word, in any case.
_NOFORMAT = re.compile(r"\{(?=noformat)", re.IGNORECASE)
# Colors of an adaptive card.
_COLOURS = {"critical": "Attention", "high": "Attention", "medium": "Warning"}
_PAGER = {"critical": "critical", "high": "error", "medium": "warning"}
_EVENT = {"critical": "1", "high": "2", "medium": "3", "low": "4", "info": "5"}
# Urgency and impact of an incident, 1 to 3, from which ServiceNow derives the priority.
_URGENCY = {"critical": "1", "high": "2", "medium": "2"}


def slack(record: Record) -> Body:
    """A message of an incoming webhook, in blocks of plain text. Only ``text``, which notifications show,
    has markup.
    """
    head, facts = _cut(f"{_severity(record).upper()}: {title(record)}", TITLE_LIMIT), fact_pairs(record)
    blocks: list[Body] = [{"type": "header", "text": _plain(head)}]
    blocks += [{"type": "section", "text": _plain(text)} for text in (message(record), *prose(record))]
    # A section has ten fields at most.
    blocks += (
        [{"type": "section", "fields": [_plain(f"{name}\n{value}") for name, value in facts[:10]]}] if facts else []
    )
    blocks.append({"type": "context", "elements": [_plain(foot(record))]})
    escaped = f"{head}: {message(record)}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "blocks": blocks}


def teams(record: Record) -> Body:
    """A message with an adaptive card for workflows with a webhook trigger. Text runs have no markup, unlike text
    blocks and facts.
    """
    colour = _COLOURS.get(_severity(record), "Default")
    card: list[Body] = [
        _runs(
            _run(f"{_severity(record).upper()}: ", weight="Bolder", color=colour),
            _run(title(record), weight="Bolder", size="Medium"),
        )
    ]
    card += [_runs(_run(text)) for text in (message(record), *prose(record))]
    card += [
        _runs(_run(f"{name}: ", weight="Bolder"), _run(value)) | {"spacing": "Small"}
        for name, value in fact_pairs(record)
    ]
    card.append(_runs(_run(foot(record), isSubtle=True, size="Small")))
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": card,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def jira(record: Record, project: str, issue_type: str) -> Body | None:
    """An issue of Jira Cloud (REST API 3), whose texts are documents."""
    if not _begins(record):
        return None
    facts = [
        _item([_text(f"{name}: ", strong=True), _text(value)])
        for name, value in [*fact_pairs(record), ("Record", foot(record))]
    ]
    content = [_paragraph(text) for text in (message(record), *prose(record))] + [
        {"type": "bulletList", "content": facts}
    ]
    return _issue(record, project, issue_type, {"type": "doc", "version": 1, "content": content})


def jira_server(record: Record, project: str, issue_type: str) -> Body | None:
    """An issue of Jira Data Center (REST API 2), whose texts have markup, except within ``noformat``."""
    if not _begins(record):
        return None
    return _issue(record, project, issue_type, f"{{noformat}}\n{_NOFORMAT.sub('{ ', page(record))}\n{{noformat}}")


def servicenow(record: Record) -> Body | None:
    """A row of the incident table. ``correlation_id`` identifies it."""
    if not _begins(record):
        return None
    urgency = _URGENCY.get(_severity(record), "3")
    return {
        "short_description": _cut(f"{title(record)}: {message(record)}", 160),
        "description": page(record),
        "urgency": urgency,
        "impact": urgency,
        "category": "security",
        "correlation_id": key(record)[:100],
        "correlation_display": "Passive network sensor",
    }


def servicenow_event(record: Record) -> Body:
    """A row of the event table (Event Management). Events with the same ``message_key`` form one alert, which severity
    0 closes.
    """
    src = _map(record, "device") or _map(record, "src")
    info = dict(fact_pairs(record)) | {"Record": _id(record)}
    return {
        "source": "Passive network sensor",
        "event_class": _sensor(record, "id"),
        "node": _cut(str(src.get("hostname") or src.get("ip") or next(iter(_list(src, "ips")), "")), 100),
        "resource": _cut(str(src.get("id") or src.get("device") or ""), 100),
        "type": _sort(record),
        "message_key": key(record),
        "severity": "0" if record.get("action") == "close" else _EVENT.get(_severity(record), "5"),
        "description": _cut("\n".join((title(record), message(record), *prose(record))), 4000, lines=True),
        "time_of_event": str(record.get("ts", ""))[:19].replace("T", " "),
        "additional_info": json.dumps(info, ensure_ascii=False),
    }


def pagerduty(record: Record, routing_key: str) -> Body:
    """An event of the Events API, version 2: events with the same ``dedup_key`` are one incident, resolved when the
    alert is closed.
    """
    payload: Body = {
        "summary": _cut(f"{title(record)}: {message(record)}", 1024),
        "source": _cut(_end(_map(record, "device") or _map(record, "src")) or _sensor(record, "id") or "sensor", 255),
        "severity": _PAGER.get(_severity(record), "info"),
        "component": _sensor(record, "id"),
        "group": _sensor(record, "site"),
        "class": _sort(record),
        "custom_details": dict(fact_pairs(record)) | {"notes": list(prose(record)), "id": _id(record)},
    }
    if record.get("ts"):
        payload["timestamp"] = _cut(str(record["ts"]), 40)
    action = "resolve" if record.get("action") == "close" else "trigger"
    return {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": key(record),
        "client": "Passive network sensor",
        "payload": payload,
    }


# Content.


def title(record: Record) -> str:
    named = (
        _map(record, "alert").get("title")
        or _map(record, "recommendation").get("title")
        or f"{record.get('kind', 'event')} {str(record.get('action', '')).replace('_', ' ')}".capitalize()
    )
    return _cut(str(named), TITLE_LIMIT)


def message(record: Record) -> str:
    return _cut(str(record.get("msg") or title(record)), TEXT_LIMIT)


def prose(record: Record) -> tuple[str, ...]:
    """Explanation, evidence, advice, verification, and benign causes."""
    about = _map(record, "alert") or _map(record, "recommendation")
    reasons = "; ".join(str(each) for each in _list(about, "why")[:LISTED])
    pairs = (
        ("Why", reasons),
        ("Evidence", about.get("seen")),
        ("Recommended action", about.get("advice") or about.get("fix")),
        (f"Steps ({about.get('maker')})", about.get("steps")),
        ("Verification", about.get("test")),
        ("Closed", about.get("closed") if record.get("kind") == "recommendation" else None),
        ("False positives", about.get("false_positives")),
    )
    return tuple(_cut(f"{name}: {text}", TEXT_LIMIT) for name, text in pairs if text)


def fact_pairs(record: Record) -> list[tuple[str, str]]:
    """Known facts by name, the most useful first."""
    about, network = _map(record, str(record.get("kind", ""))), _map(record, "network")
    ends = [_map(record, "dst"), *_list(record, "targets")]
    pairs = (
        ("Device", _end(_map(record, "device"))),
        ("From", _end(_map(record, "src"))),
        ("To", _several(list(dict.fromkeys(end for each in ends if (end := _end(each)))))),
        ("Severity", _severity(record)),
        ("Risk", about.get("risk")),
        ("Confidence", about.get("confidence")),
        (
            "Techniques",
            _several(
                [
                    f"{each.get('technique')} {each.get('name')}"
                    for each in _list(about, "attack")
                    if isinstance(each, Mapping)
                ]
            ),
        ),
        ("Seen", _span(about)),
        ("Protocol", " ".join(str(network[name]) for name in ("proto", "app") if name in network)),
        ("Detector", about.get("detector")),
    )
    return [(name, _cut(str(value), FACT_LIMIT)) for name, value in pairs if value not in (None, "")]


def foot(record: Record) -> str:
    sensor = _map(record, "sensor")
    named = (sensor.get("id"), sensor.get("site"), record.get("ts"), record.get("id"))
    return _cut(" · ".join(str(each) for each in named if each), FACT_LIMIT) or "sensor"


def page(record: Record) -> str:
    """All content as lines of text."""
    facts = "\n".join([*(f"{name}: {value}" for name, value in fact_pairs(record)), foot(record)])
    return "\n\n".join(part for part in (message(record), "\n".join(prose(record)), facts) if part)


def key(record: Record) -> str:
    """The same for all records of one alert, incident or recommendation of one sensor; otherwise unique to
    the record.
    """
    about = _map(record, "alert") or _map(record, "incident") or _map(record, "recommendation")
    named = f"{_map(record, 'sensor').get('id', '')}/{about['id']}" if about.get("id") else str(record.get("id", ""))
    return _cut(named, 255)


def _begins(record: Record) -> bool:
    """Whether the record opens a ticket: later changes of an alert are not new tickets."""
    return record.get("kind") not in ("alert", "incident", "recommendation") or record.get("action") == "open"


def _severity(record: Record) -> str:
    return str(record.get("severity", "info"))


def _sort(record: Record) -> str:
    """Detector of an alert, otherwise kind and action."""
    return _cut(str(_map(record, "alert").get("detector") or f"{record.get('kind')}.{record.get('action')}"), 100)


def _sensor(record: Record, name: str) -> str:
    return _cut(str(_map(record, "sensor").get(name) or ""), 100)


def _id(record: Record) -> str:
    return _cut(str(record.get("id", "")), 100)


def _map(record: Record, name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(record: Record, name: str) -> Sequence[Any]:
    found = record.get(name)
    return found if isinstance(found, list) else []


def _end(end: Any) -> str:
    """``FS01 (10.20.1.5, server)``."""
    if not isinstance(end, Mapping):
        return ""
    known = [
        str(each)
        for each in (end.get("hostname"), end.get("ip") or next(iter(_list(end, "ips")), None), end.get("type"))
        if each
    ]
    known = known or [str(each) for each in (end.get("mac"), end.get("device"), end.get("id")) if each]
    return f"{known[0]} ({', '.join(known[1:])})" if len(known) > 1 else "".join(known)


def _several(texts: Sequence[str]) -> str:
    more = f", and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return ", ".join(texts[:LISTED]) + more


def _span(about: Mapping[str, Any]) -> str:
    first, last, count = about.get("first"), about.get("last"), about.get("count")
    when = f"{first} to {last}" if first and last and first != last else str(first or "")
    return f"{when}, {count} times" if isinstance(count, int) and count > 1 else when


def _cut(text: str, limit: int, *, lines: bool = False) -> str:
    """Clean and truncated text, on one line unless ``lines`` is set."""
    return "\n".join(clean(line, limit) for line in text[:limit].split("\n")) if lines else clean(text, limit)


# Format.


def _plain(text: str) -> Body:
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _run(text: str, **looks: Any) -> Body:
    return {"type": "TextRun", "text": text, **looks}


def _runs(*runs: Body) -> Body:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _text(text: str, *, strong: bool = False) -> Body:
    return {"type": "text", "text": text, **({"marks": [{"type": "strong"}]} if strong else {})}


def _paragraph(text: str) -> Body:
    return {"type": "paragraph", "content": [_text(text)]}


def _item(content: list[Body]) -> Body:
    return {"type": "listItem", "content": [{"type": "paragraph", "content": content}]}


def _issue(record: Record, project: str, issue_type: str, description: Any) -> Body:
    labels = ["network-sensor", f"severity-{_severity(record)}"]
    fields = {
        "project": {"key": project},
        "issuetype": {"name": issue_type},
        "summary": _cut(f"{title(record)}: {message(record)}", 250),
        "labels": labels,
    }
    return {"fields": fields | {"description": description}}
