"""What devices need: from what was learned of them, to whom that is for a MUD file."""

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
    """(does, service) → whom of, where that is one."""
    assert seen is not None
    return {("serves" if one.serves else "uses", service_name(one.service)): one.peer for one in seen.needs}


def test_what_a_camera_needs() -> None:
    """Name servers are a class, a machine of the same maker is that, a recorder is in charge, the cloud has a name, a
    clock without one its address.
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
    """A PC and an address that is no device: no few, and nobody in charge."""
    assert needs(observed(cameras(), [PRINTER]))["serves", "jetdirect/9100"] == Peer(LOCAL)
    assert needs(observed(cameras(), [PRINTER]))["uses", "smb/445"] == Peer(LOCAL)


def test_devices_of_a_kind_need_what_any_of_them_does() -> None:
    """Each need once, with how many of them have it."""
    one, other = (
        habits("camera", reaches=("tcp/443 cloud.example",)),
        habits("camera", reaches=("tcp/443 cloud.example", "tcp/443 news.example")),
    )
    seen = observed(site(NETWORK, {"dev-camera": one, "dev-sister": other}), [CAMERA, SISTER])
    assert seen is not None
    assert [(need.peer.value, need.devices) for need in seen.needs] == [("cloud.example", 2), ("news.example", 1)]


def test_whose_servers_are_used_may_not_be_known() -> None:
    """Of what an earlier sensor learned there is no name: then it is anybody's, which is told. A name that can be none
    of a host is no name.
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
    """A telephone: all nameless ports of UDP are one, both ways; of a camera each is for itself."""
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
    """The control server of a camera that was taken over is not written into its profile, and it is said so; once the
    alert is closed it is.
    """
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
    """Lists name addresses more often than names."""
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
    """A client that attacks is none that a device has to serve; a name that is listed is none that
    it has to ask for.
    """
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


# Whether it was enough.

WATCHED = 400 * HOUR


def level(*several: tuple[int, int, int]) -> str:
    """Of devices that were watched, talked, and had their last news after so many hours."""
    made = []
    for hours, talked, news in several:
        made.append(habits("camera", hours=hours, talked=talked))
        made[-1].use("dev-nvr", 6 << 16 | 80, START + news * HOUR)
    return confidence_of(made, WATCHED).level


def test_two_weeks_without_news_are_enough() -> None:
    """One week where three of a kind agree; three days for the middle; less, or news to the end, for nothing."""
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
    """Captures of an hour here and there over two weeks are some hours, not two weeks."""
    assert confidence_of([habits("camera")], 5 * HOUR).watched_h == 5
    assert confidence_of([habits("camera")], 5 * HOUR).level == LOW


def test_a_device_that_goes_everywhere_has_no_profile_to_trust() -> None:
    """There is more outside than is remembered: the profile lacks some of it."""
    made = habits("camera", reaches=[f"tcp/443 n{n}.example" for n in range(40)])
    assert confidence_of([made], WATCHED).level == LOW
    assert "more external hosts" in confidence_of([made], WATCHED).missing
