"""The section ``console:`` of the configuration: login at an OpenID provider."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from sensor.core.model import Check, Field, Model
from sensor.documents import FilePath
from sensor.outputs.transport.secrets import Secret

Role = Literal["viewer", "analyst", "administrator"]


def _url(issuer: str) -> str:
    if not is_safe(issuer) or urlsplit(issuer).query:
        raise ValueError(
            f"found {issuer.rpartition('@')[2]!r}, expected an https:// URL without a user name and parameters "
            "such as https://login.example.net (http:// on loopback alone)"
        )
    return issuer


class Oidc(Model):
    """Login at an OpenID provider (OpenID Connect Core 1.0). ``issuer``: issuer URL, as in the tokens of the provider;
    ``client_id``: client id of the console, as registered with the provider; ``client_secret``: secret of a
    confidential client; ``scopes``: requested in addition to ``openid``; ``name_claim``: claim with the name of the
    user; ``role_claim``: claim with groups or roles, dots separate nested keys; ``roles``: role by value of that claim,
    of several the highest; ``role``: role of users without such a value (default: they are rejected); ``ca``: trusted
    CA certificates instead of the system's (PEM).
    """

    issuer: Annotated[str, Check(_url)] = Field(max_length=512)
    client_id: str = Field(min_length=1, max_length=256)
    client_secret: Secret | None = None
    scopes: tuple[str, ...] = ("profile",)
    name_claim: str = Field(default="preferred_username", min_length=1, max_length=128)
    role_claim: str = Field(default="groups", min_length=1, max_length=128)
    roles: dict[str, Role] = {}
    role: Role | None = None
    ca: FilePath | None = None


class ConsoleSection(Model):
    """The web console. ``oidc``: login at an OpenID provider."""

    oidc: Oidc | None = None


def is_safe(url: str) -> bool:
    """Whether a provider's URL is HTTPS, or HTTP to this host; without user name and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = host and parts.username is None and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return bool(usable) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
