"""Password spraying and user enumeration: one client tries many accounts with few attempts each, so that none is
locked; or queries a directory for user names.

Counted by client and service over accounts whose login failed. Unknown user names count double: users mistype their
password, rarely their name. The same account at many servers is spraying too, and so are failed SSH logins at many
servers, whose accounts are encrypted. If the answers of a directory, a mail, file or web server are not captured, and
in web forms, the same password for many accounts counts: users choose different ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.derived.logins import KERBEROS, LoginAttempt
from sensor.detectors.shared.hosts import Numbers, who
from sensor.detectors.shared.kerberos import is_machine
from sensor.detectors.shared.logins import network

REPORTED_LIMIT = 4096
# Share of unknown accounts from which on accounts are searched, not passwords.
ENUMERATED = 0.8
SEALED = "SSH"  # encrypted: the account is unknown
SHARED = "the results are unknown; only accounts count for which the client sent the password of another account"
UNJUDGED = (
    "no answers were captured; an account is treated as rejected if the client left it without sending proof of "
    "the password"
)


class Options(detector.Options):
    """When failures of many accounts are spraying."""

    accounts: int = Field(
        10, ge=3, description="threshold: accounts with failed logins of one client; unknown accounts count double"
    )
    hosts: int = Field(10, ge=3, description="threshold: servers with failed logins of one client as the same account")
    window_s: int = Field(600, ge=60, le=86400, description="time window in seconds")
    tries: float = Field(4.0, ge=1, description="maximum number of failures per account; more are password guessing")
    share: float = Field(0.5, gt=0, le=1, description="minimum share of failed accounts among all of the client")


class PasswordSpraying(EventDetector):
    """Watches logins of all protocols that show the result."""

    title = "Password spraying"
    severity = Severity.high
    techniques = ("T1110.003", "T1110")
    advice = (
        "Identify the program on the source. Change the passwords of the users it logged in as, review "
        "their logins since, and ban common passwords."
    )
    false_positives = (
        "A terminal server or mail gateway through which many users log in, after a change of "
        "passwords; a vulnerability scanner; a load test of a web page whose test accounts have one password."
    )
    decisive = {"hosts": "hosts"}
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._failed: Distinct[tuple[int, str], str] = self.tables.add("failed", Distinct(window))
        self._unknown: Distinct[tuple[int, str], str] = self.tables.add("unknown", Distinct(window))
        self._right: Distinct[tuple[int, str], str] = self.tables.add("right", Distinct(window))
        self._hosts: Distinct[tuple[int, str, str], int] = self.tables.add("hosts", Distinct(window))
        self._tries: Counts[tuple[int, str]] = self.tables.add("tries", Counts(window))
        self._reported: Recent[tuple[int, str, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        judged = field("judged").filled() | (field("service") == KERBEROS) | field("shared").filled()
        return {LoginAttempt: (field("account").filled() | (field("service") == SEALED)) & judged}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or is_machine(event.account):
            return
        if not event.judged and event.service != KERBEROS and not event.shared:
            return
        if not event.account:
            if event.service == SEALED and not event.accepted:
                yield from self._sealed(event)
            return
        who_where, account, ts = (event.client.address, event.service), event.account.lower(), event.ts
        if event.accepted:
            self._right.add(who_where, account, ts)
            return
        tries, failed = self._tries.add(who_where, ts), self._failed.add(who_where, account, ts)
        unknown = self._unknown.add(who_where, account, ts) if event.unknown else len(self._unknown.values(who_where))
        hosts = self._hosts.add((*who_where, account), event.server.address, ts)
        want = self.options
        if (
            failed + min(unknown, failed) >= want.accounts
            and failed >= want.accounts / 2
            and tries <= want.tries * failed
        ):
            yield from self._enumeration(event, unknown, tries)
        elif hosts >= want.hosts and self._reported.fresh((*who_where, account), ts):
            yield self._hosts_reported(event, hosts)

    def _sealed(self, attempt: LoginAttempt) -> Iterator[Alert]:
        """The account is unknown: counts only the servers that rejected the client."""
        key = (attempt.client.address, attempt.service, "")
        hosts = self._hosts.add(key, attempt.server.address, attempt.ts)
        if hosts >= self.options.hosts and self._reported.fresh(key, attempt.ts):
            yield self._hosts_reported(attempt, hosts)

    def _enumeration(self, attempt: LoginAttempt, unknown: int, tries: int) -> Iterator[Alert]:
        """Reported unless most accounts then logged in, as users who mistyped do."""
        want, key = self.options, (attempt.client.address, attempt.service)
        right = self._right.values(key)
        failed = [account for account in self._failed.values(key) if account not in right]
        if len(failed) + min(unknown, len(failed)) < want.accounts or len(failed) < want.share * (
            len(failed) + len(right)
        ):
            return
        if not self._reported.fresh((*key, "accounts"), attempt.ts):
            return
        count = len(failed)
        why = (
            (
                f"logins of {count} accounts failed within {want.window_s} s, {unknown} of them unknown "
                f"accounts, which count double (threshold {want.accounts})"
            ),
            f"{tries} attempts in total: {some(failed)}",
            *([f"accounts with a successful login: {some(right)}"] if right else []),
            *([] if attempt.judged else [SHARED if attempt.shared else UNJUDGED]),
        )
        numbers: Numbers = {
            "accounts": count,
            "unknown": unknown,
            "tries": tries,
            "threshold": want.accounts,
            "window_s": want.window_s,
        }
        summary = (
            f"{who(self.context, attempt.client)} attempted logins with {count} accounts to "
            f"{attempt.service} on {who(self.context, attempt.server)}"
        )
        made = self._made(attempt, summary, why, numbers, (attempt.service,), (attempt.server.address,))
        if unknown >= ENUMERATED * count:  # few or no passwords were tried
            made.techniques = (TECHNIQUES["T1087.002"], *made.techniques)
        yield made

    def _hosts_reported(self, attempt: LoginAttempt, hosts: int) -> Alert:
        want = self.options
        servers = self._hosts.values((attempt.client.address, attempt.service, attempt.account.lower()))
        why = (
            f"{hosts} servers rejected the login within {want.window_s} s (threshold {want.hosts})",
            f"including {some([text(server) for server in servers])}",
        )
        account = f" as {attempt.account}" if attempt.account else ""
        summary = f"{who(self.context, attempt.client)} attempted {attempt.service} logins{account} on {hosts} servers"
        numbers: Numbers = {"hosts": hosts, "threshold": want.hosts, "window_s": want.window_s}
        return self._made(attempt, summary, why, numbers, (attempt.service, attempt.account.lower()), tuple(servers))

    def _made(
        self,
        attempt: LoginAttempt,
        summary: str,
        why: tuple[str, ...],
        numbers: Numbers,
        key: tuple[str, ...],
        servers: tuple[int, ...],
    ) -> Alert:
        return self.alert(
            attempt.origin,
            actor=attempt.client,
            target=attempt.server,
            targets=(
                attempt.server,
                *(
                    attempt.server._replace(mac=0, address=server)
                    for server in servers
                    if server != attempt.server.address
                ),
            ),
            summary=summary,
            why=why,
            numbers=numbers,
            key=key,
            severity=self.severity if attempt.judged else Severity.medium,
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )
