"""A few cases of the fuzzer for each dissector, and a check that it finds faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensor.core.dissector import Dissector, Parsed
from sensor.core.packet import Packet
from tests import sampling
from tests.fuzz import mill
from tests.fuzz.test_dissectors import DISSECTORS

CASES = sampling.repeated(2_000, 400)


@pytest.mark.endurance
@pytest.mark.parametrize("name", DISSECTORS)
def test_some_cases_of_each(name: str) -> None:
    """No error but Malformed, and no slow case; each run has other cases."""
    assert mill.grind(name, CASES, 60, sampling.SEED).fault == ""


class Breaking(Dissector):
    """Raises an error other than Malformed for one byte."""

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if packet.payload[:1] == b"\xff":
            raise IndexError("past the end")
        return iter(())


class Slow(Dissector):
    """Takes too long for every message."""

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        sum(range(10_000_000))
        return iter(())


@pytest.mark.parametrize(("broken", "reported"), [(Breaking, "IndexError"), (Slow, "took")])
def test_it_finds_what_it_looks_for(monkeypatch: pytest.MonkeyPatch, broken: type[Dissector], reported: str) -> None:
    """The number of the case is reported, so that it can be repeated."""
    monkeypatch.setattr(mill, "DISSECTORS", {**mill.DISSECTORS, "arp": broken})
    fault = mill.grind("arp", 20_000, 60, seed=1).fault
    assert fault.startswith("case ")
    assert reported in fault
