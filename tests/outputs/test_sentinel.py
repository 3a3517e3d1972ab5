"""Sentinel: rows of a table, with tokens that expire, in calls of limited size; and errors of Azure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Entry, Retry
from sensor.outputs._sentinel_columns import COLUMNS, row
from sensor.outputs.sentinel import CALL_LIMIT, Options, Sentinel, calls
from tests.golden import Golden
from tests.outputs.batches import delivered, entries, entry, ids
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Fault, Receiver
from tests.outputs.samples import RECORDS
from tests.outputs.services import SECRET
from tests.outputs.services import Sentinel as Service

KINDS = {"string": str, "datetime": str, "int": int, "long": int, "real": float | int, "dynamic": list | dict}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def receiver(service: Service) -> Iterator[Receiver]:
    with Receiver(service) as running:
        yield running


def made(receiver: Receiver, **options: Any) -> Sentinel:
    given = {
        "url": receiver.url,
        "login": receiver.url,
        "rule": "dcr-1",
        "tenant": "contoso",
        "client_id": "app-1",
        "client_secret": "env:CLIENT_SECRET",
    }
    return Sentinel("test", Options.model_validate({**given, "timeout_s": 3, **options}))


@pytest.fixture
def output(receiver: Receiver) -> Iterator[Sentinel]:
    opened = made(receiver)
    opened.open()
    yield opened
    opened.close()


# Rows.


@pytest.mark.parametrize("case", list(RECORDS))
def test_rows_have_the_columns_of_the_table(case: str) -> None:
    """Rows have the types of the table's columns, with activity, time, addresses and severity."""
    record = RECORDS[case]
    made_row, types = row(record), dict(COLUMNS)
    assert made_row.keys() <= types.keys()
    assert all(isinstance(value, KINDS[types[name]]) for name, value in made_row.items())
    assert [made_row[name] for name in ("TimeGenerated", "EventId", "Kind", "Message")] == [
        record[key] for key in ("ts", "id", "kind", "msg")
    ]
    if record["kind"] == "alert":
        assert (made_row["Detector"], made_row["RiskScore"], made_row["AlertId"]) == tuple(
            record["alert"][key] for key in ("detector", "risk", "id")
        )
        assert (made_row["SrcIpAddr"], made_row["Techniques"][0]) == (
            record["src"]["ip"],
            record["alert"]["attack"][0]["technique"],
        )
    if record["kind"] == "device":
        assert made_row["DeviceId"] == record["device"]["id"]


def test_every_column_is_filled_by_some_record() -> None:
    """Every column is filled by some sample: a misspelt name would stay empty."""
    filled = {name for record in RECORDS.values() for name in row(record)}
    assert {name for name, _ in COLUMNS} - filled <= {"EmittedTime"}


def test_a_recommendation_fills_the_columns_of_a_finding() -> None:
    """A recommendation has title, reasons, advice, number and times, and no id of an alert, by which queries count."""
    about = {
        "id": "recommendation-1", "title": "Telnet in use", "count": 7, "why": ["cleartext"], "fix": "Use SSH.",
        "first": "2026-11-24T08:00:00.000000Z", "last": "2026-11-24T09:00:00.000000Z",
    }  # fmt: skip
    made_row = row({"id": "1", "kind": "recommendation", "recommendation": about})
    assert made_row == {
        "EventId": "1", "Kind": "recommendation", "Title": about["title"], "EventCount": 7,
        "FirstSeen": about["first"], "LastSeen": about["last"], "Reasons": about["why"], "Advice": about["fix"],
    }  # fmt: skip


def test_names_of_columns_are_such_as_azure_takes() -> None:
    names = [name for name, _ in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() and len(name) <= 45 for name in names)
    assert not {"TenantId", "Type", "id", "MG"} & set(names)


def test_values_of_another_type() -> None:
    """Redacted fields are strings in any column."""
    record = {
        **RECORDS["alert_open"],
        "src": {"ip": "~ab12", "port": "~cd34", "mac": 5},
        "targets": "~ef",
        "alert": {"risk": 1 << 40, "attack": "~x", "why": 3},
    }
    made_row = row(record)
    assert (made_row["SrcIpAddr"], made_row["SrcMacAddr"]) == ("~ab12", "5")
    assert not {"SrcPortNumber", "Targets", "RiskScore", "Techniques", "Reasons"} & made_row.keys()
    assert row({"id": "1", "kind": "sensor"}) == {"EventId": "1", "Kind": "sensor"}


# Delivery.


def test_rows_arrive_under_one_token(receiver: Receiver, service: Service, output: Sentinel) -> None:
    batch = entries(10)
    assert output.send(batch[:5]) == Ack()
    output.send(batch[5:])
    assert receiver.store.records == [row(one.record) for one in batch]
    assert len(service.tokens) == 1
    assert receiver.requests[1].path == "/dataCollectionRules/dcr-1/streams/Custom-Sensor_CL?api-version=2023-01-01"
    login = receiver.requests[0].body.decode()
    assert "grant_type=client_credentials&client_id=app-1" in login
    assert "scope=https%3A%2F%2Fmonitor.azure.com%2F%2F.default" in login


def test_rows_of_devices(receiver: Receiver) -> None:
    """Rows of devices have the columns of Defender's table."""
    output = made(receiver, format="device_info")
    output.open()
    batch = entries(2, cases=("device_new",), format="device_info")
    output.send(batch)
    assert receiver.store.records == [json.loads(one.payload) for one in batch]
    output.close()


def test_a_token_that_ends_is_renewed_before(receiver: Receiver, service: Service, output: Sentinel) -> None:
    service.expires_s = 100
    output.send(entries(1))
    output.send(entries(1))
    assert len(service.tokens) == 2


def test_a_token_that_is_not_taken_any_more_is_renewed_once(
    receiver: Receiver, service: Service, output: Sentinel
) -> None:
    """A rejected token is renewed once; if the new one is rejected too, the batch is retried later."""
    output.send(entries(1))
    service.tokens[:] = ["another"]
    assert output.send(entries(1)) == Ack()
    assert len(receiver.store.lines) == 2
    receiver.script = [Fault(401), None, Fault(401, b'{"error":{"code":"InvalidToken","message":"no"}}')]
    with pytest.raises(Retry, match="InvalidToken"):
        output.send(entries(1))
    assert len(receiver.store.lines) == 2


def test_headers_for_the_destination_are_not_for_the_login(receiver: Receiver) -> None:
    """Headers for the destination may be secrets and are not sent to the login."""
    with Receiver(receiver.service) as login:
        output = made(receiver, login=login.url, secret_headers={"X-Gateway": "env:CLIENT_SECRET"})
        output.open()
        output.send(entries(1))
        assert "x-gateway" not in login.requests[0].headers
        assert receiver.requests[-1].headers["x-gateway"] == SECRET
        output.close()


def fat(count: int, size: int) -> list[Entry]:
    """Entries with a row of about this many bytes."""
    return [entry({**one.record, "msg": "x" * size}) for one in entries(count, cases=("sensor_started",))]


def test_batches_are_cut_into_calls_that_are_small_enough(receiver: Receiver, output: Sentinel) -> None:
    """Batches are split by uncompressed size, which Azure limits; nothing is lost or sent twice."""
    batch = fat(80, 30_000)
    assert output.send(batch) == Ack()
    bodies = [request.body for request in receiver.requests[1:]]
    assert len(bodies) == 3
    assert all(len(body) <= CALL_LIMIT for body in bodies)
    assert [record["EventId"] for record in receiver.store.records] == ids(batch)


def test_cuts_of_any_sizes() -> None:
    """Parts of any size contain everything, in order, none above the limit; an oversized row is alone."""
    for sizes in (
        [],
        [1],
        [CALL_LIMIT] * 3,
        [CALL_LIMIT - 3, 1, 1],
        [10, 2 * CALL_LIMIT, 10],
        [400_000] * 5,
        [499_998, 499_998],
    ):
        cut = list(calls(sizes))
        assert [place for begin, end in cut for place in range(begin, end)] == list(range(len(sizes)))
        for begin, end in cut:
            assert end - begin <= 1 or 1 + sum(size + 1 for size in sizes[begin:end]) <= CALL_LIMIT


def test_what_was_delivered_before_a_failure_stays_so(receiver: Receiver, output: Sentinel) -> None:
    """When the second of three calls fails, the first is not sent again, and the error is reported."""
    batch = fat(80, 30_000)
    receiver.script = [None, None, Fault(429, headers={"Retry-After": "5"}), Fault(429, headers={"Retry-After": "5"})]
    ack = output.send(batch)
    assert (dict(ack.refused), ack.busy) == ({}, tuple(range(ack.busy[0], 80)))
    with pytest.raises(Retry) as raised:
        output.send([batch[place] for place in ack.busy])
    assert raised.value.after_s == 5
    assert delivered(output, [batch[place] for place in ack.busy]) == 0
    assert [record["EventId"] for record in receiver.store.records] == ids(batch)


def test_a_row_that_is_too_large_is_refused_alone(receiver: Receiver, service: Service, output: Sentinel) -> None:
    """A row above Azure's actual limit is refused alone, since the runner halves refused batches."""
    service.limit = 50_000
    with pytest.raises(BatchRejected, match="ContentLengthLimitExceeded"):
        output.send(fat(2, 30_000))
    ack = output.send(fat(1, 32_000)[:1])
    assert ack == Ack()
    service.limit = 1_000
    ack = output.send(fat(1, 30_000))
    assert "ContentLengthLimitExceeded" in ack.refused[0]


@pytest.mark.parametrize(
    ("fault", "error", "expected"),
    [
        (
            Fault(400, b'{"error":{"code":"InvalidPayload","message":"bad\\u001b[31m"}}'),
            BatchRejected,
            "InvalidPayload: bad",
        ),
        (Fault(413), BatchRejected, "413"),
        (Fault(200, b"<html>please log in"), Retry, "expected 204"),
        (
            Fault(403, b'{"error":{"code":"OperationFailed","message":"no access"}}'),
            Retry,
            "Monitoring Metrics Publisher",
        ),
        (Fault(404, b'{"error":{"code":"NotFound","message":"rule not found"}}'), Retry, "immutable id"),
        (Fault(429, b"", {"Retry-After": "30"}), Retry, "429"),
        (Fault(500, b'{"error":{"code":"InternalServerError","message":"x"}}'), Retry, "InternalServerError"),
        (Fault(503, b'"x"'), Retry, "503"),
        (Fault(reset=True), Retry, "connection was lost"),
        (Fault(after_s=9, store=True), Retry, "no complete answer"),
    ],
)
def test_answers_of_the_api(receiver: Receiver, fault: Fault, error: type[Exception], expected: str) -> None:
    output = made(receiver, timeout_s=0.5)
    output.open()
    output.send(entries(1))
    receiver.script = [fault]
    begin = time.monotonic()
    with pytest.raises(error, match=expected) as raised:
        output.send(entries(3))
    assert time.monotonic() - begin < 8  # the receiver accepts nine
    assert str(raised.value).isprintable()
    assert getattr(raised.value, "after_s", None) == (30 if fault.status == 429 else None)
    output.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, "AADSTS7000215: Invalid client secret"),
        (
            Fault(400, b'{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."}'),
            "AADSTS90002",
        ),
        (Fault(429, b"", {"Retry-After": "9"}), "429"),
        (Fault(200, b"<html>"), "no token"),
        (Fault(200, b'{"access_token":"a\\r\\nb"}'), "not a valid header"),
        (Fault(cut=0), "connection was lost"),
    ],
)
def test_a_login_that_fails_is_tried_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, fault: Fault | None, expected: str
) -> None:
    """A failed login refuses no record; no message contains the secret; a new secret is used at once."""
    monkeypatch.setenv("CLIENT_SECRET", "wrong-secret" if fault is None else SECRET)
    output = made(receiver)
    output.open()
    receiver.script = [fault]
    with pytest.raises(Retry, match=expected) as raised:
        output.send(entries(1))
    assert "secret" not in str(raised.value).replace("client secret", "").replace("the secret being", "")
    assert receiver.store.lines == []
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    assert output.send(entries(1)) == Ack()
    output.close()


# Checks and options.


def test_a_check_sends_no_row(receiver: Receiver, service: Service, output: Sentinel) -> None:
    assert [(one.what, one.level) for one in output.check()] == [
        ("dns", "ok"),
        ("tcp", "ok"),
        ("auth", "ok"),
        ("permission", "ok"),
    ]
    assert receiver.store.lines == []


@pytest.mark.parametrize(
    ("options", "allowed", "what", "expected"),
    [
        ({}, False, "permission", "Monitoring Metrics Publisher"),
        ({"rule": "dcr-2"}, True, "permission", "immutable id"),
        ({"client_secret": "env:WRONG"}, True, "auth", "AADSTS7000215"),
        ({"client_secret": "env:MISSING"}, True, "auth", "env:MISSING"),
    ],
)
def test_a_check_reports_faults(
    receiver: Receiver,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    allowed: bool,
    what: str,
    expected: str,
) -> None:
    monkeypatch.setenv("WRONG", "wrong")
    service.allowed = allowed
    *_, last = made(receiver, **options).check()
    assert (last.what, last.level) == (what, "error")
    assert expected in last.message


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "dcr/1"},
        {"client_secret": "s3cret"},
        {"login": "login.microsoftonline.com"},
        {"token": "env:A"},
        {"stream": ""},
    ],
)
def test_invalid_options(golden: Golden, options: dict[str, Any]) -> None:
    given = {
        "url": "https://x.ingest.monitor.azure.com",
        "rule": "dcr-1",
        "tenant": "t",
        "client_id": "c",
        "client_secret": "env:A",
    }
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({**given, **options})
    golden(faults_of(raised))
