"""Redis: a rejected and an accepted password among other commands, a login with a user name, a login by HELLO (RESP3),
an inline command, a server without a password.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 6379)
WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"


def command(*arguments: bytes) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in arguments)


def frames() -> Frames:
    parts = [
        (True, command(b"PING")),
        (False, b"-NOAUTH Authentication required.\r\n"),
        (True, command(b"AUTH", b"wrong-secret")),
        (False, WRONGPASS),
    ]
    parts += [(True, command(b"auth", b"not to be kept") + command(b"SELECT", b"1")), (False, b"+OK\r\n+OK\r\n")]
    yield from conversation((*CLIENT, 49430), SERVER, parts)
    parts = [
        (True, command(b"AUTH", b"shop", b"not to be kept")),
        (False, b"+OK\r\n"),
        (True, command(b"GET", b"a")),
        (False, b"$2\r\nhi\r\n"),
    ]
    yield from conversation((*CLIENT, 49431), SERVER, parts)
    hello = command(b"HELLO", b"3", b"AUTH", b"shop", b"not to be kept", b"SETNAME", b"app")
    yield from conversation(
        (*CLIENT, 49432),
        SERVER,
        [(True, hello), (False, b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n")],
    )
    old = b"-ERR invalid password\r\n"
    yield from conversation(
        (*CLIENT, 49433),
        SERVER,
        [(True, b"AUTH wrong-secret\r\n"), (False, old), (True, b"PING\r\n"), (False, b"-NOAUTH x\r\n")],
    )
    parts = [
        (True, command(b"AUTH", b"x")),
        (False, b"-ERR Client sent AUTH, but no password is set\r\n"),
        (True, command(b"PING")),
        (False, b"+PONG\r\n"),
    ]
    yield from conversation((*CLIENT, 49434), SERVER, parts)
