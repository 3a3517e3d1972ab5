"""Native SSH over TCP gives the same as the Python dissector, however flows are cut, reordered, lost and damaged."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pcaps.dissectors.ssh import OFFER, login, offer, packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ssh import CHANNELS, FOLLOWED_LIMIT, Ssh
from tests import sampling
from tests.native.conversations import FRAME_LIMIT, Turn, cut, disordered, frames_of, mutated, received, repeated, same

SEEDS = sampling.some(range(60), 4, "conversations of ssh")
LINES = (
    b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n", b"SSH-2.0-dropbear\n", b"SSH-1.99-Cisco-1.25\n", b"SSH-2.0-\r\n",
    b"SSH-2.0-x\xff\r\n", b"SSH-2.0\r\n", b"SSH-2.0 \n", b"SSH-1.99\n", b"SSH-2.0 -x\n", b"SSH-2.01-x\n",
    b"SSH-2.0\xff\n", b"SSH-1.5-1.2.27\n", b"SSH-\n", b"x" * 300 + b"\n", b"\xff\n", b"SSH-2.0-" + b"x" * 247 + b"\n",
    b"SSH-2.0-" + b"x" * 248 + b"\n",
)  # fmt: skip
USUAL = 5  # of these
BEFORE = packet(2, bytes(9)) + packet(4, b"\0\0\0\0\0\0\0\0\0")
EMPTY = b"\0\0\0\6\4\x14" + bytes(4)  # a KEXINIT without a body
# A channel of a forwarded port (sizes of OpenSSH with ChaCha20), and what is none.
CHANNEL = ((1, 92), (0, 44), (1, 108), (0, 316), (0, 72), (1, 36))
OTHER = ((0, 36), (1, 36), (1, 68), (0, 44), (1, 500))


def alike(frames: list[bytes], *sizes: int, snap: int = FRAME_LIMIT) -> list[Any]:
    return same(frames, "ssh", Ssh, *sizes, snap=snap)


def opening(rng: random.Random) -> bytes:
    """What one side sends first."""
    line = rng.choice(LINES[:USUAL] if rng.random() < 0.9 else LINES)
    before = b"Authorised use only.\n" * rng.choice((0, 0, 1, 31, 32))
    lists = list(OFFER)
    rng.shuffle(lists)
    other = rng.choice((b"", b"", b"", BEFORE, packet(21, b""), EMPTY, b"\0\0\0\1\0\x14", packet(20, b"short")))
    return before + line + rng.choice((b"", other)) + offer(tuple(lists))


def session(rng: random.Random) -> list[Turn]:
    """Segments after a login, with channels of a forwarded port or without."""
    sizes = [
        size for _ in range(rng.randrange(9)) for size in (CHANNEL if rng.random() < 0.8 else rng.choices(OTHER, k=4))
    ]
    return [(way, bytes(size)) for way, size in [(1, 36), *sizes]]


def conversation(rng: random.Random) -> list[Turn]:
    """Openings, key exchange, attempts to log in, and a session."""
    answers = [76] + [rng.choice((76, 76, 76, 28, 500)) for _ in range(rng.choice((2, 3, 6, 45)))]
    parts = login(*answers, 28, request=rng.choice((84, 84, 148, 400)))
    turns = [(not from_client, data) for from_client, data in parts]
    if rng.random() < 0.2:
        turns[2:4] = [(0, turns[2][1] + turns[3][1])]
    if rng.random() < 0.1:
        turns[2:2] = [(0, bytes(1400))] * rng.choice((1, 30))
    return [(0, opening(rng)), (1, opening(rng)), *((int(way), data) for way, data in turns), *session(rng)]


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    turns = conversation(rng)
    alike(frames_of(cut(turns, rng, 1400) if seed % 2 else turns, port=22, ends=rng.random() < 0.8), 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_in_disorder(seed: int) -> None:
    """Segments lost, repeated and early; some connections begin before the capture."""
    rng = random.Random(1000 + seed)
    turns = conversation(rng)[rng.choice((0, 0, 0, 1, 4)) :]
    some = cut(turns, rng, 300) if seed % 2 else turns
    alike(disordered(frames_of(some, port=22, begins=(2**32 - 90, 5000)), rng), 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_truncated_conversations(seed: int) -> None:
    rng = random.Random(3000 + seed)
    turns = conversation(rng)
    frames = frames_of(cut(turns, rng, 1400) if seed % 2 else turns, port=22)
    for snap in (70, 96, 128, 256):
        alike(disordered(frames, rng) if seed % 3 == 0 else frames, 1, 7, 1000, snap=snap)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_repeated(seed: int) -> None:
    """Also messages that are recalled instead of parsed, and on other ports."""
    alike(repeated(conversation(random.Random(seed)), 22, 22, 2222, 22), 1, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_broken(seed: int) -> None:
    rng = random.Random(2000 + seed)
    turns = mutated(conversation(rng), rng)
    alike(frames_of(cut(turns, rng, 1400) if seed % 2 else turns, port=22), 1, 1000)


@pytest.mark.parametrize("line", LINES)
def test_version_lines(line: bytes) -> None:
    """Every line decides in the same way whether the connection is followed."""
    for turns in ([(0, line + offer()), (1, line + offer())], [(1, line), (0, line), (1, offer()), (0, offer())]):
        alike(frames_of(turns, port=22), 1, 1000)


def logged_in(*sizes: tuple[int, int]) -> list[Turn]:
    """A conversation with a login, and a session whose segments have these sizes."""
    parts = [(True, LINES[0] + offer()), (False, LINES[0] + offer()), *login(76, 76, 28)]
    return [*((int(not side), data) for side, data in parts), *((way, bytes(size)) for way, size in sizes)]


def names(messages: list[Any]) -> list[str]:
    return [one[0] for some in messages for one in some if one[0] in ("SshLogin", "SshForwarding")]


def test_channels_of_a_forwarded_port_are_reported_alike() -> None:
    """Only if the server's requests follow its own segments or a pause."""
    frames = frames_of(logged_in((1, 36), *CHANNEL * CHANNELS), port=22)
    assert names(alike(frames, 1, 1000)) == ["SshLogin", "SshLogin", "SshForwarding"]
    others = frames_of(logged_in(*((0, 244), (1, 92), (0, 44)) * 60), port=22)
    for step in (SECOND // 20, SECOND // 2):
        want = received(others, ("ssh", Ssh()), native=False, step=step)[0]
        assert received(others, ("ssh", Ssh()), native=True, step=step)[0] == want
        assert "SshForwarding" not in names(want)


def test_a_session_is_followed_for_a_while() -> None:
    """Channels after many segments are not reported."""
    most = ((0, 36), (1, 36)) * (FOLLOWED_LIMIT // 2)
    for left, found in ((40, True), (0, False)):
        frames = frames_of(logged_in(*most[left:], *CHANNEL * CHANNELS), port=22)
        assert ("SshForwarding" in names(alike(frames, 1, 1000))) is found


@pytest.mark.parametrize("after", [[], [(0, bytes(90))]])
def test_a_response_in_two_segments_is_reported_with_the_second(after: list[Turn]) -> None:
    """Also if the client continues or the connection ends later."""
    *turns, (way, success) = logged_in()
    frames = frames_of([*turns, (way, success[:20]), (way, success[20:]), *after], port=22)
    (found,) = [one for some in alike(frames, 1, 1000) for one in some if one[0] == "SshLogin" and one[1]]
    assert found[5] == success[20:]


def test_an_empty_offer_is_passed_over() -> None:
    """The login is followed, as in the reference."""
    turns = logged_in()
    turns[0] = (0, LINES[0] + EMPTY)
    assert names(alike(frames_of(turns, port=22), 1, 1000)) == ["SshLogin", "SshLogin"]


def test_an_offer_that_is_none_ends_the_conversation() -> None:
    """It is parsed after the rest of the batch; later segments of the flow give no result, as in the reference."""
    turns = logged_in()
    turns[0] = (0, LINES[0] + packet(20, bytes(16) + b"\0\0\0\xffabc"))
    frames = frames_of(turns, port=22)
    messages = alike(frames, 1, 1000)
    assert [one[0] for some in messages for one in some] == ["SshBanner", "ssh.banner", "MalformedMessage"]
    assert received(frames, ("ssh", Ssh()), native=True)[1]
