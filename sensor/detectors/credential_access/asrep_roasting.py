"""AS-REP roasting: initial tickets issued without pre-authentication.

Accounts that do not require it give any client material from which the password can be cracked. The alert is raised if
the KDC issues a ticket although the client sent no pre-authentication. A single account with an ordinary request has
low severity, because it is configured without pre-authentication. A tool requests RC4 only, or several accounts. Tools
that try a list of accounts with RC4 only are reported even if all accounts require pre-authentication, or do not exist.
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
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.derived.shared.exchanges import Exchanges
from sensor.detectors.shared.hosts import Numbers, ends_of, who
from sensor.detectors.shared.kerberos import cipher, ends, is_machine, network, only_weak, server_port
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest

REPORTED_LIMIT = 1024


class Options(detector.Options):
    """When such tickets are a harvest."""

    accounts: int = Field(
        3, ge=2, description="threshold: accounts whose tickets one client received without pre-authentication"
    )
    tries: int = Field(
        5, ge=3, description="threshold: accounts that one client tries with RC4 only and without pre-authentication"
    )
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class AsrepRoasting(EventDetector):
    """Watches AS requests and the tickets issued."""

    title = "AS-REP roasting"
    severity = Severity.medium
    techniques = ("T1558.004",)
    advice = (
        "Require pre-authentication for the account, change its password, and identify the program on "
        "the client that requested its ticket."
    )
    false_positives = "Old Unix services whose accounts were configured without pre-authentication (low severity)."
    decisive = {"tries": "tried"}
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._exchanges = self.tables.include("exchanges", Exchanges())
        self._accounts: Distinct[int, str] = self.tables.add("accounts", Distinct(window))
        self._tried: Distinct[int, str] = self.tables.add("tried", Distinct(window))
        self._reported: Recent[int] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def inspect(self, event: Event) -> Iterator[Alert]:
        requested = self._exchanges.initial(event)
        if isinstance(event, KerberosAsRequest):
            yield from self._listed(event)
        elif not isinstance(event, KerberosAsReply) or requested is None or requested.proof:
            return
        elif not is_machine(event.client):
            yield self._issued(event, requested)

    def _issued(self, event: KerberosAsReply, requested: KerberosAsRequest) -> Alert:
        client, kdc, port = ends(event)
        account, want = event.client.lower(), self.options
        count = self._accounts.add(client.address, account, event.ts)
        weak = only_weak(requested.etypes)
        severity = Severity.high if count >= want.accounts else Severity.medium if weak else Severity.low
        numbers: Numbers = {
            "accounts": count, "threshold": want.accounts, "window_s": want.window_s, "cipher": cipher(event.etype),
        }  # fmt: skip
        return self.alert(
            event,
            actor=client,
            target=kdc,
            summary=(
                f"{who(self.context, client)} received the initial ticket of {event.client} from "
                f"{who(self.context, kdc)} without pre-authentication"
            ),
            why=(
                (
                    f"{event.client} does not require pre-authentication; the AS-REP is encrypted with the "
                    f"account's key ({cipher(event.etype)})"
                ),
                *(["the client requested encryption types older than AES only, as cracking tools do"] if weak else []),
                (
                    f"{count} such accounts within {want.window_s} s (high severity: {want.accounts}): "
                    f"{some(self._accounts.values(client.address))}"
                ),
            ),
            numbers=numbers,
            key=() if count >= want.accounts else (account,),
            severity=severity,
            confidence=0.9 if severity > Severity.low else 0.5,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
        )

    def _listed(self, event: KerberosAsRequest) -> Iterator[Alert]:
        """A list of accounts that is tried. Clients with RC4 only are old, and log in as few accounts."""
        if event.proof or is_machine(event.client) or not only_weak(event.etypes):
            return
        packet, want = event.packet, self.options
        count = self._tried.add(packet.src, event.client.lower(), event.ts)
        if count < want.tries or not self._reported.fresh(packet.src, event.ts):
            return
        client, kdc, near, far = ends_of(packet)
        names = some(self._tried.values(packet.src))
        yield self.alert(
            event,
            actor=client,
            target=kdc,
            summary=(
                f"{who(self.context, client)} requested initial tickets of {count} accounts from "
                f"{who(self.context, kdc)} without pre-authentication"
            ),
            why=(
                f"{count} accounts within {want.window_s} s (threshold {want.tries}): {names}",
                "the client requested encryption types older than AES only, as cracking tools do",
            ),
            numbers={"tried": count, "threshold": want.tries, "window_s": want.window_s},
            key=("list",),
            severity=Severity.high,
            confidence=0.8,
            techniques=("T1558.004", "T1087.002"),
            actor_port=near,
            target_port=far,
            network=network(self.context, event),
        )
