"""LLMNR: names that hosts claim and answer to, and questions that lend nobody a name."""

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
    """A question of type ANY is how a host makes sure of its own name, over both families."""
    assert events(sample(0)) == [("LlmnrQuery", 1, "desk-04", 255, True, False)]
    assert facts(sample(0)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "desk-04")]
    assert facts(sample(1)) == [(DESKTOP, "fe80::5eff:fe00:5304", "llmnr.hostname", "desk-04")]


def test_an_answer_names_its_sender() -> None:
    """The asker learns nothing about itself; the host that answers with its own address has the name."""
    assert (events(sample(2)), facts(sample(2))) == ([("LlmnrQuery", 2, "desk-04", 1, False, False)], [])
    answer = Record("desk-04", 1, 30, 4, parse("10.20.30.14"))
    assert events(sample(3)) == [("LlmnrResponse", 2, "desk-04", 1, 0, False, (answer,))]
    assert facts(sample(3)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "desk-04")]
    assert facts(sample(7)) == [(DESKTOP, "10.20.30.14", "llmnr.hostname", "DESK-04".lower())]


def test_an_answer_with_the_address_of_another_shares_no_name() -> None:
    """Whoever answers for others is seen in the event only."""
    (event,) = events(sample(5))
    assert event[:4] == ("LlmnrResponse", 3, "fileserverr", 28)
    assert facts(sample(5)) == []


def test_conflict_and_tentative() -> None:
    """A conflict told by a third party; an answer that is not sure yet, with no such name."""
    assert events(sample(8)) == [("LlmnrQuery", 5, "desk-04", 1, False, True)]
    assert events(sample(9)) == [("LlmnrResponse", 5, "desk-04", 1, 3, True, ())]


def test_answers_from_elsewhere_are_no_evidence() -> None:
    """An answer that does not come from the port of the service, or with an error, or a look-up of another's address,
    names nobody.
    """
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
    """Cut, another operation, a name that leads to itself."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """Less than a header says nothing."""
    assert dissect(b"\0\1", problem=1) == []
