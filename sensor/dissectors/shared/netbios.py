"""NetBIOS names (RFC 1001, 14; RFC 1002, 4.1), as used by the name service, the datagram service and sessions.

A name is 15 characters and a suffix byte that identifies the service. On the wire it is 32 letters, two for each byte,
preceded by their length; labels of a scope may follow and are skipped.
"""

from __future__ import annotations

import functools

import msgspec

from sensor.core.reader import Malformed, clean

ENCODED_SIZE = 32
NAME_SIZE = 15
LABELS_LIMIT = 16
# Services by (suffix, whether it is a group name).
UNIQUE, GROUP = False, True
WORKSTATION = 0x00
CONTROLLERS = 0x1C
MASTER = 0x1D
ELECTION = 0x1E
SERVER = 0x20
SERVICES = {
    (0x00, UNIQUE): "workstation", (0x03, UNIQUE): "messenger", (0x06, UNIQUE): "remote_access_server",
    (0x1F, UNIQUE): "net_dde", (0x20, UNIQUE): "server", (0x21, UNIQUE): "remote_access_client",
    (0x22, UNIQUE): "exchange_interchange", (0x23, UNIQUE): "exchange_store", (0x24, UNIQUE): "exchange_directory",
    (0x30, UNIQUE): "modem_sharing_server", (0x31, UNIQUE): "modem_sharing_client",
    (0x43, UNIQUE): "sms_remote_control", (0x44, UNIQUE): "sms_remote_control_tool", (0x45, UNIQUE): "sms_remote_chat",
    (0x46, UNIQUE): "sms_remote_transfer", (0x4C, UNIQUE): "dec_pathworks", (0x52, UNIQUE): "dec_pathworks",
    (0x6A, UNIQUE): "exchange_imc", (0x87, UNIQUE): "exchange_mta", (0xBE, UNIQUE): "network_monitor_agent",
    (0xBF, UNIQUE): "network_monitor", (0x00, GROUP): "domain", (0x1B, UNIQUE): "domain_master_browser",
    (0x1C, GROUP): "domain_controllers", (0x1D, UNIQUE): "master_browser", (0x1E, GROUP): "browser_elections",
    (0x20, GROUP): "internet_group", (0x01, GROUP): "master_browsers", (0x2F, GROUP): "lotus_notes",
    (0x33, GROUP): "lotus_notes",
}  # fmt: skip
# Names that do not identify a host: the wildcard of node status, any server, browsers of all domains.
PLACEHOLDERS = frozenset(("*", "*SMBSERVER", "__MSBROWSE__", "INet~Services", "IS~"))


class NetbiosName(msgspec.Struct, frozen=True, gc=False):
    """A name without trailing blanks, and its suffix."""

    name: str
    suffix: int


def service(suffix: int, group: bool) -> str:
    """The service that a name with this suffix identifies; the suffix in two hexadecimal digits if it is not
    documented.
    """
    return SERVICES.get((suffix, group)) or f"{suffix:02x}"


def name_at(data: bytes, offset: int) -> tuple[NetbiosName, int]:
    """The encoded name at ``offset``, and the offset after it. Raises IndexError if the bytes end early, Malformed if
    it is invalid.

    A pointer instead of a name leads back to a complete one (RFC 1002, 4.2.1.3): pointers to pointers are rejected.
    """
    size = data[offset]
    if size >= 0xC0:
        target = (size & 63) << 8 | data[offset + 1]
        if target >= offset or data[target] != ENCODED_SIZE:
            raise Malformed("name pointer that does not lead back")
        return name_at(data, target)[0], offset + 2
    if size != ENCODED_SIZE:
        raise Malformed("no NetBIOS name")
    stop = offset + 1 + ENCODED_SIZE
    end = stop
    for _ in range(LABELS_LIMIT):
        size = data[end]
        if size >= 0xC0:
            data[end + 1]
            return _decoded(data[offset + 1 : stop]), end + 2
        end += 1 + size
        if not size:
            return _decoded(data[offset + 1 : stop]), end
    raise Malformed("name with too many labels")


@functools.lru_cache(maxsize=2048)
def _decoded(raw: bytes) -> NetbiosName:
    if raw.strip(b"ABCDEFGHIJKLMNOP"):
        raise Malformed("no NetBIOS name")
    return plain(bytes([(raw[at] - 65) << 4 | raw[at + 1] - 65 for at in range(0, ENCODED_SIZE, 2)]))


def plain(raw: bytes) -> NetbiosName:
    """An unencoded name: 15 characters in the code page of the sender, and the suffix."""
    name = raw[:NAME_SIZE].partition(b"\0")[0] or raw[:NAME_SIZE]
    return NetbiosName(oem(name), raw[NAME_SIZE])


@functools.lru_cache(maxsize=2048)
def oem(raw: bytes) -> str:
    """Decode text in the sender's code page, which is not sent: UTF-8 if valid, else CP850 (Western European)."""
    try:
        return clean(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return clean(raw.decode("cp850"))


def is_machine(name: NetbiosName) -> bool:
    """Whether a name can identify a single host."""
    return bool(name.name) and name.name not in PLACEHOLDERS and not name.name.startswith("IS~")
