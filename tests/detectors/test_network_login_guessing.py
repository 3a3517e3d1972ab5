"""Password guessing for network access: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.eapol import EapolIdentity, EapolMethod, EapolResult
from sensor.dissectors.radius import RadiusRequest, RadiusResult
from tests.detectors.stories import SECOND, START, detector, inspected, one

GUESSING = "credential_access.network_login_guessing"
NAS, SERVER, CALLER = "10.0.0.2", "10.0.0.10", "198.51.100.7"
STATION, SWITCH, PAE = 0x020000000066, 0x020000000001, 0x0180C2000003


def radius(at: float, user: str, *, accepted: bool = False, kind: str = "user", method: str = "peap",
           station: int = STATION, caller: str = "") -> list[Event]:  # fmt: skip
    """A request of the NAS and its result."""
    ts, number = START + int(at * SECOND), int(at * 7) % 256
    sent = Packet(ts=ts, src=parse(NAS), dst=parse(SERVER), sport=50500, dport=1812)
    back = Packet(ts=ts + 1000, src=parse(SERVER), dst=parse(NAS), sport=1812, dport=50500)
    address = parse(caller) if caller else 0
    return [RadiusRequest(sent, number, user, kind, method, station, address, 3), RadiusResult(back, number, accepted)]


def eapol(at: float, user: str, *, success: bool = False, method: str = "md5", kind: str = "user",
          group: bool = True) -> list[Event]:  # fmt: skip
    """A login on the link of the station; between switches and stations the destination is a group."""
    ts, number = START + int(at * SECOND), int(at * 7) % 256

    def packet(*, back: bool = False) -> Packet:
        ends = (SWITCH, PAE if group else STATION) if back else (STATION, PAE if group else SWITCH)
        return Packet(ts=ts, src_mac=ends[0], dst_mac=ends[1], ethertype=0x888E, ip_version=0, proto=0)

    return [
        EapolIdentity(packet(), user, kind, number),
        EapolMethod(packet(back=True), method, True, number),
        EapolMethod(packet(), method, False, number),
        EapolResult(packet(back=True), success, number),
    ]


def test_account_after_account() -> None:
    """Five accounts that are rejected for one station, in either protocol."""
    for story in (
        [each for n in range(6) for each in radius(20 * n, f"user{n}")],
        [each for n in range(6) for each in eapol(20 * n, f"user{n}")],
        [each for n in range(6) for each in eapol(20 * n, f"user{n}", group=False)],
    ):
        alert = one(inspected(detector(GUESSING), story))
        assert (alert.actor.mac, alert.severity) == (STATION, Severity.medium)
        assert (alert.numbers["accounts"], alert.numbers["threshold"]) == (5, 5)
        assert [one.technique for one in alert.techniques] == ["T1110.001", "T1110.003", "T1110"]


def test_passwords_of_one_account_faster_than_a_device() -> None:
    """A minute of two logins a second; first with low severity."""
    found = inspected(detector(GUESSING), [each for n in range(100) for each in radius(n / 2, "anna")])
    assert [(alert.severity, alert.numbers["failures"]) for alert in found] == [
        (Severity.low, 20), (Severity.medium, 60),
    ]  # fmt: skip


def test_a_remote_host_at_a_vpn_gateway() -> None:
    """Without a station, the address of the remote host is the actor; without both, the NAS and one account."""
    story = [each for n in range(6) for each in radius(n, f"user{n}", station=0, caller=CALLER, method="pap")]
    assert one(inspected(detector(GUESSING), story)).actor.address == parse(CALLER)
    story = [each for n in range(70) for each in radius(n / 2, "anna", station=0, method="mschap")]
    alert = inspected(detector(GUESSING), story)[-1]
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(NAS), parse(SERVER))


def test_a_login_after_guessing() -> None:
    """A success after the guesses is reported with high severity, once."""
    story = [each for n in range(6) for each in radius(n, f"user{n}")]
    story += [*radius(60, "user7", accepted=True), *radius(90, "user7", accepted=True)]
    found = inspected(detector(GUESSING), story)
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high]
    assert len({alert.key for alert in found}) == 1


def test_benign_twins_are_quiet() -> None:
    """An expired certificate that is presented again and again, authentication by MAC, an old password that is repeated
    every five seconds, many users behind one NAS that mistype, colleagues at one workstation of whom most log in, and
    failures that answer no login raise no alert.
    """
    for story in (
        [each for n in range(300) for each in radius(n / 2, "host/pc1", kind="computer", method="tls")],
        [each for n in range(300) for each in eapol(n / 2, "host/pc1", kind="computer", method="tls")],
        [each for n in range(300) for each in radius(n / 2, f"02005e00{n:04x}", kind="mac", method="pap")],
        [each for n in range(300) for each in eapol(5 * n, "anna")],
        [each for n in range(300) for each in radius(5 * n, "anonymous", kind="anonymous")],
        [each for n in range(300) for each in radius(n, f"user{n}", station=0, method="pap")],
        [each for n in range(300) for each in radius(n, f"user{n}", station=STATION + n)],
        [each for n in range(8) for ok in (False, True) for each in radius(20 * n + ok, f"user{n}", accepted=ok)],
        [each for n in range(300) for each in eapol(n / 2, f"user{n}")[-1:]],
    ):
        assert inspected(detector(GUESSING), story) == []


def test_a_repetition_is_reported_once_a_window() -> None:
    found = inspected(detector(GUESSING), [each for n in range(50) for each in radius(10 * n, f"user{n}")])
    assert len(found) == 1
