"""Chains of administration sessions: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import itertools

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from tests.detectors.stories import Story, World, device, in_time
from tests.golden import Golden

CHAIN = "lateral_movement.hop_chain"
DAY = 86_400


def chain(at: float = 1, port: int = 22, *hosts: str, step: float = 120) -> Story:
    """Sessions from each host to the next."""
    story, hosts = Story(), hosts or ("10.0.0.66", "10.0.0.7", "10.0.1.8")
    for n, (client, server) in enumerate(itertools.pairwise(hosts)):
        story.converse(at + n * step, client, server, port, lasts=600)
    return story


def actor_and_targets(alert: Alert) -> tuple[int, list[int]]:
    return alert.actor.address, [target.address for target in alert.targets]


def test_two_hops_are_a_chain_that_is_drawn(golden: Golden) -> None:
    """The first host is the actor, the reached ones are targets; ten seconds into the session it is reported."""
    [alert] = in_time(CHAIN, chain())
    assert actor_and_targets(alert) == (parse("10.0.0.66"), [parse("10.0.0.7"), parse("10.0.1.8")])
    assert alert.why[0] == "10.0.0.66 → (SSH) 10.0.0.7 → (SSH) 10.0.1.8"
    golden(alert.why[2], "SSH 120")
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["hops"]) == (Severity.medium, "T1021.004", 2)


def test_a_longer_chain_grows_under_one_key_and_is_high() -> None:
    """A third hop is high, with the same key; the alert contains the technique of each hop."""
    story = chain(1, 3389).converse(300, "10.0.1.8", "10.0.2.9", 5985)
    found = in_time(CHAIN, story)
    assert [alert.numbers["hops"] for alert in found] == [2, 3]
    assert len({alert.key for alert in found}) == 1
    assert found[-1].severity == Severity.high
    assert {technique.technique for technique in found[-1].techniques} == {"T1021.001", "T1021.006"}


def test_a_device_that_passes_sessions_on_is_high() -> None:
    """A chain through a printer is high."""
    [alert] = in_time(CHAIN, chain(), World(device("printer", "10.0.0.7", "PRN")))
    assert alert.severity == Severity.high
    assert "over printer PRN (10.0.0.7)" in alert.summary


def test_hops_that_do_not_belong_together_are_quiet() -> None:
    """A late session, a session back, two sessions of one host, and a connection attempt are no chain."""
    assert in_time(CHAIN, chain(step=4000)) == []
    assert in_time(CHAIN, chain(1, 22, "10.0.0.66", "10.0.0.7", "10.0.0.66")) == []
    assert (
        in_time(CHAIN, Story().converse(1, "10.0.0.66", "10.0.0.7", 22).converse(90, "10.0.0.66", "10.0.0.8", 22)) == []
    )
    assert (
        in_time(
            CHAIN,
            Story()
            .converse(1, "10.0.0.66", "10.0.0.7", 22)
            .converse(90, "10.0.0.7", "10.0.0.8", 22, lasts=0.2, messages=(4, 3)),
        )
        == []
    )


def test_a_jump_host_is_quiet_once_it_is_known() -> None:
    """A jump host of the option or of the baseline raises no alert, although it connects to a new server."""
    assert in_time(CHAIN, chain(), jump_hosts=("10.0.0.7",)) == []
    machines = [device("workstation", "10.0.0.66"), device("server", "10.0.0.7"), device("server", "10.0.1.8")]
    world = World(*machines).learned(chain())
    assert in_time(CHAIN, chain(DAY, 22, "10.0.0.66", "10.0.0.7", "10.0.1.9"), world) == []


def test_file_servers_that_read_policies_are_quiet() -> None:
    """A workstation that reads from a file server, which reads from the domain controller, is no chain."""
    world = World(device("server", "10.0.0.7"), device("server", "10.0.1.8"))
    assert in_time(CHAIN, chain(1, 445), world) == []
    crowd = Story()
    for n in range(4):
        crowd.converse(1 + n, f"10.0.0.{20 + n}", "10.0.0.7", 445)
    crowd.converse(60, "10.0.0.7", "10.0.1.8", 22)
    assert len(in_time(CHAIN, crowd)) == 1  # too few clients for a common server yet, so the hop counts
    assert len(in_time(CHAIN, chain(1, 445))) == 1


def test_repeats_fold_into_one_alert() -> None:
    """A chain that repeats within the suppression time is one alert."""
    story = Story()
    for n in range(6):
        story.converse(1 + 400 * n, "10.0.0.66", "10.0.0.7", 22).converse(100 + 400 * n, "10.0.0.7", "10.0.1.8", 22)
    found, desk = in_time(CHAIN, story), AlertAggregator()
    assert [action for alert in found for action, _ in desk.take(alert)].count("open") == 1
