"""Enumeration of LDAP directories: attack tools, many kinds of searches, many results; benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ldap import LdapSearch, LdapSearchDone
from tests.detectors.stories import START, World, detector, device, inspected, one
from tests.golden import Golden

DUMP = "discovery.ldap_dump"
CLIENT, DIRECTORY, BASE = "10.0.0.66", "10.0.0.5", "DC=corp,DC=example"
KINDS = (
    "(objectCategory=person)",
    "(objectClass=group)",
    "(samAccountType=805306369)",
    "(objectClass=trustedDomain)",
    "(objectClass=organizationalUnit)",
)


def packet(at: float, answer: bool = False) -> Packet:
    ends = {"src": parse(CLIENT), "dst": parse(DIRECTORY), "sport": 50000, "dport": 389}
    if answer:
        ends = {"src": ends["dst"], "dst": ends["src"], "sport": 389, "dport": 50000}
    return Packet(ts=START + int(at * SECOND), proto=6, **ends)


def search(
    filter_: str, at: float = 0, *, base: str = BASE, scope: str = "tree", attributes: tuple[str, ...] = ("cn",)
) -> Event:
    return LdapSearch(packet(at), base, scope, filter_, attributes)


def done(entries: int, filter_: str = "(objectClass=user)", at: float = 0, attributes: tuple[str, ...] = ()) -> Event:
    return LdapSearchDone(packet(at, True), BASE, "tree", filter_, attributes, 0, entries)


def reported(events: list[Event], world: World | None = None, **options: object) -> list[Alert]:
    return inspected(detector(DUMP, world, **options), events)


@pytest.mark.parametrize(
    ("filter_", "technique"),
    [
        ("(&(samAccountType=805306368)(servicePrincipalName=*)(!(samAccountName=krbtgt)))", "T1558.003"),
        ("(&(objectClass=user)(userAccountControl:1.2.840.113556.1.4.803:=4194304))", "T1558.004"),
        ("(msDS-AllowedToDelegateTo=*)", "T1087.002"),
        ("(&(objectCategory=computer)(ms-Mcs-AdmPwdExpirationTime=*))", "T1087.002"),
        ("(&(objectClass=user)(adminCount=1))", "T1069.002"),
    ],
)
def test_searches_that_help_an_attacker(golden: Golden, filter_: str, technique: str) -> None:
    alert = reported([search(filter_)])[0]
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(CLIENT),
        parse(DIRECTORY),
        Severity.medium,
    )
    assert alert.techniques[0].technique == technique
    golden(alert.key)


def test_passwords_of_local_administrators() -> None:
    """They are also requested by attribute: for all computers, not for one, and not their expiry alone."""
    everything = "(objectCategory=computer)"
    for attributes in (("cn", "ms-Mcs-AdmPwd"), ("msLAPS-EncryptedPassword",)):
        [alert] = reported([search(everything, attributes=attributes)] * 9)
        assert alert.severity == Severity.medium
        assert "LAPS" in alert.summary
    assert reported([search(everything, attributes=("cn", "ms-Mcs-AdmPwdExpirationTime"))]) == []
    assert reported([search("(&(objectCategory=computer)(cn=PC1))", attributes=("ms-Mcs-AdmPwd",))]) == []


def test_many_kinds_of_entries() -> None:
    """Four kinds of searches within minutes raise an alert; a request for access rights counts as one kind."""
    alert = one(reported([search(each, n) for n, each in enumerate(KINDS)]))
    assert (alert.severity, alert.numbers["kinds"], alert.techniques[0].technique) == (Severity.medium, 4, "T1087.002")
    assert (
        reported([search(each, n) for n, each in enumerate(KINDS)], World(device("printer", CLIENT)))[0].severity
        == Severity.high
    )
    wide = [search(each, n, attributes=("nTSecurityDescriptor", "cn")) for n, each in enumerate(KINDS[:3])]
    assert one(reported(wide)).numbers["kinds"] == 4


def test_much_was_found() -> None:
    """Many results are low, since synchronization services get as many; for a device they are high."""
    alert = one(reported([done(600), done(600, at=10)]))
    assert (alert.severity, alert.numbers["entries"], alert.actor.address) == (Severity.low, 1200, parse(CLIENT))
    assert one(reported([done(1500)], World(device("camera", CLIENT)))).severity == Severity.high


@pytest.mark.parametrize(
    "events",
    [
        [search("(&(objectCategory=person)(objectClass=user)(sAMAccountName=anna))"), done(1)],
        [search(each, n * 3600) for n, each in enumerate(KINDS)],
        [search("(objectClass=*)", base="", scope="base"), search("(objectClass=*)", scope="base")],
        [
            search("(&(objectClass=computer)(servicePrincipalName=HOST/pc7.corp.example))"),
            search("(servicePrincipalName=*/pc7)"),
        ],
        [search(f"(&(objectClass=user)(mail=a{n}*))", n) for n in range(60)],
        [done(1, "(&(objectClass=user)(uid=anna))", n) for n in range(2000)],
        [search("(objectClass=printQueue)"), search("(objectClass=nTDSDSA)"), done(300)],
    ],
)
def test_ordinary_searches_are_quiet(events: list[Event]) -> None:
    """A login, occasional searches, the root DSE, one computer, an address book, many single users, printers and
    servers raise no alert.
    """
    assert reported(events) == []


def test_those_who_may_are_reported_low() -> None:
    story = [search(each, n) for n, each in enumerate((*KINDS, "(adminCount=1)"))]
    assert {alert.severity for alert in reported(story, managers=("10.0.0.66",))} == {Severity.low}
    controller = device("server", CLIENT)
    controller.roles = frozenset(("domain_controller",))
    assert {alert.severity for alert in reported(story, World(controller))} == {Severity.low}


def test_repetition_is_one_finding() -> None:
    assert len(reported([search("(adminCount=1)", n) for n in range(500)])) == 1
    assert len(reported([search(KINDS[n % 5], n) for n in range(500)])) == 2
