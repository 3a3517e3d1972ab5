"""Traffic records on their way to an output: no duplicates without a crash, no losses, and dropped rows are counted."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from sensor.core.output import Ack, BatchRejected, Entry, Filter, Retry, TrafficKind
from sensor.delivery.forwarder import Forwarder
from sensor.delivery.redaction import changes
from sensor.delivery.section import Delivery, load_delivery
from sensor.delivery.status import Status
from sensor.delivery.traffic import FORMATS, KINDS, Entries, record_of
from sensor.delivery.traffic_runner import TrafficRunner
from sensor.documents import DocumentErrors
from sensor.eventlog.paths import RUN_LOG
from sensor.records import outbox
from sensor.records.forget import carry_out_now, order
from sensor.records.hunt_tests import _table
from sensor.records.outbox import Outbox
from sensor.records.schema import TABLES
from sensor.records.writer import ProcessedRows, Writer
from tests.delivery.scripted import Desk, Options, Scripted

CONNECTIONS = [
    {"ts": second, "uid": second + 1, "src_ip": "10.0.0.5", "dst_ip": "10.0.0.9",
     "dst_port": 443, "proto": "tcp", "vlan": 10 + second % 2, "sensor": "one", "state": "SF", "src_bytes": 100,
     "dst_bytes": 900, "src_packets": 3, "dst_packets": 4, "duration": 1.5}
    for second in range(50)
]  # fmt: skip


SALT = bytes(range(32))


def written(records: Path, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows as the writer writes them: into the manifest, and into the outboxes."""
    writer, made = Writer(records, print), ProcessedRows({}, {})
    made.add(table, 0, _table(table, rows))
    try:
        writer.save(made)
    finally:
        writer.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / RUN_LOG


def _runner(log: Path, desk: Desk, **options: Any) -> TrafficRunner:
    chosen = Filter(**({"kinds": ["conn"]} | options.pop("filter", {})))
    return TrafficRunner(log, "siem", Scripted, Options(desk=desk, filter=chosen, **options), once=True)


def _finish(runner: TrafficRunner, turns: int = 200) -> None:
    """Its turns, without the pauses."""
    for _ in range(turns):
        runner.sender.again_at = 0.0
        list(runner.turn())
        if not runner.outbox.waiting():
            return
    raise AssertionError("it never comes to an end")


def test_a_filter_names_all_tables_of_traffic() -> None:
    assert get_args(TrafficKind) == KINDS


def test_connections_are_delivered_once_and_other_tables_not(log: Path) -> None:
    desk = Desk()
    runner = _runner(log, desk, batch_events=20)
    written(log.parent / "records", "conn", CONNECTIONS)
    written(log.parent / "records", "dns", [{"ts": 0, "uid": 1, "query": "a.example"}])
    assert runner.pending() == len(CONNECTIONS)
    _finish(runner)
    assert [len(batch) for batch in desk.tried] == [20, 20, 10]
    assert [record["conn"]["uid"] for record in desk.records] == [row["uid"] for row in CONNECTIONS]
    first = desk.records[0]
    assert (first["kind"], first["ts"], first["src"]["ip"]) == ("conn", "2026-01-01T00:00:00.000000Z", "10.0.0.5")
    assert (runner.reached.delivered, runner.pending()) == (len(CONNECTIONS), 0)
    _finish(runner)
    assert len(desk.records) == len(CONNECTIONS)


def test_what_was_written_while_nothing_ran_comes_later(log: Path) -> None:
    """The outbox keeps rows although files of the manifest may be merged or deleted meanwhile."""
    _runner(log, Desk())
    for part in (CONNECTIONS[:20], CONNECTIONS[20:]):
        written(log.parent / "records", "conn", part)
    desk = Desk()
    _finish(_runner(log, desk))
    assert [record["conn"]["uid"] for record in desk.records] == [row["uid"] for row in CONNECTIONS]


def test_a_destination_that_is_away_costs_nothing_and_a_crash_repeats_at_most_a_batch(log: Path) -> None:
    desk = Desk(Ack(), Retry("away"), Retry("away"))
    runner = _runner(log, desk, batch_events=20)
    written(log.parent / "records", "conn", CONNECTIONS)
    batches = iter(runner._batches(runner.outbox.waiting()[0]))
    runner.reached.file = runner.outbox.waiting()[0].path.name
    assert runner._sent(next(batches))
    again = Desk()
    _finish(_runner(log, again, batch_events=20))
    both = [record["id"] for record in (*desk.records, *again.records)]
    assert len(both) == len(set(both)) == len(CONNECTIONS)


def test_a_destination_that_does_not_accept_them_is_reported(log: Path) -> None:
    """Since when, and why, until it accepts them; the status of the events stays."""
    runner = _runner(log, Desk(*[Retry("forbidden")] * 3))
    written(log.parent / "records", "conn", CONNECTIONS)
    runner._once = False
    assert not runner.sender.deliver(next(runner._batches(runner.outbox.waiting()[0])))
    failing = runner.report(Status("siem", "http", "idle"))
    assert (failing.state, failing.failure, failing.records_pending) == ("idle", "traffic records: forbidden", 50)
    since = failing.records_stalled_since
    assert failing.failing_since == since > 0
    assert [failing.stalled(since + seconds) for seconds in (59, 60)] == [False, True]
    runner._once = True
    _finish(runner)
    assert (runner.report(failing).failing_since, runner.report(failing).stalled(since + 900)) == (0.0, False)


def test_a_disk_that_fails_is_no_fault_of_ours_and_is_tried_again(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is delivered once: only its removal is retried."""
    desk = Desk()
    runner = _runner(log, desk)
    written(log.parent / "records", "conn", CONNECTIONS)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", _refused)
        assert list(runner.turn()) == [False]
    assert runner.sender.error.endswith(": Input/output error")
    assert len(runner._boundary.faults) == 0
    _finish(runner)
    assert [record["conn"]["uid"] for record in desk.records] == [row["uid"] for row in CONNECTIONS]


def _refused(path: Path, missing_ok: bool = False) -> None:
    raise OSError(errno.EIO, "Input/output error", str(path))


def test_a_row_that_comes_again_has_the_same_id() -> None:
    row = {"ts": "2026-01-05T08:00:00", "uid": 1, "sensor": "one", "site": None, "vlan": None, "proto": "arp"}
    ends = {f"{end}_{name}": None for end in ("src", "dst") for name in ("ip", "port", "mac", "device")}
    one, same, other = (
        record_of("ssh", {**row, **ends, "client": None, "server": None, "uid": uid})["id"] for uid in (1, 1, 2)
    )
    assert one == same != other


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_redacted_or_left_out_is_in_no_format(form: str) -> None:
    """Nor can it be guessed from the id, which is a hash of the whole row."""
    row = {column.name: None for column in TABLES["auth"].columns}
    row |= {"ts": "2026-01-05T08:00:00", "src_ip": "10.0.0.5", "dst_ip": "10.0.0.9", "user": "anna", "sensor": "one"}

    def sent(fields: list[str], redact: list[str]) -> tuple[str, dict[str, Any]]:
        change = changes(fields, redact, SALT)
        (entry,) = Entries(Filter(kinds=["auth"]), form, change, SALT).of("auth", iter([row]))
        assert entry is not None
        return entry.payload.decode(), dict(entry.record)

    text, record = sent([], ["src.ip", "auth.user"])
    assert [value in text for value in ("10.0.0.5", "anna", "10.0.0.9")] == [False, False, True]
    assert record["id"] != record_of("auth", row)["id"]
    text, record = sent(["auth.user"], ["src.ip", "dst.ip"])
    assert ("anna" in text, "10.0.0" in text, "dst" in record) == (True, False, False)


def test_a_row_that_is_refused_goes_to_the_dead_letters(log: Path) -> None:
    def refusing(entries: Sequence[Entry]) -> Ack:
        if any(entry.record["conn"]["uid"] == 7 for entry in entries):
            raise BatchRejected("no")
        return Ack()

    runner = _runner(log, Desk(always=refusing), batch_events=50)
    written(log.parent / "records", "conn", CONNECTIONS)
    _finish(runner)
    letters = (log.with_suffix(".dead") / "siem.records.jsonl").read_text().splitlines()
    assert [json.loads(letter)["record"]["conn"]["uid"] for letter in letters] == [7]
    assert (runner.reached.delivered, runner.reached.refused) == (len(CONNECTIONS) - 1, 1)


def test_vlans_choose_among_rows(log: Path) -> None:
    desk = Desk()
    runner = _runner(log, desk, filter={"vlans": [11]})
    written(log.parent / "records", "conn", CONNECTIONS)
    _finish(runner)
    assert {record["network"]["vlan"] for record in desk.records} == {11}
    assert runner.reached.filtered == len(CONNECTIONS) - len(desk.records) == 25


def test_a_full_outbox_drops_the_oldest_and_counts(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = _runner(log, Desk())
    written(log.parent / "records", "conn", CONNECTIONS[:20])
    monkeypatch.setattr(outbox, "MOST", runner.outbox.waiting()[0].path.stat().st_size * 3 // 2)
    written(log.parent / "records", "conn", CONNECTIONS[20:])
    assert (runner.outbox.dropped(), runner.pending()) == (20, 30)


def test_a_damaged_file_costs_its_own_rows(log: Path) -> None:
    desk = Desk()
    runner = _runner(log, desk)
    for part in (CONNECTIONS[:20], CONNECTIONS[20:]):
        written(log.parent / "records", "conn", part)
    runner.outbox.waiting()[0].path.write_bytes(b"damaged")
    _finish(runner)
    assert (len(desk.records), runner.reached.unreadable) == (30, 20)


def test_a_purged_device_leaves_the_outbox_and_no_other_row_is_lost(log: Path) -> None:
    """Also during a delivery: the rest of the file is sent again, with the same ids."""
    other = [{**row, "uid": row["uid"] + 100, "src_device": "dev-2"} for row in CONNECTIONS[:10]]
    purged = [{**row, "src_device": "dev-1"} for row in CONNECTIONS[:10]]
    desk = Desk()
    runner = _runner(log, desk, batch_events=5)
    written(log.parent / "records", "conn", [row for pair in zip(purged, other, strict=True) for row in pair])
    written(log.parent / "records", "conn", purged)
    runner.reached.file = runner.outbox.waiting()[0].path.name
    assert runner._sent(next(iter(runner._batches(runner.outbox.waiting()[0]))))
    order(log.parent / "records", ["dev-1"], [])
    assert carry_out_now(log.parent / "records", print) == 20
    assert [waiting.rows for waiting in runner.outbox.waiting()] == [10]
    assert runner.pending() == 10
    _finish(runner)
    assert sorted(record["conn"]["uid"] for record in desk.records[5:]) == [row["uid"] for row in other]


def test_an_outbox_without_a_reader_is_removed(log: Path) -> None:
    box = Outbox(log.parent / "records", "siem", ["conn"])
    written(log.parent / "records", "conn", CONNECTIONS)
    read = (box.folder / outbox.WANTED).stat().st_mtime
    outbox.clear_abandoned(log.parent / "records", read + outbox.ABANDONED_S - 1)
    assert len(box.waiting()) == 1
    outbox.clear_abandoned(log.parent / "records", read + outbox.ABANDONED_S + 1)
    assert not box.folder.exists()


def _configured(folder: Path, output: str) -> Delivery:
    path = folder / "sensor.yaml"
    path.write_text(f"outputs:\n  siem: {output}\n")
    return load_delivery(path)


def test_fields_of_traffic_records_can_be_redacted_and_selected(tmp_path: Path) -> None:
    given = "{type: file, path: out.jsonl, filter: {kinds: [auth]}, redact: [auth.user, src.ip], fields: [auth.user]}"
    (made,) = _configured(tmp_path, given).outputs.values()
    assert (made.redact, made.fields) == (["auth.user", "src.ip"], ["auth.user"])


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("{type: file, path: out.jsonl, format: cef, filter: {kinds: [conn]}}", "cef"),
        ('{type: webhook, receiver: plain, url: "https://a.example", filter: {kinds: [dns]}}', "dns"),
        ("{type: file, path: out.jsonl, filter: {kinds: [conns]}}", "conn"),
        ('{type: mqtt, url: "mqtt://a.example", client_id: one, filter: {kinds: [alert, tls]}}', "tls"),
    ],
)
def test_what_cannot_take_records_is_named(output: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentErrors) as error:
        _configured(tmp_path, output)
    assert found in str(error.value)


@pytest.mark.parametrize("options", ["client_id: one, filter: {kinds: [alert]}", "filter: {kinds: [alert, tls]}"])
def test_one_client_id_is_for_one_connection(options: str, tmp_path: Path) -> None:
    """Only events may have a fixed client id; with records the broker assigns one to each connection."""
    (made,) = _configured(tmp_path, f'{{type: mqtt, url: "mqtt://a.example", {options}}}').outputs.values()
    assert (made.client_id == "one") == (made.filter.kinds == ["alert"])


@pytest.fixture(params=["native", "ecs"])
def lines(request: pytest.FixtureRequest, tmp_path: Path) -> list[dict[str, Any]]:
    """The file of an output after a forwarder delivered once."""
    log, out = tmp_path / RUN_LOG, tmp_path / "out.jsonl"
    log.touch()
    options = f"{{type: file, path: {out}, format: {request.param}, filter: {{kinds: [conn]}}}}"
    outputs = _configured(tmp_path, options).outputs
    Outbox(tmp_path / "records", "siem", ["conn"])
    written(tmp_path / "records", "conn", CONNECTIONS)
    forwarder = Forwarder(log, once=True)
    forwarder.take(outputs)
    try:
        for traffic in forwarder._traffic.values():
            assert traffic.join(60)
        (status,) = forwarder.statuses()
        assert (status.records_delivered, status.records_pending, status.records_dropped) == (len(CONNECTIONS), 0, 0)
    finally:
        forwarder.end()
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_forwarder_delivers_them_beside_events(lines: list[dict[str, Any]]) -> None:
    assert len(lines) == len(CONNECTIONS)
    first = lines[0]
    if "@timestamp" in first:
        assert (first["source"]["ip"], first["destination"]["port"]) == ("10.0.0.5", 443)
        assert first["event"]["dataset"] == "sensor.conn"
        assert first["event"]["duration"] == 1_500_000_000
    else:
        assert first["conn"]["state"] == "SF"
