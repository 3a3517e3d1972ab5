"""Webhooks: bodies in their receivers' schemas (golden files), hostile texts, and the result of each record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Retry
from sensor.outputs import _webhook_bodies as bodies
from sensor.outputs.webhook import Options, Webhook
from tests.golden import Golden
from tests.outputs.batches import delivered, entries, entry
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Answer, Fault, Receiver, Request, Store
from tests.outputs.samples import RECORDS
from tests.outputs.webhook_samples import RECEIVERS, ROUTING_KEY, file_of, golden_text

EVIL = "<!channel> <@U1> *b* [x](http://evil.example) {noformat} &amp; \x1b[31m\u202e :smile: `c` @here"
NEEDS = {
    "jira": {"project": "SOC"},
    "jira_server": {"project": "SOC"},
    "pagerduty": {"routing_key": "env:ROUTING_KEY"},
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTING_KEY", ROUTING_KEY)
    monkeypatch.setenv("PASSWORD", "s3cret")


def bodies_store(request: Request, store: Store) -> Answer:
    """Each request is one line."""
    if request.method == "POST":
        store.add([request.body])
    return Answer()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(bodies_store) as running:
        yield running


def made(receiver: Receiver, kind: str = "plain", **options: Any) -> Webhook:
    return Webhook(
        "test",
        Options.model_validate(
            {"url": receiver.url, "receiver": kind, "timeout_s": 3, **NEEDS.get(kind, {}), **options}
        ),
    )


# Bodies.


@pytest.mark.parametrize("name", list(RECEIVERS))
def test_golden(name: str) -> None:
    """A change of a body appears as a difference to its golden file."""
    assert golden_text(name) == file_of(name).read_text(encoding="utf-8")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def evil(size: int = 1) -> dict[str, Any]:
    """An alert in which every text comes from a peer."""
    end = {"ip": EVIL * size, "hostname": EVIL * size, "type": EVIL, "mac": EVIL}
    alert = {
        "title": EVIL * size,
        "why": [EVIL * size] * 40,
        "advice": EVIL * size,
        "attack": [{"technique": EVIL, "name": EVIL, "tactic": EVIL}] * 40,
        "id": EVIL * size,
    }
    return {
        **RECORDS["alert_open"],
        "msg": EVIL * size,
        "alert": alert,
        "src": end,
        "dst": end,
        "targets": [end] * 200,
        "sensor": {"id": EVIL * size, "site": EVIL},
    }


@pytest.mark.parametrize("name", list(RECEIVERS))
@pytest.mark.parametrize("size", [1, 1000])
def test_hostile_texts(name: str, size: int) -> None:
    """No control or bidirectional characters, and no body above the receivers' limit (28 KB in Teams)."""
    body = RECEIVERS[name](evil(size))
    assert all(line.isprintable() for text in texts(body) for line in text.split("\n"))
    assert len(json.dumps(body)) < 28_000


def test_no_user_is_mentioned_in_slack() -> None:
    """Blocks are plain text; the one text with markup is escaped."""
    body = bodies.slack(evil())
    assert "<" not in body["text"]
    assert "&lt;!channel&gt;" in body["text"]
    parts = [
        part
        for block in body["blocks"]
        for part in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if part
    ]
    assert {part["type"] for part in parts} == {"plain_text"}


def test_limits_of_slack() -> None:
    """Headers have up to 150 characters, texts 3000, ten fields 2000 each; there are up to 50 blocks, none empty."""
    for record in (*RECORDS.values(), evil(1000)):
        body = bodies.slack(record)
        assert len(body["blocks"]) <= 50
        for block in body["blocks"]:
            assert 0 < len(block.get("text", {"text": "x"})["text"]) <= (150 if block["type"] == "header" else 3000)
            assert len(block.get("fields", ())) <= 10
            assert all(0 < len(field["text"]) <= 2000 for field in block.get("fields", ()))


def test_cards_of_teams_have_no_element_with_markup() -> None:
    card = bodies.teams(evil())["attachments"][0]["content"]
    assert {element["type"] for element in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for element in card["body"] for run in element["inlines"]} == {"TextRun"}


@pytest.mark.parametrize("text", [EVIL, "{noformat}", "{NoFormat:title=x}", "{{noformat}noformat}"])
def test_markup_of_jira_server_cannot_be_left(text: str) -> None:
    issue = bodies.jira_server(RECORDS["alert_open"] | {"msg": f"{text} h1. evil"}, "SOC", "Task")
    assert issue is not None
    assert len(re.findall(r"\{noformat", issue["fields"]["description"], re.IGNORECASE)) == 2
    assert "\n" not in issue["fields"]["summary"]


@pytest.mark.parametrize("name", ["jira", "jira_server", "servicenow"])
def test_a_ticket_is_opened_once(name: str) -> None:
    """Updates and ends open no further ticket; records of other kinds open tickets if the filter lets them pass."""
    assert RECEIVERS[name](RECORDS["alert_open"]) is not None
    assert RECEIVERS[name](RECORDS["alert_update"]) is None
    assert RECEIVERS[name](RECORDS["alert_close"]) is None
    assert RECEIVERS[name](RECORDS["device_new"]) is not None


def test_a_pager_follows_an_alert_to_its_end() -> None:
    """All events of an alert have the same key; another alert has another key."""
    opened, updated, closed, other = (
        RECEIVERS["pagerduty"](RECORDS[case]) for case in ("alert_open", "alert_update", "alert_close", "incident_open")
    )
    assert (opened["event_action"], updated["event_action"], closed["event_action"]) == (
        "trigger",
        "trigger",
        "resolve",
    )
    assert opened["dedup_key"] == updated["dedup_key"] == closed["dedup_key"] != other["dedup_key"]
    events = [RECEIVERS["servicenow_event"](RECORDS[case]) for case in ("alert_open", "alert_close")]
    assert [event["severity"] for event in events] == ["2", "0"]
    assert events[0]["message_key"] == events[1]["message_key"]


@pytest.mark.parametrize("name", list(RECEIVERS))
@pytest.mark.parametrize("case", list(RECORDS))
def test_records_that_lost_fields(name: str, case: str) -> None:
    """A record without one of its keys, or with a hash in its place, has a body."""
    for key in RECORDS[case]:
        if key == "kind":
            continue
        rest = {name: value for name, value in RECORDS[case].items() if name != key}
        for record in (rest, {**rest, key: "~3f9a"}):
            body = RECEIVERS[name](record)
            assert body is None or "null" not in json.dumps(body).replace('"contentUrl": null', "")


# Delivery.


@pytest.mark.parametrize("kind", ["plain", *RECEIVERS])
def test_each_record_is_a_request(receiver: Receiver, kind: str) -> None:
    """Records are sent in order, over one connection; records without a body count as delivered."""
    output = made(receiver, kind)
    output.open()
    batch = [entry(RECORDS[case]) for case in ("alert_open", "alert_update", "incident_open", "device_new")]
    assert output.send(batch) == Ack()
    wanted = [one.record if kind == "plain" else RECEIVERS[kind](dict(one.record)) for one in batch]
    assert receiver.store.records == [one for one in wanted if one is not None]
    assert all(request.headers["content-type"] == "application/json" for request in receiver.requests)
    output.close()


def test_a_record_has_the_same_key_whenever_it_comes(receiver: Receiver) -> None:
    output = made(receiver)
    output.open()
    batch = entries(2)
    output.send(batch)
    output.send(batch[:1])
    keys = [request.headers["idempotency-key"] for request in receiver.requests]
    assert keys[0] == keys[2] != keys[1]
    output.close()


def test_signed_and_packed_where_configured(receiver: Receiver) -> None:
    output = made(receiver, sign="env:PASSWORD", packing="gzip", user="us", password="env:PASSWORD")
    output.open()
    output.send(entries(1))
    headers = receiver.requests[0].headers
    assert headers["content-encoding"] == "gzip"
    assert headers["authorization"].startswith("Basic ")
    assert headers["webhook-id"] == headers["idempotency-key"]
    assert receiver.store.records == [entries(1)[0].record]
    output.close()


def test_one_of_a_batch_is_refused(receiver: Receiver) -> None:
    """A refused record is reported with the answer; the others are delivered."""
    output = made(receiver, "slack")
    output.open()
    receiver.script = [None, Fault(400, b"invalid_blocks")]
    ack = output.send(entries(4))
    assert list(ack.refused) == [1]
    assert "invalid_blocks" in ack.refused[1]
    assert (len(receiver.store.lines), ack.busy) == (3, ())
    output.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, headers={"Retry-After": "30"}),
        Fault(410, b"channel_is_archived"),
        Fault(reset=True),
        Fault(404, b"no_team"),
    ],
)
def test_a_batch_that_stops_half_way(receiver: Receiver, fault: Fault) -> None:
    """Delivered records are not sent again; the next try starts at the failed record, and the reason is reported."""
    output = made(receiver, "slack")
    output.open()
    batch = entries(5)
    receiver.script = [None, None, fault, fault]
    ack = output.send(batch)
    assert (dict(ack.refused), ack.busy) == ({}, (2, 3, 4))
    left = [batch[place] for place in ack.busy]
    with pytest.raises(Retry) as raised:
        output.send(left)
    assert raised.value.after_s == (30 if fault.status == 429 else None)
    assert delivered(output, left) == 0
    sent = [RECEIVERS["slack"](dict(one.record)) for one in batch]
    found = receiver.store.records
    # A record that was stored before the connection was lost is there twice.
    assert [one for place, one in enumerate(found) if one not in found[:place]] == sent
    assert len(found) == (7 if fault.reset else 5)
    output.close()


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("jira", b'{"errorMessages":[],"errors":{"project":"valid project is required"}}', Retry),
        ("jira", b'{"errorMessages":[],"errors":{"summary":"too long"}}', BatchRejected),
        (
            "pagerduty",
            b'{"status":"invalid event","errors":["\'routing_key\' is missing or is invalid format"]}',
            Retry,
        ),
        ("pagerduty", b'{"status":"invalid event","errors":["\'summary\' is missing"]}', BatchRejected),
        ("plain", b'{"error":"project"}', BatchRejected),
    ],
)
def test_faults_of_the_set_up_refuse_no_record(
    receiver: Receiver, kind: str, body: bytes, error: type[Exception]
) -> None:
    output = made(receiver, kind)
    output.open()
    receiver.script = [Fault(400, body)]
    if error is BatchRejected:
        assert list(output.send(entries(1)).refused) == [0]
    else:
        with pytest.raises(Retry):
            output.send(entries(1))
    output.close()


# Checks and options.


@pytest.mark.parametrize(
    ("kind", "path", "requested"),
    [
        ("jira", "/rest/api/3/issue", "/rest/api/3/project/SOC"),
        ("servicenow", "/api/now/table/incident", "/api/now/table/incident?sysparm_limit=1&sysparm_fields=sys_id"),
        ("slack", "/services/T/B/X", None),
    ],
)
def test_a_check_opens_no_ticket(receiver: Receiver, kind: str, path: str, requested: str | None) -> None:
    """The check tests the authentication of ticket systems; chat systems have no API for that."""
    output = made(receiver, kind, url=receiver.url + path)
    *_, last = output.check()
    assert (last.what, last.level) == ("auth", "ok" if requested else "warning")
    assert [request.path for request in receiver.requests] == ([requested] if requested else [])
    receiver.script = [Fault(401, b"Unauthorized")]
    *_, last = output.check()
    assert last.level == ("error" if requested else "warning")
    assert receiver.store.lines == []


@pytest.mark.parametrize(
    "options",
    [
        {"receiver": "mattermost"},
        {"receiver": "jira"},
        {"receiver": "jira_server", "project": "soc/../x"},
        {"receiver": "pagerduty"},
        {"receiver": "pagerduty", "routing_key": ROUTING_KEY},
        {"receiver": "slack", "format": "cef"},
    ],
)
def test_invalid_options(golden: Golden, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"url": "https://hooks.example.org", **options})
    golden(faults_of(raised))


def test_a_missing_routing_key(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing routing key is reported by its option, before anything is sent."""
    monkeypatch.delenv("ROUTING_KEY")
    with pytest.raises(Retry, match="env:ROUTING_KEY"):
        made(receiver, "pagerduty").open()
