"""Internet traffic of printers, cameras and phones to servers that their function hardly needs.

The servers are those in the baseline, by name if known. They count while the device used them within the last two weeks
in which it communicated.
"""

from __future__ import annotations

import contextlib

from sensor.core import addresses
from sensor.core.detector import Context, ExternalServer
from sensor.core.domains import under
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.record_parts import Body, end_body, short_text, time_text
from sensor.core.time_units import DAY, HOUR
from sensor.core.type_labels import a_type
from sensor.detectors.shared.devices import subject_of
from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import CheckResult, PacketProof
from sensor.posture.recommendations.tables import ExpectedTraffic, outside

QUIET_DAYS = 14
# Limits of servers in a report, and of servers in its evidence.
SHOWN, PROVEN = 5, 8


class InternetTraffic:
    """Evaluates device types in outside.yaml."""

    setting = "internet"
    # The baseline learns a flow when it ends; an idle TCP connection ends after an hour.
    delay = HOUR

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, members: list[Member], now: int) -> bool:
        """Devices are evaluated one by one."""
        return False

    def evaluate(self, member: Member) -> CheckResult | None:
        job = outside().types.get(member.type)
        if job is None or member.vendor in job.sold_with:
            return None
        last, used = self._context.baseline.outside(member.device.id)
        needless = [one for one in used if last - one.last < QUIET_DAYS * DAY and not _is_job(one, job)]
        if not needless:
            return None
        needless.sort(key=lambda one: (-one.last, one.server))
        seen = f"it is {a_type(member.type)}, and contacted {some([_text(one) for one in needless], SHOWN)}"
        return CheckResult(
            seen, "communicates with servers on the internet", (), proven=_proven(subject_of(member.device), needless)
        )

    def fixed(self, member: Member) -> str:
        job = outside().types.get(member.type)
        if job is None or member.vendor in job.sold_with:
            return f"it is {a_type(member.type)} {member.vendor}".rstrip()
        last, used = self._context.baseline.outside(member.device.id)
        return f"it was active, without external traffic for {QUIET_DAYS} days" if last and used else ""


def _is_job(one: ExternalServer, job: ExpectedTraffic) -> bool:
    """Whether any device may use a server, or its function requires it."""
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


def _text(one: ExternalServer) -> str:
    return f"{short_text(one.server)} ({_service(one.service)})"


def _proven(subject: Subject, used: list[ExternalServer]) -> PacketProof:
    """The last connection to each server."""
    bodies = tuple(_body(subject, one) for one in used[:PROVEN])
    return PacketProof(
        subject, bodies, min(one.first for one in used), max(one.last for one in used), sum(one.times for one in used)
    )


def _body(subject: Subject, one: ExternalServer) -> Body:
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
