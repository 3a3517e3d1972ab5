"""Settings of an object store for central records, in the configuration of sensors and in hub.yaml."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from sensor.core.model import Check, Field, Model
from sensor.outputs.transport.secrets import Secret

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not encrypted or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("expected https://HOST or https://HOST:PORT, without a path; http:// is accepted for loopback")
    return url.rstrip("/")


class ObjectStore(Model):
    """An S3-compatible object store. ``endpoint``: URL of the store; ``bucket``: existing bucket; ``prefix``: prefix of
    all object names, such as ``sensors/``; ``region``: region in request signatures; ``access_key``, ``secret_key``:
    references to the credentials.
    """

    endpoint: Annotated[str, Check(_endpoint)]
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    access_key: Secret = Field()
    secret_key: Secret = Field()
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    prefix: str = Field(default="", pattern=r"^([A-Za-z0-9._=-]{1,60}/){0,6}$")
