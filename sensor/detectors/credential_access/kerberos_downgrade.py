"""Kerberos encryption downgrade: a KDC that supports AES lets an account pre-authenticate with RC4, although the client
offered AES.

A skeleton key does this to a domain controller, since the patch in its memory supports RC4 only (Dell SecureWorks:
Skeleton Key Malware Analysis, 2015), and so does an adversary-in-the-middle. An account whose password was set before
the domain supported AES looks the same; therefore one account has medium severity, several accounts, or one that used
AES before, high severity. A client that requests RC4 only has low severity. If part of the exchange is not captured,
pre-authentication with RC4 by a client that offers AES has low severity, and so has an RC4 reply with an AES ticket.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import counted, some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.derived.shared.exchanges import Exchanges, Unseen
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.kerberos import AES, WEAK, cipher, ends, network, offers_aes, only_weak, server_port
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest, KerberosError

ACCOUNTS_LIMIT = 16384


class Options(detector.Options):
    """From which number of accounts the severity is high."""

    accounts: int = Field(3, ge=2, description="threshold: downgraded accounts of one KDC for high severity")
    window_s: int = Field(3600, ge=60, le=86400, description="time window in seconds")
    exempt: tuple[str, ...] = Field((), description="accounts known to have no AES key")


class KerberosDowngrade(EventDetector):
    """Watches initial tickets and their requests."""

    title = "Kerberos encryption downgrade"
    severity = Severity.medium
    techniques = ("T1556.001", "T1558")
    advice = (
        "Reset the account's password, which creates AES keys. If many accounts are affected, or one that used AES "
        "before, restart the domain controller (a skeleton key resides in memory only), look for its driver, and "
        "review administrator logins to it."
    )
    false_positives = (
        "Accounts whose password is older than the domain's AES support, or that are configured for RC4 or DES."
    )
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply, KerberosError)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._exchanges = self.tables.include("exchanges", Exchanges())
        self._unseen = self.tables.include("unseen", Unseen())
        self._strong: Bounded[tuple[str, str], int] = self.tables.add("strong", Bounded(ACCOUNTS_LIMIT))
        self._lowered = self.tables.add("lowered", Distinct[int, str](self.options.window_s * SECOND))
        self._exempt = frozenset(name.lower() for name in self.options.exempt)

    def inspect(self, event: Event) -> Iterator[Alert]:
        requested, unseen = self._exchanges.initial(event), self._unseen.check(event)
        if isinstance(event, KerberosAsReply):
            yield from self._granted(event, requested)
        elif (
            isinstance(event, KerberosAsRequest)
            and unseen
            and event.proof_etype in WEAK
            and offers_aes(event.etypes)
            and event.client.lower() not in self._exempt
        ):
            yield self._one_way(event, event.proof_etype, "the client offers AES, but pre-authenticates with")

    def _granted(self, event: KerberosAsReply, requested: KerberosAsRequest | None) -> Iterator[Alert]:
        # The encryption type of a truncated reply is that of the key which pre-authenticated.
        used, account = event.etype or (requested.proof_etype if requested else 0), event.client.lower()
        if used in AES:
            self._strong.put((event.realm.lower(), account), event.ts)
        elif used in WEAK and event.ticket_etype in AES and account not in self._exempt:
            if requested is None or (requested.packet.truncated and not requested.etypes):
                yield self._one_way(event, used, f"the ticket is in {cipher(event.ticket_etype)}, the client's part in")
            elif offers_aes(requested.etypes):
                yield self._by_kdc(event, account, used)
            elif only_weak(requested.etypes):
                yield self._by_client(event, used)

    def _by_kdc(self, event: KerberosAsReply, account: str, used: int) -> Alert:
        client, kdc, _ = ends(event)
        count = self._lowered.add(kdc.address, account, event.ts)
        before = (event.realm.lower(), account) in self._strong
        others = some(self._lowered.values(kdc.address))
        why = [
            (
                f"the client offered AES, and the ticket is in {cipher(event.ticket_etype)}, but {event.client} "
                f"had to use {cipher(used)}"
            ),
            (
                f"{counted(count, 'account')} at this KDC within {self.options.window_s} s (high severity: "
                f"{self.options.accounts}): {others}"
            ),
        ]
        if before:
            why.append(f"{event.client} used AES before")
        severity = Severity.high if before or count >= self.options.accounts else Severity.medium
        what = (
            f"{who(self.context, client)} logged in as {event.client} with {cipher(used)}, although "
            f"{who(self.context, kdc)} supports AES"
        )
        confidence = 0.9 if severity == Severity.high else 0.6
        return self._made(event, used, what, tuple(why), severity, confidence, count, self.techniques)

    def _by_client(self, event: KerberosAsReply, used: int) -> Alert:
        client, _, _ = ends(event)
        what = f"{who(self.context, client)} requested {cipher(used)} only to log in as {event.client}"
        why = (
            (f"the KDC supports {cipher(event.ticket_etype)}; the client offered nothing stronger than {cipher(used)}"),
        )
        return self._made(event, used, what, why, Severity.low, 0.5, 1, ("T1558",))

    def _one_way(self, event: KerberosAsRequest | KerberosAsReply, used: int, reason: str) -> Alert:
        client, _, _ = ends(event)
        what = f"{who(self.context, client)} used {cipher(used)} to log in as {event.client}"
        why = (f"{reason} {cipher(used)}", "the rest of the exchange was not captured")
        return self._made(event, used, what, why, Severity.low, 0.4, 1, self.techniques)

    def _made(
        self,
        event: KerberosAsRequest | KerberosAsReply,
        used: int,
        summary: str,
        why: tuple[str, ...],
        severity: Severity,
        confidence: float,
        count: int,
        techniques: tuple[str, ...],
    ) -> Alert:
        client, kdc, port = ends(event)
        return self.alert(
            event,
            actor=client,
            target=kdc,
            summary=summary,
            why=why,
            numbers={
                "accounts": count,
                "threshold": self.options.accounts,
                "window_s": self.options.window_s,
                "cipher": cipher(used),
            },
            key=(kdc.address, event.client.lower(), techniques[0]),
            severity=severity,
            confidence=confidence,
            actor_port=port,
            target_port=server_port(event),
            network=network(self.context, event),
            techniques=techniques,
        )
