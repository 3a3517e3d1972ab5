"""AS-REP roasting: initial tickets issued without pre-authentication.

Accounts that do not require it give any client material from which the password can be cracked. The alert is raised
where the KDC issues a ticket although the client sent no pre-authentication. A single account with an ordinary request
has low severity: it was configured like that. A tool requests RC4 only, or several accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.derived.shared.exchanges import Exchanges
from sensor.detectors.shared.hosts import some, who
from sensor.detectors.shared.kerberos import cipher, ends, is_machine, network, only_weak, server_port
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest


class Options(detector.Options):
    """When such tickets are a harvest."""

    accounts: int = Field(
        3, ge=2, description="threshold: accounts whose tickets one client received without pre-authentication"
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
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._exchanges, self._accounts = (
            self.tables.include("exchanges", Exchanges()),
            self.tables.add("accounts", Distinct[int, str](self.options.window_s * SECOND)),
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        requested = self._exchanges.initial(event)
        if not isinstance(event, KerberosAsReply) or requested is None or requested.proof or is_machine(event.client):
            return
        client, centre, port = ends(event)
        account, want = event.client.lower(), self.options
        count = self._accounts.add(client.address, account, event.ts)
        weak = only_weak(requested.etypes)
        severity = Severity.high if count >= want.accounts else Severity.medium if weak else Severity.low
        numbers: dict[str, int | float | str] = {
            "accounts": count, "threshold": want.accounts, "window_s": want.window_s, "cipher": cipher(event.etype),
        }  # fmt: skip
        yield self.alert(
            event,
            actor=client,
            target=centre,
            summary=(
                f"{who(self.context, client)} received the initial ticket of {event.client} from "
                f"{who(self.context, centre)} without pre-authentication"
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
