"""Changes of directory entries: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.dns import DnsUpdate
from sensor.dissectors.ldap import LdapChange
from tests.detectors.call_stories import packet
from tests.detectors.stories import detector, inspected, one

CHANGE = "persistence.directory_change"
ACCOUNT = "CN=FILES,CN=Computers,DC=corp,DC=example"


def change(*attributes: str, name: str = ACCOUNT, operation: str = "modify", at: float = 0) -> Event:
    return LdapChange(packet(at), operation, name, attributes)


@pytest.mark.parametrize(
    ("attribute", "technique", "severity"),
    [
        ("msDS-KeyCredentialLink", "T1098", Severity.medium),
        ("msDS-AllowedToActOnBehalfOfOtherIdentity", "T1098", Severity.high),
        ("sIDHistory", "T1098", Severity.high),
        ("gPCMachineExtensionNames", "T1484.001", Severity.low),
        ("servicePrincipalName", "T1098", Severity.low),
        ("userAccountControl", "T1098", Severity.low),
        ("sAMAccountName", "T1098", Severity.low),
    ],
)
def test_what_is_written(attribute: str, technique: str, severity: Severity) -> None:
    """Each change has its technique; the case of the attribute does not matter."""
    [alert] = inspected(detector(CHANGE), [change(attribute)])
    assert (alert.techniques[0].technique, alert.severity) == (technique, severity)


def test_members_of_administrative_groups() -> None:
    """A member is added to a group that administers the domain; other groups, and new accounts, are quiet."""
    [alert] = inspected(detector(CHANGE), [change("member", name="CN=Domain Admins,CN=Users,DC=corp,DC=example")])
    assert (alert.techniques[0].technique, alert.severity) == ("T1098", Severity.medium)
    team = change("member", name="CN=Domain Admins Parking,CN=Users,DC=corp,DC=example")
    created = change("sAMAccountName", "userAccountControl", operation="add")
    assert inspected(detector(CHANGE), [team, created]) == []


def test_a_dns_record_that_lures_clients() -> None:
    """A wildcard or WPAD record is more severe than other DNS records."""
    zone = "DC=corp.example,CN=MicrosoftDNS,DC=DomainDnsZones,DC=corp,DC=example"
    graded = [
        inspected(detector(CHANGE), [change("objectClass", "dnsRecord", name=f"DC={host},{zone}", operation="add")])[0]
        for host in ("*", "wpad", "printer")
    ]
    assert [alert.severity for alert in graded] == [Severity.high, Severity.high, Severity.medium]
    assert {alert.techniques[0].technique for alert in graded} == {"T1557.001"}


def test_dns_updates_that_lure_clients() -> None:
    """An update that adds WPAD, or the wildcard of the zone, is reported; a host that registers its own name, and
    wildcards below other names, are not.
    """

    def added(*names: str) -> list[Severity]:
        update = DnsUpdate(packet(0), "corp.example", names)
        return [alert.severity for alert in inspected(detector(CHANGE), [update])]

    assert added("desk-14.corp.example", "wpad.corp.example") == [Severity.high]
    assert added("*.corp.example", "isatap.corp.example") == [Severity.high]
    assert added("*.corp.example") == [Severity.medium]
    assert added("desk-14.corp.example", "*.apps.corp.example", "_ldap._tcp.corp.example") == []
    assert added() == []


def test_benign_twins_are_quiet() -> None:
    """A telephone number, a new computer with its service names, and a removed entry raise no alert."""
    for event in (
        change("telephoneNumber", "mail"),
        change("objectClass", "sAMAccountName", "servicePrincipalName", operation="add"),
        change(operation="delete"),
    ):
        assert inspected(detector(CHANGE), [event]) == []


def test_repetition_is_one_finding() -> None:
    """Changes of the same attribute of many accounts are one alert."""
    assert one(inspected(detector(CHANGE), [change("sIDHistory", at=n) for n in range(20)]))
