"""Messages that wait for their answers, from one window of the writer to the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sensor.core.addresses import parse
from sensor.records.block import HEAD, Rows, section_of
from sensor.records.messages import MESSAGES, NUMBERS
from sensor.records.tail import Tail
from sensor.records.writer import ProcessedRows, Writer
from tests.records.kit_records import rows
from tests.waiting import until

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
UDP, A = 17, 1
LOOKUPS = 200
SHAPES = {message.name: message for message in MESSAGES}


def section(kind: str, ts: int, *numbers: int, columns: Sequence[int] = ()) -> bytes:
    """DNS messages with these ids, from a client or its answers, each with a name of its own. ``columns``: the words in
    the layout of another version, by their index in this one, -1: unknown here.
    """
    shape = SHAPES[kind]
    heads, words, text = np.zeros(len(numbers), HEAD), np.zeros((len(numbers), shape.words), np.uint64), b""
    client, server = parse("10.0.0.9"), parse("10.0.0.53")
    answers = kind == "DnsResponse"
    heads["ts"], heads["proto"], heads["flow"] = ts, UDP, numbers
    for end, port, address in (("src", "sport", client), ("dst", "dport", server)):
        end, port = (("dst", "dport") if end == "src" else ("src", "sport")) if answers else (end, port)
        heads[f"{end}_hi"], heads[f"{end}_lo"] = address >> 64, address & (1 << 64) - 1
        heads[port] = 53 if address == server else 40_000
    for row, number in enumerate(numbers):
        name = f"host-{number}.example".encode()
        words[row, :3] = (number, len(text) << 32 | len(name), A)
        text += name
    if columns:
        words = np.pad(words, ((0, 0), (0, 1)))[:, list(columns)]
    return section_of(NUMBERS[kind], Rows(heads, words, text))


def test_a_query_that_waits_keeps_its_own_text_only(tmp_path: Path) -> None:
    """Other queries are answered in each window; the one that waits takes no more room after nine seconds, and its
    answer is still joined to it.
    """
    tail = Tail(tmp_path, {"sensor": "s", "kinds": kinds()}, wait=True, dropped=lambda _: None, complain=print)
    writer = Writer(tmp_path, print)
    made, sizes = writer.begin(), list[int]()
    tail.put(section("DnsQuery", START, 7), START, 1)
    for second in range(1, 10):
        now, others = START + second * SECOND, range(second * 1_000, second * 1_000 + LOOKUPS)
        tail.put(section("DnsQuery", now, *others) + section("DnsResponse", now + 5, *others), now, 2 * LOOKUPS)
        sizes.append(waiting(writer, made, second * LOOKUPS))
    tail.put(section("DnsResponse", START + 9 * SECOND, 7), START + 9 * SECOND, 1)
    assert waiting(writer, made, 9 * LOOKUPS + 1) == 0
    writer.save(made)
    writer.close()
    tail.close()
    assert [sizes[0]] * 9 == sizes
    assert 0 < sizes[0] < 300
    found = rows(tmp_path, "dns")
    assert len(found) == 9 * LOOKUPS + 1
    assert [row["rtt"] for row in found if row["query"] == "host-7.example"] == [9.0]
    assert {row["rcode"] for row in found} == {"NOERROR"}


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ([["id", 1], ["name", 2]], [0, 1]),
        ([["former", 1], ["id", 1], ["name", 2], ["type", 1]], [-1, 0, 1, 2]),
        ([["id", 1], ["name", 2], ["type", 2]], [0, 1, -1]),
    ],
)
def test_messages_of_an_earlier_version(tmp_path: Path, fields: list[list[object]], columns: list[int]) -> None:
    """An engine of an earlier version has left messages with other fields: those that this version knows are read."""
    shapes = [[name, fields if name == "DnsQuery" else ours] for name, ours in kinds()]
    tail = Tail(tmp_path, {"sensor": "s", "kinds": shapes}, wait=True, dropped=lambda _: None, complain=print)
    tail.put(section("DnsQuery", START, 7, 8, columns=columns), START, 2)
    tail.close()
    writer = Writer(tmp_path, print)
    writer.write(final=True)
    writer.close()
    assert sorted(row["query"] for row in rows(tmp_path, "dns")) == ["host-7.example", "host-8.example"]


def kinds() -> list[list[object]]:
    return [[message.name, [[field, int(how)] for field, how in message.fields]] for message in MESSAGES]


def waiting(writer: Writer, made: ProcessedRows, lookups: int) -> int:
    """Bytes of waiting messages once this many lookups are complete: the tail is written by another thread."""
    until(lambda: processed(writer, made) == lookups)
    return sum(map(len, made.left.values()))


def processed(writer: Writer, made: ProcessedRows) -> int:
    """Complete lookups after the present blocks of the tail are processed."""
    writer.process(made)
    return sum(len(table) for (name, _), tables in made.tables.items() if name == "dns" for table in tables)
