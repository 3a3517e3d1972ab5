"""rsync: a client that sends two files to a module, one that receives files, and an old client that sends. File lists
are those of rsync 3.4 (protocol 32) and of the options of version 2.6 (protocol 29).
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 873)
HELLO = b"@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"
SENT = b"--server\0-e.LsfxCIvu\0.\0in/\0\0"
RECEIVED = b"--server\0--sender\0-e.LsfxCIvu\0.\0in/\0\0"
# Entries of a file list: flags, length and name, size, time.
LIST = bytes.fromhex("a01806") + b"db.sql" + bytes.fromhex("3d00096ba5770cf02447c117a48100")
LIST += bytes.fromhex("00a01806") + b"shadow" + bytes.fromhex("0016066b3f6c0cf065291317a08100000000")


def block(data: bytes) -> bytes:
    return len(data).to_bytes(3, "little") + b"\x07" + data


def frames() -> Frames:
    accepted = [(False, HELLO), (True, HELLO), (True, b"in\n"), (False, b"@RSYNCD: OK\n")]
    sent = [*accepted, (True, SENT), (False, b"\x81\xfe"), (True, b"\x1exxh128 xxh3 xxh64 md5 md4 sha1")]
    yield from conversation((*CLIENT, 49530), SERVER, [*sent, (True, block(LIST))])
    yield from conversation((*CLIENT, 49531), SERVER, [*accepted, (True, RECEIVED), (False, block(LIST))])
    old = [(False, b"@RSYNCD: 29\n"), (True, b"@RSYNCD: 29\n"), (True, b"in\n"), (False, b"@RSYNCD: OK\n")]
    options = (True, b"--server\n-vlogDtpr\n.\nin/\n\n")
    yield from conversation((*CLIENT, 49532), SERVER, [*old, options, (True, block(LIST))])
