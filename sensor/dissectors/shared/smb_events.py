"""Events of SMB 1, 2 and 3. The client is the packet's source in requests and its destination in results."""

from __future__ import annotations

from sensor.core.event import Event


class SmbSession(Event):
    """A NetBIOS session request (RFC 1002, 4.3.2)."""

    called: str
    calling: str


class SmbUrgent(Event):
    """A client begins a NetBIOS session with urgent data instead of a session request; ``size`` in bytes."""

    size: int


class SmbNegotiate(Event):
    """A client offers dialects. ``version``: of the message, 1 or 2; SMB 3 uses messages of version 2. ``compression``:
    it offers compression.
    """

    version: int
    dialects: tuple[str, ...]
    compression: bool = False


class SmbNegotiated(Event):
    """The server's choice. ``signing``: it requires signatures; ``compression``: it accepts compressed messages;
    ``guid``: its id, empty if unknown.
    """

    version: int
    dialect: str
    signing: bool
    compression: bool
    guid: str


class SmbChallenge(Event):
    """A server's NTLM challenge with its name."""

    computer: str
    domain: str
    fqdn: str
    os_version: str


class SmbLogin(Event):
    """A client logs in. ``method``: as in NTLM (``ntlmv2``, ``ntlmv1``, ``ntlmv1-ess``, ``lm``, ``anonymous``),
    ``kerberos``, ``plain``, or empty.
    """

    version: int
    method: str
    user: str
    domain: str
    workstation: str


class SmbLoginResult(Event):
    """The response to a login; ``status`` 0 is success. ``guest``: logged in as a guest, whatever the name."""

    version: int
    method: str
    user: str
    domain: str
    workstation: str
    status: int
    guest: bool


class SmbTreeConnect(Event):
    """A client connects to a share: ``path`` as sent, ``share`` its last part in capitals."""

    path: str
    share: str


class SmbTreeResult(Event):
    """The response. ``type``: ``disk``, ``pipe``, ``printer`` or empty."""

    path: str
    share: str
    type: str
    status: int


class SmbCreate(Event):
    """A client opens or creates a file or pipe. ``access`` and ``disposition`` as in [MS-SMB2] 2.2.13; ``writes``: it
    requests write access.
    """

    share: str
    name: str
    pipe: bool
    access: int
    disposition: int
    options: int
    writes: bool
    extension: str


class SmbCreateResult(Event):
    """The response. ``action``: 0 superseded, 1 opened, 2 created, 3 overwritten; -1 if it failed or is unknown.
    ``size`` in bytes.
    """

    share: str
    name: str
    pipe: bool
    status: int
    action: int
    size: int


class SmbWrite(Event):
    """A write to a file. ``executable``: the first bytes of the file, which begin a program (MZ, ELF)."""

    share: str
    name: str
    offset: int
    size: int
    executable: bool


class SmbRename(Event):
    """A file is renamed."""

    share: str
    name: str
    new_name: str


class SmbDelete(Event):
    """A file is marked for deletion."""

    share: str
    name: str


class SmbPipe(Event):
    """A piece of data in a named pipe, usually DCE/RPC. ``data``: its first bytes, at most 4096 of ``size``; ``handle``
    distinguishes openings of one pipe.
    """

    pipe: str
    handle: str
    request: bool
    size: int
    data: bytes


class SmbTransaction(Event):
    """An SMB 1 transaction other than through pipes. ``family``: ``trans``, ``trans2`` or ``nt``; ``status`` of a
    response, 0 in a request.
    """

    family: str
    function: int
    multiplex: int
    answer: bool
    status: int


class SmbEncrypted(Event):
    """The connection is encrypted from here on; one event per direction."""

    session: int


class SmbEncryptedCall(Event):
    """A remote procedure call in an encrypted connection, with the sizes of messages that libraries of tools send, not
    Windows. ``size``: of the call, in bytes. ``document``: the first call, as long as the document of a scheduled task,
    was answered with a path; otherwise the call is on an opened handle.
    """

    size: int
    document: bool


class SmbCompressed(Event):
    """A compressed message ([MS-SMB2] 2.2.42): declared sizes."""

    original_size: int
    algorithm: int
    offset: int


class SmbFault(Event):
    """The body of a message does not match its command. The connection continues."""

    version: int
    command: int
    fault: str
