"""Identity across sensors: each kind of evidence with its benign twin, and the figure of a simulated company."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.hub.identity import Member, Sighting, edges_of, entities_of
from tests.hub.fleet_of_devices import scored
from tests.sampling import count

MAC = "3c:d9:2b:01:02:03"


def seen(sensor: int, device: str = "dev-1", **more: Any) -> Sighting:
    usual: dict[str, Any] = {"site": f"site-{sensor}", "type": "laptop", "vendor": "HP", "name": "", "serial": ""}
    return Sighting(sensor, device, **usual | {"macs": []} | more)


def joined(*sightings: Sighting) -> list[list[Member]]:
    return entities_of(edges_of(sightings))


BOTH = [[(1, "dev-1"), (2, "dev-1")]]


@pytest.mark.parametrize(
    "macs",
    ["02:42:ac:11:00:02", "da:a1:19:00:00:01", "00:00:5e:00:01:01", "00:00:0c:07:ac:01", "01:00:5e:00:00:01",
     "00:00:00:00:00:00", "zz:00"],
)  # fmt: skip
def test_macs_that_are_not_of_one_device(macs: str) -> None:
    """MACs of containers, random, VRRP and multicast ones join no devices; a global one does, at every site."""
    assert joined(seen(1, macs=[macs]), seen(2, macs=[macs])) == []
    assert joined(seen(1, macs=[MAC, macs]), seen(2, macs=[MAC])) == BOTH


def test_a_router_is_known_by_its_serial_number_alone() -> None:
    """A router's MAC is the source of forwarded packets, so only its serial number joins devices."""
    router = {"type": "router", "macs": [MAC]}
    assert joined(seen(1, **router), seen(2, **router)) == []
    assert joined(seen(1, **router, serial="SG12345"), seen(2, **router, serial="SG12345")) == BOTH


def test_serial_numbers_that_no_one_set() -> None:
    """Few different characters, or two devices of one sensor with the same number, join no devices."""
    assert joined(seen(1, serial="00000000"), seen(2, serial="00000000")) == []
    assert joined(seen(1, serial="To be filled by O.E.M."), seen(2, serial="To be filled by O.E.M.")) == []
    default = "SN123456789"
    twice = [seen(1, serial=default), seen(1, "dev-2", serial=default), seen(2, serial=default)]
    assert joined(*twice) == []
    assert joined(seen(1, serial="SG12345"), seen(2, serial="SG12345", vendor="Dell")) == []


def test_an_adapter_that_changes_hands() -> None:
    """With the same MAC, different names or serial numbers contradict; a missing name does not."""
    assert joined(seen(1, macs=[MAC], name="LT-0001"), seen(2, macs=[MAC], name="LT-0002")) == []
    assert joined(seen(1, macs=[MAC], serial="SG12345"), seen(2, macs=[MAC], serial="SG99999")) == []
    assert joined(seen(1, macs=[MAC], name="LT-0001"), seen(2, macs=[MAC])) == BOTH
    three = [seen(1, macs=[MAC], name="LT-0001"), seen(2, macs=[MAC]), seen(3, macs=[MAC], name="LT-0003")]
    assert joined(*three) == []
    assert joined(*three, seen(4, macs=[MAC], name="LT-0001")) == [[(1, "dev-1"), (4, "dev-1")]]
    assert joined(seen(1, macs=[MAC], name="LT-0001.a.example"), seen(2, macs=[MAC], name="lt-0001")) == BOTH


def test_host_names_join_within_a_site() -> None:
    """Specific names of compatible types join, never two devices that one sensor distinguishes."""
    here = {"site": "Berlin", "name": "LT-0001"}
    assert joined(seen(1, **here), seen(2, **here)) == BOTH
    assert joined(seen(1, name="LT-0001"), seen(2, name="LT-0001")) == []
    assert joined(seen(1, **here), seen(2, **here | {"type": "printer"})) == []
    for name in "printer", "iPhone", "android-12", "raspberrypi2", "host-10", "a1":
        assert joined(seen(1, **here | {"name": name}), seen(2, **here | {"name": name})) == []
    # dev-1 and dev-2 of sensor 1 stay two: the MAC joins dev-2 to the device of sensor 2, so its name joins no other.
    assert joined(seen(1, **here), seen(1, "dev-2", macs=[MAC], site="Berlin"), seen(2, **here | {"macs": [MAC]})) == [
        [(1, "dev-2"), (2, "dev-1")]
    ]


def test_what_the_operator_separated_stays_apart() -> None:
    """Separated devices stay apart, also by way of a third sensor that observes both."""
    pair = frozenset(((1, "dev-1"), (2, "dev-1")))
    assert edges_of([seen(1, macs=[MAC]), seen(2, macs=[MAC])], {pair}) == []
    other = "3c:d9:2b:01:02:04"
    three = [seen(1, macs=[MAC]), seen(2, macs=[other]), seen(3, macs=[MAC, other])]
    assert entities_of(edges_of(three)) == [[(1, "dev-1"), (2, "dev-1"), (3, "dev-1")]]
    assert len(entities_of(edges_of(three, {pair}))[0]) == 2


def test_a_company_of_forty_sites() -> None:
    """Overlapping space, 5 % roaming, random MACs, containers, default names and serial numbers, shared adapters: at
    most 0.1 % of the joins are false, and at most 2 % of those with evidence are missed.
    """
    score = scored(21, count(2500, 500))
    assert score.possible > score.members / 10
    assert score.false_joins <= 0.001 * score.joined
    assert score.missed <= 0.02 * score.possible
