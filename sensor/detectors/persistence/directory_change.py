"""Entries of a directory are changed as intruders do to keep or gain access: keys and delegation of accounts, service
names, DNS records (over LDAP, and in DNS updates), group policies, members of administrative groups.

Which attributes are written is all that is read. Administration tools write some of them too; shadow credentials and
resource-based delegation are rare even there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, quoted
from sensor.dissectors.dns import DnsUpdate
from sensor.dissectors.ldap import LdapChange


class Action(NamedTuple):
    """Effect of writing an attribute, and the technique."""

    what: str
    technique: str
    severity: Severity
    confidence: float


# Attributes in lower case ([MS-ADA1], [MS-ADA2], [MS-ADA3]).
ACTIONS = {
    "msds-keycredentiallink": Action("added a key to an account (shadow credentials) on", "T1098", Severity.medium,
    0.6),
    "msds-allowedtoactonbehalfofotheridentity": Action("granted resource-based delegation on", "T1098", Severity.high,
    0.85),
    "msds-allowedtodelegateto": Action("granted constrained delegation on", "T1098", Severity.medium, 0.6),
    "sidhistory": Action("wrote the SID history of an account on", "T1098", Severity.high, 0.85),
    "serviceprincipalname": Action("wrote service principal names on", "T1098", Severity.low, 0.4),
    "ntsecuritydescriptor": Action("wrote the permissions of an entry on", "T1098", Severity.low, 0.5),
    "gplink": Action("linked a group policy on", "T1484.001", Severity.low, 0.5),
    "gpcmachineextensionnames": Action("changed a group policy on", "T1484.001", Severity.low, 0.6),
    "gpcuserextensionnames": Action("changed a group policy on", "T1484.001", Severity.low, 0.6),
    "useraccountcontrol": Action("changed the options of an account on", "T1098", Severity.low, 0.4),
    "samaccountname": Action("renamed an account on", "T1098", Severity.low, 0.4),
    "scriptpath": Action("set a logon script on", "T1098", Severity.medium, 0.6),
}  # fmt: skip
# Written when an account is created; a host that joins a domain, and a domain controller, write their own names.
OWN = frozenset(("serviceprincipalname", "useraccountcontrol", "samaccountname"))
# Groups whose members administer the domain or can become administrators.
GROUPS = tuple(
    f"cn={name},"
    for name in (
        "domain admins", "enterprise admins", "schema admins", "administrators", "account operators",
        "backup operators", "server operators", "dnsadmins", "group policy creator owners", "key admins",
        "enterprise key admins", "organization management", "exchange windows permissions",
    )
)  # fmt: skip
MEMBER = "member"
ADMITTED = Action("added a member to an administrative group on", "T1098", Severity.medium, 0.6)
DNS_ZONES, DNS_RECORD = "cn=microsoftdns", "dnsrecord"
WRITTEN = frozenset((*ACTIONS, DNS_RECORD, MEMBER))
# Names that clients look up to find a proxy, and wildcard records (RFC 4592).
REDIRECTS = ("dc=wpad,", "dc=*,", "dc=isatap,")
PROXIES, WILDCARD = ("wpad.", "isatap."), "*."


class DirectoryChange(CallDetector):
    """Watches entries that are added or modified over LDAP, and DNS updates."""

    title = "Directory entry changed to gain or keep access"
    severity = Severity.medium
    techniques = ("T1098", "T1484.001", "T1557.001")
    advice = (
        "Ask who administers the directory from this host. If no one does, look up the change in the security log of "
        "the domain controller (events 5136, 5137), revert it, and isolate the actor."
    )
    false_positives = (
        "Directory administration, Windows Hello for Business and certificate services that write keys, and the setup "
        "of services; controllers that register wildcard names (Kubernetes): add their hosts to `managers`."
    )
    watches = (LdapChange, DnsUpdate)

    def wants(self) -> dict[type[Event], Want]:
        return {
            LdapChange: field("operation").is_in("add", "modify")
            & field("attributes").passes(lambda names: any(name.lower() in WRITTEN for name in names)),
            DnsUpdate: field("added").passes(
                lambda names: any(name.startswith((*PROXIES, WILDCARD)) for name in names)
            ),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DnsUpdate):
            yield from self._updated(event)
        if not isinstance(event, LdapChange) or event.operation not in ("add", "modify"):
            return
        written = [name.lower() for name in event.attributes]
        entry = event.name.lower()
        if DNS_RECORD in written and DNS_ZONES in entry:
            yield self._record(event, entry.startswith(REDIRECTS))
            return
        for name in written:
            action = ACTIONS.get(name) if name != MEMBER else ADMITTED if entry.startswith(GROUPS) else None
            if action is not None and not (event.operation == "add" and name in OWN):
                yield self._made(event, action, f"{event.operation} of {name} in {event.name!r}")

    def _record(self, event: LdapChange, redirects: bool) -> Alert:
        """Every user may add DNS records to Active Directory, which are then resolved for all clients."""
        action = Action(
            "added a DNS record through LDAP on", "T1557.001", Severity.high if redirects else Severity.medium, 0.85
        )
        return self._made(
            event, action, f"{event.operation} of {event.name!r}: hosts register with DNS updates, not here"
        )

    def _updated(self, event: DnsUpdate) -> Iterator[Alert]:
        """Records for the wildcard of a whole zone, or for names that clients look up by themselves."""
        names = [name for name in event.added if name == WILDCARD + event.zone or name.startswith(PROXIES)]
        if names:
            severity = Severity.high if any(name.startswith(PROXIES) for name in names) else Severity.medium
            action = Action("added a DNS record that redirects clients on", "T1557.001", severity, 0.7)
            yield self._made(event, action, f"an update of the zone {event.zone} adds {quoted(names)}", "dns")

    def _made(self, event: Event, action: Action, reason: str, app: str = "ldap") -> Alert:
        return self.call_alert(
            event,
            action.what,
            (reason,),
            key=(action.what,),
            severity=action.severity,
            confidence=action.confidence,
            techniques=(action.technique,),
            app=app,
        )
