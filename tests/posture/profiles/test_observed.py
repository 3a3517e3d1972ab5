"""Observed needs of devices: from the baseline to entries of a MUD file."""

from __future__ import annotations

from sensor.core.time_units import HOUR
from sensor.posture.profiles.confidence import HIGH, LOW, MEDIUM, confidence_of
from sensor.posture.profiles.model import ANY, BLOCK, CONTROLLER, LOCAL, MY_CONTROLLER, NAME, SAME_MAKER, Peer
from sensor.posture.profiles.observed import MEDIA, Observed, observed, service_name
from tests.golden import Golden
from tests.posture.profiles.observed_traffic import (
    CAMERA,
    DNS,
    NETWORK,
    NVR,
    PC,
    PRINTER,
    SISTER,
    START,
    cameras,
    habits,
    node,
    site,
)


def needs(seen: Observed | None) -> dict[tuple[str, str], Peer]:
    """(direction, service) → peer."""
    assert seen is not None
    return {("serves" if one.serves else "uses", service_name(one.service)): one.peer for one in seen.needs}


def test_what_a_camera_needs() -> None:
    """DNS servers are a class, a device of the same vendor is "same manufacturer", a recorder is the controller, a
    cloud server is its name, an NTP server without a name its address.
    """
    seen = observed(cameras(), [CAMERA])
    assert needs(seen) == {
        ("uses", "dns/53"): Peer(CONTROLLER, "urn:ietf:params:mud:dns"),
        ("uses", "ntp/123"): Peer(BLOCK, "198.51.100.123/32"),
        ("uses", "https/443"): Peer(NAME, "cloud.example"),
        ("uses", "http/8080"): Peer(SAME_MAKER),
        ("serves", "rtsp/554"): Peer(MY_CONTROLLER),
    }
    assert [party.id for party in seen.controllers] == ["dev-nvr"]
    assert seen.versions == (4,)


def test_what_a_printer_serves_is_for_all_of_the_network() -> None:
    """A PC and an address without a device as clients give the local network, without a controller."""
    assert needs(observed(cameras(), [PRINTER]))["serves", "jetdirect/9100"] == Peer(LOCAL)
    assert needs(observed(cameras(), [PRINTER]))["uses", "smb/445"] == Peer(LOCAL)


def test_devices_of_a_kind_need_what_any_of_them_does() -> None:
    """Each need of similar devices is listed once, with the number of devices."""
    one = habits("camera", reaches=("tcp/443 cloud.example",))
    other = habits("camera", reaches=("tcp/443 cloud.example", "tcp/443 news.example"))
    seen = observed(site(NETWORK, {"dev-camera": one, "dev-sister": other}), [CAMERA, SISTER])
    assert seen is not None
    assert [(need.peer.value, need.devices) for need in seen.needs] == [("cloud.example", 2), ("news.example", 1)]


def test_whose_servers_are_used_may_not_be_known() -> None:
    """A baseline of an earlier version has no names, so that any peer is allowed, with a note. An invalid host name is
    ignored.
    """
    old, odd = habits("camera"), habits("camera", reaches=("tcp/443 x$(reboot).example",))
    old.use("outside", 6 << 16 | 443, START)
    for learned in (old, odd):
        seen = observed(site(NETWORK, {"dev-camera": learned}), [CAMERA])
        assert needs(seen) == {("uses", "https/443"): Peer(ANY)}
        assert seen.vague == (6 << 16 | 443,)


def test_clients_outside_are_anybody() -> None:
    assert needs(observed(site(NETWORK, {"dev-camera": habits("camera", serves=("tcp/443 outside",))}), [CAMERA])) == {
        ("serves", "https/443"): Peer(ANY)
    }


def test_calls_agree_on_their_ports() -> None:
    """A phone's UDP ports without a service are one range in both directions; those of a camera are single ports."""
    words = {"uses": ("udp/11790 dev-pc", "udp/5060 dev-pc"), "serves": ("udp/12002 dev-pc",)}
    phone = node("dev-phone", "voip_phone", "10.0.4.5")
    seen = observed(site((*NETWORK, phone), {"dev-phone": habits("voip_phone", **words)}), [phone])
    assert needs(seen) == {
        ("uses", "udp/1024-65535"): Peer(LOCAL),
        ("serves", "udp/1024-65535"): Peer(LOCAL),
        ("uses", "sip/5060"): Peer(LOCAL),
    }
    assert {need.service for need in seen.needs} == {MEDIA, 17 << 16 | 5060}
    assert ("uses", "udp/11790") in needs(observed(site(NETWORK, {"dev-camera": habits("camera", **words)}), [CAMERA]))


def alert(
    detector: str, src: dict[str, str], dst: dict[str, object], action: str = "open", key: str = ""
) -> dict[str, object]:
    about = {"id": "alert-abcdef", "detector": detector, "key": key or f"{detector}|1"}
    return {"kind": "alert", "action": action, "alert": about, "src": src, "dst": dst, "network": {"proto": "tcp"}}


def test_what_an_alert_is_about_is_no_need() -> None:
    """The C2 server of a compromised camera is not part of its profile, with a note, until the alert is closed."""
    learned = {"dev-camera": habits("camera", reaches=("tcp/443 cloud.example", "tcp/8443 203.0.113.66"))}
    alert_of = alert(
        "command_and_control.malicious_address",
        {"device": "dev-camera", "ip": "10.0.3.5"},
        {"ip": "203.0.113.66", "port": 8443},
    )
    seen = observed(site(NETWORK, learned, [alert_of]), [CAMERA])
    assert needs(seen) == {("uses", "https/443"): Peer(NAME, "cloud.example")}
    assert seen.left_out == (("https/8443 of 203.0.113.66", "alert-abcdef"),)
    for wanted in (
        observed(site(NETWORK, learned, [alert_of]), [CAMERA], alerted=True),
        observed(site(NETWORK, learned, [alert_of | {"action": "close"}]), [CAMERA]),
    ):
        assert ("uses", "https/8443") in needs(wanted)
        assert wanted.left_out == ()


def test_a_name_is_no_need_where_an_alert_is_about_its_address(golden: Golden) -> None:
    """A name is omitted if an alert is about its address, as threat lists contain mostly addresses."""
    learned = {
        "dev-camera": habits(
            "camera", reaches=("tcp/443 cloud.example@203.0.113.5", "tcp/443 evil.example@203.0.113.66")
        )
    }
    alert_of = alert(
        "command_and_control.malicious_address", {"device": "dev-camera"}, {"ip": "203.0.113.66", "port": 443}
    )
    seen = observed(site(NETWORK, learned, [alert_of]), [CAMERA])
    assert needs(seen) == {("uses", "https/443"): Peer(NAME, "cloud.example")}
    golden(seen.left_out)


def test_alerts_accuse_both_ends_and_names() -> None:
    """An attacking client is omitted from the served ones, a listed name from the used ones."""
    learned = {
        "dev-camera": habits(
            "camera",
            serves=("tcp/80 dev-pc", "rtsp/554 dev-nvr"),
            reaches=("tcp/443 evil.example", "tcp/443 cloud.example"),
        )
    }
    attack = alert(
        "initial_access.exploit_attempt",
        {"device": "dev-pc", "ip": "10.0.0.9"},
        {"device": "dev-camera", "ip": "10.0.3.5", "port": 80},
    )
    listed = alert(
        "x",
        {"device": "dev-camera", "ip": "10.0.3.5"},
        {"ip": "10.0.1.1"},
        key="command_and_control.malicious_domain|10.0.3.5|evil.example",
    )
    seen = observed(site(NETWORK, learned, [attack, listed]), [CAMERA])
    assert needs(seen) == {
        ("serves", "rtsp/554"): Peer(MY_CONTROLLER),
        ("uses", "https/443"): Peer(NAME, "cloud.example"),
    }
    left_out = sorted(what.split()[::2] for what, _ in seen.left_out)
    assert [one[:2] for one in left_out] == [["http/80", "10.0.0.9"], ["https/443", "evil.example"]]


def test_nothing_learned_is_nothing_observed() -> None:
    assert (
        observed(site(NETWORK, {}), [CAMERA])
        is observed(site(NETWORK, None), [CAMERA])
        is observed(cameras(), [PC, DNS, NVR])
        is None
    )


# Whether the baseline is sufficient.

WATCHED = 400 * HOUR


def level(*several: tuple[int, int, int]) -> str:
    """The confidence for devices with given hours of monitoring, of traffic, and without a new flow."""
    made = []
    for hours, talked, news in several:
        made.append(habits("camera", hours=hours, talked=talked))
        made[-1].use("dev-nvr", 6 << 16 | 80, START + news * HOUR)
    return confidence_of(made, WATCHED).level


def test_two_weeks_without_news_are_enough() -> None:
    """Two weeks (or one for three similar devices) without new flows give high confidence, three days medium."""
    assert level((336, 48, 200)) == HIGH
    assert level((200, 48, 100)) == level((336, 48, 300)) == level((336, 20, 10)) == MEDIUM
    assert level(*[(200, 48, 100)] * 3) == HIGH
    assert level((71, 70, 0)) == level((400, 100, 390)) == level((400, 11, 0)) == level((0, 1, 0)) == LOW


def test_confidence_reports_its_numbers_and_what_is_missing(golden: Golden) -> None:
    made = habits("camera", hours=100, talked=50)
    golden(confidence_of([made], WATCHED).text)
    golden(confidence_of([made], WATCHED).missing, "needs 336")
    assert confidence_of([habits("camera")], WATCHED).missing == ""


def test_no_device_was_watched_without_monitoring() -> None:
    """Captures of single hours over two weeks count as some hours, not as two weeks."""
    assert confidence_of([habits("camera")], 5 * HOUR).watched_h == 5
    assert confidence_of([habits("camera")], 5 * HOUR).level == LOW


def test_a_device_that_goes_everywhere_has_no_profile_to_trust() -> None:
    """With more external peers than the baseline stores, the profile is incomplete."""
    made = habits("camera", reaches=[f"tcp/443 n{n}.example" for n in range(40)])
    assert confidence_of([made], WATCHED).level == LOW
    assert "more external hosts" in confidence_of([made], WATCHED).missing
