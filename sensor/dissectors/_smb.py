"""Shared by SMB 1 and SMB 2: the state of a conversation between request and response, and the events.

All state is bounded. After an eviction, or for requests before the capture, names stay empty and parsing continues.
"""

from __future__ import annotations

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.dissectors.kerberos import presented
from sensor.dissectors.shared import ntlm
from sensor.dissectors.shared.ntlm_events import ntlm_events
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.smb_events import (
    SmbChallenge,
    SmbCreate,
    SmbCreateResult,
    SmbDelete,
    SmbLogin,
    SmbLoginResult,
    SmbPipe,
    SmbTreeResult,
    SmbWrite,
)

PENDING_LIMIT, TREES_LIMIT, FILES_LIMIT = 64, 32, 128
PIPE_LIMIT = 4096  # bytes kept of one piece of pipe data
HIDDEN_SHARES = ("", "SYSVOL", "NETLOGON", "IPC")
CONTROLLER_SHARES = ("SYSVOL", "NETLOGON")
# Pipes of Windows and Samba, in lower case: such a name in a share whose connection was not captured is a pipe.
PIPES = frozenset((
    "atsvc", "browser", "cert", "dfs", "dnsserver", "drsuapi", "efsrpc", "epmapper", "eventlog", "fssagentrpc",
    "initshutdown", "keysvc", "lsarpc", "lsass", "mdssvc", "msfwd", "netdfs", "netlogon", "ntsvcs", "plugplay",
    "protected_storage", "samr", "scerpc", "spoolss", "srvsvc", "svcctl", "tapsrv", "trkwks", "w32time", "winreg",
    "wkssvc", "witness",
))  # fmt: skip
# Status of responses that are not final ([MS-ERREF] 2.3.1): the next token of a login is expected; more data follows.
MORE_PROCESSING_REQUIRED, BUFFER_OVERFLOW = 0xC0000016, 0x80000005
# Access rights to a file ([MS-SMB2] 2.2.13.1.1): write, append, generic all and generic write.
WRITES = 0x50000006
DELETE_ON_CLOSE = 0x1000
EXECUTABLES = (b"MZ", b"\x7fELF")


class Tree(msgspec.Struct, frozen=True, gc=False):
    """A connected share."""

    path: str
    share: str
    type: str = ""


class File(msgspec.Struct, frozen=True, gc=False):
    """An open file or pipe. ``handle``: its id in hexadecimal."""

    share: str
    name: str
    pipe: bool
    handle: str = ""
    deletes: bool = False


NO_TREE, NO_FILE = Tree("", ""), File("", "", False)
Requested = SmbLogin | Tree | File | int


class Conversation:
    """State of one conversation: pending requests by message id, shares by tree id, files by file id. ``pipes``: a pipe
    was opened, so that reads are read.
    """

    __slots__ = ("dialects", "files", "pending", "pipes", "trees")

    def __init__(self) -> None:
        self.pending: Bounded[int, Requested] = Bounded(PENDING_LIMIT)
        self.trees: Bounded[tuple[int, int], Tree] = Bounded(TREES_LIMIT)
        self.files: Bounded[bytes, File] = Bounded(FILES_LIMIT)
        self.dialects: tuple[str, ...] = ()
        self.pipes = False


def tree(path: str) -> Tree:
    r"""The share of ``\\server\share``."""
    return Tree(path, path.rpartition("\\")[2].upper())


def is_pipe(share: Tree, name: str) -> bool:
    """Whether a name opened in a share is a pipe."""
    return share.share == "IPC$" or share.type == "pipe" or (not share.share and name.lower() in PIPES)


def extension(name: str) -> str:
    """The last extension of a path in lower case, without the dot."""
    stem, dot, last = name.rpartition("\\")[2].rpartition(".")
    return last.lower() if dot and stem else ""


def security(
    packet: Packet, conversation: Conversation, version: int, key: int, blob: bytes, partial: bool, parsed: list[Parsed]
) -> None:
    """The token of a session setup, in a request (stored under ``key``) or in a response (``key`` is -1)."""
    message = ntlm.find(blob, partial=partial)
    if isinstance(message, ntlm.Challenge):
        parsed.append(SmbChallenge(packet, message.computer, message.domain, message.fqdn, message.version))
    elif key >= 0 and isinstance(message, ntlm.Login):
        login(
            conversation,
            key,
            SmbLogin(packet, version, message.method, message.user, message.domain, message.workstation),
            parsed,
        )
    elif key >= 0 and message is None and ntlm.KERBEROS in blob:
        login(conversation, key, SmbLogin(packet, version, "kerberos", "", "", ""), parsed)
        parsed += presented(packet, blob)
    if message is not None and isinstance(message, ntlm.Challenge) == (key < 0):
        parsed += ntlm_events(packet, "smb", message)
        parsed += facts(packet, message.facts())


def login(conversation: Conversation, key: int, event: SmbLogin, parsed: list[Parsed]) -> None:
    """Store a login until its response."""
    conversation.pending.put(key, event)
    parsed.append(event)


def login_result(packet: Packet, requested: Requested | None, status: int, guest: bool, parsed: list[Parsed]) -> None:
    """The response to a captured login."""
    if isinstance(requested, SmbLogin):
        parsed.append(
            SmbLoginResult(
                packet,
                requested.version,
                requested.method,
                requested.user,
                requested.domain,
                requested.workstation,
                status,
                guest,
            )
        )


def tree_result(
    packet: Packet,
    conversation: Conversation,
    place: tuple[int, int],
    requested: Requested | None,
    type_: str,
    status: int,
    parsed: list[Parsed],
) -> None:
    """A share was connected or rejected. A successful connection is evidence for the role of a server, except for
    hidden and administrative shares, which every Windows host has.
    """
    if not isinstance(requested, Tree):
        return
    parsed.append(SmbTreeResult(packet, requested.path, requested.share, type_, status))
    if status:
        return
    conversation.trees.put(place, Tree(requested.path, requested.share, type_))
    if type_ == "printer":
        parsed += facts(packet, [("smb.role", "print_server")])
    elif type_ == "disk" and requested.share in CONTROLLER_SHARES:
        parsed += facts(packet, [("smb.role", "domain_controller")])
    elif type_ == "disk" and not requested.share.endswith("$") and requested.share not in HIDDEN_SHARES:
        parsed += facts(packet, [("smb.role", "file_server")])


def create(
    packet: Packet, share: Tree, name: str, access: int, disposition: int, options: int, parsed: list[Parsed]
) -> File:
    """A client opens a file or pipe."""
    pipe = is_pipe(share, name)
    end = "" if pipe else extension(name)
    parsed.append(
        SmbCreate(
            packet, share.share, name, pipe, access, disposition, options, bool(access & WRITES) and not pipe, end
        )
    )
    return File(share.share, name, pipe, deletes=bool(options & DELETE_ON_CLOSE))


def _of_client(packet: Packet) -> Packet:
    """A packet of the client in place of its response, which confirms what the client does."""
    return Packet(
        ts=packet.ts, src=packet.dst, dst=packet.src, src_mac=packet.dst_mac, dst_mac=packet.src_mac,
        sport=packet.dport, dport=packet.sport, vlan=packet.vlan, ethertype=packet.ethertype,
        ip_version=packet.ip_version, proto=packet.proto, problem=packet.problem, flow=packet.flow, slot=packet.slot,
        source=packet.source, link=packet.link, tunnels=packet.tunnels, wirelen=packet.wirelen, frame=packet.frame,
    )  # fmt: skip


def create_result(
    packet: Packet,
    conversation: Conversation,
    requested: Requested | None,
    handle: bytes,
    status: int,
    action: int,
    size: int,
    parsed: list[Parsed],
) -> None:
    """An open request was granted or rejected."""
    if not isinstance(requested, File):
        return
    parsed.append(
        SmbCreateResult(packet, requested.share, requested.name, requested.pipe, status, -1 if status else action, size)
    )
    if not status:
        conversation.files.put(handle, File(requested.share, requested.name, requested.pipe, handle.hex()))
        if requested.deletes:
            parsed.append(SmbDelete(_of_client(packet), requested.share, requested.name))


def write(packet: Packet, file: File, offset: int, size: int, data: bytes, parsed: list[Parsed]) -> None:
    """Data for a file or pipe. A pipe opened before the capture is recognized by the DCE/RPC header in the data (C706,
    12.6.3.1).
    """
    if file.pipe or (not file.name and data[:2] == b"\5\0" and len(data) > 2 and data[2] < 20):
        parsed.append(SmbPipe(packet, file.name, file.handle, True, size, data[:PIPE_LIMIT]))
    else:
        parsed.append(
            SmbWrite(packet, file.share, file.name, offset, size, not offset and data.startswith(EXECUTABLES))
        )
