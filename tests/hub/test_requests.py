"""Requests of sensors to a worker: of several kinds at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from sensor.hub.stream import connected
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.messages import Admission, Answer, Offer, Question, Report, subject
from tests.hub.hub_kit import HubServers

EACH, TIMEOUT_S = 40, 60.0


def test_requests_of_several_kinds_at_once(servers: HubServers, tmp_path: Path) -> None:
    """Each gets its response, and no transaction stays open."""
    servers.empty()
    key = load_credentials(servers.joined("branch-1", tmp_path)).pair.public
    bodies = {
        messages.ASK: msgspec.json.encode(Question("e1", [])),
        messages.CONFIGURE: msgspec.json.encode(Report()),
        messages.RENEW: b"",
    }

    async def answered() -> list[bytes]:
        client = await connected(servers.hub)
        try:
            requests = [
                client.request(subject(kind, key), body, timeout=TIMEOUT_S)
                for _ in range(EACH)
                for kind, body in bodies.items()
            ]
            return [answer.data for answer in await asyncio.gather(*requests)]
        finally:
            await client.close()

    found = asyncio.run(answered())
    assert servers.queried("SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'") == []
    assert [msgspec.json.decode(one, type=Answer).high for one in found[::3]] == [0] * EACH
    assert [msgspec.json.decode(one, type=Offer).reason for one in found[1::3]] == [""] * EACH
    assert [msgspec.json.decode(one, type=Admission).state for one in found[2::3]] == ["approved"] * EACH
