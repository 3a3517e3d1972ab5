"""A separate mosquitto for a test, with persistence, and a subscriber."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.outputs.servers_base import Server

MISSING = "" if shutil.which("mosquitto") else "mosquitto is not installed"
USER, PASSWORD = "sensor", "correct horse"


class Received(NamedTuple):
    """A message as a subscriber received it."""

    topic: str
    payload: bytes
    properties: dict[str, str]
    retain: bool


class Listener(list[Received]):
    """Received messages, in order; ``subscriptions``: number of acknowledged subscriptions, one per connection."""

    subscriptions = 0


class MosquittoServer(Server):
    """``lines``: additional configuration; ``password``: login is required; ``rights``: ACL of users; ``certificate``,
    ``key``: for TLS.
    """

    def __init__(
        self,
        *lines: str,
        password: bool = False,
        rights: str = "",
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        super().__init__(unprivileged=True)
        reported = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.folder}/",
            "max_inflight_messages 0",
            "max_queued_messages 100000",
        ]
        if password:
            subprocess.run(
                ["mosquitto_passwd", "-b", "-c", self.folder / "users", USER, PASSWORD], check=True, capture_output=True
            )
            (self.folder / "users").chmod(0o644)
            reported += ["allow_anonymous false", f"password_file {self.folder / 'users'}"]
        else:
            reported += ["allow_anonymous true"]
        if rights:
            (self.folder / "rights").write_text(f"user {USER}\n{rights}\n")
            reported += [f"acl_file {self.folder / 'rights'}"]
        if certificate and key:
            # The server's user cannot read the folders of the test.
            reported += [
                f"{name} {shutil.copy(path, self.folder / name)}"
                for name, path in (("certfile", certificate), ("keyfile", key))
            ]
        (self.folder / "mosquitto.conf").write_text("\n".join([*reported, *lines]) + "\n")

    def command(self) -> Sequence[str]:
        return ["mosquitto", "-c", str(self.folder / "mosquitto.conf")]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @contextmanager
    def listening(self, topics: str = "#", *, name: str = "listener", forget: bool = True) -> Iterator[Listener]:
        """Messages that arrive at a subscriber, which reconnects after crashes of the server; ``forget``: false keeps
        its session.
        """
        received = Listener()
        ready = threading.Event()

        def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
            properties = dict(getattr(message.properties, "UserProperty", []))
            received.append(Received(message.topic, message.payload, properties, message.retain))

        def on_connect(client: paho.Client, *_more: object) -> None:
            client.subscribe(topics, options=SubscribeOptions(qos=1, retainAsPublished=True))

        def on_subscribe(*_: object) -> None:
            received.subscriptions += 1
            ready.set()

        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        client.reconnect_delay_set(0.05, 0.1)
        client.on_message, client.on_connect, client.on_subscribe = on_message, on_connect, on_subscribe
        client.username_pw_set(USER, PASSWORD)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self.port, clean_start=forget, properties=session)
        client.loop_start()
        try:
            assert ready.wait(120)
            yield received
        finally:
            client.disconnect()
            client.loop_stop()
