"""Events of SMB 1, 2 and 3. The client is the packet's source in requests and its destination in results."""

from __future__ import annotations

from sensor.core.event import Event


class SmbSession(Event):
    """A NetBIOS session is asked for (RFC 1002, 4.3.2)."""

    called: str
    calling: str


class SmbNegotiate(Event):
    """A client offers dialects. ``version``: 1 or 2, that of the message; SMB 3 is spoken in messages of version 2.
    ``compression``: it offers that, too.
    """

    version: int
    dialects: tuple[str, ...]
    compression: bool = False


class SmbNegotiated(Event):
    """The server chose. ``signing``: it insists on signatures; ``compression``: it takes compressed messages; ``guid``:
    its id, empty where unknown.
    """

    version: int
    dialect: str
    signing: bool
    compression: bool
    guid: str


class SmbChallenge(Event):
    """A server asks for a proof by NTLM and names itself."""

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
    """The answer to a login; ``status`` 0 is success. ``guest``: let in as a guest, whatever the name was."""

    version: int
    method: str
    user: str
    domain: str
    workstation: str
    status: int
    guest: bool


class SmbTreeConnect(Event):
    """A client connects to a share: ``path`` as it wrote it, ``share`` its last part in capitals."""

    path: str
    share: str


class SmbTreeResult(Event):
    """The answer. ``type``: ``disk``, ``pipe``, ``printer`` or empty."""

    path: str
    share: str
    type: str
    status: int


class SmbCreate(Event):
    """A client opens or makes a file or pipe. ``access`` and ``disposition`` as in [MS-SMB2] 2.2.13; ``writes``: it
    wants to change the content.
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
    """The answer. ``action``: 0 superseded, 1 opened, 2 created, 3 overwritten; -1 if it failed or is unknown. ``size``
    in bytes.
    """

    share: str
    name: str
    pipe: bool
    status: int
    action: int
    size: int


class SmbWrite(Event):
    """Bytes for a file. ``executable``: they are its first ones and begin a program (MZ, ELF)."""

    share: str
    name: str
    offset: int
    size: int
    executable: bool


class SmbRename(Event):
    """A file gets another name."""

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
    """A transaction of SMB 1 other than through pipes. ``family``: ``trans``, ``trans2`` or ``nt``; ``status`` of an
    answer, 0 in a request.
    """

    family: str
    function: int
    multiplex: int
    answer: bool
    status: int


class SmbEncrypted(Event):
    """The conversation is encrypted from here on; one event per direction."""

    session: int


class SmbCompressed(Event):
    """A compressed message ([MS-SMB2] 2.2.42): sizes as it declares them."""

    original_size: int
    algorithm: int
    offset: int


class SmbFault(Event):
    """The body of a message does not match its command. The conversation continues."""

    version: int
    command: int
    fault: str
