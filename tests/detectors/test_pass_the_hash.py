"""Pass the hash: accounts that newly log in by NTLM."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.rdp import RdpRequest
from sensor.dissectors.shared.smb_events import SmbLoginResult
from tests.detectors.kerberos_stories import login
from tests.detectors.login_stories import ends
from tests.detectors.stories import detector, inspected

PASS = "lateral_movement.pass_the_hash"
HOME, OTHER, SERVER = "10.0.0.20", "10.0.0.21", "10.0.0.5"
DAY = 86400


def ntlm(
    at: float, user: str, client: str, name: str, *, method: str = "ntlmv2", status: int = 0, guest: bool = False
) -> Event:
    return SmbLoginResult(
        ends(at, 445, answer=True, client=client, server=SERVER), 2, method, user, "OFFICE", name, status, guest
    )


def learned(days: int = 2) -> list[Event]:
    """Anna logs in from one host by Kerberos, Bob from another by NTLM, every hour."""
    return [
        each
        for n in range(days * 24)
        for each in (*login(n * 3600, "anna", client=HOME), ntlm(n * 3600 + 1, "bob", OTHER, "WS-BOB"))
    ]


def test_another_machine_and_another_way_are_reported() -> None:
    """Anna's account by NTLM from Bob's host, without a workstation name, raises an alert."""
    [alert] = inspected(detector(PASS), [*learned(), ntlm(2 * DAY, "anna", OTHER, "")])
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(OTHER), parse(SERVER))
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["signs"]) == (Severity.medium, "T1550.002", 2)
    assert "ws-bob" in alert.why[2]


def test_one_sign_is_low() -> None:
    """The same with the workstation name is low: a server that is addressed by its IP address causes it as well."""
    [alert] = inspected(detector(PASS), [*learned(), ntlm(2 * DAY, "anna", OTHER, "WS-BOB")])
    assert alert.severity == Severity.low


def test_a_remote_desktop_without_a_password() -> None:
    """Restricted administration, for which a hash is enough, is low, once; an ordinary session is quiet."""
    where = ends(0, 3389, answer=False, client=OTHER, server=SERVER)
    [alert] = inspected(detector(PASS), [RdpRequest(where, "anna", ("tls", "nla"), True)] * 9)
    assert (alert.actor.address, alert.severity, alert.target_port) == (parse(OTHER), Severity.low, 3389)
    assert [each.technique for each in alert.techniques] == ["T1550.002", "T1021.001"]
    assert inspected(detector(PASS), [RdpRequest(where, "anna", ("tls", "nla"))]) == []


def test_benign_twins_are_quiet() -> None:
    """The usual host, a host without a known user, usual NTLM, rejected and guest logins, computer accounts, and the
    learning period raise no alert.
    """
    story = [*learned(), ntlm(2 * DAY, "anna", HOME, "WS-ANNA"), ntlm(2 * DAY + 1, "anna", "10.0.0.30", "")]
    story += [
        ntlm(2 * DAY + 2, "bob", HOME, "WS-ANNA"),
        ntlm(2 * DAY + 3, "new", OTHER, ""),
        ntlm(2 * DAY + 4, "anna", OTHER, "", status=0xC000006D),
    ]
    story += [
        ntlm(2 * DAY + 5, "anna", OTHER, "", guest=True),
        ntlm(2 * DAY + 6, "", OTHER, "", method="anonymous"),
        ntlm(2 * DAY + 7, "WS-1$", OTHER, ""),
    ]
    assert inspected(detector(PASS), story) == []
    assert inspected(detector(PASS), [*learned(1)[:-48], ntlm(12 * 3600, "anna", OTHER, "")]) == []
    assert inspected(detector(PASS, exempt=("Anna",)), [*learned(), ntlm(2 * DAY, "anna", OTHER, "")]) == []


def test_repetition_is_reported_once() -> None:
    """A login is baseline once it was reported."""
    assert len(inspected(detector(PASS), [*learned(), *(ntlm(2 * DAY + n, "anna", OTHER, "") for n in range(50))])) == 1
