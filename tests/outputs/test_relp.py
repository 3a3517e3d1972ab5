"""RELP into a real rsyslogd that crashes at any moment, and into peers that violate the protocol."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.core.output import Entry, Retry
from sensor.outputs import relp
from sensor.outputs.relp import Options, Relp
from sensor.outputs.transport.tls import Tls
from tests.outputs.batches import delivered, entries
from tests.outputs.listener import listener
from tests.outputs.samples import RECORDS
from tests.outputs.servers_base import free_port
from tests.outputs.servers_rsyslog import NO_RELP, Rsyslog

needs_server = pytest.mark.skipif(bool(NO_RELP), reason=NO_RELP)
WELCOME = "200 OK\nrelp_version=0\nrelp_software=test\ncommands=syslog"


@pytest.fixture(scope="module")
def server() -> Iterator[Rsyslog]:
    with Rsyslog() as running:
        yield running


@pytest.fixture
def empty(server) -> Rsyslog:
    if server.received.exists():
        os.truncate(server.received, 0)
    return server


@contextlib.contextmanager
def opened(port: int, **options: object) -> Iterator[Relp]:
    output = Relp("siem", Options.model_validate({"host": "127.0.0.1", "port": port, "timeout_s": 5} | options))
    output.open()
    try:
        yield output
    finally:
        output.close()


def secured(server: Rsyslog) -> contextlib.AbstractContextManager[Relp]:
    tls = {"ca": server.authority.ca, "certificate": server.client.certificate, "key": server.client.key}
    return opened(server.relp_tls, tls=tls)


def texts(batch: list[Entry]) -> list[str]:
    return [one.payload.decode() for one in batch]


def by_script(*answers: Callable[[int, str, bytes], bytes] | bytes) -> Callable[[socket.socket], None]:
    """A peer that answers frame after frame by the script and repeats its last answer; an empty one closes the
    connection.
    """

    def serve(connection: socket.socket) -> None:
        script = list(answers)
        with connection.makefile("rb") as observed:
            while (frame := _frame(observed)) is not None:
                answer = script.pop(0) if len(script) > 1 else script[0]
                made = answer(*frame) if callable(answer) else answer
                if not made:
                    return
                connection.sendall(made)

    return serve


def _frame(observed: BinaryIO) -> tuple[int, str, bytes] | None:
    """The next frame; None at the end."""
    header = bytearray()
    while header.count(b" ") < 3 and not header.endswith(b"\n"):
        if not (byte := observed.read(1)):
            return None
        header += byte
    number, command, size = header.split()
    reported = observed.read(int(size) + 1) if int(size) else b""
    return int(number), command.decode(), reported


def reporting(text: str) -> Callable[[int, str, bytes], bytes]:
    def answer(number: int, command: str, reported: bytes) -> bytes:
        return b"%d rsp %d %b\n" % (number, len(text), text.encode()) if text else b"%d rsp 0\n" % number

    return answer


# Delivery to rsyslog.


@needs_server
@pytest.mark.parametrize("way", ["relp", "relp_tls"])
def test_every_record_arrives_as_it_was_written_and_is_there_when_it_is_acknowledged(empty, way):
    batch = entries(1300, format="syslog_5424")
    with opened(empty.relp) if way == "relp" else secured(empty) as output:
        ack = output.send(batch)
        assert empty.lines(way) == texts(batch)
        output.send(entries(1, first=1301, format="syslog_5424"))
    assert (dict(ack.refused), ack.busy) == ({}, ())
    assert len(empty.lines(way)) == 1301


@needs_server
def test_the_largest_message_arrives_whole(empty):
    record = RECORDS["device_new"]
    with opened(empty.relp) as output:
        output.send([Entry(1, record, b"<134>1 - - - - - - " + b"x" * 65_000)])
    (line,) = empty.lines("relp")
    assert len(line) == 65_019


@needs_server
def test_a_session_ends_so_that_the_server_has_nothing_to_complain_of(empty):
    before = empty.output.read_text()
    with opened(empty.relp) as output:
        output.send(entries(1, format="syslog_5424"))
    with secured(empty) as output:
        output.send(entries(1, format="syslog_5424"))
    with opened(empty.relp) as output:  # once this is there, the closed connections before it were written
        output.send(entries(1, first=2, format="syslog_5424"))
    assert len(empty.wait("relp", lambda lines: len(lines) == 2)) == 2
    assert "error" not in empty.output.read_text().removeprefix(before)


@needs_server
def test_a_server_that_is_killed_while_records_flow_loses_none_and_mixes_none_up(empty):
    batches = [entries(150, first=first, format="syslog_5424") for first in range(1, 9000, 150)]
    moments, ended = random.Random(5), threading.Event()

    def kill() -> None:
        for _ in range(6):
            time.sleep(moments.uniform(0.05, 0.2))
            empty.kill()
            empty.start()
        ended.set()

    killer = threading.Thread(target=kill)
    with opened(empty.relp) as output:
        killer.start()
        tries, sent = 0, 0
        while sent < len(batches) and not (ended.is_set() and sent > 20):
            tries += delivered(output, batches[sent])
            sent += 1
        killer.join()
        delivered(output, entries(1, first=9001, format="syslog_5424"))
    reported = [text for batch in batches[:sent] for text in texts(batch)] + texts(
        entries(1, first=9001, format="syslog_5424")
    )
    assert tries > 0
    assert list(dict.fromkeys(empty.lines("relp"))) == reported


# Peers that violate the protocol.


def test_a_message_that_is_turned_down_goes_to_the_dead_letters_and_the_others_do_not():
    with (
        listener(
            by_script(reporting(WELCOME), reporting("200 OK"), reporting("500 no \x1b[31mroom"), reporting("200 OK"))
        ) as port,
        opened(port) as output,
    ):
        assert output.send(entries(3, format="syslog_5424")).refused == {1: "500 no  [31mroom"}


def test_an_answer_may_come_one_byte_at_a_time():
    def trickle(connection: socket.socket) -> None:
        with connection.makefile("rb") as observed:
            for text in (WELCOME, "200 OK", "200 OK"):
                frame = _frame(observed)
                for byte in reporting(text)(*frame) if frame else b"":
                    connection.sendall(bytes([byte]))
                    time.sleep(0.001)

    with listener(trickle) as port, opened(port) as output:
        assert output.send(entries(2, format="syslog_5424")).refused == {}


WRONG = {
    "closes": (b"", "session lost: it closed the connection"),
    "ends sessions": (b"0 serverclose 0\n", "session lost: it closed the session"),
    "another protocol": (
        b"220 mail.example ESMTP \x1b[31mready\r\n",
        "it is not a RELP server: 220 mail.example ESMTP",
    ),
    "no line end": (b"x" * 300, "it is not a RELP server: xxxx"),
    "huge": (b"1 rsp 999999999 200 OK\n", "it is not a RELP server: an answer of 999999999 bytes"),
    "another number": (b"77 rsp 6 200 OK\n", "it is not a RELP server: a frame rsp without a request"),
    "silent": (lambda *_: time.sleep(0.6) or b"", "no answer within 0.3 s"),
}


@pytest.mark.parametrize("moment", ["at the open", "at a message"])
@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_answer_makes_the_batch_come_again(case, moment):
    answer, expected = WRONG[case]
    script = (reporting(WELCOME), reporting("200 OK"), answer) if moment == "at a message" else (answer,)
    with listener(by_script(*script)) as port:
        output = Relp("siem", Options(host="127.0.0.1", port=port, timeout_s=0.3))
        with pytest.raises(Retry) as raised:
            output.send(entries(4, format="syslog_5424"))
        assert raised.value.args[0].startswith(f"127.0.0.1 port {port}: {expected}")
        assert "\x1b" not in raised.value.args[0]
        assert output._session is None


@pytest.mark.parametrize("answer", ["500 not you", "", "200 OK\nrelp_version=0\ncommands=other"])
def test_a_session_that_is_not_granted(answer):
    with listener(by_script(reporting(answer))) as port:
        output = Relp("siem", Options(host="127.0.0.1", port=port, timeout_s=1))
        with pytest.raises(Retry, match=r"\bsyslog: "):
            output.open()
        *_, last = output.check()
    assert (last.what, last.level) == ("relp", "error")


def test_numbers_begin_again_after_the_last():
    numbers: list[int] = []

    def counting(number: int, command: str, reported: bytes) -> bytes:
        numbers.append(number)
        return reporting(WELCOME)(number, command, reported)

    with listener(by_script(counting)) as port, opened(port) as output:
        output._session._number = relp.LAST_NUMBER - 1
        output.send(entries(3, format="syslog_5424"))
    assert numbers[1:4] == [999_999_999, 1, 2]


PIECES = [b"1 rsp 6 200 OK\n", b"1 ", b"rsp", b" 0", b"\n", b" 9", b"serverclose 0", b"\xff", b"0 "]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=80), max_size=6))
def test_whatever_a_peer_reports_is_an_answer_or_one_of_two_errors(pieces):
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"".join(pieces))
    with ours, contextlib.suppress(OSError, ValueError):
        assert list(relp._Session(ours).answers([1])) == [1]


# Findings of a check.


@needs_server
def test_a_check_opens_a_session_and_sends_nothing(empty):
    tls = {"ca": empty.authority.ca, "certificate": empty.client.certificate, "key": empty.client.key}
    findings = [
        *Relp("a", Options(host="127.0.0.1", port=empty.relp)).check(),
        *Relp("b", Options.model_validate({"host": "127.0.0.1", "port": empty.relp_tls, "tls": tls})).check(),
    ]
    assert [(one.what, one.level) for one in findings] == [
        (each, "ok") for each in ("dns", "tcp", "relp", "dns", "tcp", "tls", "relp")
    ]
    assert empty.lines("relp") == empty.lines("relp_tls") == []


@needs_server
def test_a_server_that_wants_a_certificate_of_ours_reports_so(empty):
    *_, last = Relp("a", Options(host="127.0.0.1", port=empty.relp_tls, tls=Tls(ca=empty.authority.ca))).check()
    assert last.level == "error"
    assert "certificate" in last.message


def test_no_server_listens():
    *_, last = Relp("a", Options(host="127.0.0.1", port=free_port())).check()
    assert (last.what, last.level) == ("tcp", "error")
