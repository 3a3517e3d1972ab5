"""The devices of the laboratory: each shows itself in a capture of its own, and is named for what stands on its label, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcaps.lab.devices._stage import HERE, Subject, subjects
from pcaps.lab.devices.make import performed
from sensor.assembly import assemble
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.addresses import parse_mac
from sensor.core.batch import Batch
from sensor.core.observation import Observation
from sensor.core.record import Record
from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher

SECOND = 1_000_000_000
# As often live capture lets time pass on a silent wire.
BEAT = SECOND // 5
EVERYBODY = subjects()
CATEGORIES = {"printer": 10, "voip_phone": 10, "tv": 6, "camera": 6, "conferencing": 8}
MATCHER = Matcher(load_knowledge())
each = pytest.mark.parametrize("one", EVERYBODY, ids=lambda one: one.name)


class Replay:
    """A capture of one device through the whole engine, as live capture hands it over: packet by packet, with time that passes between them.

    ``heard``: when a packet of it first told anything; ``told_at``: when the first event about it came out.
    """

    def __init__(self, one: Subject) -> None:
        self.mac, self.told = one.mac, list[Record]()
        self.heard = self.told_at = self.now = 0
        self.pipeline = assemble(load_config(None), self._hear)
        self._observe, self._number = self.pipeline.inventory.observe, parse_mac(one.mac)
        self.pipeline.inventory.observe = self._listen
        source = open_captures([str(HERE / f"{one.name}.pcapng")])
        for batch in source.batches():
            for place, ts in enumerate(batch.rows["ts"].tolist()):
                self._wait(ts)
                self.pipeline.process(Batch(batch.data, batch.rows[place : place + 1]))
            batch.release()
        source.close()
        self.pipeline.finish()

    def _wait(self, ts: int) -> None:
        for beat in range((self.now // BEAT + 1) * BEAT, ts, BEAT) if self.now else ():
            self.now = beat
            self.pipeline.tick(beat)
        self.now = ts

    def _listen(self, fact: Observation) -> None:
        if not self.heard and fact.subject.mac == self._number and MATCHER.match(fact.kind, fact.value):
            self.heard = self.now
        self._observe(fact)

    def _hear(self, record: Record) -> None:
        self.told.append(record)
        if not self.told_at and self.events:
            self.told_at = self.now

    @property
    def device(self) -> dict[str, Any]:
        """What is told of it last."""
        return self.events[-1].device

    @property
    def events(self) -> list[Record]:
        return [record for record in self.told if record.kind == "device" and self.mac in record.device.get("macs", ())]


@pytest.fixture(scope="module")
def replays() -> Callable[[Subject], Replay]:
    """Each capture once."""
    known: dict[str, Replay] = {}
    return lambda one: known.get(one.name) or known.setdefault(one.name, Replay(one))


def label(value: str, vendor: str) -> str:
    """A model as it compares: without its maker in front, whatever the case, blanks and hyphens."""
    return value.casefold().replace(" ", "").replace("-", "").removeprefix(vendor.casefold().replace(" ", ""))


def has_model(one: Subject, device: dict[str, Any]) -> bool:
    return label(device.get("model", ""), device.get("vendor", "")) == label(one.expect["model"], one.expect["vendor"])


@each
def test_it_is_named(one: Subject, replays: Callable[[Subject], Replay]) -> None:
    """Type and vendor always; firmware and serial number where its packets carry them. Nothing in it is broken, and nobody does anything grave."""
    replay = replays(one)
    exact = [name for name in one.expect if name != "model"]
    assert {name: replay.device.get(name) for name in exact} == {name: one.expect[name] for name in exact}
    assert dict(replay.pipeline.boundary.malformed.items()) == {}
    assert [fault.error for fault in replay.pipeline.boundary.faults.values()] == []
    assert [record.msg for record in replay.told if record.kind == "alert" and record.severity not in ("info", "low")] == []


def test_models_are_named(replays: Callable[[Subject], Replay]) -> None:
    """Of those that show their model, at least 95 of 100 are named by it."""
    showing = [one for one in EVERYBODY if "model" in one.expect]
    wrong = {one.name: replays(one).device.get("model") for one in showing if not has_model(one, replays(one).device)}
    assert len(wrong) <= len(showing) * 0.05, wrong


@each
def test_it_is_told_within_a_second(one: Subject, replays: Callable[[Subject], Replay]) -> None:
    """Of packet time, from the first packet that tells anything of it to the first event."""
    replay = replays(one)
    assert replay.heard
    assert 0 < replay.told_at <= replay.heard + SECOND


def test_all_categories_are_there() -> None:
    """As many devices of each as there are makers to know."""
    kinds = [one.expect["type"] for one in EVERYBODY]
    assert {kind: kinds.count(kind) >= least for kind, least in CATEGORIES.items()} == dict.fromkeys(CATEGORIES, True)
    assert len({one.mac for one in EVERYBODY}) == len(EVERYBODY)


@each
def test_it_is_made_again_byte_for_byte(one: Subject, tmp_path: Path) -> None:
    """The program gives the committed capture, which is small."""
    performed(one).tape.write(tmp_path / "again.pcapng", "pcaps/lab/devices/make.py")
    committed = (HERE / f"{one.name}.pcapng").read_bytes()
    assert (tmp_path / "again.pcapng").read_bytes() == committed
    assert len(committed) < 32_768
