"""A sensor that delivers its log while parts of the hub are killed, and the check for lost or duplicate events."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sensor.outputs.formats import FORMATS
from tests.hub.hub_kit import SITE, HubServers, configuration, forwarder
from tests.outputs.batches import records
from tests.outputs.servers_base import Server

RATE = 150


class Story:
    """A sensor that sends a log, slowly and in small batches, while parts are killed. ``events``: their number;
    ``urls``: of its servers.
    """

    def __init__(self, servers: HubServers, folder: Path, events: int, urls: Sequence[str] = ()) -> None:
        servers.empty()
        self.servers, self.log, self._events = servers, folder / "events.jsonl", events
        self._urls = ", ".join(urls or servers.urls)
        self.lines = [self._line(record) for record in records(events, sensor="s1")]
        self.log.write_bytes(b"\n".join(self.lines) + b"\n")
        self._credentials = servers.joined("s1", folder)
        self._config = folder / "sensor.yaml"
        configuration(self._config, self._urls, self._credentials, "s1", batch_events=40, rate=RATE, timeout_s=10)
        self._forwarder = forwarder(self._config, self.log)

    def kill_forwarder(self) -> None:
        self.close()
        self._forwarder = forwarder(self._config, self.log)

    def finish(self) -> None:
        """Send the rest at full speed; finally everything is delivered."""
        self.close()
        configuration(self._config, self._urls, self._credentials, "s1", timeout_s=10)
        for _ in range(10):
            last: subprocess.Popen[bytes] = forwarder(self._config, self.log, "--once")
            _, complaints = last.communicate(timeout=120)
            if last.returncode == 0:
                return
        pytest.fail(complaints.decode())

    def check(self) -> None:
        held = self.servers.queried("SELECT seq, record FROM events ORDER BY seq")
        assert [seq for seq, _ in held] == list(range(1, self._events + 1))
        assert [text.encode() for _, text in held] == self.lines
        assert self.servers.queried("SELECT DISTINCT committed::text FROM logs") == [(f"{{[1,{self._events + 1})}}",)]
        # Messages of an earlier test may still arrive: their sensor was removed.
        quarantined = self.servers.queried("SELECT reason, detail FROM quarantine JOIN sensors ON key = subject")
        assert quarantined == [], quarantined

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


def again(server: Server) -> Callable[[], None]:
    """Kill a server with all its children, and restart it with its data."""

    def kill() -> None:
        server.kill()
        server.start()

    return kill
