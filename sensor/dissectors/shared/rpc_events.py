"""DCE/RPC events, over TCP and through SMB named pipes.

``pipe``: the named pipe, empty over TCP. ``interface``: its name in ``_rpc_interfaces``, or the UUID if it has none
there; empty if unknown.
"""

from __future__ import annotations

from sensor.core.event import Event

# Level of protection from which arguments are encrypted (RPC_C_AUTHN_LEVEL_PKT_PRIVACY, [MS-RPCE] 2.2.1.1.8).
PRIVACY = 6


class RpcBind(Event):
    """A client binds interfaces. ``level``: of protection, 0 none to PRIVACY."""

    pipe: str
    interfaces: tuple[str, ...]
    level: int


class RpcRefused(Event):
    """The server rejects all interfaces, or the client."""

    pipe: str
    interfaces: tuple[str, ...]
    reason: int


class RpcLogin(Event):
    """A client authenticates by NTLM. ``method`` as in SMB."""

    pipe: str
    method: str
    user: str
    domain: str
    workstation: str


class RpcCall(Event):
    """A client's call. ``call``: its name, or empty; ``level`` as above: arguments are parsed below PRIVACY only.
    ``size``: of the arguments in bytes.

    ``texts``: strings among the arguments of selected calls. ``facts``: (name, value) of other arguments: ``class`` of
    the requested COM object, ``challenge`` and ``credential`` (``zero``), ``interface`` looked up. ``inferred``: the
    interface was not sent but follows with certainty from other messages.
    """

    pipe: str
    interface: str
    call: str
    number: int
    level: int
    size: int
    texts: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    inferred: bool

    @property
    def encrypted(self) -> bool:
        """Whether the arguments are encrypted."""
        return self.level >= PRIVACY


class RpcAnswer(Event):
    """The response to a captured call. ``fault``: it failed; ``status``: the error, or the return value of the call, -1
    if not readable.
    """

    pipe: str
    interface: str
    call: str
    number: int
    fault: bool
    status: int
    size: int


class RpcEndpoint(Event):
    """The endpoint mapper returns the TCP port of an interface."""

    interface: str
    port: int
