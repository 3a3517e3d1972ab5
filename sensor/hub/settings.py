"""The configuration of the hub, hub.yaml. Keys and credentials lie in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sensor.central.settings import ObjectStore
from sensor.documents import load_document
from sensor.outputs.nats import server_url
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Nats(_Section):
    """``servers``: all of the cluster; ``tls``: authorities and names; ``client_certificates``: the servers require
    those of the hub (``verify: true``, with the output of `sensor hub authority`); ``replicas``: of the stream, 3 in a
    cluster of three or more; ``ack_wait_s``: a worker that has not committed a batch within this time is taken for
    dead.
    """

    servers: list[Annotated[str, AfterValidator(server_url)]] = Field(min_length=1, max_length=32)
    tls: Tls = Tls()
    client_certificates: bool = False
    replicas: int = Field(default=1, ge=1, le=5)
    ack_wait_s: float = Field(default=30, ge=1, le=600)


class Database(_Section):
    """``url``: of PostgreSQL, without a password (``postgresql://hub@db.example.net/hub``); ``password``: its place;
    ``reader``: a role that the console assumes for users who may read some sites only, so that row-level security
    applies to them.
    """

    url: str = Field(min_length=1)
    password: Secret | None = None
    reader: str | None = Field(default=None, min_length=1, max_length=63)


class Retention(_Section):
    """``events_days``: months of events that ended so many days ago are deleted; none are without it. Last states of
    devices, alerts and incidents stay.
    """

    events_days: int | None = Field(default=None, ge=31, le=36_500)


class Central(_Section):
    """Central records of sensors. ``store``: the object store that they upload to; ``cache``: folder for downloaded
    records (default: ``central`` beside this file); ``cache_gib``: its limit.
    """

    store: ObjectStore
    cache: Path | None = None
    cache_gib: float = Field(default=10, ge=0.001, le=100_000)


class Settings(_Section):
    """The file. ``folder`` is where it is, with keys and credentials."""

    nats: Nats
    database: Database
    retention: Retention = Retention()
    central: Central | None = None


class Hub(BaseModel):
    """Settings with their folder."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    folder: Path
    settings: Settings


def load_hub(path: Path) -> Hub:
    """DocumentErrors with all faults."""
    return Hub(folder=path.parent, settings=load_document(path, Settings, context=path.parent))
