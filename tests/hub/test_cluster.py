"""Three NATS servers with three replicas of the stream, and a leaf server: after any kill or loss of a server's data,
no event is lost or duplicated, counted by number. `make test-endurance` kills each part 50 times.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.core.output import Retry
from sensor.hub.revocation import publish_revocations
from sensor.outputs.hub import Hub, Options
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of
from sensor.outputs.transport.nats_wire import Wire
from sensor.outputs.transport.nkeys import USER, KeyPair
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls
from tests.hub.cluster_kit import ClusterServers, Leaf
from tests.hub.hub_kit import MISSING, configuration, forwarder
from tests.hub.story import Story, again
from tests.sampling import chance, repeated

EVENTS = repeated(90_000, 1600)


@pytest.fixture(scope="module")
def running() -> Iterator[ClusterServers]:
    if MISSING:
        pytest.skip(MISSING)
    servers = ClusterServers()
    yield servers
    servers.close()


@pytest.fixture
def cluster(running: ClusterServers) -> ClusterServers:
    running.empty()
    return running


@pytest.fixture
def leaf(cluster: ClusterServers) -> Iterator[Leaf]:
    with Leaf(cluster) as one:
        yield one


@pytest.fixture
def story(cluster: ClusterServers, tmp_path: Path) -> Iterator[Story]:
    one = Story(cluster, tmp_path, EVENTS)
    yield one
    one.close()


def test_a_sensor_delivers_through_a_leaf(cluster: ClusterServers, leaf: Leaf, office: Path, tmp_path: Path) -> None:
    """The sensor only knows the leaf server; commits and answers return the same way. The folder is created once."""
    log = shutil.copy(office, tmp_path / "events.jsonl")
    url = f"nats://127.0.0.1:{leaf.port}"
    config = configuration(tmp_path / "sensor.yaml", url, cluster.joined("office-1", tmp_path), "office-1")
    sent = forwarder(config, log, "--once")
    _, complaints = sent.communicate(timeout=120)
    assert sent.returncode == 0, complaints.decode()
    assert cluster.queried("SELECT count(*) FROM events") == [(len(log.read_text().splitlines()),)]
    for arguments, code in (
        ([str(leaf.folder / "leaf"), "--remote", "nats://127.0.0.1:1"], 3),
        ([str(tmp_path / "other")], 2),
        ([str(tmp_path / "other"), "--remote", "ftp://127.0.0.1"], 2),
    ):
        assert main(["hub", "leaf", *arguments, "--config", str(cluster.config)]) == code


def test_a_leaf_server_is_no_worker(cluster: ClusterServers, leaf: Leaf, tmp_path: Path) -> None:
    """A leaf server's credentials forward for sensors; they neither read their messages nor send them requests."""
    path = leaf.folder / "leaf" / "leaf.creds"
    login, key = Login(credentials=Secret(f"file:{path}")), KeyPair.generate(USER).public
    for subject in "$JS.API.STREAM.PURGE.HUB", f"hub.commits.{key}", f"hub.hunt.{key}":
        wire = Wire(place_of(cluster.url, Tls()), login, f"_INBOX_{key}", 10)
        wire.publish([(subject.encode(), b"", b"")])
        with pytest.raises(Retry, match="Permissions Violation"):
            wire.answer()
        wire.close()
    for subject in "hub.events.*", "hub.found.>":
        wire = Wire(place_of(cluster.url, Tls()), login, f"_INBOX_{key}", 10)
        wire.subscribe(subject)
        with pytest.raises(Retry, match="Permissions Violation"):
            wire.answer()
        wire.close()


def test_all_servers_refuse_a_revoked_sensor(cluster: ClusterServers, tmp_path: Path) -> None:
    """The revocation is sent to one of them."""
    path = cluster.joined("office-1", tmp_path)
    publish_revocations(cluster.hub, [load_credentials(path).pair.public], int(time.time()))
    assert len(cluster.urls) == len(cluster.nodes)
    for url in cluster.urls:
        output = Hub("hub", Options.model_validate({"servers": [url], "credentials": path, "timeout_s": 5}))
        with pytest.raises(Retry, match="Authorization Violation"):
            output.open()


@pytest.mark.endurance
@pytest.mark.slow
def test_any_part_may_die_at_any_moment(cluster: ClusterServers, story: Story) -> None:
    """In random order, at random moments: each server of the cluster, the worker, the forwarder, PostgreSQL."""
    parts = {f"nats-{number}": again(node) for number, node in enumerate(cluster.nodes)}
    parts |= {
        "forwarder": story.kill_forwarder,
        "worker": again(cluster.workers[0]),
        "postgresql": again(cluster.postgresql),
    }
    dice = chance("hub", "cluster")
    order = [part for part in parts for _ in range(repeated(50, 1))]
    dice.shuffle(order)
    for part in order:
        time.sleep(dice.uniform(0.1, 1.0))
        parts[part]()
    story.finish()
    story.check()


@pytest.mark.endurance
@pytest.mark.slow
def test_a_leaf_server_may_die_at_any_moment(cluster: ClusterServers, leaf: Leaf, tmp_path: Path) -> None:
    """The leaf server is the sensor's only connection to the hub; one of the servers behind it is killed too."""
    story = Story(cluster, tmp_path, EVENTS, [f"nats://127.0.0.1:{leaf.port}"])
    dice = chance("hub", "leaf")
    try:
        for _ in range(repeated(50, 2)):
            time.sleep(dice.uniform(0.1, 1.0))
            again(leaf)()
            again(dice.choice(cluster.nodes[1:]))()
        story.finish()
    finally:
        story.close()
    story.check()


@pytest.mark.endurance
@pytest.mark.slow
def test_a_server_that_loses_its_last_writes(cluster: ClusterServers, story: Story, tmp_path: Path) -> None:
    """A loss of power loses unsynced data: the server's files are those of a moment before, copied during writes."""
    dice = chance("hub", "cluster", "power")
    for _ in range(repeated(50, 2)):
        node = dice.choice(cluster.nodes)
        node.copy_store(tmp_path / "earlier")
        time.sleep(dice.uniform(0.5, 2.0))
        node.lose_writes(tmp_path / "earlier")
    story.finish()
    story.check()
