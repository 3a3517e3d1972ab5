"""Initial tickets given without any proof: accounts that need no pre-authentication hand out what their password can be guessed from to everybody.

Told where the centre gives a ticket although the client proved nothing. Single accounts with an ordinary request are low: somebody set them up so. A tool
wants RC4 only, or walks through several accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Distinct
from sensor.derived._exchanges import Exchanges
from sensor.detectors._kerberos import cipher, ends, is_machine, network, only_weak
from sensor.detectors._words import some, who
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest

SECOND = 1_000_000_000


class Options(detector.Options):
    """When such tickets are a harvest."""

    accounts: int = Field(3, ge=2, description="accounts whose tickets one client got without a proof")
    window_s: int = Field(300, ge=10, le=86400, description="seconds in which they must be asked for")


class AsrepRoasting(EventDetector):
    """Watches requests for initial tickets and the tickets that are given."""

    title = "Initial tickets without proof (AS-REP roasting)"
    severity = Severity.medium
    techniques = ("T1558.004",)
    advice = "Let the account require pre-authentication, change its password, and find out which program on the client asked for its ticket."
    false_positives = "Old Unix services whose accounts were set up without pre-authentication on purpose (low severity)."
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._exchanges, self._accounts = Exchanges(), Distinct[int, str](self.options.window_s * SECOND)

    def inspect(self, event: Event) -> Iterator[Alert]:
        asked = self._exchanges.initial(event)
        if not isinstance(event, KerberosAsReply) or asked is None or asked.proof or is_machine(event.client):
            return
        client, centre, port = ends(event)
        account, want = event.client.lower(), self.options
        count = self._accounts.add(client.address, account, event.ts)
        weak = only_weak(asked.etypes)
        severity = Severity.high if count >= want.accounts else Severity.medium if weak else Severity.low
        yield self.alert(
            event,
            actor=client,
            target=centre,
            summary=f"{who(self.context, client)} got the initial ticket of {event.client} from {who(self.context, centre)} without any proof",
            why=(
                f"{event.client} needs no pre-authentication; the answer is encrypted in {cipher(event.etype)} with the account's password",
                *(["the client wanted ciphers older than AES only, as tools that guess passwords do"] if weak else []),
                f"{count} such accounts within {want.window_s} s; high from {want.accounts} on: {some(self._accounts.values(client.address))}",
            ),
            numbers={"accounts": count, "threshold": want.accounts, "window_s": want.window_s, "cipher": cipher(event.etype)},
            key=() if count >= want.accounts else (account,),
            severity=severity,
            confidence=0.9 if severity > Severity.low else 0.5,
            actor_port=port,
            target_port=88,
            network=network(self.context, event),
        )
