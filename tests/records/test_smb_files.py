"""Files on SMB shares: hashes of those read or written in order from the start, and the reason why others have none."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sensor.core.packet import Packet
from sensor.records.files.transfers import Transfers
from tests.records.test_files import _conversation, _replay

DATA = bytes(range(256)) * 300  # 76,800 bytes
HANDLE, PIPE_HANDLE = b"h" * 16, b"p" * 16
TREE_CONNECT, CREATE, CLOSE, READ, WRITE = 3, 5, 6, 8, 9
Sent = tuple[str, bytes]
PORT = 445


class Session:
    """Messages of a client and a server; each request has its own message id."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._id = 0

    def _put(self, way: str, command: int, body: bytes, *, tree: int = 1, status: int = 0, later: bool = False) -> None:
        """``later``: an asynchronous answer, with a number in place of the tree."""
        flags = (3 if later else 1) if way == "<" else 0
        tree = 0 if later else tree
        head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 0, status, command, 1, flags, 0, self._id, 0, tree, 9)
        self.sent.append((way, struct.pack(">I", len(head + body)) + head + body))

    def _ask(self, command: int, body: bytes, tree: int = 1) -> None:
        self._id += 1
        self._put(">", command, body, tree=tree)

    def connect(self, share: int = 1, tree: int = 1) -> Session:
        self._ask(TREE_CONNECT, struct.pack("<HHHH", 9, 0, 72, 0), tree)
        self._put("<", TREE_CONNECT, struct.pack("<HBBIII", 16, share, 0, 0, 0, 0), tree=tree)
        return self

    def open(self, name: str, size: int, handle: bytes = HANDLE, tree: int = 1, *, pending: bool = False) -> Session:
        text = name.encode("utf-16-le")
        self._ask(CREATE, struct.pack("<H42xHH8x", 57, 120, len(text)) + text, tree)
        if pending:
            self._put("<", CREATE, struct.pack("<HHI", 9, 0, 0), status=0x103, later=True)
        body = struct.pack("<H38xQQII", 89, size, size, 0x20, 0) + handle + bytes(8)
        self._put("<", CREATE, body, tree=tree, later=pending)
        return self

    def write(self, data: bytes, offset: int, handle: bytes = HANDLE) -> Session:
        self._ask(WRITE, struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), offset, handle, 0, 0, 0, 0, 0) + data)
        self._put("<", WRITE, struct.pack("<HHIIHH", 17, 0, len(data), 0, 0, 0))
        return self

    def read(self, data: bytes, offset: int, *, pending: bool = False) -> Session:
        self._ask(READ, struct.pack("<HBBIQ16sIIIHH", 49, 0, 0, 65536, offset, HANDLE, 0, 0, 0, 0, 0))
        if pending:
            self._put("<", READ, struct.pack("<HHI", 9, 0, 0), status=0x103)
        self._put("<", READ, struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data)
        return self

    def close(self, handle: bytes = HANDLE) -> Session:
        self._ask(CLOSE, struct.pack("<HHI", 24, 0, 0) + handle)
        self._put("<", CLOSE, struct.pack("<H58x", 60))
        return self


def pieces(session: Session, what: str, data: bytes = DATA, size: int = 30_000) -> Session:
    """Data in several requests, in order."""
    for at in range(0, len(data), size):
        getattr(session, what)(data[at : at + size], at)
    return session


Found = list[tuple[str, str, str, int, str | None]]


def found(folder: Path, session: Session, *, lost: int = -1) -> Found:
    """Sender, name, state, size and hash of each file. ``lost``: number of a frame that is missing in the capture."""
    frames = _conversation(*session.sent, port=PORT)
    if lost >= 0:
        del frames[lost]
    rows = _replay(folder, frames)
    assert {row["service"] for row in rows} <= {"smb"}
    return sorted((row["sender"], row["name"], row["state"], row["size"], row["sha256"]) for row in rows)


def sha(data: bytes = DATA) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_is_written_and_read_whole_has_a_hash(tmp_path: Path) -> None:
    """A copy to the server, and the same file back, in several requests, two of which are pending."""
    session = pieces(Session().connect().open("tools\\setup.exe", 0), "write").close()
    session.open("tools\\setup.exe", len(DATA), pending=True).read(DATA[:50_000], 0).read(
        DATA[50_000:], 50_000, pending=True
    ).close()
    assert found(tmp_path, session) == [
        ("client", "setup.exe", "whole", len(DATA), sha()),
        ("server", "setup.exe", "whole", len(DATA), sha()),
    ]


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (Session().connect().open("a", 90_000).read(DATA, 0).close(), ("server", "partial")),
        (Session().connect().open("a", 90_000).read(DATA, 100).close(), ("server", "partial")),
        (Session().connect().open("a", 90_000).write(DATA, 0).close(), ("client", "partial")),
        (Session().connect().open("a", 0).write(DATA, 0).write(b"new", 0).close(), ("client", "partial")),
        (Session().connect().open("a", 0).write(DATA, 0), ("client", "cut off")),
    ],
)
def test_what_is_not_whole_has_none(tmp_path: Path, session: Session, expected: tuple[str, str]) -> None:
    """A partial read, an overwritten start of a longer file, a start that is written again, and a file that is never
    closed.
    """
    assert [(one[0], one[2], one[4]) for one in found(tmp_path, session)] == [(*expected, None)]


def test_a_file_that_is_read_twice(tmp_path: Path) -> None:
    """The start is read, then the whole file."""
    session = Session().connect().open("a.pdf", len(DATA)).read(DATA[:100], 0).read(DATA, 0).close()
    assert found(tmp_path, session) == [("server", "a.pdf", "whole", len(DATA), sha())]


def test_pipes_and_unknown_handles_are_no_files(tmp_path: Path) -> None:
    pipe = Session().connect(share=2, tree=5).open("srvsvc", 0, PIPE_HANDLE, tree=5)
    assert found(tmp_path / "pipe", pipe.write(b"bind", 0, PIPE_HANDLE).close(PIPE_HANDLE)) == []
    assert found(tmp_path / "late", Session().connect().write(DATA, 0).close()) == []


def test_a_lost_segment_costs_the_hash_of_its_file_alone(tmp_path: Path) -> None:
    """Within the data of a write: the messages after it are found again."""
    session = Session().connect().open("a", 0).write(DATA, 0).close().open("b", 0).write(b"whole" * 900, 0).close()
    states = {one[1]: (one[2], one[4]) for one in found(tmp_path, session, lost=20)}
    assert states == {"a": ("gap", None), "b": ("whole", sha(b"whole" * 900))}


def test_hostile_bytes_break_nothing() -> None:
    """Flipped bits, truncated messages and noise in a session; every file found is an SMB file."""
    seen = list[Any]()
    transfers, session = Transfers(seen.append), pieces(Session().connect().open("a", 0), "write").close()
    for trial in range(300):
        rng, moved = Random(trial), [0, 0]
        conversation = transfers.smb()
        for side, text in session.sent:
            data, way = bytearray(text), int(side == "<")
            for _ in range(rng.randrange(4)):
                data[rng.randrange(min(len(data), 200))] ^= 1 << rng.randrange(8)
            piece = bytes(data[: rng.randrange(len(data)) if rng.random() < 0.1 else None]) or b"x"
            conversation.segment(way, moved[way], piece, Packet(direction=way), 0)  # type: ignore[arg-type]
            moved[way] += len(piece)
        conversation.finish()
    assert seen
    assert {one.service for one in seen} == {"smb"}


def test_an_encrypted_session_is_left_alone(tmp_path: Path) -> None:
    session = Session().connect().open("a", 0).write(DATA, 0)
    session.sent.append((">", struct.pack(">I", 60) + b"\xfdSMB" + bytes(56)))
    assert [(one[2], one[4]) for one in found(tmp_path, session.close())] == [("encoded", None)]
