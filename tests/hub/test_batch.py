"""Batches without a server: decoding, and that no data of a sensor raises any exception but Quarantined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import zstandard

from sensor.core.output import Entry
from sensor.hub.batch import Batch, Message, Quarantined, opened
from sensor.hub.intake import multirange, numbers_of
from sensor.outputs.hub_protocol.batches import MOST, batch_messages
from sensor.outputs.hub_protocol.messages import Head, batch_id, runs_of, sealed
from tests.outputs.batches import entries
from tests.sampling import chance, count

NOW = datetime(2026, 11, 29, tzinfo=UTC)
HEAD = Head("hq-3f-01", "HQ", "0.1.0", "e1", [], int(NOW.timestamp()) * 10**9)
KEY = "U" + "A" * 55


def message(body: bytes, name: str = "x", version: str = "1") -> Message:
    return Message(KEY, name, version, NOW, body)


def made(batch: list[Entry], **more: Any) -> Message:
    head = msgspec.structs.replace(HEAD, runs=runs_of(entry.seq for entry in batch), **more)
    lines = [entry.payload for entry in batch]
    return message(sealed(head, lines), batch_id(KEY, head.epoch, head.runs, lines))


def reason(one: Message) -> str:
    try:
        opened(one)
    except Quarantined as error:
        return error.reason
    return ""


def test_what_was_sealed_is_opened() -> None:
    """Numbers with gaps, and unchanged texts."""
    batch = [entry for entry in entries(30) if entry.seq % 7]
    found = opened(made(batch))
    assert [event.seq for event in found.events] == [entry.seq for entry in batch]
    assert [event.text for event in found.events] == [entry.payload for entry in batch]
    assert found.head.runs == [(1, 6), (8, 13), (15, 20), (22, 27), (29, 30)]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"epoch": ""}, "undecodable"),
        ({"epoch": "e" * 33}, "undecodable"),
        ({"epoch": "e\0"}, "undecodable"),
        ({"sent_ns": 10**30}, "clock"),
        ({"sent_ns": -1}, "clock"),
        ({"sent_ns": HEAD.sent_ns + 31 * 86_400 * 10**9}, "clock"),
        ({"sent_ns": HEAD.sent_ns - 29 * 86_400 * 10**9}, ""),
        ({"runs": [(1, 1 << 60)]}, "wrong_numbers"),
    ],
)
def test_heads(more: dict[str, Any], expected: str) -> None:
    batch = entries(3)
    head = msgspec.structs.replace(HEAD, **{"runs": [(1, 3)]} | more)
    lines = [entry.payload for entry in batch]
    assert reason(message(sealed(head, lines), batch_id(KEY, head.epoch, head.runs, lines))) == expected


def test_deep_json_is_undecodable() -> None:
    deep = b"[" * 100_000
    assert reason(message(zstandard.compress(deep))) == "undecodable"


def test_bytes_that_were_changed() -> None:
    """Changed bytes of the frame or of its content: the batch decodes to the same events, or is quarantined."""
    good = made(entries(5))
    content, dice, known = zstandard.decompress(good.body), chance("hub", "batch"), set()
    for _ in range(count(20_000, 500)):
        for whole in good.body, content:
            changed = bytearray(whole)
            for _ in range(dice.randint(1, 3)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            body = bytes(changed) if whole is good.body else zstandard.compress(bytes(changed))
            known.add(reason(good._replace(body=body)))
    assert "undecodable" in known
    assert known <= {"", "undecodable", "wrong_numbers", "clock", "oversize", "event_time"}


def test_events_are_cut_into_messages_that_fit() -> None:
    """Messages have at most MOST events and a maximum size; together they contain all events, in order."""
    batch, limit = entries(3 * MOST - 7), 9000
    found = list(batch_messages(batch, KEY, HEAD, limit))
    assert [place for parcel in found for place in parcel.places] == list(range(len(batch)))
    assert max(len(parcel.places) for parcel in found) <= MOST
    assert max(len(parcel.body) for parcel in found) <= limit
    whole: list[Batch] = [opened(message(parcel.body, parcel.id)) for parcel in found]
    assert [event.seq for one in whole for event in one.events] == [entry.seq for entry in batch]


def test_an_event_that_fits_nowhere_is_alone() -> None:
    found = list(batch_messages(entries(3), KEY, HEAD, 100))
    assert [parcel.places for parcel in found] == [[0], [1], [2]]


def test_the_same_events_have_the_same_id() -> None:
    """JetStream deduplicates by this id; the time of sending does not change it."""
    first, again = made(entries(5)), made(entries(5), sent_ns=HEAD.sent_ns + 1)
    assert first.id == again.id
    assert len({first.id, made(entries(4)).id, made(entries(5), epoch="e2").id}) == 3


@pytest.mark.parametrize(("text", "numbers"), [("{}", []), ("{[1,4)}", [1, 2, 3]), ("{[1,2),[5,7)}", [1, 5, 6])])
def test_multiranges(text: str, numbers: list[int]) -> None:
    """Multiranges of PostgreSQL are parsed; PostgreSQL parses those of the hub."""
    assert list(numbers_of(text)) == numbers
    assert multirange([(1, 3), (5, 5)]) == "{[1,3],[5,5]}"


def test_old_events_are_welcome() -> None:
    """Old events are accepted: a sensor may have been offline for long."""
    old = made(entries(3))._replace(received=NOW + timedelta(days=20))
    assert reason(old) == ""
