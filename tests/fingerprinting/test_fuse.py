"""Confidence fusion: evidence that agrees, contradicts, or is insufficient."""

from __future__ import annotations

import itertools

import pytest

from sensor.core.device import WIDER
from sensor.core.observation import Evidence
from sensor.core.time_units import DAY
from sensor.fingerprinting.fuse import (
    CERTAIN,
    HALF_LIFE,
    HALF_LIFE_FIRMWARE,
    ONE_FAMILY,
    SEPARATOR,
    SUCCESSION,
    WEAK_FAMILY,
    fuse,
)
from sensor.fingerprinting.own import THRESHOLD


def piece(
    attribute: str,
    value: str,
    confidence: float,
    family: str = "dhcp",
    fingerprint: str = "f",
    seen: str = "x",
    last: int = 0,
) -> Evidence:
    return Evidence(attribute, value, confidence, fingerprint, family, family + ".kind", seen, last, last)


def test_nothing() -> None:
    """No evidence gives no attributes."""
    assert fuse([]) == {}


def test_one_family_is_capped() -> None:
    """The confidence of a single family is capped, whatever its weight and number of observations."""
    reported = fuse([piece("type", "printer", 0.95), piece("type", "printer", 0.9), piece("type", "printer", 0.97)])
    assert reported["type"].confidence == ONE_FAMILY
    assert len(reported["type"].evidence) == 3


def test_families_add_up() -> None:
    """Independent families increase the confidence: 1 - (1 - 0.85)(1 - 0.8)."""
    reported = fuse([piece("type", "printer", 0.85), piece("type", "printer", 0.8, "mdns")])
    assert reported["type"].confidence == pytest.approx(0.97)


def test_never_beyond_certain() -> None:
    """Many families stay below a confidence of 1."""
    reported = fuse([piece("type", "printer", 0.95, family) for family in ("dhcp", "mdns", "sip", "lldp")])
    assert reported["type"].confidence == CERTAIN


@pytest.mark.parametrize("family", ["hostname", "oui"])
def test_weak_families_are_capped(family: str) -> None:
    """A name or a MAC prefix alone has a confidence of 0.5 at most."""
    assert fuse([piece("vendor", "HP", 0.85, family)])["vendor"].confidence == WEAK_FAMILY


def test_two_weak_families() -> None:
    """A name and a MAC prefix together have a higher confidence than each, but are not certain."""
    reported = fuse([piece("type", "printer", 0.5, "hostname"), piece("type", "printer", 0.5, "oui")])
    assert reported["type"].confidence == pytest.approx(0.75)


def test_checked_name_is_no_second_source() -> None:
    """A name that contains the sender's MAC counts once, not also as a name."""
    reported = fuse([piece("type", "printer", 0.5, "hostname"), piece("type", "printer", 0.8, "hostname_mac")])
    assert reported["type"].confidence == 0.8


def test_too_little_is_unknown() -> None:
    """Evidence below the threshold gives no value."""
    assert fuse([piece("type", "printer", THRESHOLD - 0.01)]) == {}
    assert "type" in fuse([piece("type", "printer", THRESHOLD)])


def test_contradiction_lowers_and_is_shown() -> None:
    """Another likely value lowers the confidence and makes the value contested; its evidence is kept."""
    reported = fuse([piece("type", "printer", 0.85), piece("type", "camera", 0.5, "mdns")])["type"]
    assert reported.value == "printer"
    assert reported.contested
    assert reported.confidence == pytest.approx((0.85 / 0.15) / (1 + 0.85 / 0.15 + 1), abs=0.001)
    assert [evidence.value for evidence in reported.evidence] == ["printer", "camera"]


def test_what_a_maker_makes_besides_is_no_contest() -> None:
    """A hub of a vendor that also sells lamps is an uncontested hub; the weak evidence alone gives no value, stronger
    evidence contests.
    """
    hub = piece("type", "hub", 0.8, "mdns")
    reported = fuse([hub, piece("type", "light", 0.25, "oui")])["type"]
    assert (reported.value, reported.confidence, reported.contested) == ("hub", 0.8, False)
    assert fuse([piece("type", "light", 0.25, "oui")]) == {}
    assert fuse([hub, piece("type", "light", 0.5, "oui")])["type"].contested


def test_unlikely_rival_is_no_contest() -> None:
    """An unlikely value lowers the confidence a little and does not contest."""
    reported = fuse([piece("type", "printer", 0.85), piece("type", "camera", 0.2, "mdns")])["type"]
    assert not reported.contested
    assert 0.8 < reported.confidence < 0.85


def test_even_contradiction_is_unknown() -> None:
    """Two equally likely values that exclude each other give no value."""
    assert fuse([piece("type", "printer", 0.85), piece("type", "camera", 0.85, "mdns")]) == {}


def test_services_that_a_machine_turns_to_only_back_others() -> None:
    """DNS queries for vendors' clouds never contradict other evidence of a device; they support it where both agree."""
    requested = [piece("vendor", maker, 0.45, "cloud") for maker in ("Ring", "Sonos", "LG")]
    reported = fuse([piece("vendor", "LG", 0.5, "oui"), *requested])["vendor"]
    assert (reported.value, reported.confidence, reported.contested) == ("LG", pytest.approx(0.725), False)
    assert {one.value for one in reported.evidence} == {"LG"}
    assert fuse(requested) == {}
    assert fuse([piece("type", "mobile", 0.5), piece("type", "speaker", 0.42, "cloud")])["type"].value == "mobile"
    assert fuse([piece("type", "iot", 0.5), piece("type", "speaker", 0.42, "cloud")])["type"].value == "speaker"
    assert fuse([piece("type", "router", 0.2, "oui"), piece("type", "speaker", 0.42, "cloud")]) == {}
    assert fuse(requested[:1])["vendor"].value == "Ring"


def test_the_owner_of_an_unknown_prefix_comes_last() -> None:
    """It is the vendor of a device that nothing else names, agrees with others, and never contradicts them."""
    owner = piece("vendor", "Acme Instruments", 0.45, "owner")
    assert fuse([owner])["vendor"].confidence == 0.45
    for other in (piece("vendor", "Ring", 0.45, "cloud"), piece("vendor", "Ring", 0.45, "mdns")):
        reported = fuse([owner, other])["vendor"]
        assert (reported.value, reported.confidence, reported.contested) == ("Ring", 0.45, False)
    assert fuse([owner, piece("vendor", "Ring", 0.3, "mdns")]) == {}
    assert fuse([owner, piece("vendor", "Acme Instruments", 0.8, "mdns")])["vendor"].confidence > 0.85


def test_narrower_type_wins() -> None:
    """A narrower type wins uncontested over a wider one of higher confidence: a camera is an IoT device."""
    reported = fuse([piece("type", "iot", 0.85), piece("type", "camera", 0.5, "mdns")])["type"]
    assert (reported.value, reported.confidence, reported.contested) == ("camera", 0.5, False)


def test_narrower_but_unlikely() -> None:
    """A narrower type below the threshold does not replace the wider one."""
    assert fuse([piece("type", "iot", 0.85), piece("type", "camera", 0.2, "mdns")])["type"].value == "iot"


def test_two_narrower_types_contest() -> None:
    """Two narrower types contradict each other even if one wider type includes both."""
    reported = fuse(
        [piece("type", "iot", 0.8), piece("type", "camera", 0.8, "mdns"), piece("type", "light", 0.5, "sip")]
    )["type"]
    assert reported.value == "camera"
    assert reported.contested


def test_small_signs_of_a_thing_add_up() -> None:
    """Weak evidence of narrower types adds up to the wider one; a likely narrower type wins."""
    signs = [piece("type", "iot", 0.24), piece("type", "camera", 0.35, "cloud")]
    reported = fuse(signs)["type"]
    assert (reported.value, reported.contested) == ("iot", False)
    assert reported.confidence == pytest.approx(1 - 0.76 * 0.65, abs=0.001)
    assert fuse([*signs, piece("type", "camera", 0.6, "mdns")])["type"].value == "camera"
    assert "type" not in fuse(signs[:1])


def test_a_recorder_sends_video_like_a_camera() -> None:
    """A recorder that announces itself as a source of video is one; a camera with a web server of recorders is not."""
    source = [piece("type", "camera", 0.75, "wsd"), piece("type", "camera", 0.35, "oui")]
    reported = fuse([*source, piece("type", "nvr", 0.85, "wsd")])["type"]
    assert (reported.value, reported.contested) == ("nvr", False)
    server = piece("type", "nvr", 0.45, "http")
    assert fuse([*source, piece("type", "camera", 0.8, "mdns"), server])["type"].value == "camera"


@pytest.mark.parametrize("host", ["firewall", "access_point", "switch"])
def test_a_firewall_or_access_point_may_contain_a_wireless_controller(host: str) -> None:
    """The port of controllers does not contradict what the device is; an independent controller is one."""
    role = piece("type", "wireless_controller", 0.5, "capwap")
    reported = fuse([role, piece("type", host, 0.75, "snmp")])["type"]
    assert (reported.value, reported.contested) == (host, False)
    assert fuse([role, piece("type", "wireless_controller", 0.85, "cdp")])["type"].value == "wireless_controller"
    forwards = piece("type", "router", 0.7, "inventory")
    assert fuse([forwards, role, piece("type", "wireless_controller", 0.85, "cdp")])["type"].value == (
        "wireless_controller"
    )


def test_number_and_name_of_a_product_agree() -> None:
    """A model by number, by name and by both is one value; the longest text is shown."""
    number, name = piece("model", "BSB002", 0.8, "mdns"), piece("model", "Hue Bridge", 0.75, "ssdp")
    reported = fuse([number, name, piece("model", "BSB002 Hue Bridge", 0.8, "mdns")])["model"]
    assert (reported.value, reported.contested) == ("BSB002 Hue Bridge", False)


def test_wider_words_are_no_circle() -> None:
    """The relation of wider and narrower types has no cycle."""
    assert not [
        (wide, narrow) for wide, narrows in WIDER.items() for narrow in narrows if wide in WIDER.get(narrow, ())
    ]


def test_longer_os_wins() -> None:
    """Windows and Windows 11 agree, and the longer name is shown."""
    reported = fuse([piece("os", "Windows", 0.85), piece("os", "Windows 11", 0.6, "http")])["os"]
    assert (reported.value, reported.contested) == ("Windows 11", False)


def test_spelling_of_models() -> None:
    """Models that differ in case, blanks, hyphens or a vendor prefix are one."""
    reported = fuse(
        [
            piece("vendor", "HP", 0.9),
            piece("model", "HP LaserJet 400", 0.7),
            piece("model", "Laserjet-400", 0.8, "mdns"),
        ]
    )["model"]
    assert reported.value == "Laserjet-400"
    assert reported.confidence == pytest.approx(0.94)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("LaserJet M404dn", "LaserJet Pro M404dn"),
        ("Officejet 8620", "OfficeJet Pro 8620"),
        ("CP-7941 IP Phone 7941", "CP-7941G IP Phone 7941"),
    ],
)
def test_a_word_more_is_the_same_model(shorter: str, longer: str) -> None:
    """Protocols of a device differ in the words before the number of its model: the longer name wins uncontested."""
    reported = fuse([piece("model", shorter, 0.9), piece("model", longer, 0.7, "mdns")])["model"]
    assert (reported.value, reported.contested) == (longer, False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HDX 8000", "HDX 18000"),  # another number
        ("MacBook10,1", "MacBookAir10,1"),  # an identifier
        ("MacBook Pro 14-inch", "MacBook Pro 16-inch"),
        ("P3245-LV", "P3265-LV"),
        ("WorkCentre", "Workforce Centre"),  # no number
    ],
)
def test_other_numbers_are_other_models(one: str, other: str) -> None:
    """Models with other numbers, identifiers and names without a number contradict each other."""
    reported = fuse([piece("model", one, 0.5), piece("model", other, 0.85, "mdns")])["model"]
    assert reported.contested


def test_model_of_another_vendor_loses() -> None:
    """A model is dropped if its evidence's vendor lost: a print server announces printers of other vendors."""
    evidence = [
        piece("vendor", "HP", 0.9),
        piece("vendor", "HP", 0.9, "sip"),
        piece("vendor", "Canon", 0.5, "mdns", "canon", "Canon MF642C"),
        piece("model", "MF642C", 0.9, "mdns", "canon", "Canon MF642C"),
        piece("model", "LaserJet", 0.6),
    ]
    reported = fuse(evidence)
    assert reported["vendor"].value == "HP"
    assert reported["model"].value == "LaserJet"
    assert not reported["model"].contested


def test_order_means_nothing() -> None:
    """Any order of the evidence gives the same result; ties are broken by value."""
    evidence = [
        piece("type", "printer", 0.6),
        piece("type", "camera", 0.2, "mdns"),
        piece("type", "tv", 0.2, "sip"),
        piece("vendor", "HP", 0.9),
    ]
    answers = {str(fuse(order)) for order in itertools.permutations(evidence)}
    assert len(answers) == 1


def test_evidence_ages() -> None:
    """Evidence loses half its weight each month, firmware each week; a new observation restores it."""
    old = [piece("type", "printer", 0.8), piece("firmware", "1.2", 0.8)]
    assert fuse(old, HALF_LIFE_FIRMWARE)["firmware"].confidence == 0.4
    assert fuse(old, HALF_LIFE_FIRMWARE)["type"].confidence == 0.8
    assert fuse(old, HALF_LIFE)["type"].confidence == 0.4
    assert fuse(old, 2 * HALF_LIFE) == {}
    assert fuse([piece("type", "printer", 0.8, last=40 * DAY)], 41 * DAY)["type"].confidence == 0.8


@pytest.mark.parametrize("versions", [("1.0", "2.0"), ("2.0", "1.0")])
def test_a_version_is_followed_by_another(versions: tuple[str, str]) -> None:
    """After an update the version read last wins, newer or older; two concurrent versions contradict each other, and so
    do two sources.
    """
    old, new = versions
    before, after = piece("firmware", old, 0.9, last=0), piece("firmware", new, 0.9, last=SUCCESSION)
    reported = fuse([before, after], SUCCESSION)
    assert (reported["firmware"].value, reported["firmware"].contested) == (new, False)
    assert "firmware" not in fuse([before, piece("firmware", new, 0.9, last=SUCCESSION - 1)])
    assert "firmware" not in fuse([before, piece("firmware", new, 0.9, "mdns", last=SUCCESSION)])


def test_programs_do_not_exclude_each_other() -> None:
    """A server runs a web server and a database: both are listed, uncontested, with the lower confidence. A name
    without its version and a program that is too uncertain are not listed.
    """
    running = [
        piece("software", "nginx 1.26.3", 0.8, "http"),
        piece("software", "nginx", 0.7, "http_title"),
        piece("software", "PostgreSQL 15.20", 0.85, "postgres"),
        piece("software", "Samba", 0.3, "smb"),
    ]
    reported = fuse(running)["software"]
    assert (reported.value, reported.confidence, reported.contested) == ("nginx 1.26.3, PostgreSQL 15.20", 0.8, False)
    assert [evidence.value for evidence in reported.evidence] == ["nginx 1.26.3", "PostgreSQL 15.20"]
    assert fuse(running[3:]) == {}


def test_the_number_of_listed_programs_is_limited() -> None:
    """The most certain programs are listed."""
    running = [piece("software", f"program-{number:02}", 0.8 - number / 100, f"f{number}") for number in range(12)]
    assert fuse(running)["software"].value.split(SEPARATOR) == [f"program-{number:02}" for number in range(8)]


def test_an_update_of_one_program() -> None:
    """The new version of a program replaces the old one; another program of the same fingerprint remains."""
    old = [piece("software", "Apache 2.4.1", 0.8, "http"), piece("software", "Jetty 9", 0.8, "http")]
    new = piece("software", "Apache 2.4.9", 0.8, "http", last=SUCCESSION)
    assert fuse([*old, new], SUCCESSION)["software"].value == "Apache 2.4.9, Jetty 9"


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("Linux", "Ubuntu"),
        ("Linux 6.1", "Raspbian"),
        ("iOS", "iPadOS"),
        ("Windows 10 or 11", "Windows Server 2019"),
        ("Windows 7 or 8", "Windows 7 or Server 2008 R2"),
        ("Windows 10 1607 or Server 2016", "Windows Server 2016"),
        ("IOS", "IOS XE"),
        ("Windows 10 or 11", "Windows 10"),
    ],
)
def test_a_system_by_its_kernel_or_a_related_one_is_no_contradiction(wide: str, narrow: str) -> None:
    """A DHCP client of Linux and a web server of Ubuntu agree: the narrower name is shown, uncontested."""
    reported = fuse([piece("os", wide, 0.75), piece("os", narrow, 0.7, "http")])["os"]
    assert (reported.value, reported.contested) == (narrow, False)


def test_systems_of_two_kinds_contradict() -> None:
    """Ubuntu contradicts Windows, and a Windows release contradicts an earlier one."""
    assert fuse([piece("os", "Windows", 0.7), piece("os", "Ubuntu", 0.7, "http")]) == {}
    assert fuse([piece("os", "Windows 7 or 8", 0.7), piece("os", "Windows 11", 0.7, "smb")]) == {}
