"""Parses MUD files (RFC 8520; their access lists are those of RFC 8519, names in them those of ``ietf-acldns``), our
own and those of vendors.

Contents that are not supported here are named and counted, never guessed: an unsupported condition is treated as met,
so that it causes no violation. The drafts called the lists ``access-lists``; such files are read as well.
"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sensor.core.ip_protocols import TCP, UDP
from sensor.core.lazy_pattern import lazy_pattern
from sensor.documents import DocumentErrors, Fault, load_document
from sensor.posture.profiles.model import (
    BLOCK,
    CONTROLLER,
    FROM_DEVICE,
    LOCAL,
    MAKER,
    MODEL,
    MY_CONTROLLER,
    NAME,
    SAME_MAKER,
    TO_DEVICE,
    AccessList,
    Entry,
    Peer,
    Ports,
    Profile,
)

Model = TypeVar("Model", bound=BaseModel)

SIZE_LIMIT = 1 << 20
UNREAD_LIMIT = 64
ICMP = {4: 1, 6: 58}
LISTS, DRAFTS = "ietf-access-control-list:acls", "ietf-access-control-list:access-lists"
HOST = lazy_pattern(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\Z")


def _unprefixed(value: Any) -> Any:
    """An identity without its module prefix (RFC 7951, section 6.8)."""
    return value.rpartition(":")[2] if isinstance(value, str) else value


def _host(value: Any) -> Any:
    """A name normalized for DNS comparison."""
    name = value.rstrip(".").lower() if isinstance(value, str) else value
    if isinstance(name, str) and not HOST.match(name):
        raise ValueError(f"found {value[:60]!r}, expected the name of a host")
    return name


def _block(value: Any) -> Any:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"found {str(value)[:60]!r}, expected a block such as 192.0.2.0/24") from None


Unprefixed = BeforeValidator(_unprefixed)
Host = Annotated[str, BeforeValidator(_host)]
Block = Annotated[str, BeforeValidator(_block)]
Port = Annotated[int, Field(ge=0, le=65535)]
# The type ``empty`` (RFC 7951, section 6.9).
Empty = Annotated[list[None], Field(min_length=1, max_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Part(BaseModel):
    """Other keys are kept, to report them."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class _Ports(_Part):
    operator: Annotated[Literal["eq", "neq", "lte", "gte"], Unprefixed] = "eq"
    port: Port | None = None
    lower: Port | None = Field(None, alias="lower-port")
    upper: Port | None = Field(None, alias="upper-port")

    @model_validator(mode="after")
    def _whole(self) -> _Ports:
        if (
            (self.port is None) == (self.lower is None)
            or (self.lower is None) != (self.upper is None)
            or (self.lower or 0) > (self.upper or 0)
        ):
            raise ValueError("expected port with operator, or lower-port and a larger upper-port")
        return self

    @property
    def ranges(self) -> Ports:
        if self.lower is not None and self.upper is not None:
            return ((self.lower, self.upper),)
        port = self.port or 0
        last = 65535
        ways = {
            "eq": ((port, port),),
            "lte": ((0, port),),
            "gte": ((port, last),),
            "neq": ((0, port - 1), (port + 1, last)),
        }
        return tuple(one for one in ways[self.operator] if one[0] <= one[1])


class _Ip(_Part):
    protocol: int | None = Field(None, ge=0, le=255)
    to_name: Host | None = Field(None, alias="ietf-acldns:dst-dnsname")
    from_name: Host | None = Field(None, alias="ietf-acldns:src-dnsname")


class _Ip4(_Ip):
    to: Block | None = Field(None, alias="destination-ipv4-network")
    source: Block | None = Field(None, alias="source-ipv4-network")


class _Ip6(_Ip):
    to: Block | None = Field(None, alias="destination-ipv6-network")
    source: Block | None = Field(None, alias="source-ipv6-network")


class _Udp(_Part):
    to: _Ports | None = Field(None, alias="destination-port")
    source: _Ports | None = Field(None, alias="source-port")


class _Tcp(_Udp):
    begun: Literal["from-device", "to-device"] | None = Field(None, alias="ietf-mud:direction-initiated")


class _MudMatch(_Part):
    manufacturer: Host | None = None
    same: Empty | None = Field(None, alias="same-manufacturer")
    model: str | None = None
    local: Empty | None = Field(None, alias="local-networks")
    controller: str | None = None
    mine: Empty | None = Field(None, alias="my-controller")


class _Matches(_Part):
    ipv4: _Ip4 | None = None
    ipv6: _Ip6 | None = None
    tcp: _Tcp | None = None
    udp: _Udp | None = None
    icmp: _Part | None = None
    target: _MudMatch | None = Field(None, alias="ietf-mud:mud")


class _Actions(_Part):
    forwarding: Annotated[Literal["accept", "drop", "reject"], Unprefixed]
    logging: str = ""


class _Ace(_Part):
    name: Name
    matches: _Matches = Field(default_factory=lambda: _Matches.model_validate({}))
    actions: _Actions


class _Aces(_Part):
    ace: list[_Ace] = Field(default_factory=list, max_length=4096)


class _Acl(_Part):
    name: Name
    type: Annotated[str, Unprefixed] = ""
    aces: _Aces = Field(default_factory=_Aces)


class _Acls(_Part):
    acl: list[_Acl] = Field(default_factory=list, max_length=256)


class _Named(_Part):
    name: Name


class _Names(_Part):
    names: list[_Named] = Field(default_factory=list, alias="access-list", max_length=256)


class _Policy(_Part):
    lists: _Names = Field(default_factory=_Names, alias="access-lists")


class _Mud(_Part):
    version: Literal[1] = Field(alias="mud-version")
    url: str = Field(alias="mud-url", min_length=1, max_length=2048)
    updated: str = Field(alias="last-update", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
    validity: int = Field(48, alias="cache-validity", ge=1, le=168)
    supported: bool = Field(alias="is-supported")
    info: str = Field("", alias="systeminfo", max_length=1024)
    vendor: str = Field("", alias="mfg-name", max_length=256)
    model: str = Field("", alias="model-name", max_length=256)
    firmware: str = Field("", alias="firmware-rev", max_length=256)
    software: str = Field("", alias="software-rev", max_length=256)
    documentation: str = Field("", max_length=2048)
    sent: _Policy | None = Field(None, alias="from-device-policy")
    got: _Policy | None = Field(None, alias="to-device-policy")


class MudFile(_Part):
    """The complete file. ``profile``: in terms of ``model.py``."""

    mud: _Mud = Field(alias="ietf-mud:mud")
    acls: _Acls = Field(default_factory=_Acls, alias="ietf-access-control-list:acls")

    @model_validator(mode="before")
    @classmethod
    def _drafts(cls, given: Any) -> Any:
        if isinstance(given, dict) and DRAFTS in given and LISTS not in given:
            return {LISTS if key == DRAFTS else key: value for key, value in given.items()}
        return given

    @model_validator(mode="after")
    def _known(self) -> MudFile:
        names = {acl.name for acl in self.acls.acl}
        for policy in (self.mud.sent, self.mud.got):
            for one in policy.lists.names if policy is not None else ():
                if one.name not in names:
                    raise ValueError(
                        f"found a policy of the access list {one.name!r}, expected one of those in the file: "
                        f"{', '.join(sorted(names)) or 'none'}"
                    )
        return self

    def profile(self) -> Profile:
        mud, acls = self.mud, {acl.name: acl for acl in self.acls.acl}
        lists = [
            AccessList(one.name, way, tuple(_entry(ace, way) for ace in acls[one.name].aces.ace))
            for way, policy in ((FROM_DEVICE, mud.sent), (TO_DEVICE, mud.got))
            if policy is not None
            for one in policy.lists.names
        ]
        counted = Counter(_unread(self))
        unread = tuple(f"{name}{f' ({count} times)' if count > 1 else ''}" for name, count in sorted(counted.items()))[
            :UNREAD_LIMIT
        ]
        return Profile(
            mud.url, mud.updated, tuple(lists), mud.validity, mud.info, mud.vendor, mud.model, mud.firmware, unread
        )


def read(path: Path) -> MudFile:
    """Read a MUD file. Raises DocumentErrors, with line and column, if it is invalid; OSError if it cannot be read."""
    return load_json(path, MudFile)


def load_json(path: Path, model: type[Model]) -> Model:
    """A JSON file as a pydantic model; its faults have positions. Raises DocumentErrors or OSError."""
    with path.open("rb") as file:
        body = file.read(SIZE_LIMIT + 1)
    if len(body) > SIZE_LIMIT:
        raise DocumentErrors([Fault(path, 1, 1, f"found more than {SIZE_LIMIT >> 20} MiB, expected a MUD file")])
    try:
        text = body.decode("utf-8-sig")
        return model.model_validate(json.loads(text))
    except UnicodeDecodeError as error:
        raise DocumentErrors(
            [Fault(path, body[: error.start].count(b"\n") + 1, 1, "found invalid UTF-8, expected JSON")]
        ) from None
    except json.JSONDecodeError as error:
        raise DocumentErrors([Fault(path, error.lineno, error.colno, f"found invalid JSON: {error.msg}")]) from None
    except RecursionError:
        raise DocumentErrors([Fault(path, 1, 1, "found too deeply nested lists, expected a MUD file")]) from None
    except ValidationError as error:
        # JSON is YAML, except for tabs between tokens; the YAML reader gives each fault a position.
        load_document(path, model, text=text.expandtabs(1))
        raise DocumentErrors([Fault(path, 1, 1, error.errors()[0]["msg"])]) from None
    except ValueError:
        # json.loads refuses to convert integers of more than 4300 digits.
        raise DocumentErrors([Fault(path, 1, 1, "found a too large number, expected a MUD file")]) from None


# Conversion into our model.


def _entry(ace: _Ace, way: str) -> Entry:
    matches, sent = ace.matches, way == FROM_DEVICE
    ip: _Ip4 | _Ip6 | None = matches.ipv4 or matches.ipv6
    transport: _Udp | None = matches.tcp or matches.udp
    source, to = (transport.source, transport.to) if transport is not None else (None, None)
    near, far = (source, to) if sent else (to, source)
    return Entry(
        ace.name,
        ace.actions.forwarding == "accept",
        4 if matches.ipv4 is not None else 6 if matches.ipv6 is not None else 0,
        _proto(matches, ip),
        near.ranges if near is not None else (),
        far.ranges if far is not None else (),
        (matches.tcp.begun or "") if matches.tcp is not None else "",
        tuple(_peers(matches.target, ip, sent=sent)),
        tuple(dict.fromkeys(_unread(matches))),
    )


def _proto(matches: _Matches, ip: _Ip | None) -> int:
    if matches.tcp is not None or matches.udp is not None:
        return TCP if matches.tcp is not None else UDP
    if matches.icmp is not None:
        return ICMP[6 if matches.ipv6 is not None else 4]
    return (ip.protocol or 0) if ip is not None else 0


def _peers(target: _MudMatch | None, ip: _Ip4 | _Ip6 | None, *, sent: bool) -> Iterator[Peer]:
    """Conditions on the other end. The device's own address is assigned by the network, so a file need not
    contain it.
    """
    if ip is not None:
        name, block = (ip.to_name, ip.to) if sent else (ip.from_name, ip.source)
        yield from (Peer(kind, value) for kind, value in ((NAME, name), (BLOCK, block)) if value)
    if target is not None:
        values = ((MAKER, target.manufacturer), (MODEL, target.model), (CONTROLLER, target.controller))
        yield from (Peer(kind, value) for kind, value in values if value)
        yield from (
            Peer(kind)
            for kind, here in ((SAME_MAKER, target.same), (LOCAL, target.local), (MY_CONTROLLER, target.mine))
            if here
        )


def _unread(part: Any) -> Iterator[str]:
    """Names of unsupported keys, at any depth."""
    if isinstance(part, _Part):
        yield from part.model_extra or {}
        for name in type(part).model_fields:
            yield from _unread(getattr(part, name))
    elif isinstance(part, list):
        for one in part:
            yield from _unread(one)
