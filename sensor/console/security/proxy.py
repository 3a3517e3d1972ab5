"""Users authenticated by a proxy, in a header that is accepted only from configured peers.

The proxy must set the header in every request, and so replace what a client sent. Any process that can connect from a
configured peer can name any user: a unix socket, which only its owner and group may use, is the safest peer.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from starlette.requests import Request

from sensor.console.security.keys import RequestUser
from sensor.console.security.users import NAME_LIMIT, ROLES, Users
from sensor.core.reader import clean

UNIX = "unix"
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadProxy(ValueError):
    """Invalid options; the text gives what was found and what was expected."""


class Proxy(NamedTuple):
    """``header``: its name; ``peers``: addresses that are trusted, ``unix``: so is a unix socket; ``role``: for users
    that the console does not know, empty to deny them; ``secret``: for form tokens.
    """

    header: str
    peers: Sequence[Network]
    unix: bool
    role: str
    secret: bytes

    def who(self, request: Request, users: Users) -> RequestUser | None:
        """The user in the header; None without one, from an untrusted peer, or with an unknown role."""
        names = request.headers.getlist(self.header)
        if not self.trusts(request) or len(names) != 1:
            return None
        name = clean(names[0], NAME_LIMIT).strip()
        user = users.get(name) if name else None
        role = user.role if user is not None else self.role
        if not name or not role:
            return None
        token = hmac.new(self.secret, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return RequestUser(name, ROLES[role], token)

    def trusts(self, request: Request) -> bool:
        """Whether the request comes from a trusted peer."""
        if request.client is None or not request.client.host:
            return self.unix
        try:
            address = ipaddress.ip_address(request.client.host)
        except ValueError:
            return False
        return any(address in network for network in self.peers)


def proxy_of(header: str, peers: Sequence[str], role: str) -> Proxy | None:
    """The proxy in the options; None if not configured. Raises BadProxy."""
    if not header:
        if peers or role:
            raise BadProxy("--proxy-from and --proxy-role need --proxy-user HEADER")
        return None
    if not _HEADER.fullmatch(header):
        raise BadProxy(f"found --proxy-user {header!r}, expected the name of a header such as X-Forwarded-User")
    if not peers:
        raise BadProxy("--proxy-user needs --proxy-from: an address, a network, or unix")
    return Proxy(header, [_network(one) for one in peers if one != UNIX], UNIX in peers, role, secrets.token_bytes(32))


def _network(text: str) -> Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise BadProxy(f"found --proxy-from {text!r}: {error}; expected an address, a network, or unix") from None
    if found.prefixlen == 0:
        raise BadProxy(f"found --proxy-from {text}, which includes all hosts: expected the address of the proxy")
    return found
