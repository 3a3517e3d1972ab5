"""Checks of a destination report the fault and what to do."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from pathlib import Path

import pytest

from sensor.core.output import Finding, Retry
from sensor.outputs._probe import probe
from sensor.outputs.transport.connect import connect
from sensor.outputs.transport.tls import Tls
from tests.golden import Golden
from tests.outputs.authority import Authority, Pair
from tests.outputs.listener import listener


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def tls_server(
    pair: Pair, *, clients: Path | None = None, newest: ssl.TLSVersion | None = None
) -> contextlib.AbstractContextManager[int]:
    shown = pair.context(clients)
    if newest is not None:
        shown.minimum_version, shown.maximum_version = ssl.TLSVersion.TLSv1_2, newest

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), shown.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return listener(serve)


def found(port: int, tls: Tls | None = None, *, host: str = "localhost", timeout_s: float = 2) -> list[Finding]:
    return list(probe(host, port, tls, timeout_s))


def without_port(message: str, port: int) -> str:
    """A message whose port differs each time."""
    return message.replace(f"port {port}", "port PORT")


def test_all_is_well(authority):
    with tls_server(authority.issue("collector")) as port:
        findings = found(port, Tls(ca=authority.ca))
    assert [(one.what, one.level) for one in findings] == [("dns", "ok"), ("tcp", "ok"), ("tls", "ok")]
    assert findings[0].message.startswith("localhost is ")
    assert all(one in findings[2].message for one in ("collector", "Test Authority", " until 20"))


def test_a_port_without_tls_needs_two_findings(golden: Golden):
    with listener(lambda _: None) as port:
        findings = found(port, host="127.0.0.1")
    assert [(one.what, one.level) for one in findings] == [("dns", "ok"), ("tcp", "ok")]
    golden(findings[0].message)


@pytest.mark.parametrize("name", ["a" * 70 + ".example", "..", "siem.exmaple"])
def test_an_unknown_name(monkeypatch, golden: Golden, name):
    looked_up = socket.getaddrinfo

    def unknown(host: str, *args: object, **named: object) -> object:
        if host == "siem.exmaple":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return looked_up(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (only,) = found(514, host=name)
    assert (only.what, only.level) == ("dns", "error")
    golden(only.message)


def test_name_servers_that_do_not_answer_are_reported_apart_from_an_unknown_name(monkeypatch, golden: Golden):
    def away(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    (only,) = found(514, host="siem.example")
    golden(only.message)


def test_a_refused_port(golden: Golden):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        *_, last = found(port)
    assert (last.what, last.level) == ("tcp", "error")
    golden(without_port(last.message, port))


def test_a_host_that_does_not_answer(golden: Golden):
    # A full accept queue drops packets, as a firewall does.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as kept:
        for _ in range(3):
            one = kept.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        *_, last = found(port, host="127.0.0.1", timeout_s=0.3)
    assert (last.what, last.level) == ("tcp", "error")
    golden(without_port(last.message, port))


def test_a_second_address_is_tried_where_the_first_refuses(monkeypatch):
    with listener(lambda _: None) as port:
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.9", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        with connect("siem.example", port, None, 1) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


WRONG = {
    "expired": (
        lambda a: a.issue("old", days=-3),
        "the certificate of localhost expired on 20",
        "renew it; the clock of this host shows 20",
    ),
    "not yet": (
        lambda a: a.issue("young", starts_in_days=2),
        "the certificate of localhost is valid only from 20",
        "check both clocks",
    ),
    "other name": (
        lambda a: a.issue("other", ("log.example", "10.1.2.3")),
        "the certificate is for log.example, 10.1.2.3, not for localhost",
        "tls.server_name",
    ),
    "by itself": (
        lambda a: a.self_signed("alone"),
        "the certificate of localhost is self-signed",
        "set tls.ca to it",
    ),
    "stranger": (
        lambda a: Authority(a.folder, "Strange Root").issue("strange"),
        "comes from Strange Root, which is not a trusted CA",
        "set tls.ca",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_certificate_reports_which_it_is_why_it_is_wrong_and_what_to_do(authority, case):
    made, why, advice = WRONG[case]
    with tls_server(made(authority)) as port:
        *_, last = found(port, Tls(ca=authority.ca))
    assert (last.what, last.level) == ("tls", "error")
    assert why in last.message
    assert advice in last.message
    assert "(certificate of " in last.message


def test_the_name_in_the_certificate_may_be_reported(authority):
    with tls_server(authority.issue("named", ("log.example",))) as port:
        *_, last = found(port, Tls(ca=authority.ca, server_name="log.example"))
    assert (last.what, last.level) == ("tls", "ok")


def test_trusting_anybody_is_a_warning_each_time(authority):
    with tls_server(authority.self_signed("anybody")) as port:
        *_, last = found(port, Tls(verify=False))
    assert (last.what, last.level) == ("tls", "warning")
    assert "certificate of anybody" in last.message
    assert "(tls.verify" in last.message


def test_a_certificate_that_expires_soon_is_a_warning(authority):
    with tls_server(authority.issue("soon", days=5)) as port:
        *_, last = found(port, Tls(ca=authority.ca))
    assert (last.what, last.level) == ("tls", "warning")
    assert "it expires soon" in last.message


def test_a_handshake_that_stands_still_ends(authority, golden: Golden):
    with listener(lambda connection: connection.recv(1 << 16) and connection.recv(1)) as port:
        *_, last = found(port, Tls(ca=authority.ca), timeout_s=0.3)
    assert (last.what, last.level) == ("tls", "error")
    golden(without_port(last.message, port))


def test_a_handshake_of_one_byte_at_a_time_ends(authority, golden: Golden):
    def trickle(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        for byte in b"\x16\x03\x03\x40\x00" + bytes(40):
            connection.sendall(bytes([byte]))
            stop.wait(0.05)

    stop = threading.Event()
    with listener(trickle) as port:
        *_, last = found(port, Tls(ca=authority.ca), timeout_s=0.4)
        stop.set()
    golden(without_port(last.message, port))


@pytest.mark.parametrize("greeting", [b"220 mail.example ESMTP ready\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_that_sends_something_else(authority, golden: Golden, greeting):
    with listener(lambda connection: (connection.sendall(greeting), connection.recv(1 << 16))) as port:
        *_, last = found(port, Tls(ca=authority.ca))
    assert (last.what, last.level) == ("tls", "error")
    golden(without_port(last.message, port))


def test_a_connection_closed_in_the_handshake(authority, golden: Golden):
    with listener(lambda connection: connection.recv(1 << 16)) as port:
        *_, last = found(port, Tls(ca=authority.ca))
    golden(re.sub(r"\(.*?\)", "(REASON)", last.message))


def test_an_old_version_of_tls_is_named(authority):
    with tls_server(authority.issue("old-version"), newest=ssl.TLSVersion.TLSv1_2) as port:
        *_, last = found(port, Tls(ca=authority.ca, minimum="1.3"))
    assert "lower tls.minimum" in last.message


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_requested_certificate_of_ours(authority, newest):
    ours, theirs = authority.issue("sensor", client=True), Authority(authority.folder, "Other Clients")
    with tls_server(authority.issue("asking"), clients=authority.ca, newest=newest) as port:
        *_, without = found(port, Tls(ca=authority.ca))
        *_, given = found(port, Tls(ca=authority.ca, certificate=ours.certificate, key=ours.key))
    untrusted = theirs.issue("stranger", client=True)
    with tls_server(authority.issue("asking"), clients=authority.ca, newest=newest) as port:
        *_, refused = found(port, Tls(ca=authority.ca, certificate=untrusted.certificate, key=untrusted.key))
    assert "tls.key" in without.message or "client certificate" in without.message
    assert given.level == "ok"
    assert refused.level == "error"
    assert "client certificate" in refused.message


def test_files_that_cannot_be_used_are_named(tmp_path, authority):
    invalid = tmp_path / "wrong.pem"
    invalid.write_text("no certificate")
    with tls_server(authority.issue("fine")) as port:
        *_, missing = found(port, Tls(ca=tmp_path / "missing.pem"))
        *_, unreadable = found(port, Tls(ca=invalid))
    assert str(tmp_path / "missing.pem") in missing.message
    assert str(invalid) in unreadable.message


def test_texts_of_a_certificate_are_cleaned_and_cut(authority):
    with tls_server(authority.issue("evil\x1b[31m\nname", ("x" * 60 + ".example",))) as port:
        *_, last = found(port, Tls(ca=authority.ca))
    assert "\x1b" not in last.message
    assert "\n" not in last.message


def test_connections_for_sending_fail_with_the_same_reason(authority):
    with tls_server(authority.issue("expired", days=-3)) as port, pytest.raises(Retry, match="expired on"):
        connect("localhost", port, Tls(ca=authority.ca), 2)
