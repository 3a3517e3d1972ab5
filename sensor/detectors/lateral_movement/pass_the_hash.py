"""Pass the hash: an account of other hosts logs in over NTLM from one that never used it, as with a stolen hash, since
no password is entered.

Learned are the hosts of each account, whether it uses Kerberos, and the workstation names in NTLM. A new host alone is
a user at another desk; it is reported only with a sign of a tool: an account that always used Kerberos does not (low
alone, as a server addressed by IP causes it too), or an empty or different workstation name. Both together are medium.
A remote desktop in restricted administration mode needs a hash only: a weak indication, as administrators use it too.
Earlier logins are not kept across a restart; the learning period begins again.
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
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import DAY, HOUR
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.kerberos import ends, is_machine
from sensor.dissectors.kerberos import KerberosAsReply
from sensor.dissectors.rdp import RdpRequest
from sensor.dissectors.shared.smb_events import SmbLoginResult

ACCOUNTS_LIMIT, HOMES_LIMIT, REPORTED_LIMIT = 16384, 32, 4096
NTLM = frozenset(("ntlmv2", "ntlmv1", "ntlmv1-ess", "lm"))
KERBEROS = "Kerberos"


class Options(detector.Options):
    """Learning period and exemptions."""

    learn_h: float = Field(24, ge=0, le=2160, description="learning period in hours")
    memory_d: int = Field(30, ge=1, le=365, description="days for which the host of an account is remembered")
    exempt: tuple[str, ...] = Field((), description="accounts that are used from many hosts")


class PassTheHash(EventDetector):
    """Watches successful logins at file servers and KDCs."""

    title = "Pass-the-hash"
    severity = Severity.medium
    techniques = ("T1550.002",)
    advice = (
        "Ask the owner of the account whether they use that host. If not, isolate it, change the password, and look "
        "for credential theft on the hosts of the account. Put administrators into the Protected Users group, which "
        "cannot use NTLM."
    )
    false_positives = (
        "An administrator at a new host who addresses the server by IP; programs with another workstation name than "
        "the system."
    )
    Options = Options
    watches = (SmbLoginResult, KerberosAsReply, RdpRequest)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        memory = self.options.memory_d * DAY
        self._since = 0
        # Account → hosts from which it logs in.
        self._homes: Distinct[str, str] = self.tables.add("hosts", Distinct(memory, ACCOUNTS_LIMIT, HOMES_LIMIT))
        # Account → its authentication methods.
        self._ways: Distinct[str, str] = self.tables.add("methods", Distinct(memory, ACCOUNTS_LIMIT, 2))
        # Host → accounts.
        self._users: Distinct[str, str] = self.tables.add("users", Distinct(memory, ACCOUNTS_LIMIT, HOMES_LIMIT))
        # Host → its workstation names.
        self._names: Distinct[str, str] = self.tables.add("names", Distinct(memory, ACCOUNTS_LIMIT, HOMES_LIMIT))
        self._reported: Recent[tuple[str, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, DAY))
        self._exempt = frozenset(name.lower() for name in self.options.exempt)

    def wants(self) -> dict[type[Event], Want]:
        succeeded = ~field("status").filled() & ~field("guest").filled()
        return {
            SmbLoginResult: succeeded & field("method").is_in(*NTLM),
            RdpRequest: field("restricted").filled(),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, KerberosAsReply):
            client, _, _ = ends(event)
            self._learn(event, client, event.client, KERBEROS)
        elif isinstance(event, RdpRequest):
            if event.restricted and self._reported.fresh((str(event.packet.src), str(event.packet.dst)), event.ts):
                yield self._restricted(event)
        elif isinstance(event, SmbLoginResult) and not event.status and not event.guest:
            client, _, _, _ = ends_of(event.packet, answer=True)
            if event.method in NTLM:
                yield from self._evaluate(event, client)
                self._learn(event, client, event.user, "NTLM", event.workstation)

    def _learn(self, event: Event, client: Subject, user: str, way: str, name: str = "") -> None:
        account, machine, ts = _account(user), self._machine(client), event.ts
        if not account or is_machine(account):
            return
        self._since = self._since or ts
        self._homes.add(account, machine, ts)
        self._ways.add(account, way, ts)
        self._users.add(machine, account, ts)
        if name:
            self._names.add(machine, name.lower(), ts)

    def _evaluate(self, event: SmbLoginResult, client: Subject) -> Iterator[Alert]:
        account, machine = _account(event.user), self._machine(client)
        if (
            not account
            or is_machine(account)
            or account in self._exempt
            or not self._since
            or event.ts - self._since < self.options.learn_h * HOUR
        ):
            return
        homes = self._homes.values(account)
        if not homes or machine in homes or not self._users.values(machine):
            return
        signs = self._signs(event, account, machine)
        if signs and self._reported.fresh((account, machine), event.ts):
            yield self._found(event, client, homes, signs)

    def _signs(self, event: SmbLoginResult, account: str, machine: str) -> list[str]:
        """Signs of a tool."""
        signs, names = [], self._names.values(machine)
        if self._ways.values(account) == [KERBEROS]:
            signs.append(f"{event.user} always used Kerberos, and now NTLM, for which a hash is enough")
        if names and event.workstation.lower() not in names:
            called = f"{event.workstation!r}" if event.workstation else "empty"
            signs.append(f"the workstation name is {called}, earlier {some(names)}")
        return signs

    def _restricted(self, event: RdpRequest) -> Alert:
        client, server, near, far = ends_of(event.packet)
        return self.alert(
            event,
            actor=client,
            target=server,
            summary=(
                f"{who(self.context, client)} requested a remote desktop of {who(self.context, server)} in restricted "
                "administration mode"
            ),
            why=("in this mode the server gets no password: the hash of one is enough",),
            numbers={"signs": 1, "threshold": 1},
            key=(server.address, "rdp"),
            severity=Severity.low,
            confidence=0.4,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, event.packet, "rdp"),
            techniques=("T1550.002", "T1021.001"),
        )

    def _machine(self, client: Subject) -> str:
        """The most permanent identifier of a host."""
        device = self.context.device(client)
        return device.id if device is not None else str(client.address)

    def _found(self, event: SmbLoginResult, client: Subject, homes: list[str], signs: list[str]) -> Alert:
        _, server, near, far = ends_of(event.packet, answer=True)
        severe = len(signs) > 1
        watched = (event.ts - self._since) / HOUR
        return self.alert(
            event,
            actor=client,
            target=server,
            summary=(
                f"{who(self.context, client)} logged in to {who(self.context, server)} as {event.user} for "
                "the first time from there"
            ),
            why=(
                (
                    f"in {watched:.0f} h the account logged in from {len(homes)} other hosts, and this host with "
                    "other accounts"
                ),
                *signs,
            ),
            numbers={
                "signs": len(signs),
                "threshold": 1,
                "watched_h": round(watched, 1),
                "threshold_h": self.options.learn_h,
                "machines": len(homes),
            },
            key=(server.address, _account(event.user)),
            severity=self.severity if severe else Severity.low,
            confidence=0.7 if severe else 0.4,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, event.packet, "smb", answer=True),
        )


def _account(user: str) -> str:
    """The name of an account without its domain, which NTLM and Kerberos write differently."""
    return user.lower().partition("@")[0]
