"""The sensor's own health, as packets show it: silence, losses, truncated frames, one-way flows, clock jumps.

Three things drive it. Seconds of packet time show silence and jumps in a capture file, in order with all other events;
in a live run the wall clock does, for nothing comes that could. Figures (losses, cut frames, one side) are looked at
once a minute live and at the end of a file. A figure that is A fault is reported when it begins, again each hour while
it lasts, and when it is over. It reads no clock: the caller gives the times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change
from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND

SILENCE_S, JUMP_S = 60, 60
# Shares of packets from which losses, unread messages and truncated frames are reported; of established connections,
# from which one-way traffic is.
LOST, SHED, CUT, ONE_WAY = 0.01, 0.001, 0.01, 0.9
# Fewer packets decide nothing about a share.
FEWEST_PACKETS, FEWEST_CONNECTIONS = 100, 20
# A connection in which one end sent so much was answered, or the capture lacks the answers.
TALKING_BYTES = 1000
AGAIN_S = 3600
STALLED = "sensor.upstream_stalled"
# By check: severity, share from which it is reported, fewest that decide anything, and what was counted.
_FIGURES = {
    "sensor.packet_loss": ("medium", LOST, 1, "packets were lost before they were read"),
    "sensor.messages_shed": (
        "medium", SHED, FEWEST_PACKETS,
        "packets held messages that there was no time to read: flows and scans are whole, names and contents are not",
    ),
    "sensor.truncated_capture": ("low", CUT, FEWEST_PACKETS, "frames were captured cut"),
    "sensor.one_way_traffic": (
        "medium", ONE_WAY, FEWEST_CONNECTIONS,
        "connections were seen from one side: is one direction mirrored only?",
    ),
}  # fmt: skip

Facts = dict[str, Any]


class Finding(NamedTuple):
    """A health event. ``check``: ``sensor.packet_loss`` and the like; ``ts``: ns."""

    check: str
    ts: int
    severity: str
    msg: str
    facts: Facts


class Upstream(NamedTuple):
    """Status of an output. ``since``: when it stopped accepting events although some are pending, seconds since the
    epoch, 0: it accepts events; ``why``: the reason; ``pending``: events that wait for it.
    """

    name: str
    since: float
    why: str
    pending: int


class Tally(Protocol):
    """What a source has given so far (``capture.source.Tally``)."""

    @property
    def packets(self) -> int: ...
    @property
    def truncated(self) -> int: ...
    @property
    def lost(self) -> int: ...


class _Figures(msgspec.Struct):
    """Sums since the beginning, or of one window."""

    packets: int = 0
    lost: int = 0
    truncated: int = 0
    both: int = 0
    one: int = 0
    shed: int = 0

    def less(self, other: _Figures) -> _Figures:
        return _Figures(
            *(
                mine - theirs
                for mine, theirs in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
            )
        )


class Health:
    """``reported``: how often each check reported a fault. ``ongoing``: reported faults that are not over, by check and
    subject, with the time when it began, seconds since the epoch. ``names``: the interfaces, or the source, as rows
    count them.
    """

    def __init__(self, names: Sequence[str], *, live: bool) -> None:
        self._names, self._live = names, live
        self.reported: dict[str, int] = {}
        self.ongoing: dict[str, tuple[float, Finding]] = {}
        self._second: int | None = None
        self._received: list[float | None] = [None] * len(names)
        self._silent: list[bool] = [False] * len(names)
        self._sums, self._window = _Figures(), _Figures()
        self._bad: dict[str, float] = {}
        self._offset: int | None = None

    # Packet time: called in packet order.

    def tick(self, now: int) -> Iterable[Finding]:
        """A second of packet time began. In a file a long step is silence, and a long step back another clock; a live
        run uses its own clock.
        """
        before, self._second = self._second, now
        if before is None or self._live or -JUMP_S < (now - before) // SECOND <= SILENCE_S:
            return ()
        return self._stepped(before, now)

    def _stepped(self, before: int, now: int) -> Iterator[Finding]:
        step = (now - before) // SECOND
        if step <= -JUMP_S:
            yield from self._rarely(self._jump(now, step))
        elif step > SILENCE_S:
            facts: Facts = {"silence_s": step, "threshold_s": SILENCE_S}
            yield from self._rarely(
                Finding("sensor.no_traffic", before + SILENCE_S * SECOND, "info", f"no packets for {step:,} s", facts)
            )
            yield from self._rarely(
                Finding("sensor.traffic_resumed", now, "info", f"packets again after {step:,} s", facts)
            )

    def changes(self, changes: npt.NDArray[np.void]) -> None:
        """Connections that are over or went on for long: how many were seen from both sides, and how many from one."""
        kind = changes["kind"]
        over = (
            (changes["proto"] == TCP)
            & ((kind == Change.ENDED) | (kind == Change.PROGRESS))
            & ((changes["client_bytes"] >= TALKING_BYTES) | (changes["server_bytes"] >= TALKING_BYTES))
        )
        both = int(np.count_nonzero(over & (changes["client_packets"] > 0) & (changes["server_packets"] > 0)))
        self._sums.both += both
        self._sums.one += int(np.count_nonzero(over)) - both

    @property
    def one_way(self) -> int:
        """Connections with content that the capture shows in one direction only."""
        return self._sums.one

    # Wall clock: called by a live run.

    def received(self, sources: npt.NDArray[np.uint16], clock: float) -> None:
        """Packets came from these sources. ``clock``: seconds that only go forward."""
        for source in range(len(self._names)) if len(self._names) == 1 else np.unique(sources).tolist():
            self._received[source] = clock

    def look(self, now: int, clock: float) -> Iterator[Finding]:
        """Called about once a second. ``now``: wall time, ns; ``clock``: seconds that only go forward."""
        offset, before = now // SECOND - int(clock), self._offset
        self._offset = offset
        if before is not None and abs(offset - before) >= JUMP_S:
            yield from self._rarely(self._jump(now, offset - before))
        for source, name in enumerate(self._names):
            last = self._received[source]
            if last is None:
                last = self._received[source] = clock
            silence = int(clock - last)
            facts: Facts = {"source": name, "silence_s": silence, "threshold_s": SILENCE_S}
            if silence >= SILENCE_S and not self._silent[source]:
                self._silent[source] = True
                yield self._lasts(
                    f"sensor.no_traffic/{name}",
                    Finding("sensor.no_traffic", now, "medium", f"no packets on {name} for {silence:,} s", facts),
                )
            elif silence < SILENCE_S and self._silent[source]:
                self._silent[source] = False
                yield self._ends(
                    f"sensor.no_traffic/{name}",
                    Finding("sensor.traffic_resumed", now, "info", f"packets on {name} again", facts),
                )

    def upstream(self, outputs: Iterable[Upstream], now: int) -> Iterator[Finding]:
        """Called every few seconds of a live run. ``now``: wall time, ns. Of an output that is there no more nothing
        lasts.
        """
        gone = {check for check in self._bad if check.startswith(f"{STALLED}/")}
        for one in outputs:
            gone.discard(f"{STALLED}/{one.name}")
            check, waited, last = (
                f"{STALLED}/{one.name}",
                now / SECOND - one.since,
                self._bad.get(f"{STALLED}/{one.name}"),
            )
            facts: Facts = {
                "output": one.name,
                "pending": one.pending,
                "stalled_s": int(waited),
                "threshold_s": SILENCE_S,
            }
            if one.since and waited >= SILENCE_S:
                if last is None or now / SECOND - last >= AGAIN_S:
                    self._bad[check] = now / SECOND
                    msg = (
                        f"the output {one.name} has taken nothing for {int(waited):,} s, {one.pending:,} "
                        f"records wait: {one.why}"
                    )
                    yield self._lasts(check, Finding(STALLED, now, "medium", msg, facts))
            elif last is not None and not one.since:
                del self._bad[check]
                msg = f"the output {one.name} takes records again"
                yield self._ends(
                    check, Finding(STALLED, now, "info", msg, {"output": one.name, "pending": one.pending})
                )
        for check in gone:
            del self._bad[check], self.ongoing[check]

    def stands(self, finding: Finding, of: str, clock: float) -> Iterator[Finding]:
        """A finding from elsewhere ``of`` an interface or a folder; ``info``: no fault. Reported when a fault begins,
        each hour, and when it is over.
        """
        what = f"{finding.check}/{of}"
        last = self._bad.get(what)
        if finding.severity != "info":
            if last is None or clock - last >= AGAIN_S:
                self._bad[what] = clock
                yield self._lasts(what, finding)
        elif last is not None:
            del self._bad[what]
            yield self._ends(what, finding)

    # Figures.

    def figures(self, tally: Tally, now: int, clock: float, shed: int = 0) -> Iterator[Finding]:
        """Live once a minute, and at the end of a file: checks the packets since the last call. ``shed``: messages left
        unread for lack of time.
        """
        sums = self._sums
        sums.packets, sums.lost, sums.truncated, sums.shed = tally.packets, tally.lost, tally.truncated, shed
        new = sums.less(self._window)
        self._window = msgspec.structs.replace(sums)
        counted = {
            "sensor.packet_loss": (new.lost, new.packets + new.lost),
            "sensor.messages_shed": (new.shed, new.packets),
            "sensor.truncated_capture": (new.truncated, new.packets),
            "sensor.one_way_traffic": (new.one, new.both + new.one),
        }
        for check, (count, of) in counted.items():
            severity, most, fewest, what = _FIGURES[check]
            yield from self._figure(check, severity, count, of, most, fewest, now, clock, what)

    def _figure(
        self, check: str, severity: str, count: int, of: int, most: float, fewest: int, now: int, clock: float,
        what: str
    ) -> Iterator[Finding]:  # fmt: skip
        """One share, reported when it becomes bad, each hour, and when it is good again. Too few packets decide
        nothing.
        """
        if of < fewest or not of:
            return
        share, since = count / of, self._bad.get(check)
        facts: Facts = {"count": count, "of": of, "share": round(share, 4), "threshold": most}
        if share > most:
            if since is None or clock - since >= AGAIN_S:
                self._bad[check] = clock
                yield self._lasts(
                    check, Finding(check, now, severity, f"{count:,} of {of:,} {what} ({share:.1%})", facts)
                )
        elif since is not None:
            del self._bad[check]
            yield self._ends(
                check, Finding(check, now, "info", f"no more: {count:,} of {of:,} {what} ({share:.1%})", facts)
            )

    def _jump(self, now: int, step: int) -> Finding:
        way = "forward" if step > 0 else "back"
        facts: Facts = {"step_s": step, "threshold_s": JUMP_S}
        return Finding(
            "sensor.clock_jump",
            now,
            "low",
            f"the clock went {way} by {abs(step):,} s: times before and after do not compare",
            facts,
        )

    def _rarely(self, finding: Finding) -> Iterator[Finding]:
        """The first, the tenth, the hundredth … of its kind: two clocks in one file would fill the log."""
        reported = self._count(finding)
        count = self.reported[finding.check]
        if count == 10 ** (len(str(count)) - 1):
            yield reported._replace(facts=reported.facts | {"times": count})

    def _lasts(self, what: str, finding: Finding) -> Finding:
        """Wrong from now on, or still."""
        since = self.ongoing[what][0] if what in self.ongoing else finding.ts / SECOND
        self.ongoing[what] = (since, finding)
        return self._count(finding)

    def _ends(self, what: str, finding: Finding) -> Finding:
        """No more."""
        self.ongoing.pop(what, None)
        return self._count(finding)

    def _count(self, finding: Finding) -> Finding:
        self.reported[finding.check] = self.reported.get(finding.check, 0) + 1
        return finding
