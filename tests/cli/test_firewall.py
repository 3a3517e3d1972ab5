"""sensor firewall: from alerts, incidents and addresses to block requests, on the office capture and on other logs."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.inventory.store.database import FILE
from sensor.posture.firewall.formats import names
from tests.cli.conftest import TIMES, Result, device, record
from tests.cli.faults import reports
from tests.golden import Golden

pytestmark = pytest.mark.usefixtures("queries_within")

PCAPS = Path(__file__).parents[2] / "pcaps"
LISTED = "command_and_control.malicious_address"
C2 = "203.0.113.66"
INSISTS = "; --force suggests it regardless"


@pytest.fixture
def suggest(run_cli, office: Path) -> Callable[..., Result]:
    """sensor firewall suggest on the office."""
    return lambda *arguments: run_cli(
        "firewall", "suggest", *arguments, "--state", str(office), "--events", str(office / "events.jsonl")
    )


@pytest.fixture
def logged(run_cli, tmp_path: Path) -> Callable[..., Result]:
    """sensor firewall suggest on a log of these records."""

    def run(records: list[Any], *arguments: str) -> Result:
        path = tmp_path / "made.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
        return run_cli("firewall", "suggest", *arguments, "--events", str(path))

    return run


def bodies(result: Result) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.lines]


def incident_with(office: Path, detector: str) -> str:
    """The id of the incident that contains an alert of a detector."""
    records = map(json.loads, (office / "events.jsonl").read_text(encoding="utf-8").splitlines())
    stories = {one["incident"]["id"]: one["incident"]["story"] for one in records if one["kind"] == "incident"}
    return next(name for name, story in stories.items() if any(chapter["detector"] == detector for chapter in story))


def end(number: int, **more: Any) -> dict[str, Any]:
    """A device of ``device(number, …)`` as actor or target of an alert."""
    return {"ip": f"10.0.0.{number}", "device": f"dev-{number}", **more}


def alert(
    number: int, src: dict[str, Any], dst: dict[str, Any], detector: str = LISTED, app: str = "tls", **more: Any
) -> dict[str, Any]:
    about = {
        "id": f"alert-{number:06}",
        "detector": detector,
        "title": "x",
        "key": f"{detector}|{number}",
        "count": 1,
        **TIMES,
    }
    return record(
        "alert",
        "open",
        f"alert number {number}",
        "high",
        alert=about,
        src=src,
        dst=dst,
        network={"proto": "tcp", "app": app},
        **more,
    )


# The office.


def test_a_camera_is_cut_off_a_listed_address(golden: Golden, suggest) -> None:
    """All services are blocked in both directions; the text has reason, data basis, and what still works."""
    result = suggest(LISTED)
    name = "10.20.10.62 (DS-2CD2143G0-I20190814AAWRD53310771, camera)"
    assert result.code == 0
    assert re.fullmatch(
        rf"fw-\w{{6}}: block all protocols between {re.escape(name)} and 203\.0\.113\.66", result.lines[0]
    )
    assert "  seen        https/8443" in result.lines
    assert re.search(r"34 devices, .* 0\.3 h until 2026-11-24T08:19Z", result.out)
    golden(result.out, "ntp/123")
    golden(result.lines, "observed")


def test_an_incident_gives_a_request_for_each_thing_to_cut(golden: Golden, suggest, office: Path) -> None:
    """A scanner: the device whose ports it scanned, the address it contacts, the devices it probed; the gateway is
    excluded and named.
    """
    incident = incident_with(office, "discovery.port_scan")
    result = suggest(incident, "--json")
    scan, beacon, sweep = bodies(result)
    golden([one["title"].partition(" (")[0] for one in (scan, beacon, sweep)])
    assert [party["ips"] for party in beacon["peers"]] == [["198.51.100.14"]]
    assert len(sweep["peers"]) == 61
    golden(result.err)
    forced = bodies(suggest(incident, "--json", "--force"))
    assert "10.20.30.1" in {address for one in forced for party in one["peers"] for address in party["ips"]}


def test_a_server_is_simulated_with_the_names_of_who_would_lose_it(golden: Golden, suggest) -> None:
    """The NAS: other clients that lose it are named; a firewall between segments does not see intra-segment traffic."""
    result = suggest("--address", "10.20.10.5", "--service", "smb/445", "--everyone", "--simulate")
    golden(result.lines[0].partition(": ")[2])
    golden(result.lines, "for: 1")
    golden(result.lines, "BLOCKED: 3")
    golden(result.lines, "10.20.10.101")
    golden(result.out, "10.20.10.0/24")
    assert "--format" in result.lines[-1]
    assert not result.lines[-1].startswith("  rules")


def test_a_request_is_backtested_on_records(suggest) -> None:
    """Each flow of the simulation is in the records with its connections; nothing else is blocked."""
    wanted = ("--address", "10.20.10.5", "--service", "tcp/445")
    result = suggest(*wanted, "--backtest", "30d", "--json")
    assert result.code == 0
    found = {one["client"]: one["connections"] for one in bodies(result) if one["answered"]}
    simulated = bodies(suggest(*wanted, "--json"))[0]["simulation"]["cuts"]
    assert {one["client"]["ips"][0] for one in simulated} <= found.keys()
    assert {(one["server"], one["proto"], one["port"]) for one in bodies(result)} == {("10.20.10.5", "tcp", 445)}
    assert suggest(*wanted, "--backtest", "30d").code == 0


def test_a_telephone_exchange_is_a_server_that_many_use(golden: Golden, suggest) -> None:
    """All clients of a PBX in the baseline are in the request; the services they would lose are a warning."""
    (body,) = bodies(suggest("--address", "10.20.20.5", "--json"))
    assert {party["type"] for party in body["machines"]} == {"voip_phone", "conferencing"}
    golden(body["simulation"]["warnings"], "sip/5060")
    assert body["alerts"] == []


def test_telephones_lose_their_exchange_both_ways(suggest) -> None:
    """Phones call the server and the server calls phones: a named service is blocked in the direction that was used."""
    (body,) = bodies(suggest("--address", "10.20.20.5", "--service", "udp/5060", "--json"))
    assert [(len(rule["from"]), len(rule["to"]), rule["port"]) for rule in body["rules"]] == [
        (7, 1, 5060),
        (1, 7, 5060),
    ]


@pytest.mark.parametrize(
    "address", ["10.20.10.1", "10.20.30.1", "10.20.10.0/24", "224.0.0.251", "255.255.255.255", "0.0.0.0/0", "ff02::1"]
)
def test_gateways_and_groups_are_refused(suggest, address: str) -> None:
    """Gateways and multicast groups are rejected without --force."""
    result = suggest("--address", address)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("sensor: refused: ")
    assert result.err.endswith(f"{INSISTS}\n")
    assert suggest("--address", address, "--force").code == 0


def test_rules_go_to_standard_output_and_what_makes_one_stop_to_standard_error(golden: Golden, suggest) -> None:
    """A pipe contains only rules; above them is the simulation, below them how to remove them."""
    result = suggest(
        "--address", "10.20.10.5", "--everyone", "--format", "nftables", "--expires", "12h", "--comment", "CHG0012345"
    )
    assert "10.20.10.5 timeout 43200s" in result.out
    assert "# comment: CHG0012345\n" in result.out
    golden(result.out, "10.20.10.101")
    golden(result.out, "10.20.10.0/24")
    undo = suggest("--address", "10.20.10.5", "--everyone", "--format", "nftables", "--undo").out
    assert result.out.endswith(f"# to undo:\n# {undo}")
    assert set(result.errors) == {"firewall.side-effect"}
    assert "6 connections of 4 clients" in result.err
    assert "34 devices" in result.err


def test_json_holds_rules_and_how_to_take_them_back(suggest) -> None:
    """JSON has rules and their removal in the named format."""
    (body,) = bodies(suggest(LISTED, "--format", "panos", "--json", "--expires", "never"))
    assert f"set address {body['id']}-203.0.113.66 ip-netmask 203.0.113.66/32" in body["rules_text"]
    assert f"delete address {body['id']}-203.0.113.66" in body["undo_text"].splitlines()
    assert (body["expires"], body["format"], body["direction"]) == (None, "panos", "outbound")
    assert body["simulation"]["cuts"] == []


def test_a_machine_whose_lease_moved_is_warned_of(golden: Golden, run_cli, tmp_path: Path) -> None:
    """A device whose DHCP lease changed is a warning: the inventory has its previous addresses."""
    from tests.runtime.test_keeper import Run

    mac = "00:17:c8:1a:2b:3c"
    with Run(tmp_path / "state") as run:
        run.story.sends(mac, "10.0.0.19", "dhcp.vendor_class", "type=camera@0.8").sends(
            mac, "10.0.0.19", "dhcp.hostname", "door"
        ).at(8)
        name = run.story.who(mac).id
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / FILE)) as base, base:
        base.execute("INSERT INTO leases (device, address, first, last, held) VALUES (?, '10.0.0.9', 1, 2, 0)", (name,))
    log = tmp_path / "made.jsonl"
    log.write_text(json.dumps(alert(1, {"ip": "10.0.0.19", "device": name}, {"ip": C2, "port": 443})), encoding="utf-8")
    result = run_cli("firewall", "suggest", "alert-000001", "--events", str(log), "--state", str(tmp_path / "state"))
    golden(result.out, "10.0.0.19")


def test_an_address_that_is_no_device_is_known_by_who_used_it(golden: Golden, run_cli, tmp_path: Path) -> None:
    """A client that is not a device is found by its address in the baseline."""
    from tests.inventory.stories import subject
    from tests.runtime.test_keeper import LAPTOP, SMB, Run

    with Run(tmp_path / "state") as run:
        run.story.sends(LAPTOP, "10.0.0.8", "http.server", "model=D").at(8)
        run.baseline.watch(run.story.ts)
        run.baseline.learn(run.story.ts, subject(LAPTOP, "10.0.0.8"), subject("", "10.0.0.77"), SMB, outside=False)
    result = run_cli("firewall", "suggest", "--address", "10.0.0.77", "--state", str(tmp_path / "state"))
    golden(result.out, "10.0.0.8")
    golden(result.lines, "10.0.0.8")


# Logs.


def test_pcs_and_cameras_that_called_one_address_share_a_change(golden: Golden, logged) -> None:
    """All alerts about the same external address are joined; other traffic of the devices is not blocked."""
    devices = [device(1, "camera", hostname="door"), device(2, "workstation", hostname="PC"), device(3, "server")]
    alerts = [
        alert(1, end(1), {"ip": C2, "port": 443}),
        alert(2, end(2), {"ip": C2, "port": 8443}, "command_and_control.beaconing"),
        alert(3, end(2), {"ip": "198.51.100.1", "port": 443}),
        alert(4, end(1), end(3, port=22), "lateral_movement.admin_from_device"),
    ]
    (body,) = bodies(logged([*devices, *alerts], "alert-000001", "--json"))
    golden(body["title"])
    assert (body["alerts"], body["seen"]) == (["alert-000001", "alert-000002"], ["https/443", "https/8443"])
    assert (body["simulation"]["done"], body["simulation"]["cuts"]) == (False, [])
    golden(body["simulation"]["rests_on"])


def test_the_next_host_with_the_address_is_not_blocked(golden: Golden, logged) -> None:
    """The address of the camera belongs to a printer by now (DHCP): rules have the present address of the camera, and
    there are none if it is gone.
    """
    call = alert(1, end(1), {"ip": C2, "port": 443})
    printer = device(2, "printer", ips=["10.0.0.1"])
    (body,) = bodies(logged([call, device(1, "camera", ips=["10.0.0.9"]), printer], "alert-000001", "--json"))
    assert {block for rule in body["rules"] for block in rule["from"] + rule["to"]} == {"10.0.0.9/32", f"{C2}/32"}
    result = logged([call, printer], "alert-000001")
    assert (result.code, result.out) == (1, "")
    golden(result.err)


def test_a_host_with_more_addresses_than_a_rule(golden: Golden, logged) -> None:
    """A warning has the number of those that are left out."""
    ips = [f"2001:db8::{number:x}" for number in range(1, 21)]
    records = [device(1, "workstation", ips=ips), alert(1, end(1, ip=ips[0]), {"ip": "2001:db8:bad::1", "port": 443})]
    (body,) = bodies(logged(records, "alert-000001", "--json"))
    assert len(body["rules"][0]["from"]) == 16
    golden(body["simulation"]["warnings"])
    everyone = ("--address", "2001:db8:bad::1", "--everyone")
    assert bodies(logged(records, *everyone, "--json"))[0]["simulation"]["warnings"] == []


def test_without_a_baseline_nothing_is_called_harmless(golden: Golden, logged) -> None:
    """The text, the comments of rules and JSON report "not simulated", not that nothing else would be blocked."""
    records = [device(1, "camera", hostname="door"), alert(1, end(1), {"ip": C2, "port": 443})]
    for arguments in ((), ("--simulate",), ("--format", "nftables"), ("--format", "fortios")):
        result = logged(records, "alert-000001", *arguments)
        assert result.code == 0
        assert "not simulated" in result.out
        assert "would be blocked" not in result.out
    golden(logged(records, "alert-000001", "--format", "nftables").err, "simulated")


def test_who_comes_from_outside_is_blocked_by_its_address(logged) -> None:
    """The external address is blocked, the contacted device is named; a service limits the request to that service."""
    records = [device(1, "camera"), alert(1, {"ip": C2}, end(1, port=554), "exposure.inbound_from_internet")]
    (body,) = bodies(logged(records, "alert-000001", "--json", "--service", "rtsp/554"))
    assert body["title"] == f"block tcp/554 from {C2} to 10.0.0.1 (camera)"
    assert (body["direction"], body["rules"]) == (
        "inbound",
        [{"name": f"{body['id']}-1", "from": [f"{C2}/32"], "to": ["10.0.0.1/32"], "proto": "tcp", "port": 554}],
    )


def test_a_listed_name_does_not_cost_the_name_server(golden: Golden, logged) -> None:
    """A DNS server that only resolved the name is not blocked, unless the alert is about the server itself."""
    resolver = {"ip": "9.9.9.9", "port": 53}
    result = logged(
        [device(1, "camera"), alert(1, end(1), resolver, "command_and_control.malicious_domain", "dns")], "alert-000001"
    )
    assert (result.code, result.out) == (1, "")
    golden(result.err)
    result = logged(
        [device(1, "camera"), alert(1, end(1), resolver, "command_and_control.resolver_bypass", "dns")], "alert-000001"
    )
    assert "and 9.9.9.9" in result.lines[0]


def test_a_gateway_may_be_cut_off_an_address_outside(golden: Golden, logged) -> None:
    """Traffic between a gateway and an external address is blocked, as no client depends on it."""
    result = logged([device(1, "router"), alert(1, end(1), {"ip": C2, "port": 443})], "alert-000001")
    golden(result.lines[0].partition(": ")[2])
    golden(result.out, "10.0.0.1")


def test_an_address_without_contacts_is_blocked_for_all(golden: Golden, logged) -> None:
    """An address without flows is blocked for all clients, and this is reported."""
    result = logged([device(1, "camera")], "--address", "198.51.100.0/24", "--format", "pf")
    golden(result.err, "198.51.100.0/24")
    golden(result.out, "198.51.100.0/24")


def test_the_configuration_reports_what_is_inside_and_where_the_sensor_delivers_to(
    golden: Golden, logged, tmp_path: Path
) -> None:
    """In internal networks only the named service is blocked; a request that affects the log server gives a warning."""
    config = tmp_path / "sensor.yaml"
    config.write_text(
        (
            f"networks: [203.0.113.0/24]\noutputs:\n  siem: {{type: elasticsearch, url: "
            f"'https://{C2}:9200'}}\n  disk: {{type: file, path: {tmp_path}/out}}\n"
        ),
        encoding="utf-8",
    )
    result = logged(
        [device(1, "camera"), alert(1, end(1), {"ip": C2, "port": 9200})], "alert-000001", "--config", str(config)
    )
    golden(result.lines[0].partition(": ")[2])
    golden(result.out, "delivers")


def test_a_foreign_log_breaks_nothing(logged) -> None:
    """Invalid values are skipped, and control characters in names are removed."""
    evil = alert(
        1, end(1), {"ip": C2, "port": "443"}, targets=[{"ip": 7}, "x", {"ip": "999.1.1.1"}, {"ip": "203.0.113.67"}]
    )
    evil["msg"] = "\x1b[2Jgone\nfw-aaaaaa: block nothing"
    result = logged(
        [device(1, "camera", hostname="\x1b[31mred\n", ips=["x", 5, "10.0.0.1"]), evil, alert(2, {"ip": None}, {})],
        "alert-000001",
    )
    assert result.code == 0
    assert "\x1b" not in result.out
    assert len([line for line in result.lines if line.startswith("fw-")]) == 1
    assert {"    203.0.113.66", "    203.0.113.67"} <= set(result.lines)


def test_what_names_no_two_ends_reports_so(golden: Golden, logged) -> None:
    """An alert without two endpoints, such as a new device, cannot be blocked, and this is reported."""
    result = logged([device(1, "camera"), alert(1, end(1), {}, "device.new")], "alert-000001")
    assert result.code == 1
    golden(result.err)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (
            ["nonsense"],
            1,
            ("alert.unknown", "'nonsense'"),
        ),
        ([], 2, ("usage.invalid-value", "--address")),
        (
            ["x", "--address", C2],
            2,
            ("usage.invalid-value", "--address"),
        ),
        (
            ["--address", "300.1.1.1"],
            2,
            ("usage.invalid-value", "--address", "300.1.1.1", "203.0.113.66", "203.0.113.0/24"),
        ),
        (["x", "--format", "iptable"], 2, ("usage.invalid-value", "--format")),
        (["x", "--undo"], 2, ("usage.invalid-value", "--undo", "--format")),
        (["x", "--expires", "soon"], 2, ("usage.invalid-value", "--expires", "12h", "7d", "4w")),
        (["x", "--service", "ssh"], 2, ("usage.invalid-value", "'ssh'", "tcp/22", "udp/161", "ssh/22")),
    ],
)
def test_what_makes_no_sense_is_reported_in_one_line(
    logged, arguments: list[str], code: int, expected: tuple[str, ...]
) -> None:
    result = logged([device(1, "camera")], *arguments)
    assert (result.code, result.out) == (code, "")
    assert reports(result, *expected), result.err
    assert result.err.count("\n") == 1


def test_help_names_every_format(run_cli) -> None:
    """The help of sensor firewall lists every format."""
    result = " ".join(run_cli("firewall", "--help").out.split())
    assert f"{', '.join(names()[:-1])} or {names()[-1]}" in result


def test_nothing_to_read_is_another_code(run_cli, tmp_path: Path) -> None:
    """A missing log gives exit code 3, not 1, and so does a missing folder."""
    assert run_cli("firewall", "suggest", "x", "--events", str(tmp_path / "none.jsonl")).code == 3
    result = run_cli("firewall", "suggest", "x", "--state", str(tmp_path / "none"))
    assert result.code == 3
    assert f"no data in {tmp_path / 'none'}" in result.err


def test_an_address_in_the_clothes_of_ipv6_is_the_one_of_ipv4(logged) -> None:
    """::ffff:203.0.113.66 (RFC 4291, 2.5.5.2) is treated as IPv4."""
    (body,) = bodies(
        logged([device(1, "camera"), alert(1, end(1), {"ip": C2, "port": 443})], "--address", f"::ffff:{C2}", "--json")
    )
    assert [party["device"] for party in body["machines"]] == ["dev-1"]
    assert body["rules"][0]["to"] == [f"{C2}/32"]


# Recommendations.


def work(
    number: int, device: int, setting: str = "telnet", port: int = 23, app: str = "telnet", action: str = "open"
) -> dict[str, Any]:
    about = {"id": f"recommendation-{number:06}", "setting": setting, "title": "x", "count": 1, **TIMES}
    src = end(device, **({"port": port} if port else {}))
    return record(
        "recommendation",
        action,
        f"machine {device} offers {setting}",
        "medium",
        recommendation=about,
        src=src,
        network={"app": app},
    )


def test_a_setting_is_cut_off_from_all_on_all_machines_that_have_it(golden: Golden, logged) -> None:
    """One request for each port; the recommendation is named, and that the fix is in the device's settings."""
    records = [
        device(1, "switch"),
        device(2, "switch"),
        device(3, "printer"),
        work(1, 1),
        work(2, 2),
        work(3, 3, port=2323),
        work(4, 3, action="close"),
    ]
    result = logged(records, "telnet", "--json")
    first, second = bodies(result)
    golden(first["title"])
    golden(second["title"])
    assert first["reasons"] == [
        f"2026-11-24T09:20:00Z machine {at} offers telnet (recommendation-{at:06})" for at in (1, 2)
    ]
    assert [(one["from"], one["to"], one["proto"], one["port"]) for one in first["rules"]] == [
        ([], ["10.0.0.1/32", "10.0.0.2/32"], "tcp", 23)
    ]
    golden(result.err)
    assert bodies(logged(records, "recommendation-000002", "--json"))[0]["title"].endswith("to 10.0.0.2 (switch)")


def test_who_administers_is_named_and_left_alone_when_requested(golden: Golden, run_cli, tmp_path: Path) -> None:
    """The baseline has a laptop and a camera: with --allow seen the camera is still blocked, because it administers no
    device.
    """
    from tests.runtime.test_keeper import LAPTOP, PRINTER, Run

    camera, switch, telnet = "ac:cc:8e:00:00:01", "00:1c:7f:00:00:09", 6 << 16 | 23
    with Run(tmp_path / "state") as run:
        run.story.sends(LAPTOP, "10.0.0.8", "http.server", "type=workstation").sends(
            camera, "10.0.0.9", "http.server", "type=camera"
        )
        run.story.sends(switch, "10.0.0.2", "http.server", "type=switch").sends(
            PRINTER, "10.0.0.7", "http.server", "type=printer"
        ).at(8)
        for mac in (LAPTOP, camera):
            run.learns(mac, switch, telnet)
        name = run.story.who(switch).id
    log = tmp_path / "made.jsonl"
    one = work(1, 2) | {"src": {"ip": "10.0.0.2", "port": 23, "device": name}}
    log.write_text(json.dumps(one) + "\n", encoding="utf-8")
    arguments = (
        "firewall",
        "suggest",
        "recommendation-000001",
        "--events",
        str(log),
        "--state",
        str(tmp_path / "state"),
    )
    result = run_cli(*arguments)
    golden(result.lines[0].partition(": ")[2])
    golden(result.lines, "BLOCKED: 2")
    (body,) = bodies(run_cli(*arguments, "--allow", "seen", "--json"))
    golden(body["title"])
    assert [party["ips"] for party in body["allowed"]] == [["10.0.0.8"]]
    assert [cut["client"]["ips"] for cut in body["simulation"]["cuts"]] == [["10.0.0.9"]]
    golden(body["simulation"]["warnings"])
    assert "10.0.0.8/32" not in body["rules"][0]["from"]
    assert len(body["rules"][0]["from"]) == 32
    (body,) = bodies(run_cli(*arguments, "--allow", "10.0.0.8", "--allow", "10.9.9.9", "--json"))
    assert [party["ips"] for party in body["allowed"]] == [["10.0.0.8"], ["10.9.9.9"]]
    assert "  not blocked" in run_cli(*arguments, "--allow", "seen").lines


@pytest.mark.parametrize(
    ("setting", "port", "app"),
    [
        ("smb1", 445, "smb"),
        ("tls_old", 443, "tls"),
        ("llmnr", 0, "llmnr"),
        ("upnp_mapping", 5000, "upnp"),
    ],
)
def test_where_no_rule_helps_it_reports_why(golden: Golden, logged, setting: str, port: int, app: str) -> None:
    result = logged([device(1, "nas"), work(1, 1, setting, port, app)], setting, "--json")
    assert (result.code, result.out) == (1, "")
    assert f"machine 1 offers {setting}: " in result.err
    golden(result.err)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["recommendation-zzzzzz"], "recommendation.unknown"),
        (["vnc_open"], "recommendation.unknown"),
        (["telnet", "--allow", "nobody"], "device.unknown"),
        (["telnet", "--allow", "twin"], "device.unknown"),
        (["telnet", *(word for number in range(17) for word in ("--allow", f"10.1.0.{number}"))], "firewall.too-wide"),
    ],
)
def test_what_is_not_known_of_recommendations_is_reported(
    golden: Golden, logged, arguments: list[str], error: str
) -> None:
    result = logged(
        [device(1, "switch"), work(1, 1), device(2, "camera", hostname="twin"), device(3, "camera", hostname="twin")],
        *arguments,
    )
    assert (result.code, result.out, result.errors) == (1, "", (error,))
    golden(result.err)


def test_snmp_is_cut_over_udp(logged) -> None:
    """SNMP is blocked over UDP, though the record has only the port."""
    (body,) = bodies(logged([device(1, "switch"), work(1, 1, "snmp_default", 161, "snmp")], "snmp_default", "--json"))
    assert body["rules"][0]["proto"] == "udp"


def test_one_who_is_left_alone_is_in_no_other_request(golden: Golden, suggest) -> None:
    """An allowed device is in no request, for an address or for an alert; if no other is left, this is reported.
    --allow seen does not allow devices that an alert is about: the scanner and the camera.
    """
    arguments = ("--address", "10.20.10.5", "--service", "smb/445")
    (body,) = bodies(suggest(*arguments, "--allow", "10.20.10.101", "--json"))
    assert "10.20.10.101" not in {address for party in body["machines"] for address in party["ips"]}
    assert body["machines"]
    (body,) = bodies(suggest(*arguments, "--everyone", "--allow", "seen", "--json"))
    assert {party["hostname"] for party in body["allowed"]} == {"LT-ACC-04", "LT-HR-02", "PC-DESK-11"}
    assert {cut["client"]["hostname"] for cut in body["simulation"]["cuts"]} == {"axis-accc8e4f710a"}
    assert not [one for one in body["simulation"]["warnings"] if "gateway" in one]
    result = suggest(LISTED, "--allow", "10.20.10.62")
    assert result.code == 1
    golden(result.err)


def test_devices_that_need_nothing_outside_are_cut_off_all_of_it(golden: Golden, logged) -> None:
    """Both devices are in one request; networks that the configuration calls internal and allowed addresses are
    excluded.
    """
    records = [device(1, "camera"), device(2, "printer"), work(1, 1, "internet", 0, ""), work(2, 2, "internet", 0, "")]
    (body,) = bodies(logged(records, "internet", "--allow", "203.0.113.9", "--json"))
    golden(body["title"])
    assert (body["direction"], body["rules"][0]["from"]) == ("outbound", ["10.0.0.1/32", "10.0.0.2/32"])
    assert not {"10.0.0.0/8", "192.168.0.0/16", "203.0.113.9/32"} & set(body["rules"][0]["to"])
    assert "203.0.113.8/32" in body["rules"][0]["to"]
    result = logged(records, "internet", "--allow", "seen")
    assert result.code == 1
    golden(result.err)
