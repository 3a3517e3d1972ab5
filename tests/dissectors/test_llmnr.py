"""LLMNR: names that hosts claim and answer for, and queries, which give their sender no name."""

from __future__ import annotations

import pytest

from pcaps.dissectors._dns import dns_message, dns_name, record
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.llmnr import Llmnr
from sensor.dissectors.shared.dns_message import Record
from tests.dissectors.samples import events, facts, packets, values

DESKTOP = "02:00:5e:00:53:04"


def sample(number: int) -> list[object]:
    return list(Llmnr().dissect(packets("llmnr")[number]))


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Llmnr().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=5355, dport=50000, **fields)
        )
    )


def test_a_claim_names_its_sender() -> None:
    """A host verifies its own name with a query of type ANY, over IPv4 and IPv6."""
    assert events(sample(0)) == [("LlmnrQuery", 1, "desk-04", 255, True, False)]
    assert facts(sample(0)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "desk-04")]
    assert facts(sample(1)) == [(DESKTOP, "fe80::5eff:fe00:5304", "llmnr.hostname", "desk-04")]


def test_an_answer_names_its_sender() -> None:
    """A query gives its sender no name; a host that answers with its own address has the name."""
    assert (events(sample(2)), facts(sample(2))) == ([("LlmnrQuery", 2, "desk-04", 1, False, False)], [])
    answer = Record("desk-04", 1, 30, 4, parse("10.20.30.14"))
    assert events(sample(3)) == [("LlmnrResponse", 2, "desk-04", 1, 0, False, (answer,))]
    assert facts(sample(3)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "desk-04")]
    assert facts(sample(7)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "DESK-04".lower())]


def test_an_answer_with_the_address_of_another_shares_no_name() -> None:
    """An answer with another host's address yields an event only."""
    (event,) = events(sample(5))
    assert event[:4] == ("LlmnrResponse", 3, "fileserverr", 28)
    assert facts(sample(5)) == []


def test_conflict_and_tentative() -> None:
    """A conflict reported by a third host, and a tentative answer with NXDOMAIN, yield events."""
    assert events(sample(8)) == [("LlmnrQuery", 5, "desk-04", 1, False, True)]
    assert events(sample(9)) == [("LlmnrResponse", 5, "desk-04", 1, 3, True, ())]


def test_answers_from_elsewhere_are_no_evidence() -> None:
    """Answers from another port, with an error, or to a reverse lookup of another address name no host."""
    own = [record(b"\xc0\x0c", 1, bytes((10, 0, 0, 5)), 30)]
    good = dns_message(1, 0x8000, [(dns_name("a"), 1)], own)
    assert values(dissect(good)) == [("llmnr.hostname", "a")]
    assert values(list(Llmnr().dissect(Packet(good, src=parse("10.0.0.5"), sport=5353)))) == []
    assert values(dissect(dns_message(1, 0x8002, [(dns_name("a"), 1)], own))) == []
    other = dns_name("6.0.0.10.in-addr.arpa")
    assert values(dissect(dns_message(1, 0x8000, [(other, 12)], [record(b"\xc0\x0c", 12, dns_name("b"), 30)]))) == []


@pytest.mark.parametrize(
    "payload", [b"", b"\0" * 11, dns_message(1, 0x0800, [(dns_name("a"), 1)]), dns_message(1, 0, [(b"\xc0\x0c", 1)])]
)
def test_malformed(payload: bytes) -> None:
    """Truncated messages, other opcodes and a name that points to itself are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated message shorter than a header yields nothing."""
    assert dissect(b"\0\1", problem=1) == []
