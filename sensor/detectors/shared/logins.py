"""Shared by the login detectors: failed logins that count, and facts for the record."""

from __future__ import annotations

from sensor.core.detector import Context
from sensor.core.named_tables import NamedTables
from sensor.counting.tally import Counts
from sensor.derived.logins import LoginAttempt
from sensor.detectors.shared.hosts import network_of_packet

# Failures of an account before a success that are benign: the usual lockout thresholds of directories.
EXPLAINED = 5


class FailedLogins:
    """Failed logins by client, server and service within a time window.

    A few failures of an account that then logs in do not count: a typing error, or a program that first sent an old
    Digest nonce or an old password. More failures count: the password was guessed.
    """

    def __init__(self, window: int, explained: int = EXPLAINED) -> None:
        self._explained = explained
        self.tables = NamedTables()
        self._all: Counts[tuple[int, int, str]] = self.tables.add("all", Counts(window))
        self._own: Counts[tuple[int, int, str, str]] = self.tables.add("own", Counts(window))

    def count(self, attempt: LoginAttempt, ts: int) -> int:
        """Record the result of a login; returns the number of failures that count now."""
        own = (*attempt.pair, attempt.account.lower())
        if not attempt.accepted:
            self._own.add(own, ts)
            return self._all.add(attempt.pair, ts)
        slips = self._own.add(own, ts, 0)
        self._own.forget(own)
        return self._all.add(attempt.pair, ts, -slips if slips <= self._explained else 0)


def network(context: Context, attempt: LoginAttempt) -> dict[str, str | int]:
    """Facts of the packet for the record."""
    packet = attempt.packet
    return network_of_packet(context, packet, attempt.service.lower(), answer=packet.src != attempt.client.address)
