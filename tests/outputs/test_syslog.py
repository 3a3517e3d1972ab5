"""Syslog into a real rsyslogd, and into peers that fail."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from sensor.core.output import Entry, Retry
from sensor.outputs.formats import FORMATS
from sensor.outputs.syslog import Options, Syslog
from tests.outputs.authority import Authority
from tests.outputs.batches import entries
from tests.outputs.invalid import faults_of
from tests.outputs.listener import listener
from tests.outputs.samples import RECORDS
from tests.outputs.servers_base import free_port
from tests.outputs.servers_rsyslog import NO_SERVER, NO_TLS, Rsyslog
from tests.waiting import until

needs_server = pytest.mark.skipif(bool(NO_SERVER), reason=NO_SERVER)
TRANSPORTS = ["udp", "tcp", pytest.param("tls", marks=pytest.mark.skipif(bool(NO_TLS), reason=NO_TLS))]


@pytest.fixture(scope="module")
def server() -> Iterator[Rsyslog]:
    with Rsyslog() as running:
        yield running


@pytest.fixture
def fresh(server) -> Iterator[Rsyslog]:
    """The server, with an empty file; it is restarted if the previous test stopped it."""
    if server.received.exists():
        os.truncate(server.received, 0)
    yield server
    server.kill()
    server.start()


@contextlib.contextmanager
def opened(port: int, *, host: str = "127.0.0.1", timeout_s: float = 5, **options: object) -> Iterator[Syslog]:
    output = Syslog("siem", Options.model_validate({"host": host, "port": port, "timeout_s": timeout_s} | options))
    output.open()
    try:
        yield output
    finally:
        output.close()


def to(server: Rsyslog, transport: str, **options: object) -> contextlib.AbstractContextManager[Syslog]:
    port = {"udp": server.udp, "tcp": server.port, "tls": server.tls}[transport]
    trust = {"tls": {"ca": server.authority.ca}} if transport == "tls" else {}
    return opened(port, transport=transport, **trust, **options)


def empty(server: Rsyslog) -> Rsyslog:
    if server.received.exists():
        os.truncate(server.received, 0)
    return server


def readable(output: Syslog) -> None:
    """Wait until the receiver sent data or closed the connection."""
    assert select.select([output._connection], [], [], 60)[0]


def swallow(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def texts(batch: list[Entry]) -> list[str]:
    return [one.payload.decode() for one in batch]


# Delivery.


@needs_server
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["syslog_5424", "syslog_3164"])
def test_every_record_arrives_as_it_was_written(server, transport, name):
    batch = [Entry(number, record, FORMATS[name](record)) for number, record in enumerate(RECORDS.values())]
    with to(empty(server), transport, format=name) as output:
        ack = output.send(batch)
    assert (dict(ack.refused), ack.busy) == ({}, ())
    assert server.wait(transport, lambda lines: len(lines) >= len(batch)) == texts(batch)


@needs_server
@pytest.mark.parametrize("framing", ["octets", "lines"])
def test_thousands_of_records_of_all_sizes_keep_their_order_and_their_bounds(server, framing):
    batch = entries(3000, format="syslog_5424")
    record = RECORDS["device_new"] | {"msg": "ü" * 500}
    batch[1500] = Entry(1500, record, FORMATS["syslog_5424"](record) + b" 17 <13>1 - - - - " * 3000)
    with to(empty(server), "tcp", framing=framing) as output:
        for start in range(0, len(batch), 1000):
            output.send(batch[start : start + 1000])
    assert server.wait("tcp", lambda lines: len(lines) >= len(batch)) == texts(batch)


HEADERS = {
    "native": ("", "<132>1 2026-11-24T09:14:09.318442Z hq-3f-01 sensor - alert.open - {"),
    "ecs": ("rfc3164", "<132>Nov 24 09:14:09 hq-3f-01 sensor: {"),
    "cef": ("", "<132>Nov 24 09:14:09 hq-3f-01 CEF:0|"),
    "leef": ("rfc5424", "<132>1 2026-11-24T09:14:09.318442Z hq-3f-01 sensor - alert.open - LEEF:2.0|"),
    "ocsf": ("none", "{"),
}


@needs_server
@pytest.mark.parametrize("name", HEADERS)
def test_other_formats_travel_behind_a_header(server, name):
    header, start = HEADERS[name]
    record = RECORDS["alert_open"] | {"ts": "2026-11-24T09:14:09.318442Z", "severity": "medium"}
    with to(empty(server), "tcp", format=name, header=header) as output:
        output.send([Entry(1, record, FORMATS[name](record))])
    (line,) = server.wait("tcp", bool)
    assert line.startswith(start)
    assert line.endswith(FORMATS[name](record).decode())


@needs_server
@pytest.mark.parametrize(
    ("name", "facility", "start"),
    [("syslog_5424", "local7", "<190>1 "), ("syslog_3164", "user", "<14>"), ("native", "daemon", "<30>1 ")],
)
def test_the_facility_is_ours_to_choose(server, name, facility, start):
    with to(empty(server), "tcp", format=name, facility=facility) as output:
        output.send(entries(1, cases=("device_new",), format=name))
    (line,) = server.wait("tcp", bool)
    assert line.startswith(start)


# Detected faults.


@needs_server
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_died_is_noticed_before_anything_is_sent_to_it(fresh, transport):
    first, second = entries(20, format="syslog_5424"), entries(20, first=21, format="syslog_5424")
    with to(fresh, transport) as output:
        output.send(first)
        fresh.wait(transport, lambda lines: len(lines) == 20)
        fresh.kill()
        with pytest.raises(Retry, match=r"closed|reset|refused"):
            output.send(second)
        with pytest.raises(Retry, match="refused"):
            output.send(second)
        fresh.start()
        output.open()
        output.send(second)
    assert fresh.wait(transport, lambda lines: len(lines) >= 40) == texts(first + second)


def test_a_peer_that_closed_its_end_gets_nothing_more():
    observed: list[bytes] = []
    tired = threading.Event()

    def until_tired(connection: socket.socket) -> None:
        observed.append(connection.recv(1 << 20))
        tired.wait(3)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            while more := connection.recv(1 << 20):
                observed.append(more)

    batch = entries(1, format="syslog_5424")
    with listener(until_tired) as port, opened(port) as output:
        output.send(batch)
        tired.set()
        readable(output)
        with pytest.raises(Retry, match="closed"):
            output.send(batch)
        tired.clear()
        output.send(batch)
        # The kernel accepts connections and bytes before the program does.
        until(lambda: len(observed) >= 2)
        tired.set()
    assert observed == [b"%d %b" % (len(batch[0].payload), batch[0].payload)] * 2


def test_a_batch_counts_only_once_the_kernel_of_the_receiver_has_it():
    """What the kernel buffer of a hung receiver accepted does not count as delivered."""
    ended = threading.Event()
    with listener(lambda _: ended.wait(60), buffer=4096) as port, opened(port, timeout_s=0.4) as output:
        batch = entries(500, format="syslog_5424")
        assert sum(len(one.payload) for one in batch) < 300_000
        begin = time.monotonic()
        with pytest.raises(Retry, match=r"127\.0\.0\.1 port \d+: .* 0\.4 s"):
            output.send(batch)
        ended.set()
    assert time.monotonic() - begin < 30


def test_a_slow_receiver_is_waited_for_as_long_as_it_takes_something():
    observed = bytearray()

    def slowly(connection: socket.socket) -> None:
        while more := connection.recv(20_000):
            observed.extend(more)
            time.sleep(0.02)

    batch = entries(500, format="syslog_5424")
    with listener(slowly, buffer=4096) as port, opened(port, timeout_s=0.3) as output:
        begin = time.monotonic()
        output.send(batch)
        assert time.monotonic() - begin > 0.1
    assert bytes(observed) == b"".join(b"%d %b" % (len(one.payload), one.payload) for one in batch)


def test_what_a_receiver_reports_is_not_read():
    def chatter(connection: socket.socket) -> None:
        connection.sendall(b"\x1b[31mhello\n" * 1000)
        while connection.recv(1 << 20):
            connection.sendall(b"again")

    with listener(chatter) as port, opened(port) as output:
        readable(output)
        for _ in range(3):
            output.send(entries(5, format="syslog_5424"))


def test_connections_notice_a_host_that_vanished():
    with listener(swallow) as port, opened(port, timeout_s=6) as output:
        connection = output._connection
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 2


def test_a_certificate_of_ours_that_is_missing_is_reported_when_it_is_noticed(tmp_path):
    """With TLS 1.3 a server rejects the client certificate after the handshake, which succeeds for the client."""
    authority = Authority(tmp_path)
    shown = authority.issue("collector").context(authority.ca)

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), shown.wrap_socket(connection, server_side=True) as secured:
            swallow(secured)

    with listener(serve) as port, opened(port, transport="tls", tls={"ca": authority.ca}) as output:
        readable(output)
        with pytest.raises(
            Retry,
            match=r"\btls\.certificate\b.*\btls\.key\b",
        ):
            output.send(entries(1, format="syslog_5424"))


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_failures_leave_nothing_open(tmp_path, transport):
    authority = Authority(tmp_path)
    shown = authority.issue("old", days=-1).context()

    def serve(connection: socket.socket) -> None:
        if transport == "tls":
            with contextlib.suppress(OSError), shown.wrap_socket(connection, server_side=True):
                pass

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    tls = {"tls": {"ca": authority.ca}} if transport == "tls" else {}
    with listener(serve) as port:
        output = Syslog(
            "siem",
            Options.model_validate({"host": "127.0.0.1", "port": port, "transport": transport, "timeout_s": 1} | tls),
        )
        counts = []
        for _ in range(20):
            with contextlib.suppress(Retry):
                output.send(entries(1, format="syslog_5424"))
            counts.append(descriptors())
        output.close()
    assert max(counts) <= counts[0] + 2


def test_a_datagram_that_is_too_long_is_refused_and_the_others_go():
    batch = entries(3, format="syslog_5424")
    batch[1] = Entry(2, batch[1].record, batch[1].payload + b"x" * 9000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        with opened(receiver.getsockname()[1], transport="udp") as output:
            ack = output.send(batch)
        assert [receiver.recv(1 << 16) for _ in range(2)] == [batch[0].payload, batch[2].payload]
    assert list(ack.refused) == [1]
    assert " 8192 (datagram_bytes): " in ack.refused[1]


def test_closing_twice_and_sending_after_it():
    with listener(swallow) as port, opened(port) as output:
        output.close()
        output.close()
        output.send(entries(1, format="syslog_5424"))


# Findings of a check, and invalid options.


@needs_server
@pytest.mark.parametrize(
    ("transport", "steps"),
    [("udp", ["dns", "udp"]), ("tcp", ["dns", "tcp", "delivery"]), ("tls", ["dns", "tcp", "tls", "delivery"])],
)
def test_a_check_goes_through_all_steps_and_sends_no_record(server, transport, steps):
    if transport == "tls" and NO_TLS:
        pytest.skip(NO_TLS)
    with to(empty(server), transport) as output:
        findings = list(output.check())
        assert [one.what for one in findings] == steps
        assert not [one for one in findings if one.level == "error"]
        output.send(entries(1, format="syslog_5424"))
    assert len(server.wait(transport, bool)) == 1


@pytest.mark.parametrize(("transport", "step"), [("udp", "udp"), ("tcp", "tcp")])
def test_a_check_finds_a_port_without_a_listener(transport, step):
    *_, last = Syslog("siem", Options(host="127.0.0.1", port=free_port(), transport=transport)).check()
    assert (last.what, last.level) == (step, "error")


def test_options_that_contradict_each_other_are_named(golden):
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"host": "a", "tls": {}})
    golden(faults_of(raised))
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"host": "a", "transport": "tls", "framing": "lines"})
    golden(faults_of(raised))
    assert [Options(host="a", transport=each).place for each in ("udp", "tcp", "tls")] == [
        ("a", 514),
        ("a", 514),
        ("a", 6514),
    ]
