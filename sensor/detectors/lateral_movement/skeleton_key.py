"""Skeleton key: a KDC no longer supports AES for accounts that used it, because a master password was patched into its
memory, which supports RC4 only.

It learns which accounts used AES at which KDC. A single account without AES may be a reset old password; where several
lose it one after the other, and none in between keeps it although all clients still offer it, the change is in the KDC
(Dell SecureWorks: Skeleton Key Malware Analysis, 2015). Accounts without a history are reported by
``credential_access.kerberos_downgrade``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.derived.shared.exchanges import Exchanges
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.kerberos import ends, network, offers_aes, server_port
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest, KerberosError

ACCOUNTS_LIMIT, KDCS_LIMIT = 16384, 1024
# Errors (RFC 4120, 7.5.9): unsupported encryption type; pre-authentication required, with a list of types.
UNSUPPORTED, NEEDS_PROOF = 14, 25


class Options(detector.Options):
    """Threshold of accounts."""

    accounts: int = Field(
        2, ge=2, description="threshold: accounts that lost AES at one KDC, without one in between that kept it"
    )
    window_s: int = Field(
        86400,
        ge=60,
        le=604800,
        description="time window in seconds, and seconds until the same KDC may be reported again",
    )


class SkeletonKey(EventDetector):
    """Watches which encryption types a KDC uses for which account."""

    title = "Skeleton key on a domain controller"
    severity = Severity.critical
    techniques = ("T1556.001",)
    advice = (
        "Restart the domain controller, which removes a memory patch. Review administrator logins and "
        "loaded drivers, and enable LSA protection."
    )
    false_positives = "AES was disabled on the domain controller, or an old one replaced it."
    decisive = {"accounts": "accounts"}
    Options = Options
    watches = (KerberosAsRequest, KerberosAsReply, KerberosError)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._exchanges = self.tables.include("exchanges", Exchanges())
        self._strong: Bounded[tuple[int, str], int] = self.tables.add("strong", Bounded(ACCOUNTS_LIMIT))
        self._lost: Distinct[int, str] = self.tables.add("lost", Distinct(window, KDCS_LIMIT))
        self._clients: Distinct[int, Subject] = self.tables.add("clients", Distinct(window, KDCS_LIMIT))
        self._reported: Recent[int] = self.tables.add("reported", Recent(KDCS_LIMIT, window))

    def inspect(self, event: Event) -> Iterator[Alert]:
        requested = self._exchanges.initial(event)
        if (
            requested is None
            or not offers_aes(requested.etypes)
            or not isinstance(event, KerberosAsReply | KerberosError)
        ):
            return
        ciphers = _ciphers(event)
        if ciphers is None:
            return
        client, kdc, _ = ends(event)
        place = kdc.address, requested.client.lower()
        if offers_aes(ciphers):
            self._strong.put(place, event.ts)
            self._lost.forget(kdc.address)
            self._clients.forget(kdc.address)
        elif place in self._strong:
            self._clients.add(kdc.address, client, event.ts)
            count = self._lost.add(*place, event.ts)
            if count >= self.options.accounts and self._reported.fresh(kdc.address, event.ts):
                yield self._found(event, kdc, count)

    def _found(self, event: KerberosAsReply | KerberosError, kdc: Subject, count: int) -> Alert:
        clients = self._clients.values(kdc.address)
        return self.alert(
            event,
            actor=kdc,
            target=clients[-1],
            targets=reversed(clients),
            summary=f"{who(self.context, kdc)} stopped supporting AES for {count} accounts, as with a skeleton key",
            why=(
                f"accounts with AES keys before: {some(self._lost.values(kdc.address))}",
                "their clients still offer AES, and no account received it in between",
            ),
            numbers={"accounts": count, "threshold": self.options.accounts, "window_s": self.options.window_s},
            confidence=0.85,
            actor_port=server_port(event),
            network=network(self.context, event),
        )


def _ciphers(event: KerberosAsReply | KerberosError) -> tuple[int, ...] | None:
    """Encryption types that a response uses or offers; None if it has none."""
    if isinstance(event, KerberosAsReply):
        return (event.etype,)
    if event.code == UNSUPPORTED:
        return ()
    return event.etypes if event.code == NEEDS_PROOF and event.etypes else None
