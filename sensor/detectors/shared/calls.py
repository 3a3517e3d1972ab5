"""Shared by detectors of remote procedure calls between Windows hosts: ends of a call, authorized managers, and the
alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.detectors.shared.hosts import Numbers, ends_of, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.shared.rpc_events import RpcCall

PAIRS_LIMIT = 4096
# Administrative shares: of the system, and of whole drives.
ADMIN_SHARES = frozenset(("ADMIN$", *(f"{letter}$" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")))
# The share of named pipes: remote procedure calls.
PIPE_SHARE = "IPC$"
# Services that only a domain controller offers.
CONTROLLER_SERVICES = ("kerberos/88", "ldap/389", "ldaps/636")

MANAGERS = "addresses or CIDR blocks of management hosts: their alerts have low severity"


class CallOptions(detector.Options):
    """Hosts that are authorized to administer others."""

    managers: Blocks = Field((), description=MANAGERS)


def pair_of(packet: Packet, *, answer: bool = False) -> tuple[int, int]:
    """(client, server), by address."""
    return (packet.dst, packet.src) if answer else (packet.src, packet.dst)


def quoted(texts: Iterable[str], most: int = 3) -> str:
    """The first few texts of a call, in quotes."""
    return ", ".join([repr(text[:120]) for text in list(texts)[:most]])


def call_of(event: RpcCall) -> str:
    """Interface and name of a call, with its texts, or that its arguments are encrypted."""
    arguments = ", arguments encrypted" if event.encrypted else ""
    if event.texts:
        arguments = f" with {quoted(event.texts)}"
    return f"{event.interface} {event.call or event.number}{arguments}"


class CallDetector(EventDetector):
    """Base of detectors that inspect RPC calls and SMB messages."""

    Options: ClassVar[type[detector.Options]] = CallOptions

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._managers = AddressBlocks(self.options.managers)

    def manages(self, address: int) -> bool:
        """Whether the operator configured it as a management host."""
        return address in self._managers

    def is_controller(self, subject: Subject) -> bool:
        """Whether an endpoint is a known domain controller, by its role or its services."""
        device = self.context.device(subject)
        if device is None:
            return False
        return (
            "domain_controller" in device.roles
            or sum(service in device.services for service in CONTROLLER_SERVICES) > 1
        )

    def call_alert(
        self,
        event: Event,
        action: str,
        why: Iterable[str],
        numbers: Numbers | None = None,
        *,
        rest: str = "",
        key: Iterable[object] = (),
        severity: Severity | None = None,
        confidence: float = 0.9,
        techniques: tuple[str, ...] | None = None,
        answer: bool = False,
        targets: Iterable[Subject] = (),
        app: str = "",
    ) -> Alert:
        """An alert with the summary: actor, ``action``, target, ``rest``. ``answer``: the packet is from the target;
        ``key``: distinguishes alerts of a pair.
        """
        ends = ends_of(event.packet, answer=answer)
        grade, notes = self._grade_of(ends.actor, self.severity if severity is None else severity)
        app = app or ("smb" if ends.target_port in (139, 445) else "dcerpc")
        return self.alert(
            event,
            actor=ends.actor,
            target=ends.target,
            targets=dict.fromkeys((ends.target, *targets)),
            summary=f"{who(self.context, ends.actor)} {action} {who(self.context, ends.target)}{rest}",
            why=(*why, *notes),
            numbers={"times": 1, "threshold": 1} if numbers is None else numbers,
            key=(ends.target.address, *key),
            severity=grade,
            confidence=confidence,
            actor_port=ends.actor_port,
            target_port=ends.target_port,
            network=network_of_packet(self.context, event.packet, app, answer=answer),
            techniques=techniques,
        )

    def _grade_of(self, actor: Subject, severity: Severity) -> tuple[Severity, tuple[str, ...]]:
        """The severity for an actor, and why it is lower than usual."""
        if severity > Severity.low and self.manages(actor.address):
            return Severity.low, ("the actor is configured as a management host (managers)",)
        return severity, ()
