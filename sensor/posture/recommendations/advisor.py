"""The advisor: makes recommendations of what packets show of settings, one a device and setting, and closes them when later packets show that they are done.

A recommendation is told a minute after its first message, so that the device behind it is known, and again once a day while messages go on to show it. It is
closed when a message shows the setting as it should be, an hour or more after the last that showed it wrong: one that uses several doors shows both; or
when the device was seen for two weeks and the setting was not. Packet time drives it, and everything is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sensor.core import addresses
from sensor.core.alert import Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.recommendation import Recommendation
from sensor.detectors._insecure import SHOWING, Insecure, Shown
from sensor.detectors._words import ends_of, who
from sensor.posture.recommendations.habits import HABITS
from sensor.posture.recommendations.knowledge import load_advice

SECOND = 1_000_000_000
HOUR, DAY = 3600 * SECOND, 86400 * SECOND
CASES_LIMIT = 16384
WAIT = 60 * SECOND
SURE = HOUR
QUIET_DAYS = 14

# (MAC, address, setting), and (device or address, setting).
Place = tuple[int, int, str]
Told = Callable[[str, Recommendation, int, str], None]


class Case(msgspec.Struct, eq=False):
    """A setting that is wrong. ``told``: when last, ns, or -1."""

    name: tuple[str, str]
    shown: Shown
    event: Event
    subject: Subject
    first: int
    last: int
    count: int = 1
    told: int = -1


class Advisor:
    """``tell`` gets action, recommendation, time and why it is closed."""

    def __init__(self, context: Context, tell: Told, cases: int = CASES_LIMIT) -> None:
        self._context, self._tell = context, tell
        self._insecure = Insecure()
        self._cases: Bounded[Place, Case] = Bounded(cases)
        self._places: Bounded[tuple[str, str], Place] = Bounded(cases)
        self._waiting: Bounded[Place, int] = Bounded(cases)
        self._looked = 0

    def listeners(self) -> list[tuple[type[Event], Callable[[Any], None]]]:
        """What the pipeline is to tell."""
        return [*((kind, self._services) for kind in SHOWING), *((kind, self._habits) for kind in HABITS)]

    def tick(self, now: int) -> None:
        """A new second of packet time, ns."""
        while (waiting := self._waiting.oldest()) and abs(now - waiting[1]) >= WAIT:
            self._waiting.pop(waiting[0])
            self._open(waiting[0], now)
        if abs(now - self._looked) >= DAY:
            self._looked = now
            self._look(now)

    def finish(self, now: int) -> None:
        """The end of all packets: what waits is told now."""
        for place in list(self._waiting):
            self._waiting.pop(place)
            self._open(place, now)

    def _services(self, event: Event) -> None:
        if shown := self._insecure.read(event):
            self._hear(event, shown)

    def _habits(self, event: Event) -> None:
        if shown := HABITS[type(event)](event):
            self._hear(event, shown)

    def _hear(self, event: Event, shown: Shown) -> None:
        """One message that shows a setting, right or wrong."""
        packet = event.packet
        mac, address = (packet.dst_mac, packet.dst) if shown.asked else (packet.src_mac, packet.src)
        if not addresses.is_host(address) or not self._context.networks.inside(address):
            return
        for setting in shown.mends:
            self._mend(Subject(mac, address, packet.vlan), setting, event, shown)
        if shown.setting:
            self._wrong(Subject(mac, address, packet.vlan), event, shown)

    def _wrong(self, subject: Subject, event: Event, shown: Shown) -> None:
        place = (subject.mac, subject.address, shown.setting)
        case = self._cases.get(place) or self._moved(subject, place)
        if case is None:
            case = Case(self._name(subject, shown.setting), shown, event, subject, event.ts, event.ts, 0)
            self._waiting.put(place, event.ts)
            self._places.put(case.name, place)
        case.count += 1
        case.last = max(case.last, event.ts)
        self._cases.put(place, case)
        if case.told >= 0 and event.ts - case.told >= DAY:
            case.shown, case.event = shown, event
            self._say("update", case, event.ts)

    def _moved(self, subject: Subject, place: Place) -> Case | None:
        """The case of the same device at another address."""
        name = self._name(subject, place[2])
        before = self._places.get(name)
        case = self._cases.pop(before) if before is not None else None
        if case is not None and before is not None:
            case.subject = subject
            self._places.put(name, place)
            if self._waiting.pop(before) is not None:
                self._waiting.put(place, case.last)
        return case

    def _open(self, place: Place, now: int) -> None:
        """Tell what has waited; where its device is known by now and has a case at another address, it goes into that."""
        case = self._cases.get(place)
        if case is None:
            return
        name = self._name(case.subject, place[2])
        other = self._cases.get(self._places.get(name) or place)
        if other is not None and other is not case:
            self._cases.pop(place)
            other.count, other.last = other.count + case.count, max(other.last, case.last)
            return
        if name != case.name:
            self._places.pop(case.name)
            case.name = name
            self._places.put(name, place)
        self._say("open", case, now)

    def _mend(self, subject: Subject, setting: str, event: Event, shown: Shown) -> None:
        """A message shows that it is done, at the same port."""
        case = self._cases.get((subject.mac, subject.address, setting))
        if case is None or event.ts - case.last < SURE or _port(event, shown) != _port(case.event, case.shown):
            return
        self._close(case, event.ts, f"later traffic shows it: {shown.why}")

    def _look(self, now: int) -> None:
        """What was not seen for long, while its device was."""
        for case in list(self._cases.values()):
            device = self._context.device(case.subject)
            if device is not None and device.last - case.last >= QUIET_DAYS * DAY:
                self._close(case, now, f"not seen for {QUIET_DAYS} days, in which the device was seen")

    def _close(self, case: Case, now: int, reason: str) -> None:
        place = (case.subject.mac, case.subject.address, case.name[1])
        self._cases.pop(place)
        self._places.pop(case.name)
        if self._waiting.pop(place) is None:
            self._say("close", case, now, reason)

    def _name(self, subject: Subject, setting: str) -> tuple[str, str]:
        device = self._context.device(subject)
        return (device.id if device is not None else addresses.text(subject.address), setting)

    def _say(self, action: str, case: Case, now: int, reason: str = "") -> None:
        case.told = now
        self._tell(action, self._told(case), now, reason)

    def _told(self, case: Case) -> Recommendation:
        shown, advice, device = case.shown, load_advice()[case.shown.setting], self._context.device(case.subject)
        vendor = device.value("vendor") if device is not None else ""
        client, _, near, far = ends_of(case.event.packet, answer=not shown.asked)
        return Recommendation(
            key="|".join(case.name),
            setting=shown.setting,
            title=advice.title,
            severity=Severity[advice.severity],
            summary=f"{who(self._context, case.subject)} {shown.does}",
            why=advice.why,
            seen=shown.why,
            fix=advice.fix,
            test=advice.test,
            subject=case.subject,
            proof=case.event,
            first=case.first,
            ts=case.last,
            port=0 if shown.asks else far,
            other=client if addresses.is_host(client.address) else None,
            other_port=near if addresses.is_host(client.address) else 0,
            app=shown.app,
            maker=vendor if vendor in advice.makers else "",
            steps=advice.makers.get(vendor, ""),
            count=case.count,
        )


def _port(event: Event, shown: Shown) -> int:
    """Where the setting is; who asks does so from any port."""
    return 0 if shown.asks else event.packet.dport if shown.asked else event.packet.sport
