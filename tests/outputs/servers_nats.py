"""A separate NATS server with JetStream for a test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence

import nats

from tests.outputs.servers_base import Server

MISSING = "" if shutil.which("nats-server") else "nats-server is not installed"


class NatsServer(Server):
    """``lines``: additional configuration."""

    def __init__(self, *lines: str) -> None:
        super().__init__()
        reported = [f"listen: 127.0.0.1:{self.port}", f'jetstream {{ store_dir: "{self.folder / "data"}" }}', *lines]
        (self.folder / "nats.conf").write_text("\n".join(reported) + "\n")

    def command(self) -> Sequence[str]:
        return ["nats-server", "-c", str(self.folder / "nats.conf")]

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def stored(self, stream: str = "SENSOR", **login: str) -> list[tuple[str, dict[str, str], bytes]]:
        """Subject, headers and payload of every message of a stream, in order, as another client reads them."""
        return asyncio.run(self._stored(stream, login))

    async def _stored(self, stream: str, login: dict[str, str]) -> list[tuple[str, dict[str, str], bytes]]:
        client = await nats.connect(self.url, **login)  # type: ignore[arg-type]
        try:
            context = client.jetstream()
            count = (await context.stream_info(stream)).state.messages
            reader = await context.subscribe(">", stream=stream, ordered_consumer=True)
            found = [await reader.next_msg(timeout=10) for _ in range(count)]
            return [(one.subject, dict(one.headers or {}), one.data) for one in found]
        finally:
            await client.close()
