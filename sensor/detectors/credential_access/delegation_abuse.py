"""Abuse of Kerberos delegation: a host that is not a server requests a ticket to itself on behalf of another user
(S4U2self, [MS-SFU]), and exchanges it for a ticket to another service (S4U2proxy).

Servers do this for their clients: web servers, mail servers and terminal servers, with a computer account or the
account of a service. A host that is known as a server is not reported. Of other hosts, a request on behalf of an
administrator or of a computer is reported, and every request of a workstation or a fixed-function device.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import HOUR
from sensor.core.type_labels import a_type
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import is_fixed_function, who
from sensor.detectors.shared.kerberos import ends, is_machine, network, server_port
from sensor.dissectors.kerberos import KerberosTgsRequest

REPORTED_LIMIT = 4096
SERVERS = frozenset(("server", "hypervisor", "nas"))


class Options(detector.Options):
    """Accounts whose impersonation is reported."""

    administrators: tuple[str, ...] = Field(
        ("administrator", "krbtgt"), description="accounts of administrators, in lower case"
    )


class DelegationAbuse(EventDetector):
    """Watches requests for service tickets on behalf of others."""

    title = "Kerberos delegation abuse (S4U)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1558", "T1550.003")
    advice = (
        "Find out which program on this host uses the account, and which services the ticket was exchanged for. Check "
        "the delegation settings of the account and `msDS-AllowedToActOnBehalfOfOtherIdentity` of the targets. Mark "
        "administrators as sensitive, so that they cannot be delegated."
    )
    false_positives = "A server that is not recognized as one; single sign-on programs with protocol transition."
    Options = Options
    watches = (KerberosTgsRequest,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, HOUR))
        self._administrators = frozenset(name.lower() for name in self.options.administrators)

    def wants(self) -> dict[type[Event], Want]:
        return {KerberosTgsRequest: field("user").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, KerberosTgsRequest) or not event.user:
            return
        client, kdc, port = ends(event)
        device = self.context.device(client)
        kind = device.type if device is not None else "unknown"
        user, own = event.user.partition("@")[0].lower(), event.service.lower()
        powerful = user in self._administrators or (is_machine(user) and user.removesuffix("$") not in own)
        end_device = kind == "workstation" or is_fixed_function(self.context, client)
        if (
            kind in SERVERS
            or not (powerful or end_device)
            or not self._reported.fresh((client.address, user), event.ts)
        ):
            return
        yield self.alert(
            event,
            actor=client,
            target=kdc,
            summary=f"{who(self.context, client)} requested a ticket on behalf of {event.user}",
            why=(
                f"it used the account of {event.service} to request a ticket on behalf of {event.user} (S4U2self)",
                f"it is {a_type(kind)}" if end_device else "it is not known as a server",
            ),
            numbers={"tickets": 1, "threshold": 1},
            key=(user,),
            severity=Severity.high if powerful and end_device else Severity.medium if powerful else Severity.low,
            confidence=0.8 if powerful else 0.6,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
        )
