"""Transferred files: their hashes if they were seen completely, otherwise the reason."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import os
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sensor.core.event import kind_of
from sensor.records.export import export
from sensor.records.files.body import Body, Budget
from sensor.records.files.seen import FileSeen
from sensor.records.files.transfers import Transfers
from sensor.records.readable import Range, readable
from tests.kit import tcp_frame, udp_frame
from tests.records.kit_records import replayed, rows

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
SYN, SYN_ACK, ACK, FIN = 0x02, 0x12, 0x18, 0x11
PROGRAM = b"MZ" + bytes(range(256)) * 200
MSS = 1400

Sent = tuple[str, bytes]


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _conversation(
    *sent: Sent, port: int = 80, client_port: int = 40000, opener: str = CLIENT, close: bool = True
) -> list[bytes]:
    """Frames of a connection: payload of the client (>) and the server (<). ``opener``: the address of the client."""
    other = SERVER if opener == CLIENT else CLIENT
    seq = {">": 101, "<": 501}

    def frame(way: str, flags: int, number: int, payload: bytes = b"") -> bytes:
        ends, ports = ((opener, other), (client_port, port)) if way == ">" else ((other, opener), (port, client_port))
        return tcp_frame(*ends, payload, sport=ports[0], dport=ports[1], flags=flags, seq=number)

    frames = [frame(">", SYN, 100), frame("<", SYN_ACK, 500), frame(">", 0x10, 101)]
    for way, text in sent:
        for at in range(0, len(text), MSS):
            part = text[at : at + MSS]
            frames.append(frame(way, ACK, seq[way], part))
            seq[way] += len(part)
    if close:
        frames += [frame("<", FIN, seq["<"]), frame(">", FIN, seq[">"])]
    return frames


def _replay(folder: Path, frames: Sequence[bytes], table: str = "files", step_us: int = 1000) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    moments = (1_700_000_000_000_000 + step_us * i for i in itertools.count())
    data = b"".join(
        struct.pack("<IIII", *divmod(moment, 1_000_000), len(frame), len(frame)) + frame
        for moment, frame in zip(moments, frames, strict=False)
    )
    (folder / "one.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + data)
    replayed(folder / "records", folder / "one.pcap")
    return rows(folder / "records", table)


def _response(body: bytes, *fields: str, length: bool = True, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", *fields, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _get(path: str = "/update/setup.exe?token=secret") -> Sent:
    return ">", f"GET {path} HTTP/1.1\r\nHost: files.example\r\n\r\n".encode()


def _of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("service", "sender", "name", "size", "sha256", "state"))


def test_a_program_is_downloaded(tmp_path: Path) -> None:
    """Its hash is in both tables, with the same connection; the secret in the URL is in neither file name."""
    frames = _conversation(_get(), ("<", _response(PROGRAM, "Content-Type: application/x-msdownload")))
    (file,) = _replay(tmp_path, frames)
    (requested,) = rows(tmp_path / "records", "http")
    assert _of(file) == ("http", "server", "setup.exe", len(PROGRAM), _sha(PROGRAM), "whole")
    assert (file["src_ip"], file["dst_ip"], file["dst_port"]) == (CLIENT, SERVER, 80)
    assert file["mime"] == "application/x-msdownload"
    assert (requested["sha256"], requested["uid"]) == (_sha(PROGRAM), file["uid"])


def test_disorder_and_repetition_change_nothing_and_a_lost_segment_leaves_no_hash(tmp_path: Path) -> None:
    frames = _conversation(_get(), ("<", _response(PROGRAM)))
    mixed = [*frames[:8], frames[10], frames[9], frames[8], frames[9], *frames[11:]]
    assert _of(_replay(tmp_path / "mixed", mixed)[0])[3:] == (len(PROGRAM), _sha(PROGRAM), "whole")
    lost = [*frames[:8], *frames[9:]]
    assert _of(_replay(tmp_path / "lost", lost)[0])[3:] == (len(PROGRAM) - MSS, None, "gap")
    assert rows(tmp_path / "lost" / "records", "http")[0]["sha256"] is None


CHUNKED = b"".join(f"{len(PROGRAM[at : at + 999]):x};x=y\r\n".encode() + PROGRAM[at : at + 999] + b"\r\n"
                   for at in range(0, len(PROGRAM), 999)) + b"0\r\nTrailer: 1\r\n\r\n"  # fmt: skip


@pytest.mark.parametrize(
    ("body", "fields", "length", "state"),
    [
        (CHUNKED, ("Transfer-Encoding: chunked",), False, "whole"),
        (gzip.compress(PROGRAM), ("Content-Encoding: gzip",), True, "whole"),
        (PROGRAM, (), False, "whole"),  # until the connection ends
        (PROGRAM, ("Content-Encoding: br",), True, "encoded"),
        (gzip.compress(PROGRAM)[:-20], ("Content-Encoding: gzip",), True, "encoded"),
    ],
)
def test_bodies_in_every_framing(
    body: bytes, fields: tuple[str, ...], length: bool, state: str, tmp_path: Path
) -> None:
    frames = _conversation(_get(), ("<", _response(body, *fields, length=length)))
    (file,) = _replay(tmp_path, frames)
    assert (file["state"], file["sha256"]) == (state, _sha(PROGRAM) if state == "whole" else None)


def test_what_ends_early_or_is_a_range_has_no_hash(tmp_path: Path) -> None:
    short = _response(PROGRAM)[:-100]
    assert _of(_replay(tmp_path / "short", _conversation(_get(), ("<", short)))[0])[4:] == (None, "cut off")
    part = _response(PROGRAM[:50], "Content-Range: bytes 0-49/9000", status="206 Partial Content")
    assert _of(_replay(tmp_path / "part", _conversation(_get(), ("<", part)))[0])[4:] == (None, "partial")


def test_several_messages_of_one_connection(tmp_path: Path) -> None:
    """An error response without a body, a HEAD, an upload; each file has the name of its own request."""
    upload = f"PUT /in/scan.pdf HTTP/1.1\r\nContent-Type: application/pdf\r\nContent-Length: {len(PROGRAM)}\r\n\r\n"
    frames = _conversation(
        _get("/a.bin"), ("<", _response(b"one")),
        (">", b"HEAD /b.bin HTTP/1.1\r\n\r\n"), ("<", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"),
        (">", upload.encode() + PROGRAM), ("<", b"HTTP/1.1 204 No Content\r\n\r\n"),
        _get("/c.bin"), ("<", _response(b"three")),
    )  # fmt: skip
    found = [_of(row)[1:] for row in _replay(tmp_path, frames)]
    assert found == [
        ("server", "a.bin", 3, _sha(b"one"), "whole"),
        ("client", "scan.pdf", len(PROGRAM), _sha(PROGRAM), "whole"),
        ("server", "c.bin", 5, _sha(b"three"), "whole"),
    ]


def test_a_form_with_a_password_is_no_file(tmp_path: Path) -> None:
    """A short secret could be found from its hash."""
    form = b"user=anna&password=sesame"
    head = "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    post = (head + f"Content-Length: {len(form)}\r\n\r\n").encode() + form
    (page,) = _replay(tmp_path, _conversation((">", post), ("<", _response(b"<p>in</p>"))))
    assert (page["sender"], page["size"]) == ("server", 9)


def test_a_file_comes_by_ftp_passive_and_active(tmp_path: Path) -> None:
    control = _conversation(
        ("<", b"220 ready\r\n"), (">", b"USER anna\r\n"), ("<", b"230 in\r\n"), (">", b"PASV\r\n"),
        ("<", b"227 Entering Passive Mode (10,0,0,2,195,80)\r\n"), (">", b"RETR pub/setup.exe\r\n"),
        port=21, close=False,
    )  # fmt: skip
    data = _conversation(("<", PROGRAM), port=195 << 8 | 80, client_port=40001)
    (file,) = _replay(tmp_path / "passive", control + data)
    assert _of(file) == ("ftp", "server", "setup.exe", len(PROGRAM), _sha(PROGRAM), "whole")
    control = _conversation(
        ("<", b"220 ready\r\n"), (">", b"PORT 10,0,0,1,195,90\r\n"), (">", b"STOR plans.zip\r\n"), port=21, close=False
    )
    data = _conversation(("<", PROGRAM), port=195 << 8 | 90, client_port=20, opener=SERVER)
    (file,) = _replay(tmp_path / "active", control + data)
    assert _of(file) == ("ftp", "client", "plans.zip", len(PROGRAM), _sha(PROGRAM), "whole")
    assert (file["src_ip"], file["dst_ip"]) == (CLIENT, SERVER)


def test_a_listing_of_ftp_is_no_file(tmp_path: Path) -> None:
    control = _conversation(
        ("<", b"220 ready\r\n"), (">", b"EPSV\r\n"), ("<", b"229 Entering (|||50000|)\r\n"), (">", b"LIST\r\n"),
        port=21, close=False,
    )  # fmt: skip
    data = _conversation(("<", b"-rw-r--r-- 1 a b\r\n"), port=50000, client_port=40001)
    assert _replay(tmp_path, control + data) == []


def _tftp(data: bytes, size: int = 512, *, drop: int = 0) -> Iterator[bytes]:
    """A phone loads its configuration. ``drop``: a block that is missing in the capture."""
    options = b"blksize\0%d\0" % size if size != 512 else b""
    yield udp_frame(CLIENT, SERVER, b"\0\1SEP001122334455.cnf.xml\0octet\0" + options, sport=2000, dport=69)
    if options:
        yield udp_frame(SERVER, CLIENT, b"\0\6" + options, sport=3000, dport=2000)
    for number in range(1, len(data) // size + 2):
        block = struct.pack(">HH", 3, number) + data[(number - 1) * size : number * size]
        if number != drop:
            yield udp_frame(SERVER, CLIENT, block, sport=3000, dport=2000)
        yield udp_frame(CLIENT, SERVER, struct.pack(">HH", 4, number), sport=2000, dport=3000)


@pytest.mark.parametrize("size", [512, 1428])
def test_a_phone_gets_its_configuration(size: int, tmp_path: Path) -> None:
    (file,) = _replay(tmp_path, [*_tftp(PROGRAM[: 4 * size], size)])
    expected = ("tftp", "server", "SEP001122334455.cnf.xml", 4 * size, _sha(PROGRAM[: 4 * size]), "whole")
    assert _of(file) == expected
    assert (file["src_ip"], file["dst_ip"]) == (CLIENT, SERVER)
    (file,) = _replay(tmp_path / "lost", [*_tftp(PROGRAM[: 4 * size], size, drop=2)])
    assert _of(file)[3:] == (3 * size, None, "gap")


def test_mail_and_its_attachment(tmp_path: Path) -> None:
    """Dots at the start of lines are doubled in SMTP, and are not part of the message."""
    coded = base64.encodebytes(PROGRAM).replace(b"\n", b"\r\n")
    message = (
        b"Subject: invoice\r\nContent-Type: multipart/mixed; boundary=frontier\r\n\r\n"
        b"--frontier\r\nContent-Type: text/plain\r\n\r\n.hidden\r\n"
        b"--frontier\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="invoice.zip"\r\n\r\n' + coded + b"--frontier--\r\n"
    )
    frames = _conversation(
        ("<", b"220 mail ESMTP\r\n"), (">", b"EHLO a\r\n"), ("<", b"250 hi\r\n"), (">", b"DATA\r\n"),
        ("<", b"354 go\r\n"), (">", message.replace(b"\r\n.", b"\r\n..") + b".\r\n"), ("<", b"250 ok\r\n"), port=25,
    )  # fmt: skip
    found = {row["mime"]: _of(row) for row in _replay(tmp_path, frames)}
    assert found["application/zip"] == ("smtp", "client", "invoice.zip", len(PROGRAM), _sha(PROGRAM), "whole")
    assert found["message/rfc822"] == ("smtp", "client", None, len(message), _sha(message), "whole")


def test_two_batches_give_the_same_as_one(tmp_path: Path) -> None:
    """Rows of http wait for the hash of a body that ends in a later batch."""
    frames = _conversation(_get(), ("<", _response(PROGRAM)))
    _replay(tmp_path / "one", frames)
    (tmp_path / "two").mkdir()
    replayed(tmp_path / "two" / "records", tmp_path / "one" / "one.pcap", batch=2)
    for table in ("files", "http"):
        one, two = (rows(tmp_path / name / "records", table) for name in ("one", "two"))
        assert [{**row, "uid": 0} for row in one] == [{**row, "uid": 0} for row in two]
        assert one[0]["sha256"] == _sha(PROGRAM)


def test_a_body_that_lasts_too_long_is_hashed_in_files_alone(tmp_path: Path) -> None:
    """The row of http is written after ten seconds; the hash is only in files."""
    frames = _conversation(_get(), ("<", _response(PROGRAM)))
    (file,) = _replay(tmp_path, frames, step_us=1_000_000)
    assert file["sha256"] == _sha(PROGRAM)


def test_what_is_hashed_is_bounded() -> None:
    """Files over the budget are not hashed, with this reason; the budget is refilled over time."""
    budget = Budget(1000, 1500)
    budget.advance(1)
    states = []
    for second in (0, 0, 2):
        budget.advance(1 + second * 1_000_000_000)
        body = Body(None, budget, b"a")  # type: ignore[arg-type]
        body.take(b"x" * 1000)
        states.append(body.fault)
    assert [state is None for state in states] == [True, False, True]


def test_exports_name_the_file(tmp_path: Path) -> None:
    """Exports have the file as Zeek's files.log and Suricata's fileinfo do."""
    _replay(tmp_path, _conversation(_get(), ("<", _response(PROGRAM))))
    records = tmp_path / "records"
    files, _ = readable(records, Range())
    export(records, files, Range(), "zeek", tmp_path, ["files"])
    *_, line = (tmp_path / "files.log").read_text().splitlines()
    assert line.split("\t")[-1] == _sha(PROGRAM)
    export(records, files, Range(), "eve", tmp_path, ["files"])
    event = json.loads((tmp_path / "eve.json").read_text())
    assert (event["event_type"], event["fileinfo"]["filename"]) == ("fileinfo", "setup.exe")
    assert (event["fileinfo"]["state"], event["fileinfo"]["sha256"]) == ("CLOSED", _sha(PROGRAM))


def test_the_least_recently_active_transfers_are_evicted(tmp_path: Path) -> None:
    """2,100 downloads begin before any ends: the first ones end as cut off, the last ones are hashed."""
    begun, rest = list[bytes](), list[bytes]()
    for number in range(2100):
        frames = _conversation(_get(), ("<", _response(PROGRAM[:3000])), client_port=10_000 + number)
        begun += frames[:5]
        rest += frames[5:]
    states = Counter(row["state"] for row in _replay(tmp_path, begun + rest))
    assert states == {"cut off": 52, "whole": 2048}


def test_hostile_bytes_break_nothing() -> None:
    """Random bytes follow the start of a connection."""
    seen: list[Any] = []
    transfers = Transfers(seen.append)
    for _ in range(300):
        text = b"GET / HTTP/1.1\r\n\r\nDATA\r\nPORT 1,1\r\n" + os.urandom(200) + b"\r\n\r\n"
        for conversation in (transfers.http(), transfers.ftp(), transfers.mail()):
            conversation.segment(0, 0, text, None, 0)  # type: ignore[arg-type]
            conversation.closed(0, len(text), False)
            conversation.finish()
    assert all(kind_of(type(one)) in {"file.seen", "file.begun"} for one in seen)
    assert FileSeen.__struct_fields__[0] == "packet"
