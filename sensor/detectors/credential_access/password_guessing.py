"""Repeated failed logins of one client at one service, for all protocols: file servers, directories, terminals,
databases, mail, cameras, web pages.

Counted by client, server and service; a few failures of an account that then logs in do not count, and of a password
that is repeated in cleartext only the first failure: a program with an outdated password is not guessing, and has low
severity if it is fast. Slow guessing of one account with which the client logs in to other servers also has low
severity, such as a video recorder with an outdated password for one camera. Thresholds differ: a file server receives
automatic logins all day, a database does not. Encrypted RDP logins, and SSH logins on the usual ports in many sessions,
are evaluated by the shape of the sessions in ``session_guessing``; other SSH logins are evaluated here by the sizes of
the server's responses. Ten passwords within ten seconds are not typed by a person. If the packets of the client are not
captured, rejections by the server may concern requests without a password: they have low severity. VoIP phones are
evaluated in ``voice.registration_guessing``; many accounts with few attempts each are ``password_spraying``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.derived.logins import LoginAttempt
from sensor.detectors.shared.hosts import is_external, who
from sensor.detectors.shared.logins import FailedLogins, network

REPORTED_LIMIT, PASSWORDS_LIMIT = 4096, 8192
SSH = "SSH"
# Failures in as many sessions within as many seconds are left to session_guessing.
MANY_SESSIONS, SESSIONS_S = 10, 120
# Other servers at which the account of a client with an outdated password is accepted.
ACCEPTING = 2
ELSEWHERE = ("SIP",)
REPEATED = "the same password each time: outdated, or an attempt to lock the account"
UNSEEN = "the client's packets were not captured: the password may be the same each time, an outdated one"
UNPROVEN = "the client's packets were not captured: it may have sent no password, or the same one each time"
TERMINALS = ("SSH", "Telnet")
FILES, DATABASES = ("SMB",), ("SQL Server", "MySQL", "PostgreSQL", "Redis", "MongoDB")


class Options(detector.Options):
    """When failures are guessing."""

    failures: int = Field(20, ge=2, description="threshold: failed logins of one client at one service")
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")
    hints: int = Field(
        6, ge=3, description="failed logins in that time that are reported with low severity: users stop earlier"
    )
    files: int = Field(10, ge=2, description="threshold for file servers (SMB)")
    files_s: int = Field(600, ge=10, le=3600, description="time window for file servers, in seconds")
    databases: int = Field(2, ge=2, description="threshold for databases, low severity until `failures` is reached")
    databases_s: int = Field(300, ge=10, le=3600, description="time window for databases, in seconds")
    terminals: int = Field(10, ge=5, description="threshold for terminals (SSH, Telnet): faster than a person types")
    terminals_s: int = Field(10, ge=1, le=60, description="time window for terminals, in seconds")
    slow: int = Field(60, ge=10, description="threshold of slow guessing: failed logins at any service")
    slow_s: int = Field(3600, ge=600, le=86400, description="time window of slow guessing, in seconds")


class _Limit(NamedTuple):
    """Thresholds of some services in addition to the general one."""

    most: int
    window_s: int
    refusals: FailedLogins
    severity: Severity


class PasswordGuessing(EventDetector):
    """Watches logins of all protocols that show the result."""

    title = "Password guessing"
    severity = Severity.medium
    techniques = ("T1110.001", "T1110")
    advice = (
        "Check whether one of the logins succeeded. Block the source if it is external, enable account lockout, and "
        "restrict the service to networks that need it."
    )
    false_positives = (
        "A program or device with an outdated password that is not in cleartext: always the same account, at a "
        "constant rate."
    )
    decisive = {
        "failures": "failures",
        "files": "failures",
        "databases": "failures",
        "terminals": "failures",
        "slow": "failures",
    }
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._ordinary = self.tables.include("ordinary", FailedLogins(want.window_s * SECOND))
        files = self.tables.include("files", FailedLogins(want.files_s * SECOND))
        databases = self.tables.include("databases", FailedLogins(want.databases_s * SECOND, explained=0))
        terminals = self.tables.include("terminals", FailedLogins(want.terminals_s * SECOND))
        self._special = {
            **dict.fromkeys(TERMINALS, _Limit(want.terminals, want.terminals_s, terminals, Severity.medium)),
            **dict.fromkeys(FILES, _Limit(want.files, want.files_s, files, Severity.medium)),
            **dict.fromkeys(DATABASES, _Limit(want.databases, want.databases_s, databases, Severity.low)),
        }
        self._slow = self.tables.include("slow", FailedLogins(want.slow_s * SECOND))
        self._accounts: Distinct[tuple[int, int, str], str] = self.tables.add(
            "accounts", Distinct(want.slow_s * SECOND)
        )
        # Client, service and account → servers that accepted it
        self._accepting: Distinct[tuple[int, str, str], int] = self.tables.add(
            "accepting", Distinct(want.slow_s * SECOND, values=ACCEPTING + 1)
        )
        # Client, server, service and the seal of a rejected password in cleartext.
        self._passwords: Recent[tuple[int, int, str, str]] = self.tables.add(
            "passwords", Recent(PASSWORDS_LIMIT, want.slow_s * SECOND)
        )
        self._unproven: Counts[tuple[int, int, str]] = self.tables.add("unproven", Counts(want.window_s * SECOND))
        self._repeated: Counts[tuple[int, int, str]] = self.tables.add("repeated", Counts(want.window_s * SECOND))
        # SSH client and server → flows with a rejected login
        self._sessions: Distinct[tuple[int, int, str], int] = self.tables.add(
            "sessions", Distinct(SESSIONS_S * SECOND, values=MANY_SESSIONS)
        )
        self._reported: Recent[tuple[object, ...]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, want.window_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {LoginAttempt: ~field("service").is_in(*ELSEWHERE)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or event.service in ELSEWHERE:
            return
        want, ts = self.options, event.ts
        if not event.proven:
            yield from self._without_guesses(event, self._unproven, UNPROVEN)
            return
        if event.seal and not event.accepted and not self._passwords.fresh((*event.pair, event.seal), ts):
            yield from self._without_guesses(event, self._repeated, REPEATED)
            return
        quick, slow = self._ordinary.count(event, ts), self._slow.count(event, ts)
        special = self._special.get(event.service)
        # Several keys of a client may be refused at once.
        count = special.refusals.count(event, ts) if special is not None and event.judged else 0
        if event.accepted:
            self._accepting.add(_account(event), event.server.address, ts)
            return
        ssh = event.service == SSH
        if ssh and self._sessions.add(event.pair, event.packet.flow, ts) >= MANY_SESSIONS:
            return
        if event.account:
            self._accounts.add(event.pair, event.account.lower(), ts)
        if quick >= want.failures:
            yield from self._alert(event, quick, want.failures, want.window_s, self.severity)
        elif special is not None and count >= special.most:
            yield from self._alert(event, count, special.most, special.window_s, special.severity)
        elif slow >= want.slow:
            known = self._known(event)
            severity = Severity.low if known else self.severity
            yield from self._alert(event, slow, want.slow, want.slow_s, severity, *known)
        elif quick >= want.hints and event.judged and not ssh:
            yield from self._alert(event, quick, want.hints, want.window_s, Severity.low)

    def _without_guesses(
        self, attempt: LoginAttempt, counts: Counts[tuple[int, int, str]], reason: str
    ) -> Iterator[Alert]:
        """Failures that may be those of a program without the right password: low severity, if they are fast."""
        want, count = self.options, counts.add(attempt.pair, attempt.ts)
        if count >= want.failures:
            yield from self._alert(attempt, count, want.failures, want.window_s, Severity.low, reason)

    def _known(self, attempt: LoginAttempt) -> tuple[str, ...]:
        """Why it may be an outdated password: other servers accept the account, and no other one is tried here; or
        account and password would be in cleartext, but are not captured.
        """
        packet = attempt.packet
        if packet.one_sided and packet.src == attempt.server.address and attempt.service != SSH:
            return (UNSEEN,)
        servers = {*self._accepting.values(_account(attempt))} - {attempt.server.address}
        if len(servers) < ACCEPTING or self._accounts.values(attempt.pair) != [attempt.account.lower()]:
            return ()
        return (f"the account is accepted by {some(list(map(text, sorted(servers))))}: the password may be outdated",)

    def _alert(
        self, attempt: LoginAttempt, count: int, most: int, window: int, severity: Severity, *reasons: str
    ) -> Iterator[Alert]:
        """Rate-limited for each pair and severity. ``reasons``: further ones."""
        if not self._reported.fresh((*attempt.pair, severity), attempt.ts):
            return
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        names = self._accounts.values(attempt.pair)
        doing = "were sent" if attempt.proven and not attempt.judged else "failed"
        outside = is_external(self.context, attempt.client, attempt.server)
        yield self.alert(
            attempt.origin,
            actor=attempt.client,
            target=attempt.server,
            summary=f"{client} guessed passwords of {attempt.service} on {server}, {count} attempts",
            why=(
                f"{count} logins {doing} within {window} s (threshold {most})",
                *reasons,
                *([f"accounts: {some(names)}"] if names else []),
                *(["the source is external: not a user of this network"] if outside else []),
            ),
            numbers={"failures": count, "threshold": most, "window_s": window, "accounts": len(names)},
            key=(attempt.server.address, attempt.service),
            severity=severity,
            confidence=0.9 if attempt.judged else 0.7,
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )


def _account(attempt: LoginAttempt) -> tuple[int, str, str]:
    return attempt.client.address, attempt.service, attempt.account.lower()
