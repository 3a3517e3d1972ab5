"""DCSync and DCShadow: secrets of the domain are requested by replication, or a host that is not a domain controller
pushes changes.

Domain controllers replicate continuously: hosts known as controllers by role or services, or because they answered such
calls, are ignored unless they behave like a tool: resolve a name and replicate this one object in the same
conversation.

A server that becomes a domain controller creates its NTDS Settings object (DRSAddEntry, [MS-DRSR] 4.1.1), replicates
the directory, requests change notifications (DRSUpdateRefs, 4.1.26) and registers names in the zone `_msdcs` by dynamic
update ([MS-ADTS] 6.3.2.3). Replication after such messages has medium severity. A host that also makes the controller
replicate from it (DRSReplicaAdd, 4.1.19) is reported as DCShadow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.dns_codes import UPDATE
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import DAY
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import ends_of
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.shared.rpc_events import RpcAnswer, RpcCall

CHANGES, UPDATE_REFS, REPLICA_ADD, CRACK, WHO, ADD_ENTRY = 3, 4, 5, 12, 16, 17
PROMOTION = {
    ADD_ENTRY: "it created a server object (DRSAddEntry), as a new domain controller does",
    UPDATE_REFS: "it requested change notifications (DRSUpdateRefs), as domain controllers do",
}
CONTROLLERS_ZONE = "_msdcs."
PROMOTED = DAY
CONVERSATIONS_LIMIT, HOSTS_LIMIT = 4096, 4096
# Minimum size of a request for changes: handle, version, and the smallest request.
CHANGES_SIZE = 32


class Options(CallOptions):
    """Which hosts may replicate."""

    controllers: Blocks = Field(
        (),
        description=(
            "addresses or CIDR blocks of domain controllers and of other hosts that may replicate (Entra Connect)"
        ),
    )


class _Conversation(msgspec.Struct):
    """One conversation: whether names were resolved, and controller information was requested."""

    cracked: bool = False
    requested: bool = False


class Dcsync(CallDetector):
    """Watches DRSUAPI."""

    title = "DCSync (directory replication by a non-domain controller)"
    severity = Severity.high
    techniques = ("T1003.006",)
    advice = (
        "Isolate the host. Find the account (event 4662 on the controller, replication rights) and revoke its rights. "
        "If secrets were copied, reset the passwords, krbtgt twice. For DCShadow, remove the server object from the "
        "configuration and revert the changes."
    )
    false_positives = (
        "A new domain controller (medium severity if the capture contains its promotion), directory synchronization "
        "with the cloud: add them to `controllers`."
    )
    Options = Options
    watches = (RpcCall, RpcAnswer, DnsQuery)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._configured = AddressBlocks(self.options.controllers)
        self._conversations: Bounded[tuple[int, int, int], _Conversation] = self.tables.add(
            "conversations", Bounded(CONVERSATIONS_LIMIT)
        )
        self._requested: Bounded[int, int] = self.tables.add("requested", Bounded(HOSTS_LIMIT))
        # By host: time of its last sign of a promotion, and the signs.
        self._promoted: Bounded[int, tuple[int, tuple[str, ...]]] = self.tables.add("promoted", Bounded(HOSTS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        replicates = field("interface") == "drsuapi"
        return {
            RpcCall: replicates,
            RpcAnswer: replicates & (field("number") == CHANGES) & ~field("fault").filled(),
            DnsQuery: field("operation") == UPDATE,
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall) and event.interface == "drsuapi":
            yield from self._call(event)
        elif (
            isinstance(event, RpcAnswer)
            and event.interface == "drsuapi"
            and event.number == CHANGES
            and not event.fault
        ):
            self._requested.put(event.packet.src, event.ts)
        elif isinstance(event, DnsQuery) and event.operation == UPDATE and event.name.startswith(CONTROLLERS_ZONE):
            self._promote(event, f"it registered names in the DNS zone {event.name}")

    def _promote(self, event: Event, sign: str) -> None:
        signs = self._signs(event)
        self._promoted.put(event.packet.src, (event.ts, signs if sign in signs else (*signs, sign)))

    def _signs(self, event: Event) -> tuple[str, ...]:
        """The signs that the sender becomes a domain controller."""
        ts, signs = self._promoted.get(event.packet.src) or (0, ())
        return signs if abs(event.ts - ts) <= PROMOTED else ()

    def _controller(self, event: RpcCall) -> bool:
        """Whether the caller is a controller: by configuration, by its services, or because other hosts requested
        changes from it.
        """
        actor = ends_of(event.packet).actor
        return actor.address in self._configured or actor.address in self._requested or self.is_controller(actor)

    def _call(self, event: RpcCall) -> Iterator[Alert]:
        conversation = self._conversation_of(event)
        if event.number == CRACK:
            conversation.cracked = True
        elif event.number == WHO:
            conversation.requested = True
        elif event.number == CHANGES and event.size >= CHANGES_SIZE:
            yield from self._changes(event, conversation)
        elif event.number in PROMOTION:
            self._promote(event, PROMOTION[event.number])
            if event.number == ADD_ENTRY and not self._controller(event):
                yield self._new_controller(event, "registered itself as a domain controller at")
        elif event.number == REPLICA_ADD and not self._controller(event):
            why = (
                f"drsuapi {event.call}: it registers itself as a replication source",
                "it is not a known domain controller",
            )
            yield self.call_alert(
                event,
                "pushed directory changes (DCShadow) to",
                why,
                key=("shadow",),
                confidence=0.85,
                techniques=("T1207",),
            )

    def _new_controller(self, event: RpcCall, action: str) -> Alert:
        why = (f"drsuapi {event.call} by a host that is not a known domain controller", *self._signs(event))
        return self.call_alert(
            event,
            action,
            why,
            key=("promotion",),
            severity=Severity.medium,
            confidence=0.6,
            techniques=("T1207", "T1003.006"),
        )

    def _conversation_of(self, event: RpcCall) -> _Conversation:
        packet = event.packet
        key = (packet.src, packet.dst, packet.sport)
        conversation = self._conversations.get(key)
        if conversation is None:
            conversation = _Conversation()
            self._conversations.put(key, conversation)
        return conversation

    def _changes(self, event: RpcCall, conversation: _Conversation) -> Iterator[Alert]:
        actor, known = ends_of(event.packet).actor, self._controller(event)
        tool = conversation.cracked and (conversation.requested or event.inferred)
        if actor.address in self._configured or (known and not tool):
            return
        if self._signs(event) and not tool:
            yield self._new_controller(event, "replicated the directory as a new domain controller from")
            return
        why = [f"drsuapi {event.call} requests objects with their secrets"]
        if not known:
            why.append("the host is not a known domain controller")
        if tool:
            why.append("it resolved a name in the same conversation, as DCSync tools do and controllers do not")
        elif event.inferred:
            why.append("the order of its calls is that of DCSync tools; the conversation began before the capture")
        certain = 0.95 if tool and not known else 0.85 if event.inferred or tool else 0.75
        yield self.call_alert(
            event, "requested directory replication (DCSync) from", why, key=("sync",), confidence=certain
        )
