"""Administration sessions to many hosts: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.flow import Change, flow_of
from sensor.core.packet import Packet
from sensor.counting.changes import ChangeReader
from sensor.dissectors.shared.smb_events import SmbTreeConnect
from tests.detectors.stories import Story, World, detector, device, in_time, inspected

FAN_OUT = "lateral_movement.fan_out"
DAY = 86_400


def fan(
    count: int,
    at: float = 1,
    port: int = 22,
    *,
    net: str = "10.0.1",
    step: float = 60,
    messages: tuple[int, int] = (20, 20),
    lasts: float = 30,
) -> Story:
    story = Story()
    for n in range(count):
        story.converse(at + n * step, "10.0.0.66", f"{net}.{n + 1}", port, messages=messages, lasts=lasts)
    return story


def test_five_new_hosts_are_a_fan_out() -> None:
    """The fifth new host raises an alert with actor, targets, numbers and technique."""
    [alert] = in_time(FAN_OUT, fan(5, port=3389))
    assert alert.actor.address == parse("10.0.0.66")
    assert {target.address for target in alert.targets} == {parse(f"10.0.1.{n}") for n in range(1, 6)}
    assert [technique.technique for technique in alert.techniques] == ["T1021.001", "T1570"]
    assert (alert.severity, alert.numbers["hosts"], alert.numbers["threshold"]) == (Severity.medium, 5, 5)


def test_shells_alone_are_slight_until_the_network_is_known() -> None:
    """On the first day SSH and Telnet to five hosts may be a backup or a deployment; with other services, or later,
    or from a camera, they are not.
    """
    for story in (fan(5), fan(4).converse(400, "10.0.0.66", "10.0.1.9", 23, lasts=30)):
        [alert] = in_time(FAN_OUT, story)
        assert (alert.severity, alert.confidence) == (Severity.low, 0.5)
    [alert] = in_time(FAN_OUT, fan(5), World(device("camera", "10.0.0.66")))
    assert alert.severity == Severity.medium
    other = fan(4, 301).converse(1, "10.0.0.66", "10.0.1.9", 3389, lasts=30)
    assert [alert.severity for alert in in_time(FAN_OUT, other)] == [Severity.medium]
    known = World(*(device("server", f"10.0.1.{n}") for n in range(1, 6))).learned(Story())
    assert [alert.severity for alert in in_time(FAN_OUT, fan(5, DAY + 60), known)] == [Severity.medium]


def test_quick_sessions_count_when_something_was_reported() -> None:
    """Sessions of a second count if data was exchanged, as with a worm; a scanner sends none."""
    assert len(in_time(FAN_OUT, fan(5, step=2, lasts=1))) == 1
    assert in_time(FAN_OUT, fan(30, step=2, lasts=1, messages=(4, 3))) == []


def test_four_hosts_or_slow_ones_are_quiet() -> None:
    """Four hosts, hosts outside the time window, and repeated sessions to one host raise no alert."""
    assert in_time(FAN_OUT, fan(4)) == []
    assert in_time(FAN_OUT, fan(12, step=600)) == []
    assert (
        in_time(FAN_OUT, Story().converse(1, "10.0.0.66", "10.0.1.1", 22).converse(30, "10.0.0.66", "10.0.1.1", 22))
        == []
    )


def test_a_backup_server_is_quiet_once_it_is_known() -> None:
    """Sessions of the learning period are baseline; an administrator of ten hosts may connect to five new ones."""
    machines = [
        device("server", "10.0.0.66"),
        *(device("server", f"10.0.{net}.{n}") for net in (1, 2) for n in range(1, 12)),
    ]
    world = World(*machines).learned(fan(10))
    assert in_time(FAN_OUT, fan(10, DAY), world) == []
    assert in_time(FAN_OUT, fan(6, DAY, net="10.0.2"), world) == []
    [alert, *_] = in_time(FAN_OUT, fan(11, DAY, net="10.0.2"), world)
    assert "threshold 10" in alert.why[0]


def test_what_is_learned_meanwhile_is_no_habit() -> None:
    """Sessions that are learned during the fan-out do not count as baseline: six known hosts, then eight new ones."""
    machines = [
        device("server", "10.0.0.66"),
        *(device("server", f"10.0.{net}.{n}") for net in (1, 2) for n in range(1, 9)),
    ]
    spread = fan(8, DAY, net="10.0.2")
    alert = in_time(FAN_OUT, spread, World(*machines).learned(fan(6)).learned(spread))[-1]
    assert (alert.numbers["hosts"], alert.numbers["usual"]) == (8, 6)


def test_our_own_deployment_is_exempt() -> None:
    """A deployment server of the option raises no alert from the first minute."""
    assert in_time(FAN_OUT, fan(20), exempt=("10.0.0.64/30",)) == []


def test_shares_and_print_queues_are_quiet() -> None:
    """SMB to five servers and printers, and a server with many clients, raise no alert."""
    world = World(
        *(device(kind, f"10.0.1.{n + 1}") for n, kind in enumerate(("server", "nas", "printer", "server", "server")))
    )
    assert in_time(FAN_OUT, fan(5, port=445), world) == []
    assert (
        len(in_time(FAN_OUT, fan(5, port=445), World(*(device("workstation", f"10.0.1.{n + 1}") for n in range(5)))))
        == 1
    )


def with_shares(story: Story, *shares: str) -> list[Alert]:
    """The alerts for SMB flows, each of which connects to these shares once it is answered."""
    unit, changes = detector(FAN_OUT), story.changes()
    reader, found = ChangeReader(unit.context.networks), []
    for at in range(len(changes)):
        part = changes[at : at + 1].copy()
        ts, uid = int(part["ts"][0]), int(part["flow"][0])
        if ts >= unit.due:
            found += unit.tick(ts)
        if part["kind"][0] == Change.ANSWERED:
            packet = Packet(flow=uid, ts=ts)
            found += inspected(unit, [SmbTreeConnect(packet, f"\\\\host\\{share}", share) for share in shares])
        for row, numbers in unit.candidates(reader.read(part)):
            found += unit.evaluate(flow_of(part[row]), numbers)
    return [*found, *unit.tick(unit.due)]


def test_ordinary_shares_are_no_administration() -> None:
    """Files of five hosts are read over SMB; sessions that also connect to administrative shares, or only to named
    pipes, count.
    """
    story = fan(5, port=445)
    assert with_shares(story, "IPC$", "TEAM", "HOME") == []
    assert len(with_shares(story, "TEAM", "C$")) == 1
    assert len(with_shares(story, "ADMIN$", "TEAM")) == 1
    assert len(with_shares(story, "IPC$")) == 1


def test_repeats_fold_into_one_alert() -> None:
    """Sessions to fifty hosts are one alert with a count."""
    found, desk = in_time(FAN_OUT, fan(50, step=20)), AlertAggregator()
    assert len(found) == 46
    assert [action for alert in found for action, _ in desk.take(alert)].count("open") == 1
