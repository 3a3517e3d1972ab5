"""The sensor's own health, derived from packets: silence, packet loss, truncated frames, one-way flows, clock jumps.

It has three triggers. In a capture file, seconds of packet time reveal silence and clock jumps, in order with all other
events; in a live run the wall clock does, since no packets arrive during silence. Figures (packet loss, truncated
frames, one-way flows) are checked once a minute live and at the end of a file. A figure beyond its threshold is
reported when the fault begins, each hour while it lasts, and when it ends. No clock is read here: the caller passes the
times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change
from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND, duration_text

SILENCE_S, JUMP_S = 60, 60
# Thresholds: shares of packets for packet loss, unread messages and truncated frames; share of established connections
# for one-way traffic.
LOST, SHED, CUT, ONE_WAY = 0.01, 0.001, 0.01, 0.9
# With fewer packets, a share is not evaluated.
FEWEST_PACKETS, FEWEST_CONNECTIONS = 100, 20
# Bytes sent by one end of a connection after which the other end must have answered, unless the capture lacks the
# answers.
TALKING_BYTES = 1000
AGAIN_S = 3600
STALLED = "sensor.upstream_stalled"
# By check: severity, threshold of the share, smallest total that is evaluated, and what was counted.
_FIGURES = {
    "sensor.packet_loss": ("medium", LOST, 1, "packets were dropped before analysis"),
    "sensor.messages_shed": (
        "medium", SHED, FEWEST_PACKETS,
        (
            "packets with messages that were not parsed under load: flows and scans are complete, names and "
            "contents are not"
        ),
    ),
    "sensor.truncated_capture": ("low", CUT, FEWEST_PACKETS, "frames were truncated"),
    "sensor.one_way_traffic": (
        "medium", ONE_WAY, FEWEST_CONNECTIONS,
        "connections were seen in one direction only: does the mirror copy both directions?",
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
    """Status of an output. ``since``: since when it has not accepted events although some are pending, seconds since
    the epoch, 0: it accepts events; ``why``: the reason; ``pending``: number of events that wait for it.
    """

    name: str
    since: float
    why: str
    pending: int


class Tally(Protocol):
    """Running totals of a source (``capture.source.Tally``)."""

    @property
    def packets(self) -> int: ...
    @property
    def truncated(self) -> int: ...
    @property
    def lost(self) -> int: ...


class _Figures(msgspec.Struct):
    """Totals since the start, or within one window."""

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
    subject, with their start in seconds since the epoch. ``names``: the interfaces, or the source, as rows count them.
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

    # Packet time: the methods below are called in packet order.

    def tick(self, now: int) -> Iterable[Finding]:
        """A second of packet time began. In a file, a long step forward is silence and a long step back a clock jump; a
        live run uses the wall clock instead.
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
            began, lasted = before + SILENCE_S * SECOND, duration_text(step)
            yield from self._rarely(Finding("sensor.no_traffic", began, "info", f"no packets for {lasted}", facts))
            yield from self._rarely(
                Finding("sensor.traffic_resumed", now, "info", f"packets again after {lasted}", facts)
            )

    def changes(self, changes: npt.NDArray[np.void]) -> None:
        """Count connections that ended or are long: those seen in both directions, and those seen in one."""
        over = changes.compress((changes["client_bytes"] >= TALKING_BYTES) | (changes["server_bytes"] >= TALKING_BYTES))
        over = over.compress(
            (over["proto"] == TCP) & ((over["kind"] == Change.ENDED) | (over["kind"] == Change.PROGRESS))
        )
        both = int(np.count_nonzero((over["client_packets"] > 0) & (over["server_packets"] > 0)))
        self._sums.both += both
        self._sums.one += len(over) - both

    @property
    def one_way(self) -> int:
        """Number of connections with content of which the capture shows only one direction."""
        return self._sums.one

    # Wall clock: the methods below are called by a live run.

    def received(self, sources: npt.NDArray[np.uint16], clock: float) -> None:
        """Packets arrived from these sources. ``clock``: monotonic time in seconds."""
        for source in range(len(self._names)) if len(self._names) == 1 else np.unique(sources).tolist():
            self._received[source] = clock

    def look(self, now: int, clock: float) -> Iterator[Finding]:
        """Called about once a second. ``now``: wall time, ns; ``clock``: monotonic time in seconds."""
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
        """Called every few seconds of a live run. ``now``: wall time, ns. Faults of removed outputs are dropped."""
        gone = {check for check in self._bad if check.startswith(f"{STALLED}/")}
        for one in outputs:
            gone.discard(f"{STALLED}/{one.name}")
            check = f"{STALLED}/{one.name}"
            waited = now / SECOND - one.since
            last = self._bad.get(f"{STALLED}/{one.name}")
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
                        f"the output {one.name} has delivered nothing for {int(waited):,} s, {one.pending:,} "
                        f"records pending: {one.why}"
                    )
                    yield self._lasts(check, Finding(STALLED, now, "medium", msg, facts))
            elif last is not None and not one.since:
                del self._bad[check]
                msg = f"the output {one.name} delivers records again"
                yield self._ends(
                    check, Finding(STALLED, now, "info", msg, {"output": one.name, "pending": one.pending})
                )
        for check in gone:
            del self._bad[check], self.ongoing[check]

    def stands(self, finding: Finding, of: str, clock: float) -> Iterator[Finding]:
        """A finding from another component about ``of``, an interface or a folder; severity ``info``: no fault.
        Reported when a fault begins, each hour, and when it ends.
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
        """Check the packets since the last call: once a minute live, and at the end of a file. ``shed``: messages left
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
        """Check one share. Reported when it exceeds its threshold, each hour, and when it is normal again. Not
        evaluated with too few packets.
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
                check, Finding(check, now, "info", f"resolved: {count:,} of {of:,} {what} ({share:.1%})", facts)
            )

    def _jump(self, now: int, step: int) -> Finding:
        way = "forward" if step > 0 else "back"
        facts: Facts = {"step_s": step, "threshold_s": JUMP_S}
        return Finding(
            "sensor.clock_jump",
            now,
            "low",
            f"the clock moved {way} by {duration_text(abs(step))}: times before and after are not comparable",
            facts,
        )

    def _rarely(self, finding: Finding) -> Iterator[Finding]:
        """Report the first, the tenth, the hundredth … of a kind: a file with two clocks would fill the log."""
        reported = self._count(finding)
        count = self.reported[finding.check]
        if count == 10 ** (len(str(count)) - 1):
            yield reported._replace(facts=reported.facts | {"times": count})

    def _lasts(self, what: str, finding: Finding) -> Finding:
        """The finding of a fault that began or continues."""
        since = self.ongoing[what][0] if what in self.ongoing else finding.ts / SECOND
        self.ongoing[what] = (since, finding)
        return self._count(finding)

    def _ends(self, what: str, finding: Finding) -> Finding:
        """The finding of a fault that ended."""
        self.ongoing.pop(what, None)
        return self._count(finding)

    def _count(self, finding: Finding) -> Finding:
        self.reported[finding.check] = self.reported.get(finding.check, 0) + 1
        return finding
