"""Stratum over TLS by its rhythm: pools of several coins, sessions of other protocols, and sessions that are left out.

A session is a list of messages (seconds, from the client, text before encryption), as the documents of the protocols
give them. TLS 1.3 adds 17 bytes to each.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pcaps.dissectors._tls import record
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.stratum_tls import StratumOverTls, StratumTls, StratumTlsStream

APPLICATION, PROTECTION = 23, 17
Sent = tuple[float, bool, str]
HALF_HOUR = 1800.0


def sealed(text: str) -> bytes:
    return record(bytes(len(text) + PROTECTION), APPLICATION, 0x0303)


def opened() -> StratumTlsStream:
    """The stream of a session, which begins after its setup."""
    stream = StratumOverTls().stream(Packet())
    assert isinstance(stream, StratumTlsStream)
    return stream


def recognized(messages: list[Sent], stream: StratumTlsStream | None = None) -> list[StratumTls]:
    """What a session yields."""
    stream, found = stream or opened(), []
    for at, from_client, text in sorted(messages):
        if stream.done:
            break
        packet = Packet(ts=int((11 + at) * SECOND))
        found += [one for one in stream.feed(packet, sealed(text), from_client) if isinstance(one, Event)]
    return [one for one in found if isinstance(one, StratumTls)]


def line(**message: Any) -> str:
    return json.dumps(message, separators=(",", ":")) + "\n"


def random_times(seed: int, mean: float) -> Iterator[float]:
    """Times of a Poisson process."""
    rng, at = random.Random(seed), 0.0
    while (at := at + rng.expovariate(1 / mean)) < HALF_HOUR:
        yield at


def mining(seed: int, share: str, answer: str, job: Callable[[int], str], mean: float = 12.0) -> list[Sent]:
    """Shares with their acknowledgements, jobs at other times."""
    sent = [(at, True, share) for at in random_times(seed, mean)]
    sent += [(at + 0.04, False, answer) for at, *_ in sent]
    return sent + [(at, False, job(number)) for number, at in enumerate(random_times(seed + 1000, 25.0))]


def monero(seed: int) -> list[Sent]:
    """CryptoNote pools: a job for each template, `submit` with nonce and result."""
    result = {"id": "5c0dd5d1b6c5e5a1", "job_id": "k7hq3", "nonce": "d0030040", "result": "e1" * 32, "algo": "rx/0"}
    share = line(id=14, jsonrpc="2.0", method="submit", params=result)
    answer = line(id=14, jsonrpc="2.0", error=None, result={"status": "OK"})
    template = {"blob": "10" * 76, "job_id": "k7hq3", "target": "b88d0600", "algo": "rx/0", "height": 3204118}
    job = line(jsonrpc="2.0", method="job", params={**template, "seed_hash": "a" * 64})
    return mining(seed, share, answer, lambda _: job)


def bitcoin(seed: int) -> list[Sent]:
    """Stratum V1: `mining.notify` has a hash for each level of the tree of transactions."""
    share = line(params=["account.rig1", "68f1", "0000004c", "5e0f7d2a", "b2957c02"], id=44, method="mining.submit")

    def job(number: int) -> str:
        hashes, parts = ["f" * 64] * (11 + number % 3), ("0" * 64, "01" * 90, "02" * 160)
        work = ["68f1", *parts, hashes, "20000000", "17034219", "5e0f7d2a", False]
        return line(params=work, id=None, method="mining.notify")

    return mining(seed, share, line(error=None, id=44, result=True), job)


def ethash(seed: int) -> list[Sent]:
    """EthereumStratum proxies: `eth_submitWork` with nonce, header and mix."""
    share = line(
        id=40, method="eth_submitWork", params=["0x" + "a" * 16, "0x" + "b" * 64, "0x" + "c" * 64], worker="rig1"
    )
    job = line(id=0, jsonrpc="2.0", result=["0x" + "b" * 64, "0x" + "d" * 64, "0x" + "e" * 64, "0x10a2b3c"])
    return mining(seed, share, line(id=40, jsonrpc="2.0", result=True), lambda _: job, 20.0)


def equihash(seed: int) -> list[Sent]:
    """Zcash: a share has a solution of 1,347 bytes."""
    share = line(
        id=4, method="mining.submit", params=["t1account.rig1", "4c7", "5e0f7d2a", "0" * 56, "fd4005" + "a" * 2688]
    )
    job = line(
        id=None,
        method="mining.notify",
        params=["4c7", "04000000", "a" * 64, "b" * 64, "c" * 64, "2a7d0f5e", "1c", True],
    )
    return mining(seed, share, line(id=4, result=True, error=None), lambda _: job)


@pytest.mark.parametrize("pool", [monero, bitcoin, ethash, equihash])
def test_pools_of_all_coins(pool: Callable[[int], list[Sent]]) -> None:
    """At least 18 of 20 sessions of half an hour are recognized, each once."""
    found = [recognized(pool(seed)) for seed in range(20)]
    assert {len(events) for events in found} <= {0, 1}
    assert sum(map(len, found)) >= 18
    [event] = next(events for events in found if events)
    assert event.shares >= 8
    assert event.jobs >= 4
    assert event.answer_size < event.share_size
    assert 0.45 <= event.spread <= 2.5


def mqtt(seed: int, acknowledged: str = "\x40\2\0\1") -> list[Sent]:
    """Readings at random times with PUBACK (QoS 1), and readings of other devices pushed with QoS 0."""
    return mining(seed, "3" * 180, acknowledged, lambda _: "3" * 240)


def telemetry(seed: int) -> list[Sent]:
    """Messages every 15 s with confirmations of 60 bytes, and commands in between."""
    rng = random.Random(seed)
    times = [15 * number + rng.random() for number in range(100)]
    sent: list[Sent] = [(at, True, "m" * 200) for at in times] + [(at + 0.05, False, "c" * 60) for at in times]
    return sent + [(at, False, "j" * 300) for at in random_times(seed, 25.0)]


def ocpp(seed: int) -> list[Sent]:
    """A charging station: status messages with confirmations; each call of the server is answered."""
    sent = mining(seed, "[" + "s" * 200, "[" + "r" * 44, lambda _: "[" + "c" * 200)
    return sent + [(at + 0.1, True, "[" + "a" * 60) for at, from_client, text in sent if text.startswith("[c")]


def chat(seed: int) -> list[Sent]:
    """Messages of all lengths in both directions, each confirmed by its receiver (XMPP, WebSocket)."""
    rng, sent = random.Random(seed), list[Sent]()
    for way in (True, False):
        for at in random_times(seed + way, 15.0):
            sent += [(at, way, "m" * rng.randrange(120, 700)), (at + 0.1, not way, "k" * 60)]
    return sent


def push(seed: int) -> list[Sent]:
    """Notifications of all lengths; the client sends only heartbeats (FCM, APNs, IMAP IDLE)."""
    rng = random.Random(seed)
    sent: list[Sent] = [(at, False, "n" * rng.randrange(150, 2500)) for at in random_times(seed, 30.0)]
    return sent + [(60.0 * number, True, "h" * 20) for number in range(30)]


def requests(seed: int) -> list[Sent]:
    """Queries of equal length with answers of equal length (DNS over TLS with padding, RFC 8467; LDAP; SQL)."""
    return [one for at in random_times(seed, 8.0) for one in ((at, True, "q" * 130), (at + 0.03, False, "r" * 470))]


def sip(seed: int) -> list[Sent]:
    """OPTIONS of the server every half minute, answered; registrations in between."""
    sent = [one for n in range(60) for one in ((30.0 * n, False, "o" * 420), (30.0 * n + 0.05, True, "k" * 380))]
    return sent + [
        one for n in range(30) for one in ((60.0 * n + 7, True, "r" * 600), (60.0 * n + 7.05, False, "k" * 520))
    ]


def syslog(seed: int) -> list[Sent]:
    rng = random.Random(seed)
    return [(at, True, "<" * rng.randrange(90, 300)) for at in random_times(seed, 3.0)]


def tunnel(seed: int) -> list[Sent]:
    """A VPN: packets of all sizes in both directions."""
    rng = random.Random(seed)
    return [(at, rng.random() < 0.5, "p" * rng.choice((60, 120, 600, 1400))) for at in random_times(seed, 1.0)]


def feed(seed: int) -> list[Sent]:
    """Quotes of equal length every few seconds; the client subscribed once (WebSocket)."""
    return [(at, False, "q" * 210) for at in random_times(seed, 4.0)]


OTHERS = (mqtt, telemetry, ocpp, chat, push, requests, sip, syslog, tunnel, feed)


@pytest.mark.parametrize("session", OTHERS)
def test_other_protocols_are_no_mining(session: Callable[[int], list[Sent]]) -> None:
    """None of 20 sessions is recognized, and all that go on are given up."""
    streams = [opened() for _ in range(20)]
    assert [recognized(session(seed), stream) for seed, stream in enumerate(streams)] == [[]] * 20
    assert all(stream.done for stream in streams)


def test_what_makes_the_difference() -> None:
    """The same readings with acknowledgements as long as those of pools would be recognized."""
    assert sum(bool(recognized(mqtt(seed, "a" * 50))) for seed in range(20)) >= 18


@pytest.mark.parametrize("size", [1, 3, 100])
def test_messages_in_small_segments(size: int) -> None:
    """Segments of any size give the same result, once the beginning of a record was seen."""
    stream, found = opened(), list[Any]()
    for number, (at, from_client, text) in enumerate(sorted(monero(3))):
        data, packet = sealed(text), Packet(ts=int((11 + at) * SECOND))
        most = size if number > 4 else len(data)
        for begin in range(0, len(data), most):
            if not stream.done:
                found += stream.feed(packet, data[begin : begin + most], from_client)
    assert [one.shares for one in found] == [one.shares for one in recognized(monero(3))]
    assert len(found) == 1


def test_busy_sessions_are_left_out_at_once() -> None:
    """A download, and bytes that are no records, end the stream."""
    stream = opened()
    assert list(stream.feed(Packet(ts=SECOND), sealed("d" * 16000), False)) == []
    assert stream.done
    stream = opened()
    for _ in range(9):
        assert list(stream.feed(Packet(ts=SECOND), b"GET / HTTP/1.1\r\n" * 60, True)) == []
    assert stream.done


def test_lost_and_cut_records() -> None:
    """Records whose end is missing count; after a lost segment the next record is found."""
    stream = opened()
    found: list[Any] = []
    for number, (at, from_client, text) in enumerate(sorted(monero(3))):
        data, packet = sealed(text), Packet(ts=int((11 + at) * SECOND))
        if stream.done:
            break
        if number % 9 == 4:
            list(stream.gap(packet, len(data), from_client))
        else:
            found += stream.feed(packet, data[:60], from_client)
            list(stream.gap(packet, len(data[60:]), from_client))
    assert len(found) == 1
