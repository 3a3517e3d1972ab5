"""Spam: an internal host that is not a mail server delivers mail to many external mail servers itself.

Programs of users send all mail to one server, which relays it. A mail server also receives mail, and is recognized by
its answers. A relay that only sends looks like a bot: unless the device is known as one that does not relay, or many
servers reject what it sends, the severity is low. Deliveries that start TLS immediately are encrypted and not counted;
bots rarely use TLS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.devices import COMPUTERS
from sensor.detectors.shared.hosts import ends_of, is_fixed_function
from sensor.dissectors.smtp import SmtpMailbox

PORT, REJECTED = 25, 500
CLIENTS_LIMIT, SERVERS_LIMIT, REPORTED_LIMIT = 1024, 4096, 1024
DELIVERY = ("MAIL", "RCPT")
RELAYS = frozenset(("server",))


class Options(CallOptions):
    """When deliveries are spam. ``managers`` of this detection are relays that only send."""

    servers: int = Field(20, ge=5, description="threshold: external mail servers that one host delivered mail to")
    rejected: float = Field(
        0.3, ge=0, le=1, description="share of servers that reject mail, from which the severity is medium"
    )
    window_s: int = Field(600, ge=60, le=86400, description="time window in seconds")


class Spam(CallDetector):
    """Watches the answers of mail servers."""

    title = "Mail to many servers (possible spam bot)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1496", "T1071.003")
    advice = (
        "Isolate the host, and search it for malware. Let only mail servers send to port 25 of external hosts, and "
        "check whether your public address is on a blocklist."
    )
    false_positives = "A relay or a newsletter program that only sends mail: add it to `managers`."
    decisive = {"servers": "servers"}
    Options = Options
    watches = (SmtpMailbox,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._mail_servers: Bounded[int, bool] = self.tables.add("mail_servers", Bounded(SERVERS_LIMIT))
        self._delivered: Distinct[int, int] = self.tables.add("delivered", Distinct(window, CLIENTS_LIMIT))
        self._rejecting: Distinct[int, int] = self.tables.add("rejecting", Distinct(window, CLIENTS_LIMIT))
        self._reported: Recent[tuple[int, Severity]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        return {SmtpMailbox: field("command").is_in(*DELIVERY) & (field("packet.sport") == PORT)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        if not isinstance(event, SmtpMailbox) or event.command not in DELIVERY or packet.sport != PORT:
            return
        client, server = packet.dst, packet.src
        self._mail_servers.put(server, True)
        inside = self.context.networks.inside
        if client in self._mail_servers or not inside(client) or inside(server):
            return
        count = self._delivered.add(client, server, event.ts)
        if event.code >= REJECTED:
            self._rejecting.add(client, server, event.ts)
        if count < want.servers:
            return
        rejecting = len(self._rejecting.values(client))
        severity = self._severity(ends_of(packet, answer=True).actor, rejecting >= want.rejected * count)
        if self._reported.fresh((client, severity), event.ts):
            yield self._alert(event, count, rejecting, severity)

    def _severity(self, actor: Subject, rejected: bool) -> Severity:
        if is_fixed_function(self.context, actor):
            return Severity.high
        device = self.context.device(actor)
        user = device is not None and device.type in COMPUTERS - RELAYS
        return Severity.medium if user or rejected else Severity.low

    def _alert(self, event: SmtpMailbox, count: int, rejecting: int, severity: Severity) -> Alert:
        packet, want = event.packet, self.options
        servers = [Subject(0, address, packet.vlan) for address in self._delivered.values(packet.dst)]
        return self.call_alert(
            event,
            "delivered mail to many servers, the last of them",
            (
                f"{count} external mail servers within {want.window_s} s (threshold {want.servers})",
                f"{rejecting} of them rejected mail (high share from {want.rejected:g})",
                f"including {some([addresses.text(each.address) for each in servers])}",
                "it receives no mail itself",
            ),
            {"servers": count, "rejecting": rejecting, "threshold": want.servers, "window_s": want.window_s},
            targets=servers,
            key=("spam",),
            severity=severity,
            confidence=0.6 if severity == Severity.low else 0.8,
            answer=True,
            app="smtp",
        )
