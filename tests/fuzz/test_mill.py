"""A few turns of the mill for each dissector, and that it finds what it looks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensor.core.dissector import Dissector, Parsed
from sensor.core.packet import Packet
from tests import sampling
from tests.fuzz import mill
from tests.fuzz.test_dissectors import DISSECTORS

CASES = sampling.count(2_000, 400)


@pytest.mark.parametrize("name", DISSECTORS)
def test_some_cases_of_each(name: str) -> None:
    """Nothing but Malformed, and nothing slow: other cases in each run."""
    assert mill.grind(name, CASES, 60, sampling.SEED).fault == ""


class Breaking(Dissector):
    """Trusts a byte that it should not."""

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if packet.payload[:1] == b"\xff":
            raise IndexError("past the end")
        return iter(())


class Slow(Dissector):
    """Thinks about everything for long."""

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        sum(range(10_000_000))
        return iter(())


@pytest.mark.parametrize(("broken", "reported"), [(Breaking, "IndexError"), (Slow, "took")])
def test_it_finds_what_it_looks_for(monkeypatch: pytest.MonkeyPatch, broken: type[Dissector], reported: str) -> None:
    """The case is named, so that it can be had again."""
    monkeypatch.setitem(mill.DISSECTORS, "arp", broken)
    fault = mill.grind("arp", 20_000, 60, seed=1).fault
    assert fault.startswith("case ")
    assert reported in fault
