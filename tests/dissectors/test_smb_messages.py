"""SMB messages without meaning are skipped before they are parsed: nothing that is reported may change."""

from __future__ import annotations

import struct
from random import Random

import pytest

from pcaps.dissectors import smb as sample
from pcaps.dissectors._smb import session, smb2
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors._smb_messages import LIMIT, Messages
from sensor.dissectors.smb import SEALED_LIMIT, SmbStream
from tests import sampling
from tests.dissectors.samples import events

CLIENT, SERVER = Packet(proto=6, src=1, src_mac=1, dst=2), Packet(proto=6, src=2, src_mac=2, dst=1, direction=1)
FILE, PIPE = b"\1" * 16, b"\2" * 16
Parts = list[tuple[bool, bytes]]


class Every(Messages):
    """Skips nothing."""

    def complete(self, data: bytes, every: bool, reads: bool) -> list[tuple[bytes, bool]]:
        return super().complete(data, True, reads)


def parsed(parts: Parts, messages: type[Messages]) -> list[tuple[object, ...]]:
    stream = SmbStream()
    stream._client, stream._server = messages(), messages()
    return events(
        [
            one
            for from_client, data in parts
            for one in stream.feed(CLIENT if from_client else SERVER, data, from_client)
        ]
    )


def answer(command: int, body: bytes, id_: int, status: int = 0) -> bytes:
    return session(smb2(command, body, id_=id_, status=status, response=True))


def file_server(count: int, *, pipes: bool = True) -> Parts:
    """A file that is opened, read, listed, written and closed among other messages, as clients do. ``pipes``: after a
    service was started through a pipe.
    """
    parts = sample.service() if pipes else []
    for id_ in range(100, 100 + 20 * count, 20):
        parts += [
            (True, session(smb2(5, sample.create("plan.docx", 2), id_=id_))),
            (False, answer(5, sample.created(FILE), id_)),
            (True, session(smb2(16, bytes(40), id_=id_ + 1))),
            (False, answer(16, bytes(24), id_ + 1)),
            (True, session(smb2(8, sample.read(FILE), id_=id_ + 2)) + session(smb2(14, bytes(33), id_=id_ + 3))),
            (False, answer(8, sample.read_answer(bytes(5000)), id_ + 2) + answer(14, bytes(9), id_ + 3, 0x80000006)),
            (True, session(smb2(8, sample.read(PIPE), id_=id_ + 4))),
            (False, answer(8, sample.read_answer(b"\5\0\2" + bytes(30)), id_ + 4)),
            (True, session(smb2(17, sample.set_info(FILE, 10, sample.rename("plan.locked")), id_=id_ + 5))),
            (True, session(smb2(17, sample.set_info(FILE, 4, bytes(40)), id_=id_ + 6))),
            (True, session(smb2(6, bytes(8) + FILE, id_=id_ + 7))),
            (False, answer(6, bytes(60), id_ + 7)),
        ]
    return parts


def resegmented(parts: Parts, chance: Random) -> Parts:
    """The same bytes in other segments."""
    cut: Parts = []
    for from_client, data in parts:
        while data:
            size = chance.randint(1, max(len(data), 2))
            cut.append((from_client, data[:size]))
            data = data[size:]
    return cut


@pytest.mark.parametrize("pipes", [True, False])
def test_a_file_server_is_reported_alike(pipes: bool) -> None:
    """With and without the skipped messages, in any segments, the events are the same."""
    parts, chance = file_server(3, pipes=pipes), sampling.chance("smb", pipes)
    expected = parsed(parts, Every)
    assert {event[0] for event in expected} >= {"SmbCreate", "SmbCreateResult", "SmbRename"}
    assert parsed(parts, Messages) == expected
    for _ in range(sampling.count(200, 20)):
        assert parsed(resegmented(parts, chance), Messages) == expected


def test_random_messages_are_reported_alike() -> None:
    """Commands, flags, chains, states, sizes and faults at random."""
    chance = sampling.chance("smb messages")
    for _ in range(sampling.count(2000, 100)):
        parts = file_server(1, pipes=chance.random() < 0.5)
        for _ in range(20):
            body = chance.randbytes(chance.choice((0, 8, 24, 40, 60, 5000)))
            head = bytearray(smb2(chance.randrange(20), body, id_=chance.randrange(100, 110)))
            head[chance.choice((4, 12, 16, 20, 30))] = chance.choice((0, 1, 2, 4, 64, 255))
            place = chance.randrange(len(parts))
            parts.insert(place, (chance.random() < 0.5, session(bytes(head))))
        assert outcome(parts, Messages) == outcome(parts, Every)


def outcome(parts: Parts, messages: type[Messages]) -> object:
    """The events, or the fault that ends the conversation."""
    try:
        return parsed(parts, messages)
    except Malformed as fault:
        return str(fault)


@pytest.mark.parametrize(
    ("message", "reads", "skipped"),
    [
        (smb2(14, bytes(33), id_=1), False, True), (smb2(8, sample.read(FILE), id_=1), False, True),
        (smb2(8, sample.read(FILE), id_=1), True, False), (smb2(6, bytes(24), id_=1), False, False),
        (smb2(6, bytes(60), id_=1, response=True), False, True), (smb2(5, sample.create("a", 2), id_=1), False, False),
        (smb2(17, sample.set_info(FILE, 13, b"\1"), id_=1), False, False),
        (smb2(17, sample.set_info(FILE, 4, bytes(40)), id_=1), False, True), (smb2(17, bytes(8), id_=1), False, False),
        (b"\xffSMB\x2e" + bytes(40), False, False), (b"\xfdSMB" + bytes(60), False, False), (b"\xfeSMB", False, False),
    ],
)  # fmt: skip
def test_what_is_skipped(message: bytes, reads: bool, skipped: bool) -> None:
    """Reads are skipped as long as no pipe was opened; faulty and encrypted messages and SMB 1 never are."""
    direction, framed = Messages(), session(message)
    assert direction.complete(framed, False, reads) == ([] if skipped else [(framed, False)])
    assert direction.skipped is skipped
    assert direction.complete(framed, True, reads) == [(framed, False)]


def test_a_long_message_is_passed_on_by_its_beginning() -> None:
    """And skipped to its end, over gaps."""
    direction, long_ = Messages(), session(smb2(9, sample.write(FILE, bytes(9000)), id_=1))
    assert direction.complete(long_[:3000], False, False) == []
    assert direction.complete(long_[3000:5000], False, False) == [(long_[:LIMIT], True)]
    assert (direction.gap(len(long_) - 5000), direction.lost) == (b"", False)
    assert direction.complete(session(smb2(5, b"", id_=1)), False, False) != []
    assert (direction.gap(1), direction.lost, direction.found(b"\0\0\0")) == (b"", True, False)
    assert direction.found(long_)


def test_plain_messages_between_encrypted_ones() -> None:
    """A connection with nothing but encrypted messages is ignored after a while; skipped messages count as others."""
    sealed = session(b"\xfdSMB" + struct.pack("<16s16sIHHQ", b"", b"", 40, 0, 1, 7) + bytes(40))
    for between, ignored in (([], True), ([session(smb2(13, b"\4\0\0\0", id_=1))], False)):
        stream = SmbStream()
        for data in [sealed] * (SEALED_LIMIT - 1) + between + [sealed]:
            list(stream.feed(CLIENT, data, True))
        assert stream.done is ignored
