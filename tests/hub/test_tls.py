"""The whole path with TLS: worker, enrolment, delivery; and a CA that is not the hub's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forked import run
from tests.hub.hub_kit import MISSING, ROOT, SITE, HubServers, configuration, forwarder
from tests.outputs.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secured(authority: Authority) -> Iterator[HubServers]:
    if MISSING:
        pytest.skip(MISSING)
    running = HubServers(authority=authority)
    yield running
    running.close()


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-m", "sensor", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_sensor_joins_and_delivers_over_tls(
    secured: HubServers, authority: Authority, office: Path, tmp_path: Path
) -> None:
    """With the hub's CA it works; with another one nothing is sent, not even the token."""
    log = shutil.copy(office, tmp_path / "events.jsonl")
    identity, credentials = tmp_path / "identity.yaml", tmp_path / "hub.creds"
    identity.write_text(f"sensor: {{ id: office-1, site: {SITE} }}\n")
    token = command("hub", "token", "--site", SITE, "--config", secured.config).stdout.strip()
    joining = ("join", secured.url, token, "--config", identity, "-o", credentials, "--ca")
    foreign = Authority(tmp_path, "Another Authority")
    refused = command(*joining, foreign.ca)
    assert (refused.returncode, "[hub.no-nats]" in refused.stderr) == (3, True)
    assert "certificate" in refused.stderr
    joined = command(*joining, authority.ca)
    assert joined.returncode == 0, joined.stderr
    assert f"tls: {{ ca: {authority.ca} }}" in joined.stdout
    config = configuration(
        tmp_path / "sensor.yaml", secured.url, credentials, "office-1", tls=f"{{ ca: {authority.ca} }}"
    )
    sent = forwarder(config, log, "--once")
    _, complaints = sent.communicate(timeout=60)
    assert sent.returncode == 0, complaints.decode()
    assert secured.queried("SELECT count(*) FROM events") == [(len(log.read_text().splitlines()),)]
