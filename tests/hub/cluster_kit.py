"""A hub on a cluster of three NATS servers on loopback, with three replicas of the stream, and a leaf server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import nats.errors
import nats.js.errors

from sensor.cli.main import main
from sensor.hub.folder import make_folder
from sensor.hub.settings import load_hub
from sensor.hub.stream import connected, consumer
from tests.hub.hub_kit import HubServers, database_url, with_short_wait
from tests.outputs.servers_base import Server, free_port
from tests.waiting import until

NODES = 3


class Node(Server):
    """One NATS server of the cluster. ``shared``: the folder of the hub; ``routes``: ports of the cluster."""

    def __init__(self, number: int, shared: Path, routes: Sequence[int], leaf_port: int) -> None:
        super().__init__()
        shutil.copytree(shared / "accounts", self.folder / "accounts")
        first = (shared / "nats.conf").read_text()
        listed = ", ".join(f"nats-route://127.0.0.1:{port}" for port in routes)
        lines = [
            *[line for line in first.splitlines() if line.startswith(("operator:", "system_account:"))],
            f"listen: 127.0.0.1:{self.port}",
            f"server_name: hub-{number}",
            f'resolver: {{ type: full, dir: "{self.folder}/accounts", interval: "2m" }}',
            f'jetstream {{ store_dir: "{self.store}" }}',
            f"cluster {{ name: hub, listen: 127.0.0.1:{routes[number]}, routes: [{listed}] }}",
        ]
        if number == 0:
            self.more_ports = (leaf_port,)
            lines.append(f"leafnodes {{ listen: 127.0.0.1:{leaf_port} }}")
        (self.folder / "nats.conf").write_text("\n".join(lines) + "\n")

    @property
    def store(self) -> Path:
        return self.folder / "jetstream"

    def command(self) -> Sequence[str]:
        return ["nats-server", "-c", str(self.folder / "nats.conf")]

    def copy_store(self, place: Path) -> None:
        """Copy its files while it runs: the contents of a disk at that moment."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.store, place, ignore_dangling_symlinks=True, copy_function=_copied)

    def lose_writes(self, earlier: Path) -> None:
        """Kill it, and restore its files from an earlier copy: a loss of power loses less."""
        self.kill()
        shutil.rmtree(self.store)
        shutil.copytree(earlier, self.store)
        self.start()


class Leaf(Server):
    """A NATS server of a branch, as `sensor hub leaf` configures it."""

    def __init__(self, hub: ClusterServers) -> None:
        super().__init__()
        listen, remote = f"127.0.0.1:{self.port}", f"nats://127.0.0.1:{hub.leaf_port}"
        arguments = ["leaf", str(self.folder / "leaf"), "--listen", listen, "--remote", remote]
        assert main(["hub", *arguments, "--config", str(hub.config)]) == 0

    def command(self) -> Sequence[str]:
        return ["nats-server", "-c", str(self.folder / "leaf" / "nats.conf")]


class ClusterServers(HubServers):
    """``nodes``: the NATS servers; the first accepts leaf servers."""

    def _start_nats(self, failed: contextlib.ExitStack) -> Path:
        shared = self.postgresql.folder / "hub"
        make_folder(shared, "127.0.0.1:1", database_url(self.postgresql))
        routes, self.leaf_port = [free_port() for _ in range(NODES)], free_port()
        self.nodes = [Node(number, shared, routes, self.leaf_port) for number in range(NODES)]
        config = shared / "hub.yaml"
        text = with_short_wait(config.read_text()).replace("nats://127.0.0.1:1", ", ".join(self.urls))
        config.write_text(text.replace("database:", f"  replicas: {NODES}\ndatabase:"))
        for node in self.nodes:
            failed.callback(node.close)
            node.start()
        until(lambda: _has_stream(config))
        return config

    @property
    def urls(self) -> list[str]:
        return [f"nats://127.0.0.1:{node.port}" for node in self.nodes]

    @property
    def folder(self) -> Path:
        return self.config.parent

    @property
    def servers(self) -> Sequence[Server]:
        return (*self.workers, *self.nodes, self.postgresql)


def _has_stream(config: Path) -> bool:
    """Whether the servers elected a leader, and created the stream."""
    hub = load_hub(config)

    async def made() -> None:
        client = await connected(hub)
        try:
            await consumer(client, hub)
        finally:
            await client.close()

    try:
        asyncio.run(made())
    except (TimeoutError, nats.errors.Error, nats.js.errors.APIError):
        return False
    return True


def _copied(source: str, target: str) -> str:
    """Copy a file that may vanish meanwhile."""
    try:
        return shutil.copy2(source, target)
    except FileNotFoundError:
        return target
