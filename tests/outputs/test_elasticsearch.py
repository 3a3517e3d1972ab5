"""``_bulk`` against a service that answers as Elasticsearch does: each document once, each with its own result.

Cost of send(), Python 3.11 (two cores, shared with the stand-in, which is the slower of the two): about 55,000 events/s
in batches of 500, native and ECS alike (``python -m tests.outputs.speed``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Retry
from sensor.outputs._elastic_template import VERSION, template
from sensor.outputs.elasticsearch import Elasticsearch, Options
from tests.golden import Golden
from tests.outputs.batches import delivered, entries, entry, ids
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Answer, Fault, Receiver, Store
from tests.outputs.samples import RECORDS
from tests.outputs.services import Bulk, answer_of

MAPPING = (
    400,
    "document_parsing_exception",
    "[1:340] failed to parse field [source.port] of type [long] in document with id 'x'",
)
BUSY = (
    429,
    "es_rejected_execution_exception",
    "rejected execution of coordinating operation [coordinating_and_primary_bytes=0]",
)

# The type is validation_exception, or illegal_argument_exception in older versions.
FULL_OF_SHARDS = (
    "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum "
    "normal shards open;"
)
# Only documents with new fields get it, until the limit of the index is raised.
FULL_OF_FIELDS = "Limit of total fields [1000] has been exceeded while adding new fields [2]"


@pytest.fixture
def service() -> Bulk:
    return Bulk()


@pytest.fixture
def receiver(service: Bulk) -> Iterator[Receiver]:
    with Receiver(service) as running:
        yield running


def made(receiver: Receiver, **options: Any) -> Elasticsearch:
    return Elasticsearch(
        "test", Options.model_validate({"url": receiver.url, "timeout_s": 3, "format": "native", **options})
    )


@pytest.fixture
def output(receiver: Receiver) -> Iterator[Elasticsearch]:
    opened = made(receiver)
    opened.open()
    yield opened
    opened.close()


def test_documents_arrive_under_their_ids(receiver: Receiver, service: Bulk, output: Elasticsearch) -> None:
    """Documents go to the index of their month, with the timestamp field that both products expect."""
    batch = entries(10)
    assert output.send(batch) == Ack()
    assert set(service.indices) == set(ids(batch))
    assert set(service.indices.values()) == {"sensor-2026.11"}
    assert receiver.store.records == [{"@timestamp": one.record["ts"], **one.record} for one in batch]
    request = receiver.requests[-1]
    assert (request.headers["content-type"], request.body[-1:]) == ("application/x-ndjson", b"\n")


def test_ecs_is_sent_as_it_is(receiver: Receiver) -> None:
    """ECS documents are sent unchanged: they have a timestamp already."""
    output = made(receiver, format="")
    output.open()
    batch = entries(4, format="ecs")
    output.send(batch)
    assert receiver.requests[-1].body.splitlines()[1::2] == [one.payload for one in batch]
    output.close()


@pytest.mark.parametrize(
    ("index", "named"),
    [
        (
            "sensor-{kind}-%Y.%m.%d",
            {
                "sensor-alert-2026.11.24",
                "sensor-device-2026.11.24",
                "sensor-incident-2026.11.24",
                "sensor-sensor-2026.11.24",
            },
        ),
        ("events", {"events"}),
    ],
)
def test_names_of_indices(receiver: Receiver, service: Bulk, index: str, named: set[str]) -> None:
    output = made(receiver, index=index)
    output.open()
    output.send(entries(10))
    assert set(service.indices.values()) == named
    output.close()


def test_a_record_without_a_time_has_an_index_all_the_same(
    receiver: Receiver, service: Bulk, output: Elasticsearch
) -> None:
    """Records whose time was omitted or is not valid are indexed too."""
    for number, ts in enumerate((None, "yesterday", '2026-11-24"}}\n{}', "２026-11-24T00:00:00Z")):
        record = {**RECORDS["alert_open"], "id": f'id-{number}"\n', "ts": ts}
        assert output.send([entry({key: value for key, value in record.items() if value is not None})]) == Ack()
    assert set(service.indices.values()) == {"sensor-1970.01", "sensor-2026.11"}
    assert len(receiver.store.lines) == 4
    assert not any("@timestamp" in record for record in receiver.store.records)


def test_what_is_there_is_delivered(receiver: Receiver, output: Elasticsearch) -> None:
    """A batch is sent again after its answer was lost, and no document is stored twice."""
    batch = entries(20)
    receiver.script = [Fault(reset=True), Fault(after_s=0, cut=20), Fault(503, b"", store=True), None]
    assert delivered(output, batch) == 3
    assert [record["id"] for record in receiver.store.records] == ids(batch)
    output.send(batch[10:] + entries(5, first=21))
    assert [record["id"] for record in receiver.store.records] == ids(entries(25))


def test_each_document_has_its_own_fate(service: Bulk, receiver: Receiver, output: Elasticsearch) -> None:
    """In one batch documents are refused with the reason, retried or delivered; retried ones are accepted later."""
    batch = entries(6)
    service.items = {
        batch[1].id: MAPPING,
        batch[3].id: BUSY,
        batch[4].id: (503, "unavailable_shards_exception", "primary shard is not active"),
    }
    ack = output.send(batch)
    assert (list(ack.refused), ack.busy) == ([1], (3, 4))
    assert "document_parsing_exception" in ack.refused[1]
    assert "source.port" in ack.refused[1]
    service.items = {}
    assert output.send([batch[place] for place in ack.busy]) == Ack()
    assert sorted(record["id"] for record in receiver.store.records) == sorted(ids(batch[:1] + batch[2:]))


@pytest.mark.parametrize(
    "item",
    [
        BUSY,
        (503, "unavailable_shards_exception", "[sensor-2026.11][0] primary shard is not active Timeout: [1m]"),
        (403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized for user [us]"),
        (
            403,
            "cluster_block_exception",
            "index [sensor-2026.11] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];",
        ),
        (
            404,
            "index_not_found_exception",
            "no such index [sensor-2026.11] and [action.auto_create_index] doesn't match",
        ),
        (400, "index_closed_exception", "closed"),
        (400, "illegal_argument_exception", "pipeline with id [ours] does not exist"),
        (400, "validation_exception", FULL_OF_SHARDS),
        (400, "illegal_argument_exception", FULL_OF_SHARDS),
        (400, "illegal_argument_exception", FULL_OF_FIELDS),
        (400, "document_parsing_exception", f"[1:812] failed to parse: {FULL_OF_FIELDS}"),
    ],
)
def test_what_can_be_fixed_refuses_no_record(
    service: Bulk, receiver: Receiver, output: Elasticsearch, item: tuple[int, str, str]
) -> None:
    """A fixable error of all documents refuses none: the batch is retried with the error message."""
    batch = entries(3)
    service.items = dict.fromkeys(ids(batch), item)
    with pytest.raises(Retry, match=item[1]):
        output.send(batch)
    service.items.pop(batch[0].id)
    assert output.send(batch) == Ack(busy=(1, 2))


def test_a_value_that_reads_like_a_fixable_error_is_refused(service: Bulk, output: Elasticsearch) -> None:
    """Reasons quote values of documents: none of them stops delivery."""
    batch = entries(2)
    reason = f"[1:340] failed to parse field [host.name]: Preview of field's value: '{FULL_OF_FIELDS}'"
    service.items = {batch[0].id: (400, "document_parsing_exception", reason)}
    ack = output.send(batch)
    assert (list(ack.refused), ack.busy) == ([0], ())


def test_any_mix_of_fates_is_accounted_for(service: Bulk, receiver: Receiver, output: Elasticsearch) -> None:
    """Every document is delivered, refused or busy, and the receiver has exactly the delivered ones."""
    random.seed(5)
    fates = [None, None, MAPPING, BUSY, (409, "version_conflict_engine_exception", "there")]
    for first in range(1, 200, 10):
        batch = entries(10, first=first)
        chosen = {one.id: fate for one in batch if (fate := random.choice(fates))}
        service.items = chosen
        ack = output.send(batch)
        assert set(ack.refused) == {place for place, one in enumerate(batch) if chosen.get(one.id) == MAPPING}
        assert set(ack.busy) == {place for place, one in enumerate(batch) if chosen.get(one.id) == BUSY}
    assert receiver.store.ids == {record["id"] for record in receiver.store.records}


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (413, BatchRejected, "413"),
        (400, BatchRejected, "terminated"),
        (429, Retry, "circuit_breaking"),
        (401, Retry, "security_exception"),
        (502, Retry, "Bad Gateway"),
    ],
)
def test_answers_to_the_whole(
    receiver: Receiver, output: Elasticsearch, status: int, error: type[Exception], expected: str
) -> None:
    body = {
        "error": {
            "type": {429: "circuit_breaking_exception", 401: "security_exception"}.get(status, "x"),
            "reason": "must be terminated by a newline",
        }
    }
    receiver.script = [Fault(status, json.dumps(body).encode())]
    with pytest.raises(error, match=expected):
        output.send(entries(2))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"[]",
        b"{}",
        b'{"errors":true}',
        b'{"errors":true,"items":[{}]}',
        b'{"errors":true,"items":[{"create":{"status":"x"}}]}',
    ],
)
def test_answers_that_are_none(receiver: Receiver, output: Elasticsearch, body: bytes) -> None:
    """An answer that is not from Elasticsearch, such as a gateway's login page with 200, delivers nothing."""
    receiver.script = [Fault(200, body)]
    with pytest.raises(Retry):
        output.send(entries(2))


def test_answers_are_cleaned(service: Bulk, output: Elasticsearch) -> None:
    """Control characters are removed from reasons, which may quote text of a network peer."""
    batch = entries(2)
    service.items = {batch[0].id: (400, "mapper_parsing_exception", "value \x1b[31m\u202e" + "x" * 5000)}
    text = output.send(batch).refused[0]
    assert text.isprintable()
    assert len(text) < 320


def test_an_api_key(receiver: Receiver, service: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==")
    service.authorization = "ApiKey VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="
    output = made(receiver, api_key="env:KEY")
    output.open()
    assert output.send(entries(1)) == Ack()
    output.close()


# The template.


def test_the_template_is_put_on_request(receiver: Receiver, service: Bulk) -> None:
    """The template is installed if it is missing or older; a newer one of another author stays."""
    output = made(receiver, template=True, index="sensor-{kind}-%Y.%m")
    output.open()
    assert service.templates == {"sensor": template("sensor-*", data_stream=False)}
    for version, kept in ((VERSION + 5, True), (VERSION - 1, False), (None, False)):
        service.templates["sensor"] = {"index_patterns": ["sensor-*"], "version": version}
        output.open()
        assert (service.templates["sensor"].get("version") == version) is kept
    output.close()


def test_no_template_is_put_without_a_request(receiver: Receiver, service: Bulk, output: Elasticsearch) -> None:
    output.send(entries(1))
    assert service.templates == {}


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_template_that_cannot_be_put(receiver: Receiver, status: int) -> None:
    """Without its template nothing is written: the first documents would fix the field types."""
    output = made(receiver, template=True)
    receiver.script = [None, Fault(status, b"no manage_index_templates")]
    with pytest.raises(Retry, match="manage_index_templates"):
        output.open()
    with pytest.raises(Retry):
        output.send(entries(1))


def test_the_template_names_types_that_both_products_know() -> None:
    types = json.dumps(template("x-*", data_stream=True)).split('"type": "')[1:]
    assert {one.partition('"')[0] for one in types} == {"date", "object", "text", "ip", "keyword"}
    assert template("x-*", data_stream=True)["data_stream"] == {}
    assert "data_stream" not in template("x-*", data_stream=False)


# Checks and options.


def test_a_check_of_all(golden: Golden, receiver: Receiver, service: Bulk, output: Elasticsearch) -> None:
    """The check sends no record and reports a missing template."""
    findings = {one.what: (one.level, one.message) for one in output.check()}
    assert [level for level, _ in findings.values()] == ["ok", "ok", "ok", "ok", "warning"]
    assert "elasticsearch 8.17.0" in findings["auth"][1]
    golden(findings["template"][1], "template")
    service.templates["sensor"] = {"version": 1}
    assert [one.level for one in output.check()] == ["ok"] * 5
    assert receiver.store.lines == []


def test_a_check_of_opensearch(service: Bulk, output: Elasticsearch) -> None:
    """OpenSearch has no API for permissions, so the check skips it."""
    service.distribution, service.privileged = "opensearch", None
    levels = {one.what: one.level for one in output.check()}
    assert levels == {"dns": "ok", "tcp": "ok", "auth": "ok", "permission": "warning", "template": "warning"}


def test_a_check_that_may_not_write(service: Bulk, output: Elasticsearch) -> None:
    service.privileged = False
    *_, last = output.check()
    assert (last.what, last.level) == ("permission", "error")
    assert "create_doc" in last.message


def test_a_check_with_a_wrong_login(service: Bulk, output: Elasticsearch) -> None:
    service.authorization = "ApiKey right"
    *_, last = output.check()
    assert (last.what, last.level) == ("auth", "error")
    assert "missing authentication credentials" in last.message


def test_a_check_of_something_else(output: Elasticsearch, receiver: Receiver) -> None:
    receiver.script = [Fault(200, b"<html>")]
    *_, last = output.check()
    assert (last.what, last.level) == ("auth", "error")
    assert "not Elasticsearch" in last.message


@pytest.mark.parametrize(
    "options",
    [
        {"index": "Sensor"},
        {"index": "-sensor"},
        {"index": "%Y"},
        {"index": "sensor-{site}"},
        {"index": "sensor-%H"},
        {"index": "sensor-%Y", "data_stream": True},
        {"api_key": "env:A", "token": "env:B"},
        {"pipeline": "a&b"},
        {"api_key": "VnVhQ2ZHY0JDZGJrUW0="},
    ],
)
def test_invalid_options(golden: Golden, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"url": "https://elastic.example.org:9200", **options})
    golden(faults_of(raised))


def test_below_a_path_and_through_a_pipeline(receiver: Receiver) -> None:
    """Requests use the path prefix of a gateway and the ingest pipeline."""
    service_path: list[str] = []

    def gateway(request: Any, store: Store) -> Answer:
        service_path.append(request.path)
        return answer_of(200, {"errors": False, "items": []})

    receiver.service = gateway
    output = made(receiver, url=f"{receiver.url}/elastic/", pipeline="sensor-native")
    output.open()
    output.send(entries(1))
    assert service_path[0].startswith("/elastic/_bulk?")
    assert service_path[0].endswith("&pipeline=sensor-native")
    output.close()


def test_it_dies_between_storing_and_answering(tmp_path: Path) -> None:
    """After each of ten crashes between storing and answering each record is stored once, in order."""
    path, port = tmp_path / "store", 0
    for first in range(1, 200, 20):
        with Receiver(Bulk(), store=Store(path), port=port) as receiver:
            port = receiver.port
            output = made(receiver)
            output.open()
            receiver.script = [None, Fault(reset=True)]
            assert delivered(output, entries(10, first=first)) == 0
            assert delivered(output, entries(10, first=first + 10)) == 1
            output.close()
    store = Store(path)
    assert [record["id"] for record in store.records] == ids(entries(200))
    store.close()
