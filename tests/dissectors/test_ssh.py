"""SSH: version lines, algorithm lists and their fingerprints, logins by message sizes, segmented openings, and other
protocols.
"""

from __future__ import annotations

import hashlib
import struct

import pytest

from pcaps.dissectors.ssh import OFFER, login, offer, packet
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ssh import FOLLOWED_LIMIT, Ssh, SshForwarding, SshLogin
from tests.dissectors.samples import events, facts, packets, values

MINE = {"src": parse("10.0.0.5"), "src_mac": 0x020000000005, "proto": 6}
BANNER = b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n"


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Ssh().stream(Packet())
    return [one for from_client, data in parts for one in stream.feed(Packet(**MINE), data, from_client)]


def conversation(port: int) -> list[object]:
    stream, parsed = Ssh().stream(Packet()), []
    for one in packets("ssh"):
        if port in (one.sport, one.dport):
            parsed += stream.feed(one, one.payload, one.sport == port)
    return parsed


def test_both_sides() -> None:
    """Version lines and algorithm lists of both sides are parsed in any segmentation, after other messages."""
    parsed = conversation(50301)
    hassh, hassh_server = "f6a754d219e56dbc7a8d51982ea65544", "8d4474781e296b499461692c5d3ce640"
    exchange, keys = ("curve25519-sha256", "ecdh-sha2-nistp256", "ext-info-c"), ("ssh-ed25519", "rsa-sha2-512")
    assert events(parsed) == [
        ("SshBanner", False, "2.0", "ROSSSH", ""),
        ("SshBanner", True, "2.0", "OpenSSH_9.6", ""),
        ("SshKeyExchange", True, hassh, exchange, keys, ("chacha20-poly1305@openssh.com", "aes128-ctr"),
        ("umac-64-etm@openssh.com", "hmac-sha2-256"),
         ("none", "zlib@openssh.com", "zlib")),
        ("SshKeyExchange", False, hassh_server, exchange, keys, ("aes256-gcm@openssh.com", "aes128-ctr"),
        ("hmac-sha2-512",), ("none", "zlib@openssh.com")),
        ("SshLogin", False, True),
        ("SshLogin", True, True),
    ]  # fmt: skip
    assert facts(parsed) == [
        ("02:00:5e:00:53:01", "10.20.30.1", "ssh.banner", "SSH-2.0-ROSSSH"),
        ("02:00:5e:00:53:04", "10.20.30.14", "ssh.banner", "SSH-2.0-OpenSSH_9.6"),
        ("02:00:5e:00:53:04", "10.20.30.14", "ssh.hassh", hassh),
        ("02:00:5e:00:53:01", "10.20.30.1", "ssh.hassh_server", hassh_server),
    ]


def test_hassh_is_what_its_authors_report() -> None:
    """HASSH is the MD5 hash of four lists of the sender's direction, separated by semicolons."""
    assert (
        hashlib.md5(";".join(OFFER[at] for at in (0, 2, 4, 6)).encode(), usedforsecurity=False).hexdigest()
        == values(feed((True, BANNER + offer())))[1][1]
    )
    assert (
        hashlib.md5(";".join(OFFER[at] for at in (0, 3, 5, 7)).encode(), usedforsecurity=False).hexdigest()
        == values(feed((False, BANNER + offer())))[1][1]
    )


def test_version_1() -> None:
    """SSH 1 is reported by its version line; nothing else is parsed."""
    assert events(conversation(50302)) == [
        ("SshBanner", False, "1.5", "1.2.27", ""),
        ("SshBanner", True, "1.5", "PuTTY", ""),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (BANNER, ("2.0", "OpenSSH_9.6p1", "Ubuntu-3ubuntu13.5")),
        (b"SSH-1.99-Cisco-1.25\n", ("1.99", "Cisco-1.25", "")),
        (b"SSH-2.0-\r\n", ("2.0", "", "")),
        (b"SSH-2.0-mod_sftp/0.9.9 \x1b[31m\r\n", ("2.0", "mod_sftp/0.9.9", "[31m")),
        (b"SSH-2.0-x\xff\r\n", ("2.0", "x\ufffd", "")),
    ],
)
def test_version_lines(line: bytes, expected: tuple[str, str, str]) -> None:
    """Version lines are parsed with and without a comment, and cleaned."""
    assert events(feed((False, line))) == [("SshBanner", False, *expected)]


@pytest.mark.parametrize(
    "data",
    [b"\x16\3\1\2\0" + bytes(300), b"GET / HTTP/1.1\r\n" * 40, b"x" * 300, b"\n" * 40 + BANNER, b"\xff\xff\n" + BANNER],
)
def test_what_is_not_ssh(data: bytes) -> None:
    """Other protocols, endless lines and endless greetings yield nothing."""
    assert feed((True, data), (False, data)) == []


def tried(parts: list[tuple[bool, bytes]]) -> list[SshLogin]:
    """The logins of a connection, which is fed until the stream is done."""
    stream, parsed = Ssh().stream(Packet()), []
    for from_client, data in [(True, BANNER + offer()), (False, BANNER + offer()), *parts]:
        if not stream.done:
            parsed += stream.feed(Packet(**MINE), data, from_client)
    parsed += stream.finish()
    return [one for one in parsed if isinstance(one, SshLogin)]


def logins(parts: list[tuple[bool, bytes]]) -> list[bool]:
    return [one.accepted for one in tried(parts)]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (login(76, 76, 76, 76), [False, False, False]),
        (login(76, 28), [True]),
        (login(28), [True]),
        (login(76, 76, 76, 28, request=400), [True]),
        (login(76, 500, 76, 28), [False, True]),
        (login(60, 60, 104), [False]),
        (login(76, 28, 28, 76, 76), [True]),
        (login(76, 76)[3:], []),
        (login(76, *[500] * 50, 28), []),
    ],
)
def test_logins(parts: list[tuple[bool, bytes]], found: list[bool]) -> None:
    """Logins are inferred from message sizes: failed and accepted passwords, key probes, other messages between, later
    data, and no login.
    """
    assert logins(parts) == found


def test_padded_passwords() -> None:
    """A refused request of the size of a padded password (OpenSSH, ncrack) or a short key is an uncertain failure, a
    longer one is a key.
    """
    for request, certain in ((80, [True, True]), (148, [False, False]), (168, [False, False]), (220, [])):
        assert [one.certain for one in tried(login(76, 76, 76, request=request))] == certain
    assert [(one.accepted, one.certain) for one in tried(login(76, 76, 28, request=148))] == [
        (False, False),
        (True, True),
    ]


@pytest.mark.parametrize("size", [1, 3, 16])
def test_logins_in_tiny_segments(size: int) -> None:
    """A message ends when the other side continues or the connection ends, however many segments it takes."""
    whole = login(76, 76, 76, 28)
    parts = [(side, data[at : at + size]) for side, data in whole for at in range(0, len(data), size)]
    stream, parsed = Ssh().stream(Packet()), []
    for from_client, data in [(True, BANNER + offer()), (False, BANNER + offer()), *parts]:
        parsed += stream.feed(Packet(**MINE), data, from_client)
    parsed += stream.finish()
    assert [one.accepted for one in parsed if isinstance(one, SshLogin)] == [False, False, True]


def test_keys_and_request_in_one_segment() -> None:
    """Data after the last unencrypted packet is measured separately; an acceptance that shares its segment is not
    reported.
    """
    parts = login(76, 76, 28)
    assert logins([*parts[:2], (True, parts[2][1] + parts[3][1]), *parts[4:]]) == [False, True]
    assert logins([*parts[:4], (False, bytes(44 + 300)), *parts[5:]]) == [False]


def interrupted(*answers: int, at: int, cut: int = 0) -> tuple[list[bool], bool]:
    """The logins of a connection whose part ``at`` is missing, or lacks its last ``cut`` bytes; and whether the stream
    was done then.
    """
    stream, found, done = Ssh().stream(Packet()), [], False
    parts = [(True, BANNER + offer()), (False, BANNER + offer()), *login(*answers)]
    for number, (from_client, data) in enumerate(parts):
        one = Packet(**MINE)
        missing = (cut or len(data)) if number == at else 0
        if missing < len(data):
            found += stream.feed(one, data[: len(data) - missing], from_client)
        if missing:
            found += stream.gap(one, missing, from_client)
            done = stream.done
        if stream.done:
            break
    found += stream.finish()
    return [one.accepted for one in found if isinstance(one, SshLogin)], done


def test_bytes_cut_off_in_a_login() -> None:
    """Bytes that the capture cut off count with their size: in the lists, in a request and in a response."""
    whole = ([False, False, True], False)
    for at, cut in ((0, 100), (1, 100), (6, 20), (8, 30), (10, 20), (11, 60), (14, 20)):
        assert interrupted(76, 76, 76, 28, at=at, cut=cut) == whole, at


def test_lost_segments_of_a_login() -> None:
    """An exchange with a lost segment is left out; without the first ones the sizes of the others are unknown."""
    answers, count = (76, 76, 76, 28), len(login(76, 76, 76, 28)) + 2
    assert interrupted(*answers, at=count - 4) == ([False, True], False)
    assert interrupted(*answers, at=count - 5) == ([False, True], False)
    assert interrupted(*answers, at=count - 1) == ([False, False], False)
    for at in (count - 9, count - 8, count - 7):
        assert interrupted(*answers, at=at) == ([], True)


def test_no_end_of_the_key_exchange() -> None:
    """A connection whose last cleartext packet is not captured is given up."""
    stream, one = Ssh().stream(Packet()), Packet(**MINE)
    for from_client in (True, False):
        list(stream.feed(one, BANNER + offer(), from_client))
    for _ in range(40):
        list(stream.feed(one, bytes(1000), True))
    assert stream.done


def test_gap_ends_a_direction() -> None:
    """A gap ends parsing of the offer in its direction; without a version line also the connection."""
    for begun, done in ((BANNER + offer()[:30], False), (BANNER[:10], True)):
        one, stream = Packet(**MINE), Ssh().stream(Packet())
        list(stream.feed(one, begun, True))
        assert list(stream.gap(one, 5, True)) == list(stream.feed(one, offer(), True)) == []
        assert len(events(stream.feed(one, BANNER + offer(), False))) == 2
        assert stream.done is done


def test_encrypted_before_the_lists() -> None:
    """A packet of another type before the algorithm lists ends parsing."""
    assert [one[0] for one in events(feed((True, BANNER + packet(21, b"") + offer())))] == ["SshBanner"]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!IBB", 1, 0, 20),
        struct.pack("!IBB", 99999, 4, 20),
        struct.pack("!IBB", 20, 19, 20),
        packet(20, b"short"),
        packet(20, bytes(16) + b"\0\0\0\xffabc"),
        packet(20, bytes(16) + b"\0\0\0\0" * 9),
    ],
)
def test_lies(data: bytes) -> None:
    """Invalid sizes, and lists longer than their message, are malformed."""
    with pytest.raises(Malformed):
        feed((True, BANNER + data))


def session(*sizes: tuple[bool, int]) -> list[int]:
    """The channels reported in a session whose segments have these sizes; the stream is done at its end."""
    stream, found = Ssh().stream(Packet()), []
    start = [(True, BANNER + offer()), (False, BANNER + offer()), *login(76, 76, 28)]
    for from_client, data in [*start, *((side, bytes(size)) for side, size in sizes)]:
        assert not stream.done
        found += stream.feed(Packet(**MINE), data, from_client)
    assert stream.done is (bool(sizes) and (len(sizes) == FOLLOWED_LIMIT or bool(found[-1:] and channels(found))))
    return channels(found)


def channels(found: list[object]) -> list[int]:
    return [one.channels for one in found if isinstance(one, SshForwarding)]


CHANNEL = ((False, 92), (True, 44), (False, 108), (True, 316), (True, 72), (False, 36))


def test_channels_that_the_server_opens() -> None:
    """The fifth channel of a forwarded port is reported (sizes of OpenSSH with ChaCha20)."""
    assert session((False, 36), *CHANNEL * 4, *CHANNEL[:3]) == [5]


@pytest.mark.parametrize(
    "sizes",
    [
        ((False, 68), (True, 44), (False, 36), (True, 316)) * 20,
        ((True, 36), (False, 36)) * 40,
        tuple(each for n in range(60) for each in ((True, 44), (False, 92 + 4 * (n % 8)))),
        ((True, 1000), (False, 76)) * 60,
        ((False, 92),) * 60,
        ((True, 244), (False, 92), (True, 44)) * 60,
        ((False, 36), *CHANNEL * 4),
    ],
    ids=["agent", "typing", "scrolling", "upload", "output", "backup", "four"],
)
def test_other_sessions(sizes: tuple[tuple[bool, int], ...]) -> None:
    """Requests of an agent or an X11 server, typing, scrolling with cursor keys, uploads and output report nothing."""
    assert session(*sizes) == []


def test_a_session_is_followed_for_a_while() -> None:
    """Later segments are not read."""
    assert session(*((True, 36), (False, 36)) * (FOLLOWED_LIMIT // 2)) == []
