"""Attack paths: which ones exist, their costs and evidence, and which changes break them."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.inventory.habits import OUTSIDE
from sensor.posture.paths.breaks import APART, BORDER, CLOSE, FIX, RULE
from sensor.posture.paths.costs import (
    ASSUMED_FAR,
    ASSUMED_NEAR,
    ATTACKED,
    GUESS,
    HELD,
    LURE,
    REACH,
    SESSION,
    UNKNOWN,
    taking,
)
from sensor.posture.paths.mitigations import mitigation
from sensor.posture.paths.paths import CONTROLLER, MARKED, NO_GOAL, SERVER, Path, Paths, attack_paths
from tests.golden import Golden
from tests.posture.paths.sites import DNS, HTTPS, RTSP, SMB, SSH, TELNET, alert, flaw, node, setting, site

CAMERA, PRINTER = node("camera", "camera", "lan", "rtsp/554"), node("printer", "printer", "lan", "telnet/23")
PC, ADMIN = node("pc", "workstation", "lan"), node("admin", "workstation", "office")
FILES = node("files", "server", "rooms", "smb/445", "ssh/22", criticality="critical", address="10.0.0.5")


def only(paths: Paths) -> Path:
    (found,) = paths.paths
    return found


def story(path: Path) -> list[str]:
    """The devices of a path."""
    return [path.hops[0].source, *(hop.target for hop in path.hops)]


def costs(path: Path) -> list[int]:
    return [hop.cost for hop in path.hops]


# Paths.


def test_a_session_of_administration_opens_the_door(golden: Golden) -> None:
    """The camera reaches the PC in its segment, and the PC's administration sessions lead to the server."""
    pc = PC._replace(services=frozenset(("vnc/5900",)))
    found = only(attack_paths(site([CAMERA, pc, FILES], ("pc", "files", SSH)), "camera"))
    assert story(found) == ["camera", "pc", "files"]
    assert costs(found) == [ASSUMED_NEAR + ASSUMED_FAR + GUESS, SESSION]
    assert [hop.assumed for hop in found.hops] == [True, False]
    golden(found.hops[1].why)
    assert found.hops[1].use is not None


def test_a_share_that_people_use_is_no_administration(golden: Golden) -> None:
    """Use of a server's file share does not lower the cost: credentials still have to be guessed."""
    found = only(attack_paths(site([PRINTER, FILES], ("printer", "files", SMB)), "printer"))
    assert costs(found) == [REACH + GUESS]
    golden(found.hops[0].why, "smb/445")


def test_what_is_weak_is_cheaper_than_what_has_to_be_guessed() -> None:
    """Telnet without a password counts at the port of its recommendation, a vulnerability at any reached service, and
    an unconfirmed one not at all.
    """
    telnet = {
        "kind": "recommendation",
        "action": "open",
        "src": {"device": "files", "port": 2323},
        "recommendation": {"setting": "telnet_open"},
    }
    conversations = ("printer", "files", 6 << 16 | 2323), ("camera", "files", HTTPS)
    weak = setting("files", "telnet_open"), flaw("files", "CVE-2026-1", 80)
    found = {
        one.sources: one
        for one in attack_paths(site([CAMERA, PRINTER, FILES], *conversations, weak=weak, work=(telnet,))).paths
    }
    assert costs(found["printer",]) == [REACH + 1]
    assert found["printer",].hops[0].weakness == weak[0]
    assert costs(found["camera",]) == [REACH + taking(weak[1])] == [REACH + 4]
    unsure = flaw("files", "CVE-2026-1", 80, sure=False)
    assert costs(only(attack_paths(site([CAMERA, FILES], conversations[1], weak=(unsure,)), "camera"))) == [
        REACH + UNKNOWN
    ]


@pytest.mark.parametrize(("points", "cost"), [(100, 2), (95, 2), (70, 5), (34, 9), (0, 12), (120, 2)])
def test_the_cost_of_a_vulnerability_follows_its_priority(points: float, cost: int) -> None:
    assert taking(flaw("files", "CVE-2026-1", points)) == cost


def test_a_slight_vulnerability_is_no_way_in_unless_it_is_urgent() -> None:
    slight = flaw("files", "CVE-2026-1", 20)._replace(severity=Severity.medium)
    assert (taking(slight), taking(slight._replace(points=60))) == (0, 6)


def test_settings_that_give_no_access_cost_nothing_and_are_no_way() -> None:
    assert taking(setting("files", "llmnr")) == 0


def test_from_outside_by_what_is_reached_by_what_is_held_and_by_people(golden: Golden) -> None:
    """Paths begin at a port that answered an external host, at a host with a C2 channel, and at a user's host, each
    with its evidence.
    """
    held = alert("command_and_control.malicious_address", "camera")
    conversations = (OUTSIDE, "files", HTTPS), ("pc", OUTSIDE, HTTPS), ("pc", "files", SSH), ("camera", "files", TELNET)
    found = only(attack_paths(site([CAMERA, PC, FILES], *conversations, alerts=(held,)), OUTSIDE))
    assert (story(found), costs(found)) == ([OUTSIDE, "camera", "files"], [HELD, SESSION])
    golden(found.hops[0].why)
    assert [(story(one), one.cost) for one in found.others] == [
        ([OUTSIDE, "pc", "files"], LURE + SESSION),
        ([OUTSIDE, "files"], REACH + UNKNOWN),
    ]
    assert [one.hops[0].assumed for one in found.others] == [True, False]
    golden(found.others[1].hops[0].why[0])


def test_a_machine_inside_that_controls_another_holds_it(golden: Golden) -> None:
    """A C2 channel to a PC makes the PC the controlling host, where the path can be blocked."""
    held = alert("command_and_control.c2_framework", "camera", "pc", 443)
    conversations = ("pc", OUTSIDE, HTTPS), ("camera", "files", SSH)
    found = attack_paths(site([CAMERA, PC._replace(segment=""), FILES], *conversations, alerts=(held,)), OUTSIDE)
    assert (story(only(found)), costs(only(found))) == ([OUTSIDE, "pc", "camera", "files"], [LURE, HELD, SESSION])
    reported = [mitigation(found, *one) for one in only(found).hops[1].cuts]
    golden([(one.title, one.commands) for one in reported])


def test_a_port_that_was_mapped_lets_the_outside_in() -> None:
    """A port mapping is an entry to the host that requested it, or to the one that it requested it for."""
    reported = {
        "alert": {
            "detector": "command_and_control.port_mapping",
            "id": "alert-map",
            "numbers": {"internal_port": 22, "protocol": "tcp"},
        }
    }
    mine = alert("command_and_control.port_mapping", "files", "router") | reported
    other = (
        alert("command_and_control.port_mapping", "pc", "files", targets=[{"device": "files"}, {"device": "router"}])
        | reported
    )
    for one in (mine, other):
        found = only(attack_paths(site([PC, FILES, node("router", "router")], alerts=(one,)), OUTSIDE))
        assert (story(found), costs(found), found.hops[0].alert) == ([OUTSIDE, "files"], [REACH + GUESS], "alert-map")


def test_an_attack_that_was_seen_is_a_way_until_a_user_deals_with_it() -> None:
    """It ends after two weeks without traffic, too. Alerts of low severity, and those without a target such as a
    fan-out, are no path.
    """
    attack = alert("lateral_movement.remote_service", "camera", "files", 445)
    assert costs(only(attack_paths(site([CAMERA, FILES], alerts=(attack,)), "camera"))) == [ATTACKED]
    silent, dealt_with = attack | {"action": "close"}, attack | {"alert": attack["alert"] | {"closed": "mended"}}
    assert attack_paths(site([CAMERA, FILES], alerts=({**silent, "ts": "2026-11-20T00:00:00Z"},)), "camera").pairs == 1
    for one in (
        silent | {"ts": "2026-11-01T00:00:00Z"},
        dealt_with,
        attack | {"severity": "low"},
        alert("lateral_movement.fan_out", "camera", "files", 445),
    ):
        assert attack_paths(site([CAMERA, FILES], alerts=(one,)), "camera").pairs == 0


def test_devices_that_are_gone_and_ends_that_are_no_devices_are_no_stops() -> None:
    gone = node("pc", "workstation", "lan", "vnc/5900", gone=True)
    assert attack_paths(site([CAMERA, gone, FILES], ("pc", "files", SSH), ("camera", "pc", SSH)), "camera").pairs == 0
    reported = site([CAMERA, FILES])
    assert reported.seen.habits is not None
    reported.seen.habits["camera"].use("10.0.0.77", SSH, 1)
    assert attack_paths(reported).pairs == 0


def test_two_unknown_vulnerabilities_are_no_path() -> None:
    """Through the DNS server to a server behind it, two unknown vulnerabilities would be needed."""
    conversations = ("camera", "dns", DNS), ("dns", "files", HTTPS)
    assert attack_paths(site([CAMERA, node("dns", "server"), FILES], *conversations)).pairs == 0


# Entry points and goals.


def test_goals_are_what_is_marked_then_domain_controllers_then_servers() -> None:
    """The result contains how its goals were selected."""
    controller, nas = node("dc", "server", "", "kerberos/88", "ldap/389"), node("nas", "nas", "", "kerberos/88")
    high = PC._replace(aimed=PC.aimed._replace(criticality="high"))
    assert attack_paths(site([high, FILES, controller, nas]))[2:4] == (("files", "pc"), MARKED)
    assert attack_paths(site([PC, controller, nas]))[2:4] == (("dc",), CONTROLLER)
    assert attack_paths(site([PC, nas]))[2:4] == (("nas",), SERVER)
    assert attack_paths(site([PC]))[2:4] == ((), NO_GOAL)


def test_where_nothing_is_marked_the_most_used_come_first() -> None:
    """The most used servers are goals, up to a limit; the others are counted."""
    servers = [node(f"server{number:02}", "server", "", "ssh/22") for number in range(26)]
    conversations = [("pc", "server25", HTTPS), ("admin", "server25", HTTPS), ("pc", "server24", HTTPS)]
    found = attack_paths(site([PC, ADMIN, *servers], *conversations))
    assert (found.goals[:3], len(found.goals), found.more_goals) == (("server25", "server24", "server00"), 24, 2)


def test_devices_that_go_the_same_way_are_one_path() -> None:
    cameras = [node(f"camera{number}", "camera", "lan") for number in range(3)]
    files = FILES._replace(segment="lan")
    found = attack_paths(site([*cameras, files, PC]))
    assert (only(found).sources, found.pairs, found.ways) == (("camera0", "camera1", "camera2"), 3, 1)
    assert found.sources == (OUTSIDE, "camera0", "camera1", "camera2")


def test_the_best_ways_of_a_requested_start_begin_otherwise() -> None:
    """Each path has another first device, and none returns to its start."""
    conversations = (
        [("camera", name, SSH) for name in ("a", "b", "c", "d")]
        + [(name, "files", TELNET) for name in ("a", "b", "c")]
        + [("d", "camera", SSH)]
    )
    nodes = [CAMERA, *(node(name, "workstation") for name in ("a", "b", "c", "d")), FILES]
    found = only(attack_paths(site(nodes, *conversations), "camera", "files"))
    assert sorted(story(one) for one in (found, *found.others)) == [
        ["camera", name, "files"] for name in ("a", "b", "c")
    ]
    assert {one.cost for one in (found, *found.others)} == {SESSION + SESSION}


# Changes that break paths.


def broken(paths: Paths) -> dict[str, tuple[int, str]]:
    return {one.sort: (one.broken, mitigation(paths, one.sort, one.what).title) for one in reversed(paths.breaks)}


def test_a_rule_leaves_who_administers_and_cuts_devices_with_one_job(golden: Golden) -> None:
    """A rule blocks the printer's session and exempts the administrator; the printed command contains the exemption."""
    printer = PRINTER._replace(segment="elsewhere")
    found = attack_paths(site([printer, ADMIN, FILES], ("printer", "files", SSH), ("admin", "files", SSH)))
    (rule,) = (one for one in found.breaks if one.sort == RULE)
    assert (rule.broken, rule.goals, rule.users) == (1, 1, 1)
    reported = mitigation(found, RULE, rule.what)
    golden(reported.title)
    assert reported.commands == tuple(
        f"sensor firewall suggest --address 10.0.0.5 --service tcp/{port} --everyone --allow seen" for port in (22, 445)
    )
    assert CLOSE not in broken(found)
    assert (RULE, rule.what) in only(found).hops[0].cuts


def test_an_attacker_is_no_user_that_is_missed() -> None:
    """The alert is about the camera's session, so only the printer counts as an affected user."""
    conversations = [(one, "files", SSH) for one in ("camera", "printer")]
    attack = alert("lateral_movement.admin_from_device", "camera", "files", 22)
    (rule,) = (
        one
        for one in attack_paths(site([CAMERA, PRINTER, FILES], *conversations, alerts=(attack,))).breaks
        if one.sort == RULE
    )
    assert (rule.broken, rule.users) == (2, 1)


def test_a_rule_leaves_no_attacker_whatever_it_is() -> None:
    """Of two PCs that administer the server, a rule does not exempt the one that attacks it."""
    twin, attack = PC._replace(id="twin"), alert("lateral_movement.remote_service", "pc", "files", 22)
    conversations = [(one, "files", SSH) for one in ("pc", "twin")] + [(one, OUTSIDE, HTTPS) for one in ("pc", "twin")]
    paths = attack_paths(site([PC, twin, FILES], *conversations, alerts=(attack,)), OUTSIDE)
    assert story(only(paths)) == [OUTSIDE, "pc", "files"]
    assert only(paths).hops[1].cuts[0][0] == RULE
    assert [one.hops[1].cuts[0][0] for one in only(paths).others] == [CLOSE]


def test_what_people_use_is_only_cut_where_it_is_closed(golden: Golden) -> None:
    """The path from outside uses an administrator's host: a rule that exempts it breaks nothing."""
    found = attack_paths(site([ADMIN, FILES], ("admin", OUTSIDE, HTTPS), ("admin", "files", SSH)))
    assert set(broken(found)) == {CLOSE}
    golden(broken(found)[CLOSE])


def test_what_takes_little_from_others_stands_first() -> None:
    """Closing the PBX breaks the most paths and affects all phones, so that it is listed after the rule."""
    phones = [node(f"phone{number}", "voip_phone") for number in range(6)]
    exchange = FILES._replace(services=frozenset(("sip/5060", "ssh/22")), segment="lan")
    conversations = [(one.id, "files", 17 << 16 | 5060) for one in phones]
    paths = attack_paths(site([*phones, CAMERA, PRINTER, exchange], *conversations))
    assert [(one.sort, one.broken, one.users) for one in paths.breaks if one.sort in (RULE, CLOSE)] == [
        (RULE, 2, 0),
        (CLOSE, 6, 6),
    ]


def test_a_fix_on_many_devices_is_one(golden: Golden) -> None:
    """Two printers with Telnet lead to the server; one fix breaks both paths, as all others are expensive."""
    printers = [node(f"printer{number}", "printer", f"lan{number}", "telnet/23") for number in range(2)]
    cameras = [node(f"camera{number}", "camera", f"lan{number}") for number in range(2)]
    conversations = [(f"printer{n}", "files", HTTPS) for n in range(2)]
    weak = tuple(setting(one.id, "telnet_open") for one in printers)
    paths = attack_paths(site([*printers, *cameras, FILES], *conversations, weak=weak))
    (fix,) = (one for one in paths.breaks if one.sort == FIX)
    assert fix.broken == 2
    golden(mitigation(paths, FIX, fix.what)[:2])


def test_a_segment_kept_apart_and_an_address_that_is_cut_off(golden: Golden) -> None:
    held = alert("command_and_control.beaconing", "camera")
    paths = attack_paths(site([CAMERA, FILES._replace(segment="lan")], alerts=(held,)))
    golden(broken(paths)[APART])
    golden(broken(paths)[BORDER])
    (border,) = (one for one in paths.breaks if one.sort == BORDER)
    assert mitigation(paths, BORDER, border.what).commands == ("sensor firewall suggest alert-beaconing",)


def test_a_path_that_has_a_cheap_neighbour_is_not_broken() -> None:
    """Fixing one of two weak services of a host breaks no path."""
    conversations = ("camera", "files", TELNET), ("camera", "files", RTSP)
    weak = setting("files", "telnet_open"), flaw("files", "CVE-2026-1", 100)
    assert FIX not in broken(attack_paths(site([CAMERA, FILES], *conversations, weak=weak), "camera"))


def test_a_foreign_log_breaks_nothing(golden: Golden) -> None:
    """Invalid alerts, services and ports are ignored."""
    odd = [
        {"action": "open", "severity": "high"},
        alert("lateral_movement.x", "camera", "nowhere"),
        alert("exposure.inbound_from_internet", "", "files"),
    ]
    odd += [
        {**odd[2], "dst": {"device": "files", "port": "x"}, "alert": 7},
        {**odd[1], "src": 5, "targets": ["x", {"device": 7}]},
    ]
    nodes = [CAMERA, FILES._replace(services=frozenset(("x", "smb/999999", "ssh/22")))]
    found = attack_paths(site(nodes, alerts=tuple(odd), work=({"src": "x", "recommendation": 3},)))
    assert story(only(found)) == [OUTSIDE, "files"]
    golden(only(found).hops[0].why[1])


def test_no_text_of_a_log_becomes_a_command() -> None:
    """An address, an alert id or a weakness name with special characters is omitted from commands, as users paste them
    into shells.
    """
    evil = "x; reboot"
    held = alert("command_and_control.beaconing", "camera") | {
        "alert": {"detector": "command_and_control.beaconing", "id": evil}
    }
    weak = flaw("files", f"CVE-{evil}", 100)
    paths = attack_paths(
        site([CAMERA, FILES._replace(segment="lan")._replace(address=""), PRINTER], alerts=(held,), weak=(weak,))
    )
    files = paths.site.nodes["files"]._replace(address=evil)
    paths = paths._replace(site=paths.site._replace(nodes={**paths.site.nodes, "files": files}))
    assert {one.sort for one in paths.breaks} >= {APART, BORDER, FIX}
    assert [mitigation(paths, sort, what).commands for sort, what, *_ in paths.breaks] == [()] * len(paths.breaks)


def test_a_site_without_anything_has_no_paths() -> None:
    """An empty site, a site of one device, and one without a baseline have no paths."""
    for reported in (site([]), site([FILES]), site([CAMERA, FILES])._replace(seen=site([]).seen._replace(habits=None))):
        found = attack_paths(reported)
        assert (found.pairs, found.paths, found.breaks) == (0, (), ())
        assert attack_paths(reported, OUTSIDE).sources == (OUTSIDE,)
