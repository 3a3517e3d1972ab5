"""Outputs on the page of the sensor's health: their state, queue and last error, as the forwarder wrote them."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from sensor.console.output_states import output_states
from sensor.delivery.status import Status, save_status, status_path
from tests.console.kit import Running

NOW = 1_790_000_000.0
WORKING = Status(
    "siem", "elasticsearch", "delivering", read=150, delivered=140, pending=10, records_delivered=5_000,
    last_delivered=NOW - 2, error="connection reset", error_at=NOW - 900, written=NOW - 3,
)  # fmt: skip
STALLED = Status(
    "chat", "webhook", "stalled", read=150, delivered=3, refused=2, missing=40, pending=105, records_dropped=7,
    error="HTTP 503 <script>alert(1)</script>", error_at=NOW - 5, stalled_since=NOW - 600, written=NOW - 3,
)  # fmt: skip


def log_with(folder: Path, *several: Status) -> Path:
    log = folder / "events.jsonl"
    status_path(log, "x").parent.mkdir(exist_ok=True)
    for one in several:
        save_status(log, one)
    return log


def test_a_queue_has_events_and_traffic_records(tmp_path: Path) -> None:
    """The error of an output that delivers again is not shown; a forwarder that stopped is silent."""
    log = log_with(tmp_path, WORKING, STALLED)
    chat, siem = output_states(log, NOW)
    assert (siem.state, siem.silent, siem.delivered, siem.waiting, siem.error) == ("delivering", False, 5_140, 10, "")
    assert siem.last == int((NOW - 2) * 1e9)
    assert (chat.state, chat.waiting, chat.refused, chat.missing, chat.last) == ("stalled", 105, 2, 47, 0)
    assert chat.error == STALLED.error
    assert [one.silent for one in output_states(log, NOW + 61)] == [True, True]


def test_traffic_records_that_are_not_accepted(tmp_path: Path) -> None:
    """The output stalls although its events arrive."""
    failing = msgspec.structs.replace(
        WORKING, error="", records_pending=9, records_error="HTTP 403", records_stalled_since=NOW - 61
    )
    (one,) = output_states(log_with(tmp_path, failing), NOW)
    assert (one.state, one.error) == ("stalled", "traffic records: HTTP 403")
    (one,) = output_states(log_with(tmp_path, failing), NOW - 30)
    assert (one.state, one.error) == ("delivering", "traffic records: HTTP 403")


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A log without outputs, and a status that was damaged."""
    log = tmp_path / "events.jsonl"
    assert output_states(log, NOW) == []
    log_with(tmp_path, WORKING)
    status_path(log, "chat").write_bytes(b'{"name": "chat", "ty')
    assert [one.name for one in output_states(log, NOW)] == ["siem"]


def test_the_page_shows_them_with_their_age(start, own: Path, office: Running, browser) -> None:
    """Errors of receivers are text. No past state: the figures are the last ones."""
    now = time.time()
    for one in (WORKING, STALLED):
        one.written = now
        log_with(own, one)
    with start(own).client() as client:
        page = client.get("/health").text
        card = page.partition('id="outputs"')[2].partition("</section>")[0]
        assert "&lt;script&gt;" in card
        assert "<script" not in card
        assert '<td class="number" data-name="Waiting">105</td>' in card
        assert card.count("data-silent") == 0
        WORKING.written = now - 3600
        log_with(own, WORKING)
        assert client.get("/health").text.count("data-silent") == 1
        assert 'id="outputs"' not in client.get("/health?at=2026-11-24T08:12").text
    assert 'id="outputs"' not in browser.get("/health").text
