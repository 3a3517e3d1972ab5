"""SIP registration hijacking: a host removes the registration of a phone and registers in its place, so that it
receives the phone's calls.

Tools remove all contacts of an account (RFC 3261, 10.2.2) before they add their own. A phone does so too, when it
starts: only a host that did not register the account for an hour is reported, while another host holds it. The same
device with a new address, and requests that the server does not accept, are ignored, and so are accounts that a proxy
or a router with NAT registered, which holds many. The same program on two hosts is a softphone that moved, or a second
phone of the user: low.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.time_units import DAY, HOUR
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.dissectors.sip import SipRequest, SipResponse, SipUnregistration

ACCOUNTS_LIMIT, OPEN_LIMIT = 8192, 2048
# A host that has registered an account for so long is one of its phones; one that was silent for so long is gone.
SETTLED, GONE = HOUR, DAY
# Accounts of a host that is not a phone, but forwards the registrations of others.
MANY = 5
REGISTER = "REGISTER"


class _Holder(NamedTuple):
    """The host that registered an account: its last registration (ns), and its program."""

    host: Subject
    last: int
    program: str


class RegistrationHijack(EventDetector):
    """Watches registrations that the server accepts, by account."""

    title = "SIP registration hijacking"
    severity = Severity.high
    techniques = ("T1557",)
    advice = (
        "Find the host and disconnect it, restart the phone, and change the password of the account. Allow "
        "registrations from the voice network only."
    )
    false_positives = "A phone that replaces another one and removes its registration; a softphone on another computer."
    watches = (SipRequest, SipUnregistration, SipResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        # (client, call id, CSeq) of a request → its program, and whether it removes all contacts
        self._open: Bounded[tuple[int, str, int], tuple[str, bool]] = self.tables.add("open", Bounded(OPEN_LIMIT))
        # (server, account) → its phone
        self._holders: Bounded[tuple[int, str], _Holder] = self.tables.add("holders", Bounded(ACCOUNTS_LIMIT))
        # (server, account, host) → the first registration by another host, ns
        self._others: Bounded[tuple[int, str, int], int] = self.tables.add("others", Bounded(ACCOUNTS_LIMIT))
        # (server, host) → its accounts
        self._accounts: Distinct[tuple[int, int], str] = self.tables.add(
            "accounts", Distinct(GONE, ACCOUNTS_LIMIT, MANY)
        )

    def wants(self) -> dict[type[Event], Want]:
        accepted = (field("status") >= 200) & (field("status") < 300)
        return {
            SipRequest: field("method") == REGISTER,
            SipResponse: (field("method") == REGISTER) & accepted,
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, SipRequest) and event.method == REGISTER:
            self._open.put((packet.src, event.call_id, event.cseq), (event.user_agent, False))
        elif isinstance(event, SipUnregistration):
            key = (packet.src, event.call_id, event.cseq)
            program, _ = self._open.get(key) or ("", True)
            self._open.put(key, (program, True))
        elif isinstance(event, SipResponse) and event.method == REGISTER and 200 <= event.status < 300:
            request = self._open.pop((packet.dst, event.call_id, event.cseq))
            if request is not None:
                yield from self._accepted(event, *request)

    def _accepted(self, event: SipResponse, program: str, removes: bool) -> Iterator[Alert]:
        """``removes``: the request removed all contacts."""
        packet = event.packet
        client, account = Subject(packet.dst_mac, packet.dst, packet.vlan), (packet.src, event.callee.lower())
        holder = self._holders.get(account)
        if not removes:
            self._accounts.add((packet.src, client.address), account[1], event.ts)
        if holder is None or event.ts - holder.last > GONE or self._is_same(holder.host, client):
            if not removes:
                self._holders.put(account, _Holder(client, event.ts, program))
            return
        other = (*account, client.address)
        first = self._others.get(other)
        if not removes and first is None:
            self._others.put(other, event.ts)
        elif removes and (first is None or event.ts - first < SETTLED) and not self._forwards(packet.src, holder.host):
            yield self._alert(event, holder, program)

    def _forwards(self, server: int, host: Subject) -> bool:
        """Whether a host registers the phones of others."""
        return len(self._accounts.values((server, host.address))) >= MANY

    def _is_same(self, one: Subject, other: Subject) -> bool:
        """Whether both are one device, perhaps with a new address."""
        if one.address == other.address:
            return True
        first, second = self.context.device(one), self.context.device(other)
        return first is not None and second is not None and first.id == second.id

    def _alert(self, event: SipResponse, holder: _Holder, program: str) -> Alert:
        actor, server, near, far = ends_of(event.packet, answer=True)
        phone, alike = who(self.context, holder.host), bool(program) and program == holder.program
        reasons = (
            f"{phone} registered {event.callee} before, last {(event.ts - holder.last) / 1e9:.0f} s ago",
            f"{who(self.context, server)} accepted the removal of all contacts of the account",
            f"program: {program or 'not named'}; of the phone: {holder.program or 'not named'}",
        )
        return self.alert(
            event,
            actor=actor,
            target=holder.host,
            targets=(holder.host, server),
            summary=f"{who(self.context, actor)} removed the SIP registration of {event.callee} by {phone}",
            why=reasons,
            numbers={"account": event.callee, "silent_s": round((event.ts - holder.last) / 1e9)},
            key=(server.address, event.callee.lower()),
            severity=Severity.low if alike else self.severity,
            confidence=0.5 if alike else 0.8,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, event.packet, "sip", answer=True),
        )
