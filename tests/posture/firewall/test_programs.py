"""Rules loaded by nft, iptables-restore and ip6tables-restore, each in its own network namespace."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from sensor.posture.firewall.formats import written
from sensor.posture.firewall.model import Request
from tests.posture.firewall.requested import CAMERA, LAPTOP, WEEK, many, only, outbound

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
NEEDED = ("nft", "iptables-restore", "ip6tables-restore", "unshare")

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(
        any(shutil.which(name, path=PATH) is None for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"
    ),
]


def alone(script: str, **files: str) -> str:
    """The output of a shell in its own network namespace. ``files``: texts that it gets as variables."""
    done = subprocess.run(
        ["unshare", "-n", "sh", "-eu", "-c", script],
        env={"PATH": PATH, **files},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, f"{done.stdout}\n{files}"
    return done.stdout


def send(name: str) -> str:
    return f'printf %s "${name}"'


@pytest.mark.parametrize("request_", many(), ids=lambda one: one.title)
def test_nft_takes_every_shape_of_rule(request_: Request) -> None:
    """Rules are checked, loaded twice, listed with their drop counters, and removed without a remainder."""
    load = f"{send('RULES')} | nft"
    script = (
        f"{load} -c -f -; {load} -f -; {load} -f -; nft list ruleset; {send('UNDO')} | nft -f -; echo "
        "LEFT; nft list ruleset"
    )
    reported, _, left = alone(
        script, RULES=written("nftables", [request_]), UNDO=written("nftables", [request_], undo=True)
    ).partition("LEFT\n")
    assert reported.count(" drop comment ") == len(request_.rules)
    assert not left


def test_nft_lets_elements_go_when_their_time_is_up() -> None:
    """Set elements expire at the requested time."""
    request = only([outbound(CAMERA)])
    short = request._replace(expires=request.made.replace(second=request.made.second + 1))
    script = f"{send('RULES')} | nft -f -; nft list ruleset; sleep 1.5; echo LATER; nft list ruleset"
    now, _, later = alone(script, RULES=written("nftables", [short])).partition("LATER\n")
    assert "elements = { 10.20.10.62 timeout 1s" in now
    assert "elements" not in later


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("request_", many(), ids=lambda one: one.title)
def test_iptables_takes_every_shape_of_rule(request_: Request, version: int) -> None:
    """Rules are tested, loaded beside existing rules, and removed; the existing rules remain."""
    program = "iptables" if version == 4 else "ip6tables"
    restore = f"{program}-restore --noflush"
    script = f"""
        {program} -A FORWARD -j ACCEPT; {program} -S > before
        {send("RULES")} | {restore} --test; {send("RULES")} | {restore}; {program} -S
        {send("UNDO")} | {restore}; {program} -S > after; cmp before after"""
    rules = [rule for rule in request_.rules if rule.version == version]
    reported = alone(
        f"cd $(mktemp -d); {script}", RULES=written(program, [request_]), UNDO=written(program, [request_], undo=True)
    )
    assert reported.count("-j DROP") == sum(
        max(1, len(rule.sources)) * max(1, len(rule.destinations)) for rule in rules
    )
    assert (
        (reported.index("-A FORWARD -j SENSOR-") < reported.index("-A FORWARD -j ACCEPT"))
        if rules
        else "SENSOR" not in reported
    )


def test_several_requests_are_loaded_at_once() -> None:
    """The texts of all requests of an incident are loaded by one command."""
    requests = [*many(), only([outbound(CAMERA), outbound(LAPTOP)], WEEK._replace(comment="again"))]
    alone(f"{send('RULES')} | nft -c -f -", RULES=written("nftables", requests))
    alone(f"{send('RULES')} | iptables-restore --noflush --test", RULES=written("iptables", requests))


HOSTILE = (
    '"; flush ruleset; #',
    "x\n-A FORWARD -j ACCEPT",
    "$(reboot)`id`",
    "a\\",
    "' | x '",
    "}}}",
    "\x1b[2J\u2028\u202e",
    "-j ACCEPT",
    "ünïcödé 名",
    "x" * 500,
)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_name_of_a_machine_reports_anything_to_a_firewall(name: str) -> None:
    """A hostile host name gives the same rules as a plain one."""
    request = only([outbound(CAMERA._replace(name=name), reason=name)], WEEK._replace(comment=name))
    alone(f"{send('RULES')} | nft -f -; nft list ruleset", RULES=written("nftables", [request]))
    reported = alone(f"{send('RULES')} | iptables-restore --noflush; iptables -S", RULES=written("iptables", [request]))
    assert [line.split()[:2] for line in reported.splitlines()] == [
        ["-P", "INPUT"], ["-P", "FORWARD"], ["-P", "OUTPUT"], ["-N", f"SENSOR-{request.id}"], ["-A", "FORWARD"],
        ["-A", f"SENSOR-{request.id}"], ["-A", f"SENSOR-{request.id}"],
    ]  # fmt: skip
