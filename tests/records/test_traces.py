"""Connection histories in Zeek's letters, the bytes of each side, and those missing in the capture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from tests.kit import ethernet, ipv4, tcp, udp
from tests.records.kit_records import replayed, rows

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
SYN, SYN_ACK, ACK, FIN, RST = 0x02, 0x12, 0x10, 0x11, 0x04


def _segment(way: str, flags: int, seq: int, payload: bytes = b"") -> bytes:
    """A segment of the client (>) or of the server (<)."""
    ends, ports = ((CLIENT, SERVER), (40000, 80)) if way == ">" else ((SERVER, CLIENT), (80, 40000))
    return ethernet(ipv4(tcp(payload, *ports, flags=flags, seq=seq), 6, *ends), 0x0800)


def _connection(folder: Path, *frames: bytes) -> dict[str, Any]:
    """The row of the only connection of these frames."""
    heads = [struct.pack("<IIII", 1_700_000_000 + i, 0, len(frame), len(frame)) for i, frame in enumerate(frames)]
    data = b"".join(head + frame for head, frame in zip(heads, frames, strict=True))
    (folder / "one.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + data)
    replayed(folder / "records", folder / "one.pcap")
    (row,) = rows(folder / "records", "conn")
    return row


def _reported(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("history", "state", "src_payload", "dst_payload", "missed_bytes"))


OPENING = (_segment(">", SYN, 100), _segment("<", SYN_ACK, 500), _segment(">", ACK, 101))


def test_a_whole_connection(tmp_path: Path) -> None:
    """Each kind of packet occurs once, in the order of its first occurrence."""
    row = _connection(
        tmp_path, *OPENING, _segment(">", ACK, 101, b"a" * 40), _segment("<", ACK, 501),
        _segment("<", ACK, 501, b"b" * 90),
        _segment(">", ACK, 141, b"a" * 10), _segment(">", FIN, 151), _segment("<", FIN, 591),
    )  # fmt: skip
    assert _reported(row) == ("ShADadFf", "SF", 50, 90, 0)


def test_what_is_sent_twice_counts_once(tmp_path: Path) -> None:
    segment = _segment(">", ACK, 101, b"a" * 40)
    assert _reported(_connection(tmp_path, *OPENING, segment, segment)) == ("ShAD", "S1", 40, 0, 0)


def test_a_gap_is_counted_and_closes_when_it_was_only_disorder(tmp_path: Path) -> None:
    first, second, third = (_segment(">", ACK, 101 + 10 * i, b"abcdefghij") for i in range(3))
    for name, frames, missed in (
        ("lost", (first, third), 10),
        ("disorder", (first, third, second), 0),
        ("half", (first, third, _segment(">", ACK, 111, b"abcd")), 6),
        ("again", (first, third, first), 10),
    ):
        (tmp_path / name).mkdir()
        assert _reported(_connection(tmp_path / name, *OPENING, *frames)) == ("ShADG", "S1", 30, 0, missed), name


def test_the_last_gap_is_found_at_the_end(tmp_path: Path) -> None:
    """A FIN after data that is missing in the capture."""
    row = _connection(tmp_path, *OPENING, _segment(">", FIN, 161))
    assert _reported(row) == ("ShAGF", "S2", 60, 0, 60)


def test_sequence_numbers_wrap(tmp_path: Path) -> None:
    end = 0xFFFFFFFF
    row = _connection(
        tmp_path, _segment(">", SYN, end - 10), _segment("<", SYN_ACK, 1), _segment(">", ACK, end - 9, b"a" * 30),
        _segment(">", ACK, 20, b"a" * 5)
    )  # fmt: skip
    assert _reported(row) == ("ShD", "S1", 35, 0, 0)


def test_an_unexpected_reset_is_no_gap(tmp_path: Path) -> None:
    """A segment outside of every window is dropped by its receiver, and not counted."""
    row = _connection(tmp_path, *OPENING, _segment(">", ACK, 101 + (1 << 31), b"x" * 9))
    assert _reported(row) == ("ShAD", "S1", 0, 0, 0)


def test_connections_that_were_refused_or_half_open(tmp_path: Path) -> None:
    for name, frames, expected in (
        ("refused", (_segment(">", SYN, 1), _segment("<", RST, 1)), ("Sr", "REJ")),
        ("alone", (_segment(">", SYN, 1),), ("S", "S0")),
        ("left", (_segment(">", SYN, 1), _segment(">", FIN, 2)), ("SF", "SH")),
        ("server closed", (*OPENING, _segment("<", FIN, 501)), ("ShAf", "S3")),
        ("middle", (_segment(">", ACK, 9, b"x"),), ("D", "OTH")),
    ):
        (tmp_path / name).mkdir()
        assert _reported(_connection(tmp_path / name, *frames))[:2] == expected, name


def test_datagrams_have_data_and_no_gaps(tmp_path: Path) -> None:
    requested = ethernet(ipv4(udp(b"q" * 20, 40000, 4000), 17, CLIENT, SERVER), 0x0800)
    reported = ethernet(ipv4(udp(b"r" * 33, 4000, 40000), 17, SERVER, CLIENT), 0x0800)
    assert _reported(_connection(tmp_path, requested, reported, requested)) == ("Dd", "SF", 40, 33, None)
