"""Kill -9 of each part at any moment: no event is lost, none is held twice, counted by number. `make test-all` kills
each part 50 times.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensor.outputs.formats import FORMATS
from tests.hub.hub_kit import SITE, HubServers, configuration, forwarder
from tests.outputs.batches import records
from tests.outputs.servers_base import Server
from tests.sampling import chance, count

EVENTS, RATE = count(60_000, 2400), 150
PARTS = ("forwarder", "nats", "worker", "postgresql")


class Story:
    """A sensor that sends a log, slowly and in small batches, while parts die."""

    def __init__(self, servers: HubServers, folder: Path) -> None:
        servers.empty()
        self.servers, self.log = servers, folder / "events.jsonl"
        self.lines = [self._line(record) for record in records(EVENTS, sensor="s1")]
        self.log.write_bytes(b"\n".join(self.lines) + b"\n")
        self._credentials = servers.joined("s1", folder)
        self._config = folder / "sensor.yaml"
        configuration(self._config, servers.url, self._credentials, "s1", batch_events=40, rate=RATE, timeout_s=10)
        self._forwarder = forwarder(self._config, self.log)

    def kill_forwarder(self) -> None:
        self.close()
        self._forwarder = forwarder(self._config, self.log)

    def finish(self) -> None:
        """Send the rest as fast as it goes; at the end everything is delivered."""
        self.close()
        configuration(self._config, self.servers.url, self._credentials, "s1", timeout_s=10)
        for _ in range(10):
            last: subprocess.Popen[bytes] = forwarder(self._config, self.log, "--once")
            _, complaints = last.communicate(timeout=120)
            if last.returncode == 0:
                return
        pytest.fail(complaints.decode())

    def check(self) -> None:
        held = self.servers.queried("SELECT seq, record FROM events ORDER BY seq")
        assert [seq for seq, _ in held] == list(range(1, EVENTS + 1))
        assert [text.encode() for _, text in held] == self.lines
        assert self.servers.queried("SELECT DISTINCT committed::text FROM logs") == [(f"{{[1,{EVENTS + 1})}}",)]
        assert self.servers.queried("SELECT FROM quarantine") == []

    def close(self) -> None:
        """Kill -9 of the forwarder."""
        if self._forwarder.poll() is None:
            self._forwarder.kill()
            self._forwarder.communicate()

    def _line(self, record: dict[str, object]) -> bytes:
        record["sensor"] = record["sensor"] | {"site": SITE}  # type: ignore[operator]
        line = FORMATS["native"](record)
        assert line is not None
        return line


@pytest.fixture
def story(servers: HubServers, tmp_path: Path) -> Iterator[Story]:
    one = Story(servers, tmp_path)
    yield one
    one.close()


def again(server: Server) -> Callable[[], None]:
    """Kill a server with all its children, and start it with the data that it has."""

    def kill() -> None:
        server.kill()
        server.start()

    return kill


@pytest.mark.slow
def test_any_part_may_die_at_any_moment(servers: HubServers, story: Story) -> None:
    """In a random order, at random moments."""
    kills = {
        "forwarder": story.kill_forwarder,
        "nats": again(servers.nats),
        "worker": again(servers.workers[0]),
        "postgresql": again(servers.postgresql),
    }
    dice = chance("hub", "kill")
    order = [part for part in PARTS for _ in range(count(50, 2))]
    dice.shuffle(order)
    for part in order:
        time.sleep(dice.uniform(0.1, 1.0))
        kills[part]()
    story.finish()
    story.check()


@pytest.mark.slow
def test_a_nats_server_that_loses_its_disk(servers: HubServers, story: Story) -> None:
    """More than a loss of power takes: all that the stream acknowledged is gone, and the stream as well."""
    dice = chance("hub", "power")
    for _ in range(count(50, 2)):
        time.sleep(dice.uniform(0.5, 1.5))
        servers.nats.kill()
        shutil.rmtree(servers.nats.hub_folder / "jetstream")
        servers.nats.start()
    story.finish()
    story.check()
