"""TFTP: files requested and written."""

from __future__ import annotations

import pytest

from pcaps.dissectors.tftp import request
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.tftp import Tftp
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(Tftp().dissect(Packet(payload, **{"sport": 49200, "dport": 69, **fields})))


def test_phone_asks_for_its_settings() -> None:
    """The requested file is an observation about the phone."""
    parsed = list(Tftp().dissect(packets("tftp")[0]))
    assert events(parsed) == [("TftpRead", "SEP02005E005302.cnf.xml", "octet", ())]
    assert facts(parsed) == [("02:00:5e:00:53:02", "10.20.30.12", "tftp.file", "SEP02005E005302.cnf.xml")]


def test_options() -> None:
    """Names of options are reported, their values are not."""
    assert events(list(Tftp().dissect(packets("tftp")[1]))) == [
        ("TftpRead", "y000000000065.cfg", "octet", ("tsize", "blksize"))
    ]


def test_writing_reports_nothing_about_the_writer() -> None:
    """The name of a written file yields no observation: the client chooses it freely."""
    parsed = list(Tftp().dissect(packets("tftp")[2]))
    assert events(parsed) == [("TftpWrite", "sw-core-1-confg", "netascii", ())]
    assert values(parsed) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"\0\1",
        b"\0\1a\0",
        b"\0\1a\0octet",
        b"\0\1\0octet\0",
        b"\0\1a\0other\0",
        b"\0\7\0\1data",
        b"GET / HTTP/1.1",
        request(1, "a" * 513, "octet"),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other messages, missing or endless names, and missing or unknown modes are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_answers_at_the_port() -> None:
    """Later messages of a transfer on port 69 yield nothing, from the server and from the client."""
    assert dissect(b"\0\3\0\1data", sport=69, dport=49200) == []
    assert [dissect(later) for later in (b"\0\3\0\1data", b"\0\4\0\1", b"\0\5\0\1no\0", b"\0\6tsize\x005\0")] == [
        []
    ] * 4


def test_cut_by_the_capture() -> None:
    """A truncated file name is not reported."""
    assert dissect(b"\0\1SEP0200", problem=1) == []
    assert events(dissect(request(1, "a", "octet", "tsize") + b"0", problem=1)) == [
        ("TftpRead", "a", "octet", ("tsize",))
    ]
