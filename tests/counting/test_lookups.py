"""DNS lookups in a kernel: what makes an answer suspicious, how much is remembered, and for whom."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.counting.lookups import DnsAnswers, PublicAddresses
from sensor.dissectors.shared.dns_message import Record

SECOND = 1_000_000_000
A, AAAA = 1, 28
CLIENT, OTHER, SERVER = parse("10.0.0.5"), parse("2001:db8::5"), parse("10.0.0.53")
NAME = "www.example.com"
ADDRESS = (Record(NAME, A, 300, 4, parse("198.51.100.7")),)


def query(client: int = CLIENT) -> Packet:
    return Packet(src=client, dst=SERVER, sport=3333, dport=53)


def answer(ts: int = 0, *, client: int = CLIENT, mac: int = 1, ttl: int = 64) -> Packet:
    return Packet(ts=ts, src=SERVER, dst=client, src_mac=mac, sport=53, dport=3333, ttl=ttl)


def test_the_first_answer_is_compared_with_those_of_other_hosts() -> None:
    """Only within the time given, for the same client, type and ID, and if both have an address."""
    lookups = DnsAnswers()
    assert lookups.answer(answer(5), NAME, 7, A, ADDRESS, SECOND) is None
    assert lookups.answer(answer(6), NAME, 7, A, ADDRESS, SECOND) is None
    suspicion = lookups.answer(answer(7, mac=2), NAME, 7, A, ADDRESS, SECOND)
    assert suspicion is not None
    assert suspicion.first == (5, 1, 64, ADDRESS)
    assert (suspicion.usual and suspicion.usual[:3], suspicion.unsolicited) == ((5, 1, 64), False)
    for other in (
        (answer(8, client=OTHER, mac=2), NAME, 7, A, ADDRESS),
        (answer(8, mac=2), NAME, 8, A, ADDRESS),
        (answer(8, mac=2), NAME, 7, AAAA, ADDRESS),
        (answer(8, mac=2), "mail.example.com", 7, A, ADDRESS),
        (answer(8, mac=2), NAME, 7, A, ()),
        (answer(6 + SECOND, mac=2), NAME, 7, A, ADDRESS),
    ):
        assert lookups.answer(*other, SECOND) is None


@pytest.mark.parametrize("client", [CLIENT, OTHER])
def test_ids_of_the_last_eight_queries_are_expected(client: int) -> None:
    """An answer with another ID is suspicious if the name was queried; so is one with an older ID."""
    lookups = DnsAnswers()
    assert lookups.answer(answer(client=client), NAME, 9999, A, ADDRESS, SECOND) is None
    for number in range(100, 110):
        lookups.query(query(client), NAME, number)
    suspicions = [lookups.answer(answer(client=client), NAME, number, A, ADDRESS, SECOND) for number in range(100, 112)]
    assert [suspicion is not None and suspicion.unsolicited for suspicion in suspicions] == [True] * 2 + [False] * 8 + [
        True
    ] * 2


def test_a_flood_of_names_is_bounded() -> None:
    """More names than entries: the oldest are evicted and counted."""
    lookups, public = DnsAnswers(4), PublicAddresses(4)
    for number in range(1000):
        lookups.query(query(), f"{number}.example.com", number)
        public.resolved(answer(number), f"{number}.example.com", SERVER, 60, False)
    assert lookups.queries.evicted == public.evicted == 1000 - 16
    assert public.last(answer(), "999.example.com") == (999, SERVER, 60, False)


def test_a_name_stays_internal_for_a_client() -> None:
    """Later public addresses do not hide that it was internal; other clients have their own answers."""
    public = PublicAddresses()
    assert public.last(answer(), NAME) is None
    public.resolved_inside(answer(1), NAME)
    assert public.last(answer(), NAME) == (1, 0, 0, True)
    public.resolved(answer(2), NAME, OTHER, 300, False)
    assert public.last(answer(), NAME) == (2, OTHER, 300, True)
    assert public.last(answer(client=OTHER), NAME) is None


@pytest.mark.parametrize("bits", [1, 25])
def test_sizes_out_of_range_are_rejected(bits: int) -> None:
    for table in (DnsAnswers, PublicAddresses):
        with pytest.raises(ValueError, match=r"\bbits\b"):
            table(bits)
