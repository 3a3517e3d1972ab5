"""PostgreSQL: logins with method and result; passwords are never reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors.postgres import TLS_REQUEST, authentication_request, error, message, start
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.postgres import Postgres
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, facts, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Postgres().stream(Packet())
    return [
        parsed
        for one in packets("postgres")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Postgres().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_logins() -> None:
    """Logins are accepted with SCRAM, rejected with MD5, and accepted without a password."""
    parsed = session(49420)
    assert events(parsed) == [("PostgresLogin", "shop", "scram", True, "")]
    assert facts(parsed) == [("02:00:5e:00:53:05", "10.20.30.5", "postgres.version", "15.5 (Debian 15.5-0+deb12u1)")]
    assert events(session(49421)) == [("PostgresLogin", "postgres", "md5", False, "")]
    assert events(session(49424)) == [("PostgresLogin", "backup", "none", True, "")]


def test_statements_that_run_programs() -> None:
    """Of the first statements after a login only those that run programs are reported; later ones are not searched."""
    begin = [(True, start(b"a")), (False, authentication_request(0)), (False, message(b"Z", b"I"))]
    program = message(b"Q", b"COPY t FROM PROGRAM 'id'\0")
    plain = message(b"Q", b"select secret from t\0")
    parsed = events(conversation(*begin, (True, plain), (False, message(b"D", bytes(9))), (True, program)))
    assert parsed[1:] == [("ServiceCommand", "postgres", "COPY t FROM PROGRAM 'id'")]
    ready = (False, message(b"E", b"C42601\0") + message(b"Z", b"I"))
    for between in ((), (ready,)):
        statements = [part for _ in range(8) for part in ((True, plain), *between)]
        assert events(conversation(*begin, *statements, (True, program)))[1:] == []


def test_clear_password() -> None:
    """Of a cleartext password, sent after the server rejected TLS, only its seal is stored."""
    parsed = session(49422)
    assert events(parsed) == [("PostgresLogin", "report", "clear", True, seal("report", b"not to be kept"))]
    assert "kept" not in repr(events(parsed))


def test_tls() -> None:
    """Nothing is parsed after TLS starts."""
    assert session(49423) == []


@pytest.mark.parametrize("code", [b"53300", b"3D000", b"57P03"])
def test_other_errors_are_no_answer_to_a_password(code: bytes) -> None:
    """Too many clients, a missing database and a server that starts are not the result of a login."""
    assert (
        events(conversation((True, start(b"a")), (False, authentication_request(5, b"salt")), (False, error(code))))
        == []
    )


def test_refused_before_a_password() -> None:
    """A rejected address is a failed login without a method."""
    assert events(conversation((True, start(b"a")), (False, error(b"28000")))) == [
        ("PostgresLogin", "a", "none", False, "")
    ]


def test_other_protocols_and_middles() -> None:
    """Other protocols on the port, and connections captured from the middle, yield nothing."""
    for parts in (
        [(True, b"GET / HTTP/1.1\r\n")],
        [(False, b"SSH-2.0-OpenSSH_9.2\r\n")],
        [(True, message(b"Q", b"select 1\0"))],
        [(True, TLS_REQUEST), (False, b"E")],
    ):
        assert conversation(*parts) == []


@pytest.mark.parametrize("part", [b"\0\0\0\0\0", b"R\0\0\0\1", b"R\xff\0\0\0"])
def test_malformed(part: bytes) -> None:
    """Unknown messages and invalid sizes are malformed."""
    with pytest.raises(Malformed):
        conversation((True, start(b"a")), (False, part))


def test_gaps_end_the_reading() -> None:
    """A gap ends parsing: the missing bytes may contain the result."""
    stream, packet = Postgres().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, start(b"a"), True))
    assert list(stream.gap(packet, 3, False)) == []
    assert stream.done
