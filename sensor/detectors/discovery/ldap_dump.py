"""LDAP reconnaissance: broad searches of a directory for whole classes of entries, for attributes useful to attackers,
or for very many entries.

Programs search for one user, group or host, and a few attributes. Three signs: a search that only attackers and
auditors make, several broad searches for different classes within minutes, and a broad search with a very large result.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import Numbers, ends_of, is_fixed_function
from sensor.dissectors.ldap import LdapSearch, LdapSearchDone

REPORTED_LIMIT = 4096


class SearchPurpose(NamedTuple):
    """Purpose of a search. ``severe``: ordinary work never needs it."""

    what: str
    pattern: re.Pattern[str]
    technique: str
    severe: bool = False


def _aim(what: str, pattern: str, technique: str, severe: bool = False) -> SearchPurpose:
    return SearchPurpose(what, re.compile(pattern, re.IGNORECASE), technique, severe)


# Bits of userAccountControl: 4194304 no pre-authentication, 524288 unconstrained delegation, 65536 password never
# expires, 32 no password required ([MS-ADTS] 2.2.16). 805306368 are users, 805306369 computers, 268435456 and 268435457
# groups (2.2.52).
_BIT = r"userAccountControl:1\.2\.840\.113556\.1\.4\.80[34]:="
PASSWORDS = _aim(
    "local administrator passwords (LAPS)", r"(?:ms-?mcs-?admpwd\w*|msLAPS-\w+)=\*", "T1087.002", severe=True
)
AIMS = (
    _aim("accounts with service principal names (Kerberoasting)", r"servicePrincipalName=\*\)", "T1558.003", True),
    _aim("accounts without pre-authentication (AS-REP roasting)", _BIT + r"4194304\)", "T1558.004", True),
    _aim("accounts with delegation", _BIT + (
        r"(?:524288|16777216)\)|msDS-AllowedTo(?:DelegateTo|ActOnBehalfOfOtherIdentity)=\*"
    ), "T1087.002", True),
    _aim("accounts that require no password", _BIT + r"32\)", "T1087.002", True),
    PASSWORDS,
    _aim("administrators", r"adminCount(?:>?=1|=\*)\)", "T1069.002", True),
    _aim("trusts", r"objectClass=trustedDomain\)", "T1482"),
    _aim("groups", r"(?:objectClass|objectCategory)=(?:group|CN=Group,[^)]*)\)|samAccountType=26843545[67]\)",
    "T1069.002"),
    _aim("computers", (
        r"(?:objectClass|objectCategory)=(?:computer|CN=Computer,[^)]*)\)|samAccountType=805306369\)"
    ), "T1018"),
    _aim("users", (
        r"(?:objectClass|objectCategory)=(?:user|person|inetOrgPerson|posixAccount|CN=Person,[^)]*)\)|"
        r"samAccountType=805306368\)"
    ), "T1087.002"),
    _aim("organizational units and policies", (
        r"(?:objectClass|objectCategory)=(?:organizationalUnit|groupPolicyContainer|container|domain)\)"
    ), "T1087.002"),
    _aim("everything", r"^\(objectClass=\*\)$|^\((?:cn|name|uid|objectGUID|objectSid|distinguishedName)=\*\)$",
    "T1087.002"),
)  # fmt: skip
# A condition on one entry: a search with it is not broad.
_ONE = lazy_pattern(
    r"(?<!!)\((?:cn|sn|uid|name|givenName|displayName|mail|sAMAccountName|userPrincipalName|dNSHostName|"
    r"distinguishedName|objectSid|objectGUID|member|memberUid|proxyAddresses|mailNickname|legacyExchangeDN|anr|"
    r"telephoneNumber|uidNumber|gidNumber|servicePrincipalName|krbPrincipalName)~?=[^*)]+[^)]*\)",
    re.IGNORECASE,
)
_SECURITY = "ntsecuritydescriptor"
# Attributes with passwords of local administrators, not those with their expiry.
_LAPS = frozenset(("ms-mcs-admpwd", "mslaps-password", "mslaps-encryptedpassword"))
BROAD = ("tree", "one")


class Options(CallOptions):
    """When searches are reconnaissance."""

    kinds: int = Field(
        4, ge=2, le=len(AIMS), description="threshold: classes of entries that one client searched for as a whole"
    )
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    entries: int = Field(1000, ge=10, description="threshold: entries returned to broad searches of one client")


class LdapDump(CallDetector):
    """Watches searches and their results."""

    title = "LDAP reconnaissance (domain enumeration)"
    severity = Severity.medium
    techniques = ("T1087.002", "T1069.002", "T1018")
    advice = (
        "Ask who works on the source and with which tool: BloodHound and similar tools search like this. Look for new "
        "sessions of the accounts it found, and give service accounts long passwords."
    )
    false_positives = "User synchronization, audits, administration tools: add their hosts to `managers`."
    decisive = {"kinds": "kinds", "entries": "entries"}
    Options = Options
    watches = (LdapSearch, LdapSearchDone)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._kinds: Distinct[tuple[int, int], str] = self.tables.add("kinds", Distinct(window))
        self._entries: Counts[tuple[int, int]] = self.tables.add("entries", Counts(window))
        self._reported: Recent[tuple[object, ...]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        broad = field("scope").is_in(*BROAD) & field("base").filled() & field("filter").passes(aims_of)
        return {LdapSearch: broad, LdapSearchDone: broad}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if (
            not isinstance(event, LdapSearch)
            or event.scope not in BROAD
            or not event.base
            or not (aims := aims_of(event.filter))
        ):
            return
        if isinstance(event, LdapSearchDone):
            yield from self._found(event)
            return
        severe = [aim for aim in aims if aim.severe]
        if not _LAPS.isdisjoint(attribute.lower() for attribute in event.attributes):
            severe.append(PASSWORDS)
        for aim in severe:
            yield from self._aim_alert(event, aim)
        yield from self._broad(event, aims)

    def _aim_alert(self, event: LdapSearch, aim: SearchPurpose) -> Iterator[Alert]:
        """A search that is useful to an attacker. A domain controller or a management host may send it."""
        if not self._reported.fresh((*pair_of(event.packet), aim.what), event.ts):
            return
        why = (
            f"the filter {event.filter[:160]!r} or the attributes {some(list(event.attributes))} request {aim.what}"
            if event.attributes
            else f"the filter {event.filter[:160]!r} requests {aim.what}",
            f"scope: {'whole subtree' if event.scope == 'tree' else 'one level'} of {event.base!r}",
        )
        techniques = tuple(dict.fromkeys((aim.technique, "T1087.002")))
        grade = self._grade(ends_of(event.packet).actor)
        yield self.call_alert(
            event,
            f"searched for {aim.what} on",
            why,
            key=(aim.what,),
            severity=grade,
            confidence=0.8,
            techniques=techniques,
            app="ldap",
        )

    def _broad(self, event: LdapSearch, aims: tuple[SearchPurpose, ...]) -> Iterator[Alert]:
        pair, want, kinds = pair_of(event.packet), self.options, 0
        wide = _SECURITY in [attribute.lower() for attribute in event.attributes]
        for aim in aims:
            kinds = self._kinds.add(pair, aim.what, event.ts)
        if wide:
            kinds = self._kinds.add(pair, "their access rights", event.ts)
        if kinds < want.kinds or not self._reported.fresh((*pair, "kinds", kinds), event.ts):
            return
        requested = self._kinds.values(pair)
        why = (
            f"broad searches for {some(requested, 8)} within {want.window_s} s (threshold {want.kinds} classes)",
            f"last filter: {event.filter[:160]!r}",
        )
        numbers: Numbers = {"kinds": kinds, "threshold": want.kinds}
        grade = self._grade(ends_of(event.packet).actor)
        yield self.call_alert(
            event,
            f"enumerated {kinds} classes of directory entries on",
            why,
            numbers,
            key=("kinds",),
            severity=grade,
            app="ldap",
        )

    def _grade(self, actor: Subject) -> Severity | None:
        """Severity by actor. Domain controllers search each other's directories; fixed-function devices
        never search.
        """
        if self.is_controller(actor):
            return Severity.low
        return Severity.high if is_fixed_function(self.context, actor) else None

    def _found(self, event: LdapSearchDone) -> Iterator[Alert]:
        """A very large result: synchronizing services have it every night as well, so it is a weak indication."""
        pair, want = pair_of(event.packet, answer=True), self.options
        entries = self._entries.add(pair, event.ts, event.entries)
        if entries < want.entries or not self._reported.fresh((*pair, "entries"), event.ts):
            return
        actor = ends_of(event.packet, answer=True).actor
        wide = not event.attributes or "*" in event.attributes
        why = (
            f"{entries} entries returned to broad searches within {want.window_s} s (threshold {want.entries})",
            (
                f"{'all attributes' if wide else f'{len(event.attributes)} attributes'} requested with the "
                f"filter {event.filter[:160]!r}"
            ),
        )
        grade = Severity.high if is_fixed_function(self.context, actor) else Severity.low
        yield self.call_alert(
            event, f"read {entries} entries from", why, {"entries": entries, "threshold": want.entries},
            key=("entries",), severity=grade, answer=True,
            confidence=0.7 if wide else 0.6, app="ldap",
        )  # fmt: skip


@functools.lru_cache(maxsize=1024)
def aims_of(text: str) -> tuple[SearchPurpose, ...]:
    """Purposes of a broad filter; cached, since programs repeat the same filters."""
    return () if _ONE.search(text) else tuple(aim for aim in AIMS if aim.pattern.search(text))
