"""The configuration of the hub, hub.yaml. Keys and credentials lie in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from sensor.central.settings import ObjectStore
from sensor.core.model import Check, Field, Model
from sensor.documents import FilePath, load_document
from sensor.outputs.transport.nats_server import server_url
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls


class Nats(Model):
    """``servers``: all of the cluster; ``tls``: authorities and names; ``client_certificates``: the servers require
    those of the hub (``verify: true``, with the output of `sensor hub authority`); ``replicas``: of the stream, 3 in a
    cluster of three or more; ``ack_wait_s``: a worker that has not committed a batch within this time is taken for
    dead.
    """

    servers: list[Annotated[str, Check(server_url)]] = Field(min_length=1, max_length=32)
    tls: Tls = Tls()
    client_certificates: bool = False
    replicas: int = Field(1, ge=1, le=5)
    ack_wait_s: float = Field(30, ge=1, le=600)


class Database(Model):
    """``url``: of PostgreSQL, without a password (``postgresql://hub@db.example.net/hub``); ``password``: its place;
    ``reader``: a role that the console assumes for users who may read some sites only, so that row-level security
    applies to them.
    """

    url: str = Field(min_length=1)
    password: Secret | None = None
    reader: str | None = Field(None, min_length=1, max_length=63)


class Retention(Model):
    """``events_days``: months of events that ended so many days ago are deleted; none are without it. Last states of
    devices, alerts and incidents stay.
    """

    events_days: int | None = Field(None, ge=31, le=36_500)


class Central(Model):
    """Central records of sensors. ``store``: the object store that they upload to; ``cache``: folder for downloaded
    records (default: ``central`` beside this file); ``cache_gib``: its limit.
    """

    store: ObjectStore
    cache: FilePath | None = None
    cache_gib: float = Field(10, ge=0.001, le=100_000)


class Settings(Model):
    """The file. ``folder`` is where it is, with keys and credentials."""

    nats: Nats
    database: Database
    retention: Retention = Retention()
    central: Central | None = None


class Hub(Model):
    """Settings with their folder."""

    folder: Path
    settings: Settings


def load_hub(path: Path) -> Hub:
    """DocumentErrors with all faults."""
    return Hub(folder=path.parent, settings=load_document(path, Settings, context=path.parent))
