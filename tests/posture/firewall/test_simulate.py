"""Simulation: which learned flows the rules would block, and their warnings. Refusals: rules that are not suggested."""

from __future__ import annotations

import ipaddress

import pytest

from sensor.core.time_units import HOUR
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.comments import plain
from sensor.posture.firewall.model import Host, Match
from sensor.posture.firewall.refuse import Refusals
from sensor.posture.firewall.simulate import Machine, Seen, noted, simulate
from tests.golden import Golden
from tests.posture.firewall.requested import CAMERA, DNS, HTTPS, LAPTOP, NAS, SMB, WEEK, internal, only, outbound, party

START = 1_790_000_000 * 10**9
ROUTER = party("10.20.10.1", "gw", "router", "dev-router", "10.20.20.1")
PCS = [party(f"10.20.10.{number}", f"PC-{number}", "workstation", f"dev-pc{number}") for number in range(110, 115)]


def network(hours: float = 100, outputs: dict[str, frozenset[str]] | None = None) -> Seen:
    """A camera and five PCs that use the NAS, which records the camera; all query the router for names."""
    machines = {one.id: Machine(one) for one in (CAMERA, LAPTOP, *PCS)}
    machines[NAS.id] = Machine(NAS, frozenset(["file_server"]), frozenset(["smb/445"]))
    machines[ROUTER.id] = Machine(ROUTER, frozenset(["dns_server", "router"]), frozenset(["dns/53"]))
    habits = {name: Habits(one.party.kind, "10.20.10.0/24", START) for name, one in machines.items()}
    for user in (CAMERA, *PCS):
        for ts in (START, START + HOUR):
            habits[user.id].use(NAS.id, SMB, ts)
            habits[NAS.id].serve(user.id, SMB, ts)
        habits[user.id].use(ROUTER.id, DNS, START)
        habits[user.id].use(OUTSIDE, HTTPS, START)
    habits[NAS.id].use(CAMERA.id, 6 << 16 | 554, START)
    habits[NAS.id].serve("10.20.30.99", SMB, START)
    habits[NAS.id].serve("dev-gone", SMB, START)
    habits[NAS.id].serve(OUTSIDE, SMB, START)
    return Seen(machines, habits, (START, START + int(hours * HOUR)), outputs or {})


def test_what_an_alert_is_about_is_reported_apart_from_what_else_is_cut(golden: Golden) -> None:
    """The camera's SMB is the intended block; no other flow is blocked."""
    reported = simulate(only([internal(CAMERA)]), network())
    golden([(cut.text, cut.times, cut.meant) for cut in reported.cuts])
    assert reported.others == []
    assert reported.warnings == ()


def test_rules_for_all_name_all_who_would_lose_the_server(golden: Golden) -> None:
    """Clients known only from the server's baseline are listed; gone and external ones are not. Five or more are a
    warning.
    """
    reported = simulate(
        only(
            [internal(CAMERA)],
            WEEK._replace(block=ipaddress.ip_network("10.20.20.5"), match=Match(6, 445), everyone=True),
        ),
        network(),
    )
    assert [cut.client.texts[0] for cut in reported.others] == [*(pc.texts[0] for pc in PCS), "10.20.30.99"]
    golden(reported.warnings, "smb/445")


def test_all_protocols_cut_what_the_server_itself_uses(golden: Golden) -> None:
    """A block of all protocols stops the NAS from recording the camera."""
    reported = simulate(only([internal(CAMERA)], WEEK._replace(block=ipaddress.ip_network("10.20.20.5"))), network())
    golden([cut.text for cut in reported.others])


def test_an_alert_without_a_port_is_about_all_ports_of_its_protocol() -> None:
    """The alert is a port scan."""
    reported = simulate(only([internal(CAMERA, service=6 << 16)]), network())
    assert [cut.meant for cut in reported.cuts] == [True]


def test_outside_the_baseline_knows_no_addresses_and_reports_so() -> None:
    """The baseline has no external addresses: the hosts' external services are listed as possibly affected, for all
    hosts if all are meant.
    """
    reported = simulate(only([outbound(CAMERA)]), network())
    assert reported.cuts == ()
    assert {"9", "100.0"} <= set(reported.rests_on[0].split())
    assert len(reported.rests_on) == 3
    assert "https/443 (1):" in reported.rests_on[-1]
    everyone = simulate(only([outbound(CAMERA)], WEEK._replace(everyone=True)), network())
    assert "https/443 (6):" in everyone.rests_on[-1]


def test_a_short_watch_and_no_baseline_are_reported(golden: Golden) -> None:
    """A short or missing baseline is a warning."""
    assert "too short" in simulate(only([internal(CAMERA)]), network(hours=1)).rests_on[0]
    assert "too short" not in simulate(only([internal(CAMERA)]), network()).rests_on[0]
    golden(simulate(only([internal(CAMERA)]), Seen({})).rests_on[0])


def test_gateways_and_name_servers_are_warned_of(golden: Golden) -> None:
    """Rules that block services of a gateway or resolver have a warning."""
    dns = only([internal(CAMERA, ROUTER, DNS)])
    warnings = simulate(dns, network()).warnings
    golden(warnings, "10.20.10.1")
    golden(warnings, "10.20.10.1")
    assert not [one for one in simulate(only([internal(CAMERA, ROUTER, SMB)]), network()).warnings if "DNS" in one]


@pytest.mark.parametrize("place", ["10.20.20.5", "2001:db8:2::5", "fs01.example.net", "fs01"])
def test_what_the_sensor_delivers_to_is_warned_of(golden: Golden, place: str) -> None:
    """Rules that block an output of the sensor, by address or host name, have a warning."""
    reported = simulate(
        only([internal(LAPTOP)]),
        network(outputs={"siem": frozenset([place]), "other": frozenset(["10.9.9.9", "elsewhere"])}),
    )
    golden([one for one in reported.warnings if "output" in one])


def test_a_machine_whose_address_moves_is_warned_of() -> None:
    """Rules with the address of a host that had other addresses have a warning."""
    moving = network()._replace(moved=frozenset([CAMERA.id, NAS.id]))
    reported = (
        "rules do not follow DHCP leases, and these hosts had other addresses before: reserve their addresses first: "
        "10.20.10.62 (front-door, camera)"
    )
    assert simulate(only([outbound(CAMERA)]), moving).warnings == (reported,)
    assert simulate(only([outbound(CAMERA)], WEEK._replace(everyone=True)), moving).warnings == ()


def test_a_dynamic_port_is_warned_of(golden: Golden) -> None:
    """An RPC service has another port after a restart; a registered port stays the same."""
    golden(simulate(only([internal(LAPTOP, service=6 << 16 | 49668)]), network()).warnings)
    assert not any(
        "49151" in one for one in simulate(only([internal(LAPTOP, service=6 << 16 | 49151)]), network()).warnings
    )


def test_machines_of_one_segment_are_reported_to_communicate_past_the_firewall() -> None:
    """The laptop and the camera share a /24."""
    assert any(" 10.20.10.0/24" in one for one in simulate(only([internal(LAPTOP, CAMERA)]), network()).warnings)


def test_those_who_load_the_rules_read_what_was_simulated(golden: Golden) -> None:
    """The result of the simulation precedes the rules as comments."""
    request = only([internal(CAMERA)], WEEK._replace(block=ipaddress.ip_network("10.20.20.5"), everyone=True))
    notes = noted(request, simulate(request, network())).notes
    golden(notes, "10.20.10.110")
    golden(notes, "smb/445")
    assert not [note for note in notes if plain(note, len(note)) != note]
    golden(noted(only([internal(CAMERA)]), simulate(only([internal(CAMERA)]), network())).notes, "simulated")


REFUSALS = Refusals(network().machines)


@pytest.mark.parametrize(
    "block",
    [
        "224.0.0.251",
        "239.0.0.0/8",
        "255.255.255.255",
        "ff02::fb",
        "240.0.0.1",
        "127.0.0.1",
        "169.254.7.7",
        "fe80::1",
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0",
        "10.20.10.0/24",
        "10.20.20.1",
        "10.0.0.0/8",
    ],
)
def test_groups_gateways_and_everything_are_refused(block: str) -> None:
    """Multicast addresses, gateways, and networks that contain one are refused."""
    assert REFUSALS.of_block(ipaddress.ip_network(block))


@pytest.mark.parametrize("block", ["203.0.113.66", "10.20.20.5", "10.20.10.2", "2001:db8:bad::/48", "223.255.255.0/24"])
def test_other_addresses_are_not(block: str) -> None:
    """Internal and external addresses are accepted."""
    assert not REFUSALS.of_block(ipaddress.ip_network(block))


def test_the_last_address_of_a_segment_is_broadcast_unless_a_machine_has_it(golden: Golden) -> None:
    """The broadcast address of a /24 is refused unless a host has it, as segments may be larger."""
    last = party("10.20.10.255")
    golden(REFUSALS.of_peer(last, [LAPTOP]))
    assert not REFUSALS.of_peer(last, [NAS])
    machines = {**network().machines, "dev-last": Machine(last._replace(id="dev-last"))}
    assert not Refusals(machines).of_peer(last, [LAPTOP])


def test_a_gateway_is_known_by_its_device_too(golden: Golden) -> None:
    """A gateway device is refused by any of its addresses."""
    golden(REFUSALS.of_peer(Host(ROUTER.id, "", "", party("172.16.0.1").addresses)))


def test_a_gateway_that_attacks_may_be_cut_off_one_service(golden: Golden) -> None:
    """One service of a gateway may be blocked, all of its traffic may not. Addresses without a host are refused in any
    case.
    """
    assert not REFUSALS.of_machine(ROUTER, whole=False)
    assert REFUSALS.of_machine(ROUTER, whole=True)
    golden(REFUSALS.of_machine(party("fe80::1"), whole=False))
