"""Names that only the system of a device queries, compared with names that applications query as well."""

from __future__ import annotations

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.match import Matcher
from tests.fingerprinting.own import own_knowledge

CHECK, REQUEST = "www.msftconnecttest.com", "www.msftconnecttest.com/connecttest.txt"


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(own_knowledge())


def evidence(matcher: Matcher, *texts: str, kind: str = "dns.query") -> list[Evidence]:
    return [Evidence(*claim, kind, text, 0, 0) for text in texts for claim in matcher.match(kind, text)]


def values(pieces: list[Evidence]) -> dict[str, str]:
    return {name: attribute.value for name, attribute in fuse(pieces).items()}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([CHECK], {"type": "workstation", "os": "Windows"}),
        (["dns.msftncsi.com"], {}),
        (["ctest.cdn.nintendo.net"], {"type": "game_console", "vendor": "Nintendo", "model": "Switch"}),
        (["accounts.nintendo.com"], {}),
        (["fus01.ps4.update.playstation.net"], {"type": "game_console", "vendor": "Sony", "model": "PlayStation 4"}),
        (["firetvcaptiveportal.com", "device-metrics-us.amazon.com"], {"type": "media_player", "vendor": "Amazon"}),
        (["fireoscaptiveportal.com", "device-metrics-us.amazon.com"], {"vendor": "Amazon"}),
        (["captive.apple.com", "gs-loc.apple.com"], {"vendor": "Apple"}),
        (["captive.apple.com", "time-ios.apple.com"], {"type": "mobile", "vendor": "Apple", "os": "iOS"}),
    ],
)
def test_systems_and_applications(matcher: Matcher, names: list[str], shown: dict[str, str]) -> None:
    """A connectivity check identifies a system; services of the same vendor alone identify nothing."""
    assert values(evidence(matcher, *names)) == shown


def test_a_check_is_one_piece_of_evidence(matcher: Matcher) -> None:
    """The query for the host of a check adds nothing to the request that follows it, and counts without it."""
    query, request = evidence(matcher, CHECK), evidence(matcher, REQUEST, kind="http.asked")
    assert {piece.family for piece in query} == {"system"}
    assert fuse([*query, *request])["os"].confidence == fuse(request)["os"].confidence > fuse(query)["os"].confidence


def test_clients_of_several_systems_behind_one_address(matcher: Matcher) -> None:
    """Checks of systems that exclude each other, as behind a router with address translation, name none of them."""
    assert "os" not in values(evidence(matcher, CHECK, "connectivity-check.ubuntu.com"))
    assert "type" not in values(evidence(matcher, CHECK, "ctest.cdn.nintendo.net"))
