"""What DCE/RPC says, as events, over TCP as well as through named pipes of SMB.

``pipe``: the pipe it goes through, empty over TCP. ``interface``: the name in ``_rpc_interfaces``, or the id of one we
do not know; empty where unknown.
"""

from __future__ import annotations

from sensor.core.event import Event


class RpcBind(Event):
    """A client asks for interfaces. ``level``: of protection, 0 none to 6 encrypted."""

    pipe: str
    interfaces: tuple[str, ...]
    level: int


class RpcRefused(Event):
    """The server takes none of the interfaces, or does not take the client."""

    pipe: str
    interfaces: tuple[str, ...]
    reason: int


class RpcLogin(Event):
    """A client proves by NTLM who it is. ``method`` as in SMB."""

    pipe: str
    method: str
    user: str
    domain: str
    workstation: str


class RpcCall(Event):
    """A client calls. ``call``: its name, or empty; ``level`` as above: arguments are read below 6 only. ``size``: of
    the arguments in bytes.

    ``texts``: those among the arguments, of calls for which we want them. ``facts``: (name, value) of what was read
    besides: ``class`` of COM asked for, ``challenge`` and ``credential`` (``zero``), ``interface`` looked up.
    ``inferred``: the interface was not told, but certain from what was seen.
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


class RpcAnswer(Event):
    """The answer to a call that was seen. ``fault``: it could not be made; ``status``: why, or what the call returned,
    -1 where that is not readable.
    """

    pipe: str
    interface: str
    call: str
    number: int
    fault: bool
    status: int
    size: int


class RpcEndpoint(Event):
    """The endpoint mapper tells the TCP port of an interface."""

    interface: str
    port: int
