"""Redis: logins with their result; passwords are never reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors.redis import WRONGPASS, command
from sensor.core.batch import Problem
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.dissectors.redis import Redis
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Redis().stream(Packet())
    return [
        parsed
        for one in packets("redis")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Redis().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_wrong_and_right() -> None:
    """Each login is matched with its own reply; of a password only its seal is stored."""
    parsed = events(session(49430))
    refused, right = seal("default", b"wrong-secret"), seal("default", b"not to be kept")
    assert parsed == [
        ("RedisLogin", "default", "clear", False, refused),
        ("RedisLogin", "default", "clear", True, right),
    ]
    assert "kept" not in repr(parsed)


@pytest.mark.parametrize("port", [49431, 49432])
def test_users(port: int) -> None:
    """The user of AUTH and of HELLO is reported."""
    assert events(session(port)) == [("RedisLogin", "shop", "clear", True, seal("shop", b"not to be kept"))]


def test_typed_by_hand() -> None:
    """Inline commands, and the error messages of old servers, are parsed."""
    assert events(session(49433)) == [("RedisLogin", "default", "clear", False, seal("default", b"wrong-secret"))]


OPEN = [("RedisLogin", "", "none", True, "")]


def test_no_password_is_no_login() -> None:
    """A server without a password rejects one, and serves clients without a login."""
    assert events(session(49434)) == OPEN
    newer = b"-ERR AUTH <password> called without any password configured for the default user.\r\n"
    assert events(conversation((True, command(b"AUTH", b"x")), (False, newer))) == OPEN


@pytest.mark.parametrize(
    ("words", "reply", "expected"),
    [
        ((b"HELLO", b"3"), b"%7\r\n", OPEN),
        ((b"COMMAND", b"DOCS"), b"*2\r\n", OPEN),
        ((b"client", b"SETINFO", b"LIB-NAME", b"redis-py"), b"+OK\r\n", OPEN),
        ((b"HELLO", b"3"), b"-NOAUTH HELLO must be called with the client already authenticated\r\n", []),
        ((b"HELLO", b"3"), b"-ERR unknown command 'HELLO'\r\n", []),
        ((b"CLIENT", b"ID"), b"-DENIED Redis is running in protected mode\r\n", []),
        ((b"GET", b"a"), b"$2\r\nhi\r\n", []),
        ((b"CLIENT", b"PAUSE", b"10"), b"+OK\r\n", []),
    ],
)
def test_the_first_command_without_a_login(words: tuple[bytes, ...], reply: bytes, expected: list[object]) -> None:
    """A command with which connections begin shows whether a login is required; any other one may follow a login that
    was not captured.
    """
    parts = [(True, command(*words)), (False, reply), (True, command(b"CLIENT", b"ID")), (False, b":7\r\n")]
    assert events(conversation(*parts)) == expected


def test_the_first_command_after_a_login() -> None:
    """What follows a login, or a gap, is no first command."""
    login, named = command(b"AUTH", b"x"), command(b"CLIENT", b"SETNAME", b"a")
    assert events(conversation((True, login), (False, b"+OK\r\n"), (True, named), (False, b"+OK\r\n"))) == [
        ("RedisLogin", "default", "clear", True, seal("default", b"x"))
    ]
    stream, packet = Redis().stream(Packet()), Packet(proto=6)
    list(stream.gap(packet, 500, True))
    assert [*stream.feed(packet, named, True), *stream.feed(packet, b"+OK\r\n", False)] == []


@pytest.mark.parametrize(
    ("request_", "reply", "program"),
    [
        (b"INFO", b"$60\r\n# Server\r\nredis_version:8.0.2\r\nredis_git_sha1:0\r\n\r\n", ["redis 8.0.2"]),
        (b"INFO", b"$99\r\n# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\n\r\n", ["valkey 8.1.1"]),
        (b"HELLO", b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n", []),
        (b"HELLO", b"%7\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.1.1\r\n", ["valkey 8.1.1"]),
        (b"HELLO", b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.4.10\r\n", ["redis 7.4.10"]),
        (b"GET", b"$20\r\nversion 1.2.3 of this\r\n", []),
    ],
)
def test_the_version_of_the_server(request_: bytes, reply: bytes, program: list[str]) -> None:
    """From replies to INFO and HELLO, once for each connection; values of keys are not read."""
    parsed = conversation((True, command(request_)), (False, reply), (True, command(request_)), (False, reply))
    assert [one.value for one in parsed if isinstance(one, Observation)] == program


def test_one_direction() -> None:
    """Without the server's packets each password is reported, as a seal; without the client's each rejection."""
    packet = Packet(proto=6, problem=Problem.ONE_SIDED)
    stream = Redis().stream(packet)
    sent = command(b"AUTH", b"one") + command(b"AUTH", b"bro", b"two") + command(b"GET", b"a")
    assert events(stream.feed(packet, sent, True)) == [
        ("RedisPassword", "default", seal("default", b"one"), ""),
        ("RedisPassword", "bro", seal("bro", b"two"), ""),
    ]
    stream = Redis().stream(packet)
    assert events(stream.feed(packet, WRONGPASS + b"+OK\r\n" + WRONGPASS, False)) == [
        ("RedisLogin", "", "", False, ""),
        ("RedisLogin", "", "", False, ""),
    ]
    assert list(Redis().stream(Packet()).feed(Packet(), WRONGPASS, False)) == []


def test_behind_a_gap() -> None:
    """After a gap, logins are parsed whose segments begin with them."""
    stream, packet = Redis().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, command(b"PING"), True))
    list(stream.gap(packet, 500, True))
    list(stream.gap(packet, 500, False))
    list(stream.feed(packet, command(b"AUTH", b"x"), True))
    assert events(stream.feed(packet, WRONGPASS, False)) == [
        ("RedisLogin", "default", "clear", False, seal("default", b"x"))
    ]


@pytest.mark.parametrize(
    "start",
    [
        b"\x16\x03\x01\0\5hello",
        b"*x\r\n",
        b"*2\r\n+a\r\n",
        b"*1\r\n$99999\r\n",
        b"*1000\r\n",
        b"*" + b"1" * 20,
        b"a" * 9000,
    ],
)
def test_other_protocols_and_long_commands(start: bytes) -> None:
    """Other protocols, and commands too long for a login, end parsing."""
    stream, packet = Redis().stream(Packet()), Packet(proto=6)
    assert list(stream.feed(packet, start, True)) == []
    assert stream.done


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((b"CONFIG", b"SET", b"dir", b"/root/.ssh"), "config set dir /root/.ssh"),
        ((b"MODULE", b"LOAD", b"/tmp/exp.so"), "module load /tmp/exp.so"),
        ((b"SLAVEOF", b"198.51.100.7", b"21000"), "slaveof 198.51.100.7 21000"),
    ],
)
def test_commands_that_change_the_server(words: tuple[bytes, ...], text: str) -> None:
    """Commands that set files, load modules or replicate are reported."""
    assert events(conversation((True, command(*words)))) == [("RedisCommand", text)]


def test_settings_and_data_stay_private() -> None:
    """Passwords in settings, keys and values are not reported."""
    private = [(b"CONFIG", b"SET", b"requirepass", b"hidden"), (b"CONFIG", b"GET", b"dir"), (b"SET", b"dir", b"hidden")]
    assert conversation(*((True, command(*words)) for words in private)) == []


def test_several_settings_of_one_command() -> None:
    """Each setting of a file is reported, wherever it is; a password beside it is not."""
    words = (
        b"CONFIG",
        b"SET",
        b"requirepass",
        b"hidden",
        b"Dir",
        b"/etc",
        b"maxmemory",
        b"1gb",
        b"dbfilename",
        b"x.so",
    )
    expected = [("RedisCommand", "config set dir /etc"), ("RedisCommand", "config set dbfilename x.so")]
    assert events(conversation((True, command(*words)))) == expected
