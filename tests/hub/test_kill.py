"""Kill -9 of each part at any moment: no event is lost or duplicated, counted by number. `make test-endurance` kills
each part 50 times.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub_kit import HubServers
from tests.hub.story import Story, again
from tests.sampling import chance, repeated

EVENTS = repeated(60_000, 2400)
PARTS = ("forwarder", "nats", "worker", "postgresql")


@pytest.fixture
def story(servers: HubServers, tmp_path: Path) -> Iterator[Story]:
    one = Story(servers, tmp_path, EVENTS)
    yield one
    one.close()


@pytest.mark.endurance
@pytest.mark.slow
def test_any_part_may_die_at_any_moment(servers: HubServers, story: Story) -> None:
    """The parts are killed in random order, at random moments."""
    kills = {
        "forwarder": story.kill_forwarder,
        "nats": again(servers.nats),
        "worker": again(servers.workers[0]),
        "postgresql": again(servers.postgresql),
    }
    dice = chance("hub", "kill")
    order = [part for part in PARTS for _ in range(repeated(50, 2))]
    dice.shuffle(order)
    for part in order:
        time.sleep(dice.uniform(0.1, 1.0))
        kills[part]()
    story.finish()
    story.check()


@pytest.mark.endurance
@pytest.mark.slow
def test_a_nats_server_that_loses_its_disk(servers: HubServers, story: Story) -> None:
    """More than a loss of power causes: all acknowledged messages are gone, and the stream as well."""
    dice = chance("hub", "power")
    for _ in range(repeated(50, 2)):
        time.sleep(dice.uniform(0.5, 1.5))
        servers.nats.kill()
        shutil.rmtree(servers.nats.hub_folder / "jetstream")
        servers.nats.start()
    story.finish()
    story.check()
