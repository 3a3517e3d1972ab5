"""The hub's side of NATS: connecting with credentials, the stream that sensors publish to, its durable consumer."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig

from sensor.hub.batch import Message
from sensor.hub.own_tls import own_tls
from sensor.hub.settings import Hub
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.transport.tls import context

CONSUMER = "workers"
# JetStream drops repeated batches within this window; the database drops later ones.
DUPLICATES_S = 120.0
PENDING = 4096
ID_LIMIT = 64


async def connected(hub: Hub, user: str = "worker") -> Client:
    """A client that reconnects automatically. ``user``: name of credentials in the folder. Raises OSError,
    nats.errors.Error, or Retry or FolderError if they cannot be used.
    """
    credentials = load_credentials(hub.folder / f"{user}.creds")
    servers = hub.settings.nats.servers
    more: dict[str, Any] = {}
    if any(server.startswith("tls:") for server in servers):
        with own_tls(hub, user) as tls:
            more["tls"] = context(tls)

    async def ignore(_: Exception) -> None:
        """The client reconnects by itself; failed requests raise errors where they are made."""

    return await nats.connect(
        servers,
        name=f"sensor hub {user}",
        user_jwt_cb=credentials.jwt.encode,
        signature_cb=lambda nonce: credentials.pair.sign(nonce.encode()).encode(),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=ignore,
        **more,
    )


async def consumer(client: Client, hub: Hub) -> JetStreamContext.PullSubscription:
    """The durable consumer that all workers share; creates it and the stream if absent."""
    stream = client.jetstream()
    config = StreamConfig(
        name=messages.STREAM,
        description="Events of sensors, until a worker has committed them",
        subjects=[f"{messages.EVENTS}.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        num_replicas=hub.settings.nats.replicas,
        duplicate_window=DUPLICATES_S,
    )
    await stream.add_stream(config)
    return await stream.pull_subscribe(
        f"{messages.EVENTS}.*",
        durable=CONSUMER,
        stream=messages.STREAM,
        config=ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=hub.settings.nats.ack_wait_s,
            max_deliver=-1,
            max_ack_pending=PENDING,
        ),
    )


def message_of(received: Msg) -> Message:
    """A message of the stream for the intake. A suffix of its id after a dot is the attempt."""
    headers: dict[str, Any] = received.headers or {}
    state = received.metadata
    name = str(headers.get("Nats-Msg-Id", ""))[:ID_LIMIT].partition(".")[0] or f"stream-{state.sequence.stream}"
    return Message(
        key_of(received),
        name.encode("ascii", "replace").decode().replace("\0", ""),
        str(headers.get(messages.VERSION_HEADER, ""))[:ID_LIMIT],
        state.timestamp.astimezone(UTC),
        received.data,
    )


def key_of(received: Msg) -> str:
    """The last token of its subject: the public key of the sender, which the server enforces."""
    return received.subject.rpartition(".")[2]
