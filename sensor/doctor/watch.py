"""The doctor while a sensor runs: its cheap checks every few minutes, as findings of the sensor's health; existence and
state of interfaces every second.

The kernel provides interfaces, disks and the clock; for traffic, some of the engine's decoded frames are sampled. None
of it needs privileges, which were dropped: what cannot be read is left out. What the engine counts itself (loss,
truncated frames, one direction, silence) is in ``engine/health.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.time_units import SECOND
from sensor.doctor import card_checks, machine, machine_checks, mirror_checks, traffic_checks
from sensor.doctor.card import Card, look
from sensor.doctor.finding import Finding, findings
from sensor.doctor.traffic import Sample
from sensor.engine import health

FIRST_S, EVERY_S = 60.0, 300.0
# Sampling interval in seconds, and number of frames of one batch.
PAUSE_S, FRAMES = 2.0, 256
# Number of frames of a capture file that are processed.
BEGINNING = 10_000
SEVERITIES = {"ok": "info", "warning": "low", "error": "medium"}
LINK = (card_checks.interface,)
CARD = (card_checks.interface, card_checks.offloads, card_checks.card_ring)
DISK = (machine_checks.space,)
FILE = (traffic_checks.inside,)
TRAFFIC = (traffic_checks.mirror, traffic_checks.broadcast, traffic_checks.inside)


class Watch:
    """``names``: the interfaces, in the order of their numbers in rows; ``folders``: where the run writes;
    ``promiscuous``: as configured.
    """

    def __init__(
        self,
        names: Sequence[str],
        networks: Networks,
        folders: Callable[[], Sequence[Path]],
        *,
        promiscuous: bool = True,
    ) -> None:
        self._names, self._networks, self._folders, self._promiscuous = tuple(names), networks, folders, promiscuous
        self._cards: dict[str, Card] = {}
        self._next: float | None = None
        self._looked, self._left = 0.0, BEGINNING
        self._samples = self._fresh()

    def see(self, rows: npt.NDArray[np.void], clock: float | None) -> None:
        """Sample decoded frames. ``clock``: monotonic seconds; None: they are from a capture file."""
        if clock is None:
            self._see_file(rows)
            return
        if clock - self._looked < PAUSE_S:
            return
        self._looked, looked = clock, rows[:FRAMES]
        if len(self._samples) == 1:
            self._samples[0].look(looked)
            return
        for source in np.unique(looked["source"]).tolist():
            self._samples[source].look(looked[looked["source"] == source])

    def _see_file(self, rows: npt.NDArray[np.void]) -> None:
        """Process the beginning of a capture file, however it is cut into batches."""
        if self._left:
            looked = rows[: self._left]
            self._left -= len(looked)
            self._samples[0].look_at_ends(looked)

    def end_file(self, known: health.Health, now: int) -> Iterator[health.Finding]:
        """The findings about a capture file; none of a live run. ``now``: packet time, ns."""
        if self._left < BEGINNING:
            for one in findings(FILE, "capture", self._samples[0].seen()):
                yield from known.stands(_finding(one, now), one.subject, now / SECOND)

    def look(self, known: health.Health, now: int, clock: float) -> Iterator[health.Finding]:
        """Called about once a second; yields findings that are due. ``now``: wall clock, ns."""
        if self._next is None:
            self._next = clock + FIRST_S
            self._cards = {name: card for name in self._names if (card := _card(name)) is not None and card.there}
            self._samples = self._fresh()
        due = clock >= self._next
        if due:
            self._next = clock + EVERY_S
        for one in self._found() if due else self._links():
            yield from known.stands(_finding(one, now), one.subject, clock)

    def _links(self) -> Iterator[Finding]:
        """Between two rounds, check only whether known interfaces exist and are up: without them nothing can be
        captured.
        """
        for name in self._cards:
            if (card := _card(name)) is not None:
                yield from findings(LINK, name, card)

    def _found(self) -> Iterator[Finding]:
        for name, sample in zip(self._names, self._samples, strict=True):
            yield from self._interface(name, sample)
        self._samples = self._fresh()
        for folder in dict.fromkeys(self._folders()):
            yield from findings(DISK, str(folder), machine.room(folder))
        yield from findings(machine_checks.CLOCK, "machine", machine.clock())

    def _interface(self, name: str, sample: Sample) -> Iterator[Finding]:
        """An interface that the kernel does not have under this name (a pipe, another network namespace)
        has no card.
        """
        before, card = self._cards.get(name), _card(name)
        if card is None or not (card.there or before):
            return
        self._cards[name] = card
        yield from findings(CARD, name, card)
        if card.up and self._promiscuous:
            yield from findings(card_checks.WHILE_CAPTURING, name, card, self._promiscuous)
        if card.up and before is not None and before.counters.keys() == card.counters.keys():
            yield from findings(card_checks.AFTER, name, before, card)
        if (seen := sample.seen()).ethernet >= traffic_checks.FEWEST:
            yield from findings(TRAFFIC, name, seen)
            yield from findings(mirror_checks.MIRROR, name, card, seen)

    def _fresh(self) -> list[Sample]:
        """New samples for the next interval."""
        macs = {name: card.mac for name, card in self._cards.items()}
        return [Sample(self._networks, live=True, mac=macs.get(name, 0)) for name in self._names or ("",)]


def _finding(one: Finding, now: int) -> health.Finding:
    msg = f"{one.subject}: {one.found}" + (f"; {one.advice}" if one.advice else "")
    facts = {"subject": one.subject, **({"advice": one.advice} if one.advice else {}), **one.facts}
    return health.Finding(f"sensor.{one.check}", now, SEVERITIES[one.level], msg, facts)


def _card(name: str) -> Card | None:
    """None if the kernel cannot be queried."""
    try:
        return look(name)
    except OSError:
        return None
