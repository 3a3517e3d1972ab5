"""MySQL: versions and logins with their result; passwords are never reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors.mysql import CAPABILITIES, error, greeting, handshake_response, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mysql import Mysql
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, facts, packets

GREETED = ("MysqlServer", "8.0.36-0ubuntu0.22.04.1", "caching_sha2_password")


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Mysql().stream(Packet())
    return [
        parsed
        for one in packets("mysql")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Mysql().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize("version", [b"5.5.5-10.11.6-MariaDB", b"8.0.36", b"9.1.0", b"11.4.2-MariaDB", b"12.0.1"])
def test_greetings_on_any_port(version: bytes) -> None:
    """The first bytes of a greeting select the flow."""
    assert Mysql.interest.begins(message(0, b"\x0a" + version + b"\0"))


def test_refused_and_accepted() -> None:
    """A login reports the authentication plugin that was used last."""
    parsed = session(49410)
    assert events(parsed) == [GREETED, ("MysqlLogin", "root", "caching_sha2_password", False, "")]
    assert facts(parsed) == [("02:00:5e:00:53:05", "10.20.30.5", "mysql.version", "8.0.36-0ubuntu0.22.04.1")]
    assert events(session(49411)) == [GREETED, ("MysqlLogin", "shop", "mysql_native_password", True, "")]


def test_statements_that_load_code() -> None:
    """Of the first statements after a login only those that load code or write files are reported."""
    begin = [
        (False, greeting()),
        (True, handshake_response(b"root", b"mysql_native_password")),
        (False, message(2, b"\0\0\0\2\0\0\0")),
    ]
    load = message(0, b"\x03create function f returns string soname 'a.so'")
    plain = message(0, b"\x03select secret from t")
    parsed = events(conversation(*begin, (True, plain), (False, message(1, b"\1")), (True, load)))
    assert parsed[2:] == [("ServiceCommand", "mysql", "create function f returns string soname 'a.so'")]
    assert events(conversation(*begin, *[(True, plain)] * 8, (True, load)))[2:] == []
    results = (False, message(1, b"\2") + message(2, b"\3def") + message(3, b"\xff\x10\4#42000no"))
    assert events(conversation(*begin, (True, message(0, b"")), (True, plain), results, (True, load)))[2:] == parsed[2:]
    library = message(0, b"\x03select 0x7f454c46" + b"01" * 6000 + b" into dumpfile 'u.so'")
    [*_, loaded] = events(conversation(*begin, (True, library)))
    assert str(loaded[2]).startswith("select 0x7f454c46")
    zipped = (True, handshake_response(b"root", b"mysql_native_password", capabilities=CAPABILITIES | 8 | 0x20))
    assert events(conversation(begin[0], zipped, begin[2], (True, load)))[2:] == []


def test_clear_password() -> None:
    """Of a cleartext password only its seal is stored."""
    parsed = session(49412)
    assert events(parsed) == [GREETED, ("MysqlLogin", "ldap", "clear", True, seal("ldap", b"not to be kept"))]
    assert "kept" not in repr(events(parsed))


def test_tls_and_refused_addresses() -> None:
    """Nothing is parsed after TLS starts; a server that rejects an address reports no login."""
    assert events(session(49413)) == [("MysqlServer", "10.11.6-MariaDB", "caching_sha2_password")]
    assert events(session(49414)) == []


@pytest.mark.parametrize("code", [1040, 1129, 2026])
def test_other_errors_are_no_answer_to_a_password(code: int) -> None:
    """Too many connections, a blocked host and TLS errors are not the result of a login."""
    assert events(
        conversation((False, greeting()), (True, handshake_response(b"root", b"p")), (False, error(2, code, b"no")))
    ) == [GREETED]


def test_other_protocols_and_middles() -> None:
    """Other protocols on the port, and connections captured from the middle, yield nothing."""
    for parts in (
        [(True, b"GET / HTTP/1.1\r\n")],
        [(False, b"SSH-2.0-OpenSSH_9.2\r\n")],
        [(False, message(5, b"\0\0\0\2\0\0\0"))],
    ):
        assert conversation(*parts) == []


@pytest.mark.parametrize("part", [message(1, b"\x05\xa6\x0f\0" + bytes(28) + b"name"), b"\0\0\0\1", b"\xff\xff\xff\1"])
def test_malformed(part: bytes) -> None:
    """A user name without an end and messages of an invalid size are malformed."""
    with pytest.raises(Malformed):
        conversation((False, greeting()), (True, part))


def test_only_the_server_is_received() -> None:
    """If only the server's side was captured, its greeting is reported, and its TLS data is not malformed."""
    assert events(conversation((False, greeting()), (False, b"\x16\x03\x03\x0f\x55\2" + bytes(64)))) == [GREETED]


def test_gaps_end_the_reading() -> None:
    """A gap ends parsing: the missing bytes may contain the result."""
    stream, packet = Mysql().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, greeting(), False))
    assert list(stream.gap(packet, 3, True)) == []
    assert stream.done
