"""Talks outside: printers, cameras and telephones that use servers on the internet, which their job hardly needs.

Whom they used is what the baseline learned, by name where one is known. It counts as long as the device used it within
the last two weeks in which it talked.
"""

from __future__ import annotations

import contextlib

from sensor.core import addresses
from sensor.core.detector import Context, Used
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.observation import Subject
from sensor.core.record_parts import Body, end_body, short_text, time_text
from sensor.core.time_units import DAY
from sensor.detectors.shared.devices import kind_text, subject_of
from sensor.detectors.shared.hosts import some
from sensor.detectors.shared.names import under
from sensor.inventory.roster import Member
from sensor.posture.recommendations.looks import Proven, Verdict
from sensor.posture.recommendations.tables import Job, outside

QUIET_DAYS = 14
# Servers that are reported, and servers in the proof.
SHOWN, PROVEN = 5, 8


class InternetTraffic:
    """Judges types of devices that outside.yaml names."""

    setting = "internet"

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, members: list[Member], now: int) -> None:
        """Devices are judged one by one."""

    def evaluate(self, member: Member) -> Verdict | None:
        job = outside().types.get(member.type)
        if job is None or member.vendor in job.sold_with:
            return None
        last, used = self._context.baseline.outside(member.device.id)
        needless = [one for one in used if last - one.last < QUIET_DAYS * DAY and not _is_job(one, job)]
        if not needless:
            return None
        needless.sort(key=lambda one: (-one.last, one.server))
        seen = f"it is a {kind_text(member.type)}, and contacted {some([_text(one) for one in needless], SHOWN)}"
        return Verdict(
            seen, "communicates with servers on the internet", (), proven=_proven(subject_of(member.device), needless)
        )

    def fixed(self, member: Member) -> str:
        job = outside().types.get(member.type)
        if job is None or member.vendor in job.sold_with:
            return f"it is a {kind_text(member.type)} {member.vendor}".rstrip()
        last, used = self._context.baseline.outside(member.device.id)
        return f"it was active, without external traffic for {QUIET_DAYS} days" if last and used else ""


def _is_job(one: Used, job: Job) -> bool:
    """Whether a server is one that any device may use, or that its job wants."""
    text = _service(one.service)
    return (
        text in outside().any_device
        or text in job.services
        or f"{text.partition('/')[0]}/*" in job.services
        or under(one.server, frozenset(job.domains))
    )


def _service(service: int) -> str:
    proto = service >> 16
    return f"{PROTOCOLS.get(proto, str(proto))}/{service & 0xFFFF}"


def _text(one: Used) -> str:
    return f"{short_text(one.server)} ({_service(one.service)})"


def _proven(subject: Subject, used: list[Used]) -> Proven:
    """The conversations, the last of each server."""
    bodies = tuple(_body(subject, one) for one in used[:PROVEN])
    return Proven(
        subject, bodies, min(one.first for one in used), max(one.last for one in used), sum(one.times for one in used)
    )


def _body(subject: Subject, one: Used) -> Body:
    facts = {
        "server": short_text(one.server),
        "service": _service(one.service),
        "first": time_text(one.first),
        "conversations": one.times,
    }
    body: Body = {
        "event": "flow.ended",
        "ts": time_text(one.last),
        "src": end_body(subject, None),
        "proto": one.service >> 16,
        "facts": facts,
    }
    with contextlib.suppress(ValueError):  # it is known by its name
        body["dst"] = end_body(Subject(0, addresses.parse(one.server)), None, one.service & 0xFFFF)
    return body
