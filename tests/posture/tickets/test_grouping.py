"""From weaknesses to tickets: one fix, one ticket, over all device types."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.policy import Policy
from sensor.posture.weakness import Fix
from tests.golden import Golden
from tests.posture.tickets.made import NOW, PROOF, cve, node, setting, site, update

UNKNOWN = Fix(
    "version|Axis|P3265", "Determine the firmware version of Axis P3265", "Look at the device.", "The sensor sees it."
)


def test_one_fix_is_one_ticket_over_all_classes_of_device(golden: Golden) -> None:
    """Telnet on a camera, a printer, a phone and a server is one ticket with the steps of each vendor and the evidence
    of each device.
    """
    nodes = [
        node(1),
        node(2, "printer", vendor="HP"),
        node(3, "voip_phone", vendor="Cisco"),
        node(4, "server", vendor=""),
    ]
    [ticket] = tickets_of(site(nodes, [setting(one.id) for one in nodes]), Policy())
    assert [one.type for one in ticket.devices] == ["camera", "printer", "voip_phone", "server"]
    assert ticket.types == ("camera", "printer", "server", "voip_phone")
    golden(ticket.steps)
    assert (ticket.kind, ticket.names, ticket.why) == ("setting", ("telnet",), ("Telnet shows passwords.",))
    assert all(one.proof == PROOF for one in ticket.devices)
    assert ticket.devices[0].evidence == "2026-11-24T09:14:07Z, telnet.login, login: prompt"


def test_a_version_is_a_ticket_with_all_its_cves(golden: Golden) -> None:
    """Two CVEs of one firmware on two cameras are one update; another version of the product is another ticket."""
    other = update("P3265", "9.80.1")
    found = [cve("dev-1"), cve("dev-1", "CVE-2024-1", 71.5), cve("dev-2"), cve("dev-3", fix=other)]
    first, second = tickets_of(site([node(1), node(2), node(3, firmware="9.80.1")], found), Policy())
    assert (first.title, first.kind, first.names) == (
        "Update P3265 from 10.12.3",
        "update",
        ("CVE-2024-1", "CVE-2023-21413"),
    )
    assert [(one.id, one.names) for one in first.devices] == [
        ("dev-1", ("CVE-2024-1", "CVE-2023-21413")),
        ("dev-2", ("CVE-2023-21413",)),
    ]
    golden(first.steps)
    golden(first.why[0])
    assert second.title == "Update P3265 from 9.80.1"


@pytest.mark.parametrize(
    ("known", "product"),
    [
        ({"vendor": "HP", "model": "HP LaserJet M479", "firmware": "2.1"}, "HP LaserJet M479 2.1"),
        ({"vendor": "HP", "model": "LaserJet M479", "firmware": ""}, "HP LaserJet M479"),
        ({"vendor": "", "model": "", "firmware": "2.1"}, "2.1"),
        ({"vendor": "HP", "model": "", "firmware": "2.1"}, "HP 2.1"),
        ({"vendor": "", "model": "", "firmware": ""}, ""),
    ],
)
def test_a_product_has_its_vendor_once(known: dict[str, str], product: str) -> None:
    """Many models begin with the name of their vendor."""
    [ticket] = tickets_of(site([node(1, "printer", **known)], [setting("dev-1")]), Policy())
    assert [one.product for one in ticket.devices] == [product]


def test_points_and_severity_are_those_of_the_most_severe_and_report_whose(golden: Golden) -> None:
    """The ticket contains the calculation of its points; the priority follows from them."""
    tickets = tickets_of(
        site(
            [node(1), node(2)],
            [cve("dev-1"), cve("dev-2", "CVE-2024-1", 71.5), setting("dev-1"), setting("dev-2", Severity.high)],
        ),
        Policy(),
    )
    assert [(one.priority, one.severity.name, one.points) for one in tickets] == [
        ("P1", "high", 71.5),
        ("P2", "high", 55.0),
    ]
    golden(tickets[0].reckoned)


def test_ids_are_of_the_fix_alone() -> None:
    """More devices, other points or CVEs, and another day do not change the id."""
    [before] = tickets_of(site([node(1)], [cve("dev-1")]), Policy())
    [after] = tickets_of(
        site([node(5), node(6)], [cve("dev-5", "CVE-2099-1", 3.0), cve("dev-6")], now="2027-03-01T00:00:00Z"), Policy()
    )
    assert before.id == after.id
    assert before.id.startswith("ticket-")
    assert before.labels == ("network-sensor", before.id, "severity-high", "fix-update")


def test_two_fixes_that_share_an_id_are_kept_apart(monkeypatch) -> None:
    """Ids of six letters may collide: the second fix gets another id, and no ticket is lost."""
    monkeypatch.setattr(
        "sensor.posture.tickets.grouping.entity_id", lambda kind, key: f"{kind}-{key.rpartition('#')[2]}"
    )
    tickets = tickets_of(site([node(1)], [cve("dev-1"), setting("dev-1")]), Policy())
    assert sorted(one.id for one in tickets) == ["ticket-0", "ticket-1"]


def test_devices_that_are_gone_count_no_more() -> None:
    """A device that is gone needs no fix; a ticket without other devices is not created."""
    nodes = [node(1), node(2, gone=True)]
    [ticket] = tickets_of(site(nodes, [setting("dev-1"), setting("dev-2"), cve("dev-2")]), Policy())
    assert [one.id for one in ticket.devices] == ["dev-1"]


def test_what_cannot_be_reported_is_of_the_middle_at_most() -> None:
    """A critical CVE of a camera with unknown firmware is medium at most, and its first step is to find out the
    version.
    """
    [ticket] = tickets_of(
        site([node(1, firmware="")], [cve("dev-1", fix=UNKNOWN, sure=False, severity=Severity.critical)]), Policy()
    )
    assert (ticket.kind, ticket.severity) == ("version", Severity.medium)
    assert not ticket.devices[0].sure


def test_it_belongs_to_what_most_devices_belong_to() -> None:
    """A device's owner precedes those of tag, segment and type; the policy's default owns the rest."""
    policy = Policy(owner="IT", types={"camera": "Facilities"}, segments={"vlan 30": "Voice"}, tags={"lab": "Research"})
    nodes = [node(1), node(2, segment="vlan 30"), node(3, segment="vlan 30", tags=["lab"]), node(4, owner="Facilities")]
    [ticket] = tickets_of(site(nodes, [setting(one.id) for one in nodes]), policy)
    assert [one.owner for one in ticket.devices] == ["Facilities", "Voice", "Research", "Facilities"]
    assert ticket.owner == "Facilities"
    assert tickets_of(site([node(1, "printer")], [setting("dev-1")]), policy)[0].owner == "IT"


def test_due_by_severity_from_when_it_was_first_seen() -> None:
    """The due date is the policy's days after the stored first date; a ticket without one begins now."""
    here = site([node(1)], [setting("dev-1", Severity.high)])
    [ticket] = tickets_of(here, Policy(due_days={"high": 14}))
    assert (ticket.first, ticket.due) == (NOW, "2026-12-08")
    [ticket] = tickets_of(here, Policy(due_days={"high": 14}), {ticket.id: "2026-11-01T00:00:00Z"})
    assert (ticket.first, ticket.due) == ("2026-11-01T00:00:00Z", "2026-11-15")
    assert tickets_of(here._replace(now="yesterday"), Policy())[0].due == ""


def test_what_is_slighter_than_the_policy_wants_makes_no_ticket() -> None:
    """Weaknesses below the policy's severity or points give no ticket."""
    here = site([node(1)], [setting("dev-1", Severity.info), cve("dev-1", points=12.0)])
    assert [one.kind for one in tickets_of(here, Policy())] == ["update"]
    assert len(tickets_of(here, Policy(least=Severity.info))) == 2
    assert tickets_of(here, Policy(least_points=20.0)) == []


def test_texts_are_one_clean_line() -> None:
    """A name with line ends, escapes and right-to-left marks is shown without them."""
    hostile = "evil\r\nBcc: x@y\x1b[31m\u202e"
    [ticket] = tickets_of(
        site(
            [node(1, name=hostile, vendor=hostile)], [cve("dev-1", proof=PROOF._replace(seen=hostile), title=hostile)]
        ),
        Policy(),
    )
    for text in (*ticket.devices[0][:9], ticket.devices[0].evidence, *ticket.why, ticket.reckoned):
        assert text.isprintable(), text
