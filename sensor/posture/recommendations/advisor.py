"""The advisor: derives recommendations from the settings that packets show, one per device and setting, and closes them
when later packets show that they are fixed.

A recommendation is reported a minute after its first message, so that the device behind it is known, and again once a
day while messages continue to show it. It is closed when a message shows the correct setting an hour or more after the
last that showed the weak one, because a device with several services shows both; or when the device was seen for two
weeks and the setting was not. The known state of devices is checked once an hour (``periodic_checks.py``). Packet time
drives it, everything is bounded, and reported cases survive a restart (``cases.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sensor.core import addresses
from sensor.core.alert import Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import NEVER, Context
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.proofs import community_id_of, proof_body
from sensor.core.recommendation import REIDENTIFIED, Recommendation
from sensor.core.time_units import DAY, HOUR, SECOND
from sensor.core.wants import ALWAYS, Listener
from sensor.detectors.shared.hosts import ends_of, who
from sensor.detectors.shared.insecure import OF_SENDER, SHOWING, Insecure, InsecureSetting
from sensor.posture.recommendations.cases import Case, CaseKey, Cases, Name, packed, unpacked
from sensor.posture.recommendations.habits import HABITS, Habits
from sensor.posture.recommendations.knowledge import load_advice
from sensor.posture.recommendations.periodic_checks import Members, PeriodicChecks

CASES_LIMIT = 16384
WAIT = 60 * SECOND
SURE = HOUR
QUIET_DAYS = 14

Report = Callable[[str, Recommendation, int, str], None]


class Advisor:
    """``report`` receives action, recommendation, time and the reason for closing; ``members`` returns all devices;
    ``settled``: settings that the operator has decided on, which need no recommendation.
    """

    def __init__(
        self, context: Context, report: Report, members: Members = tuple, cases: int = CASES_LIMIT,
        settled: Iterable[str] = ()
    ) -> None:  # fmt: skip
        self._context, self._report = context, report
        self.settled = frozenset(settled)
        self.tables = tables = NamedTables()
        self.cases = tables.include("findings", Cases(cases))
        self._insecure, self._habits = tables.include("insecure", Insecure()), tables.include("logins", Habits())
        self._waiting: Bounded[CaseKey, int] = tables.add("pending", Bounded(cases))
        checks = PeriodicChecks(context, self.cases, members, self._report_case, self._close)
        self._checks = tables.include("checks", checks)
        self._quieted = 0
        # Packet time (ns) before which a tick has nothing to do, and the previous tick.
        self._due = self._ticked = 0

    def listeners(self) -> list[Listener]:
        """Event listeners for the pipeline."""
        wants = self._insecure.wants()
        services = [Listener("advisor", kind, self._inspect_service, wants.get(kind, ALWAYS)) for kind in SHOWING]
        return [*services, *(Listener("advisor", kind, self._inspect_habit) for kind in HABITS)]

    def tick(self, now: int) -> None:
        """A new second of packet time, ns."""
        back, self._ticked = now < self._ticked, now
        if now < self._due and not back:
            return
        while (waiting := self._waiting.oldest()) and abs(now - waiting[1]) >= WAIT:
            self._waiting.pop(waiting[0])
            self._open(waiting[0], now)
        checks = self._checks.tick(now, self.settled)
        if abs(now - self._quieted) >= DAY:
            self._quieted = now
            self._close_quiet(now)
        self._due = min(checks, self._quieted + DAY, waiting[1] + WAIT if waiting else NEVER)

    def finish(self, now: int) -> None:
        """The end of all packets: pending recommendations are reported now."""
        for place in list(self._waiting):
            self._waiting.pop(place)
            self._open(place, now)
        self._checks.finish(now, self.settled)

    # Settings in messages.

    def _inspect_service(self, event: Event) -> None:
        if type(event) in OF_SENDER and not self._context.networks.inside(event.packet.src):
            return  # most messages, if the monitored hosts use services on the internet
        if shown := self._insecure.read(event):
            self._inspect(event, shown)

    def _inspect_habit(self, event: Event) -> None:
        for shown in self._habits.read(event):
            self._inspect(event, shown)

    def _inspect(self, event: Event, shown: InsecureSetting) -> None:
        """Process one message that shows a weak or correct setting."""
        packet = event.packet
        mac, address = (packet.dst_mac, packet.dst) if shown.requested else (packet.src_mac, packet.src)
        subject = shown.whose or Subject(mac, address, packet.vlan)
        if not addresses.is_host(subject.address) or not self._context.networks.inside(subject.address):
            return
        for setting in shown.fixes:
            self._note_fix(subject, setting, event, shown)
        if shown.setting and shown.setting not in self.settled:
            self._note_finding(subject, event, shown)

    def _note_finding(self, subject: Subject, event: Event, shown: InsecureSetting) -> None:
        place = (subject.mac, subject.address, shown.setting)
        case = self.cases.at(place) or self._moved(subject, place)
        if case is None:
            case = _case_of(self._name(subject, shown.setting), subject, event, shown)
            self._waiting.put(place, event.ts)
            self._due = 0
            self.cases.put(case)
        case.count += 1
        case.last = max(case.last, event.ts)
        if case.reported >= 0 and event.ts - case.reported >= DAY:
            fresh = _case_of(case.name, subject, event, shown)
            case.does = fresh.does
            case.seen = fresh.seen
            case.proof = fresh.proof
            case.community_id = fresh.community_id
            case.port, case.other, case.other_port = fresh.port, fresh.other, fresh.other_port
            self._report_case("update", case, event.ts)

    def _moved(self, subject: Subject, place: CaseKey) -> Case | None:
        """The case of the same device at another address."""
        case = self.cases.of(self._name(subject, place[2]))
        if case is not None:
            before = case.place
            self.cases.move(case, subject)
            if self._waiting.pop(before) is not None:
                self._waiting.put(place, case.last)
                self._due = 0
        return case

    def _open(self, place: CaseKey, now: int) -> None:
        """Report a pending case; if its device is known by now and has a case at another address, the cases
        are merged.
        """
        case = self.cases.at(place)
        if case is None:
            return
        name = self._name(case.subject, case.setting)
        other = self.cases.of(name)
        if other is not None and other is not case:
            self.cases.remove(case)
            other.count, other.last = other.count + case.count, max(other.last, case.last)
            return
        if name != case.name:
            self.cases.rename(case, name)
        self._report_case("open", case, now)

    def _note_fix(self, subject: Subject, setting: str, event: Event, shown: InsecureSetting) -> None:
        """A message shows the correct setting at the same port, and of the same device: behind a router, another one
        may have the address by now.
        """
        case = self.cases.at((subject.mac, subject.address, setting))
        if case is None or event.ts - case.last < SURE or _port(event, shown) != case.port:
            return
        if case.name in (self._name(subject, setting), (addresses.text(subject.address), setting)):
            self._close(case, event.ts, f"later traffic shows it: {shown.why}")

    def _close_quiet(self, now: int) -> None:
        """Close cases that were not seen for long while their device was, and cases of a device that was identified as
        another: if seen again, it is reported for that one.
        """
        for case in self.cases:
            device = self._context.device(case.subject) if not case.periodic and case.reported >= 0 else None
            if device is None:
                continue
            if device.id != case.name[0]:
                self._close(case, now, f"{REIDENTIFIED} {device.id} now")
            elif device.last - case.last >= QUIET_DAYS * DAY:
                self._close(case, now, f"not seen for {QUIET_DAYS} days, in which the device was seen")

    # Reported records.

    def _close(self, case: Case, now: int, reason: str) -> None:
        self.cases.remove(case)
        self._waiting.pop(case.place)
        self._due = 0
        if case.reported >= 0:
            self._report("close", self._recommendation(case), now, reason)

    def _name(self, subject: Subject, setting: str) -> Name:
        device = self._context.device(subject)
        return (device.id if device is not None else addresses.text(subject.address), setting)

    def _report_case(self, action: str, case: Case, now: int) -> None:
        """A case that was evicted recently and is seen again is not reported as new."""
        before = self.cases.reported_before(case.name) if action == "open" else -1
        self.cases.note(case)
        if before >= 0 and now - before < DAY:
            case.reported = before
            return
        case.reported = now
        self._report(action, self._recommendation(case), now, "")

    def _recommendation(self, case: Case) -> Recommendation:
        advice, device = load_advice()[case.setting], self._context.device(case.subject)
        vendor = device.value("vendor") if device is not None else ""
        return Recommendation(
            key="|".join(case.name),
            setting=case.setting,
            title=advice.title,
            severity=Severity[case.severity or advice.severity],
            summary=f"{who(self._context, case.subject)} {case.does}",
            why=advice.why,
            seen=case.seen,
            fix=advice.fix,
            test=advice.test,
            subject=case.subject,
            proof=unpacked(case.proof),
            first=case.first,
            ts=case.last,
            port=case.port,
            other=case.other,
            other_port=case.other_port,
            app=case.app,
            community_id=case.community_id,
            product=case.product,
            maker=vendor if vendor in advice.makers else "",
            steps=advice.makers.get(vendor, ""),
            count=case.count,
        )


def _case_of(name: Name, subject: Subject, event: Event, shown: InsecureSetting) -> Case:
    """The case for its first message."""
    client, _, near, _ = ends_of(event.packet, answer=not shown.requested)
    known = addresses.is_host(client.address)
    return Case(
        name,
        subject,
        shown.does,
        shown.why,
        packed((proof_body(event),)),
        event.ts,
        event.ts,
        app=shown.app,
        port=_port(event, shown),
        other=client if known else None,
        other_port=near if known else 0,
        community_id=community_id_of(event),
    )


def _port(event: Event, shown: InsecureSetting) -> int:
    """The port of the setting; 0 for clients, whose ports are ephemeral."""
    return 0 if shown.as_client else event.packet.dport if shown.requested else event.packet.sport
