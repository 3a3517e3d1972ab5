"""Periodic checks of the known state of devices: once an hour, spread over seconds, so that no packet waits for long.

All devices are checked once a day. The other rounds check those that were seen or reported since the previous round,
and all devices only if other devices changed what a check compares them with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from sensor.core.detector import Context
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import DAY, HOUR
from sensor.inventory.roster import Member
from sensor.posture.recommendations.cases import Case, Cases, Name, packed
from sensor.posture.recommendations.checks import Check, CheckResult, PacketProof, newest, prove
from sensor.posture.recommendations.fleet import FirmwareBehind
from sensor.posture.recommendations.names import DefaultNames
from sensor.posture.recommendations.outside import InternetTraffic
from sensor.posture.recommendations.segments import MisplacedDevice
from sensor.posture.recommendations.support import EndOfSupport

# Devices checked per second; proving and reporting one costs as much as this many checks.
STEP, PROOF = 1000, 20

_OVER = object()

Members = Callable[[], Iterable[Member]]


class PeriodicChecks:
    """``report`` gets an action and its case, ``close`` a case and the reason; ``settled``: see the advisor."""

    def __init__(
        self,
        context: Context,
        cases: Cases,
        members: Members,
        report: Callable[[str, Case, int], None],
        close: Callable[[Case, int, str], None],
    ) -> None:
        self._context, self._cases, self._members, self._report, self._close = context, cases, members, report, close
        self.tables = NamedTables()
        misplaced = self.tables.include("misplaced", MisplacedDevice(context))
        self._checks: tuple[Check, ...] = (
            DefaultNames(),
            EndOfSupport(),
            FirmwareBehind(),
            misplaced,
            InternetTraffic(context),
        )
        self._round: Iterator[None] = iter(())
        self._now = self._began = 0
        # When all devices were last checked, ns, and the settings that were settled then.
        self._completed = -DAY
        self._settled: frozenset[str] = frozenset()

    def tick(self, now: int, settled: frozenset[str]) -> int:
        """A new second of packet time, ns; returns when the next work is due. The first hour has no checks: too little
        is known.
        """
        self._now = now
        if abs(now - self._began) >= HOUR:
            self._round = self._at_all(now, settled, self._since(now, settled)) if self._began else self._round
            self._began = now
        return now if next(self._round, _OVER) is not _OVER else self._began + HOUR

    def finish(self, now: int, settled: frozenset[str]) -> None:
        """The last round, over all devices, completed at once."""
        self._now = now
        for _ in self._at_all(now, settled, 0):
            pass

    def _since(self, now: int, settled: frozenset[str]) -> int:
        """A round checks devices that were seen or reported at or after this time, ns; 0: all."""
        if self._began <= now < self._completed + DAY and settled == self._settled:
            return self._began
        self._completed, self._settled = now, settled
        return 0

    def _at_all(self, now: int, settled: frozenset[str], since: int) -> Iterator[None]:
        members = list(self._members())
        known = {one.device.id: one for one in members}

        @functools.cache  # for all checks with the same delay
        def changed(delay: int) -> dict[str, Member]:
            return {name: one for name, one in known.items() if one.changed_since(since - delay)}

        for check in self._checks:
            if check.setting in settled:
                continue
            compared = check.begin(members, now)
            several = known if compared or not since else changed(check.delay) | self._due(check, known, since)
            affected: set[str] = set()
            work = 0
            for name, member in several.items():
                work += 1
                if verdict := check.evaluate(member):
                    affected.add(name)
                    work += PROOF * self._found((name, check.setting), member, verdict)
                if work >= STEP:
                    work = 0
                    yield
            self._close_fixed(check, known, several.keys() - affected)
        for case in self._cases:
            if case.setting in settled:
                self._close(case, self._now, "the configuration accepts the setting")

    def _due(self, check: Check, known: dict[str, Member], since: int) -> dict[str, Member]:
        """Devices whose case may be reported again from then (ns) on, with evidence since its last report."""
        return {
            name: known[name]
            for case in self._cases
            if case.periodic
            and case.setting == check.setting
            and since <= case.reported + DAY <= self._now
            and (name := case.name[0]) in known
        }

    def _close_fixed(self, check: Check, members: dict[str, Member], faultless: set[str]) -> None:
        """Close cases of devices that were checked and are without the fault, or that no longer exist: they were merged
        or evicted.
        """
        for case in self._cases:
            name = case.name[0]
            if not case.periodic or case.setting != check.setting:
                continue
            if name not in members:
                self._close(case, self._now, "the device no longer exists")
            elif name in faultless and (reason := check.fixed(members[name])):
                self._close(case, self._now, f"later traffic shows it: {reason}")

    def _found(self, name: Name, member: Member, verdict: CheckResult) -> bool:
        """Report new faults, and once a day continuing ones; returns whether evidence was searched. A device that was
        silent since the last report is not reported again.
        """
        case = self._cases.of(name)
        if (case is None and (member.gone or self._cases.full)) or (
            case is not None and (self._now - case.reported < DAY or member.quiet)
        ):
            return False
        if case is not None and member.record is not None and not member.record.stale and newest(verdict) <= case.last:
            return True
        proven = prove(self._context, verdict)
        if proven is None or (case is not None and proven.last <= case.last):
            return True
        if case is None:
            case = Case(
                name,
                proven.subject,
                verdict.does,
                verdict.seen,
                packed(proven.proof),
                proven.first,
                proven.last,
                periodic=True,
            )
        self._renew(case, verdict, proven)
        self._report("open" if case.reported < 0 else "update", case, self._now)
        return True

    def _renew(self, case: Case, verdict: CheckResult, proven: PacketProof) -> None:
        case.does = verdict.does
        case.seen = verdict.seen
        case.severity = verdict.severity
        case.product = verdict.product
        case.proof = packed(proven.proof)
        case.last, case.count = proven.last, max(case.count, proven.times)
        if case.subject == proven.subject:
            self._cases.put(case)
        else:
            self._cases.move(case, proven.subject)
