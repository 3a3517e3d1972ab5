"""Splunk's collector: acknowledged batches, invalid events and tokens, and a bounded wait for acknowledgements."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Retry
from sensor.outputs.splunk_hec import Options, SplunkHec
from tests.golden import Golden
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Fault, Receiver, Request, Store
from tests.outputs.services import Hec

TOKEN = "B5A79AAD-D822-46CC-80D1-819F80D7BFB0"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)


@pytest.fixture
def service() -> Hec:
    return Hec(TOKEN)


@pytest.fixture
def receiver(service: Hec) -> Iterator[Receiver]:
    with Receiver(service) as running:
        yield running


def made(receiver: Receiver, **options: Any) -> SplunkHec:
    return SplunkHec(
        "test", Options.model_validate({"url": receiver.url, "token": "env:TOKEN", "timeout_s": 3, **options})
    )


@pytest.fixture
def output(receiver: Receiver) -> Iterator[SplunkHec]:
    opened = made(receiver)
    opened.open()
    receiver.requests.clear()
    yield opened
    opened.close()


def test_events_as_splunk_has_them(receiver: Receiver, output: SplunkHec) -> None:
    """Time in seconds, host, source, sourcetype by kind, id for deduplication; the record is an object, no string."""
    batch = entries(5)
    assert output.send(batch) == Ack()
    first = receiver.store.records[0]
    assert first == {
        "time": 1795511647.318,
        "host": "hq-3f-01",
        "source": "sensor",
        "sourcetype": "sensor:alert",
        "event": batch[0].record,
        "fields": {"record_id": batch[0].id},
    }
    assert [each["fields"]["record_id"] for each in receiver.store.records] == ids(batch)
    assert receiver.requests[0].path == "/services/collector/event"


def test_formats_of_text_are_strings(receiver: Receiver) -> None:
    output = made(receiver, format="cef", index="ot", sourcetype="cef")
    output.open()
    batch = entries(2, format="cef")
    output.send(batch)
    assert [(each["event"], each["index"], each["sourcetype"]) for each in receiver.store.records] == [
        (one.payload.decode(), "ot", "cef") for one in batch
    ]
    output.close()


def test_it_waits_until_the_indexers_have_it(receiver: Receiver, service: Hec, output: SplunkHec) -> None:
    """The output polls for the acknowledgement in one channel, with growing pauses."""
    service.polls = 4
    begin = time.monotonic()
    assert output.send(entries(3)) == Ack()
    assert time.monotonic() - begin > 0.5
    assert [request.path for request in receiver.requests] == ["/services/collector/event"] + [
        "/services/collector/ack"
    ] * 5
    assert len({request.headers["x-splunk-request-channel"] for request in receiver.requests}) == 1
    assert [request.headers.get("content-encoding") for request in receiver.requests] == ["gzip"] + [None] * 5
    output.open()
    output.send(entries(1))
    assert (
        receiver.requests[0].headers["x-splunk-request-channel"]
        == receiver.requests[-1].headers["x-splunk-request-channel"]
    )


def test_a_balancer_leads_to_the_one_who_knows(receiver: Receiver, service: Hec, output: SplunkHec) -> None:
    """The load balancer's cookies are sent back, without their attributes."""

    def balanced(request: Request, store: Store) -> Any:
        return service(request, store)._replace(
            headers={"Set-Cookie": "AWSALB=ab/c+1==; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/"}
        )

    receiver.service = balanced
    output.send(entries(1))
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, "AWSALB=ab/c+1=="]


def test_two_outputs_have_two_channels(receiver: Receiver, output: SplunkHec) -> None:
    other = made(receiver)
    other.open()
    for each in (output, other):
        each.send(entries(1))
    assert len({request.headers["x-splunk-request-channel"] for request in receiver.requests}) == 2
    other.close()


def test_what_is_never_written_comes_again(receiver: Receiver, service: Hec) -> None:
    """If the indexers fail and the acknowledgement stays false, the batch is sent again."""
    output = made(receiver, ack_timeout_s=0.4)
    output.open()
    service.polls = -1
    begin = time.monotonic()
    with pytest.raises(Retry, match=r"not written within 0\.4 s"):
        output.send(entries(2))
    assert time.monotonic() - begin < 30
    service.polls = 0
    assert output.send(entries(2)) == Ack()
    output.close()


def test_a_splunk_that_forgot_the_channel_gets_it_again(receiver: Receiver, service: Hec, output: SplunkHec) -> None:
    """If Splunk restarts before the acknowledgement and loses the channel or the answer, the batch is sent again."""
    for fault in (
        Fault(400, json.dumps({"text": "Invalid data channel", "code": 11}).encode()),
        Fault(reset=True),
        Fault(503),
        Fault(200, b"x"),
    ):
        service.polls = 0
        receiver.script = [None, fault]
        if fault.status == 200:
            assert output.send(entries(1)) == Ack()
            continue
        with pytest.raises(Retry):
            output.send(entries(1))
    assert delivered(output, entries(1)) == 0


def test_one_wrong_event(receiver: Receiver, service: Hec, output: SplunkHec) -> None:
    """Only the invalid event is refused. Earlier ones, which are never acknowledged, are sent again with the later
    ones.
    """
    batch = entries(5)
    service.rejection = lambda event: (
        ("Invalid data format", 6) if event["fields"]["record_id"] == batch[2].id else None
    )
    ack = output.send(batch)
    assert (list(ack.refused), ack.busy) == ([2], (0, 1, 3, 4))
    assert "Invalid data format (code 6)" in ack.refused[2]
    assert output.send([batch[place] for place in ack.busy]) == Ack()
    assert {each["fields"]["record_id"] for each in receiver.store.records} == set(ids(batch)) - {batch[2].id}


def test_one_wrong_event_without_acknowledgement(service: Hec, receiver: Receiver) -> None:
    """Events before the invalid one were accepted: nothing is sent twice."""
    service.acknowledge = False
    output = made(receiver, acknowledge=False)
    output.open()
    batch = entries(5)
    service.rejection = lambda event: (
        ("Event field is required", 12) if event["fields"]["record_id"] == batch[2].id else None
    )
    ack = output.send(batch)
    assert (list(ack.refused), ack.busy) == ([2], (3, 4))
    output.send([batch[place] for place in ack.busy])
    assert [each["fields"]["record_id"] for each in receiver.store.records] == [
        one.id for one in batch if one is not batch[2]
    ]
    output.close()


@pytest.mark.parametrize(
    ("status", "body", "error", "expected"),
    [
        (
            400,
            {"text": "Incorrect index", "code": 7, "invalid-event-number": 0},
            Retry,
            r"\(code 7\); ",
        ),
        (400, {"text": "Data channel is missing", "code": 10}, Retry, r"\(code 10\); .*\btrue\b"),
        (400, {"text": "ACK is disabled", "code": 14}, Retry, "useACK"),
        (400, {"text": "Invalid data format", "code": 6}, BatchRejected, "code 6"),
        (400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 99}, BatchRejected, "code 6"),
        (400, {"text": "Error in handling indexed fields", "code": 15}, BatchRejected, "code 15"),
        (401, {"text": "Token is required", "code": 2}, Retry, "Token is required"),
        (403, {"text": "Token disabled", "code": 1}, Retry, "Token disabled"),
        (403, {"text": "Invalid token", "code": 4}, Retry, "Invalid token"),
        (404, None, Retry, "404"),
        (413, None, BatchRejected, "413"),
        (429, {"text": "HEC queue at capacity", "code": 24}, Retry, "capacity"),
        (500, {"text": "Internal server error", "code": 8}, Retry, "code 8"),
        (503, {"text": "Server is busy", "code": 9}, Retry, "Server is busy"),
        (503, {"text": "Server is shutting down", "code": 23}, Retry, "shutting down"),
        (200, None, Retry, "Splunk"),
        (200, {"text": "odd \x1b[31m", "code": 99}, Retry, "code 99"),
    ],
)
def test_codes_of_the_collector(
    receiver: Receiver, output: SplunkHec, status: int, body: Any, error: type[Exception], expected: str
) -> None:
    """Codes about events refuse records; codes about tokens, indexes and load retry the batch."""
    receiver.script = [Fault(status, json.dumps(body).encode() if body else b"<html>")]
    with pytest.raises(error, match=expected) as raised:
        output.send(entries(3))
    assert str(raised.value).isprintable()
    assert TOKEN not in str(raised.value)
    assert receiver.store.lines == []


def test_retry_after(receiver: Receiver, output: SplunkHec) -> None:
    receiver.script = [Fault(503, b'{"text":"Server is busy","code":9}', {"Retry-After": "11"})]
    with pytest.raises(Retry) as raised:
        output.send(entries(1))
    assert raised.value.after_s == 11


def test_a_token_without_acknowledgement_is_found_before_anything_is_sent(receiver: Receiver, service: Hec) -> None:
    """A token without acknowledgements is rejected by open: every batch would be stored and sent again for ever."""
    service.acknowledge = False
    output = made(receiver)
    with pytest.raises(Retry, match=r"useACK.*\backnowledge\b.*\bfalse\b"):
        output.open()
    with pytest.raises(Retry):
        output.send(entries(1))
    assert receiver.store.lines == []


def test_acknowledgement_that_was_switched_off_meanwhile(receiver: Receiver, service: Hec, output: SplunkHec) -> None:
    service.acknowledge = False
    with pytest.raises(Retry, match="useACK"):
        output.send(entries(1))


def test_a_token_that_wants_acknowledgement(receiver: Receiver) -> None:
    output = made(receiver, acknowledge=False)
    output.open()
    with pytest.raises(Retry, match=r"\backnowledge\b.*\btrue\b"):
        output.send(entries(1))
    output.close()


@pytest.mark.parametrize(("acknowledge", "level"), [(True, "ok"), (False, "warning")])
def test_a_check_sends_no_event(receiver: Receiver, service: Hec, acknowledge: bool, level: str) -> None:
    service.acknowledge = acknowledge
    output = made(receiver, acknowledge=acknowledge)
    *_, last = output.check()
    assert (last.what, last.level) == ("auth", level)
    assert "token" in last.message
    assert receiver.store.lines == []


@pytest.mark.parametrize("acknowledge", [True, False])
def test_a_check_with_a_wrong_token(receiver: Receiver, service: Hec, acknowledge: bool) -> None:
    service.token = "another"
    *_, last = made(receiver, acknowledge=acknowledge).check()
    assert (last.what, last.level) == ("auth", "error")
    assert "Invalid token (code 4)" in last.message


def test_a_check_of_something_else() -> None:
    with Receiver() as receiver:
        *_, last = made(receiver, acknowledge=False).check()
        assert (last.what, last.level) == ("auth", "warning")


def test_closing_ends_no_wait_of_others_and_leaves_nothing(receiver: Receiver, output: SplunkHec) -> None:
    before = threading.active_count()
    output.close()
    output.close()
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    "options",
    [
        {"token": None},
        {"index": "A B"},
        {"ack_timeout_s": 0},
    ],
)
def test_invalid_options(golden: Golden, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"url": "https://splunk.example.org:8088", "token": "env:TOKEN", **options})
    golden(faults_of(raised))


def test_events_without_time_or_host(receiver: Receiver, output: SplunkHec) -> None:
    """Events without time or host are valid, since fields may be omitted."""
    [one] = entries(1)
    bare = type(one)(one.seq, {"id": one.id, "kind": one.kind}, b'{"id":"x"}')
    odd = type(one)(one.seq, {"id": "odd", "kind": one.kind, "ts": "soon", "sensor": "~3f9a"}, b'{"id":"odd"}')
    assert output.send([bare, odd]) == Ack()
    assert receiver.store.records[1].keys() == {"source", "sourcetype", "event", "fields"}
    assert receiver.store.records[0] == {
        "source": "sensor",
        "sourcetype": "sensor:alert",
        "event": {"id": "x"},
        "fields": {"record_id": one.id},
    }


def test_a_service_like_splunk(service: Hec) -> None:
    """The stand-in answers false for unknown acknowledgements, and true only once."""
    store = Store()
    request = Request(
        "POST",
        "/services/collector/event",
        {"authorization": f"Splunk {TOKEN}", "x-splunk-request-channel": "c"},
        b"",
        b'{"event":1}{"event":2}',
    )
    number = json.loads(service(request, store).body)["ackId"]
    requested = request._replace(path="/services/collector/ack", body=json.dumps({"acks": [number, 7]}).encode())
    assert [json.loads(service(requested, store).body)["acks"][str(number)] for _ in range(2)] == [True, False]
    assert len(store.lines) == 2
