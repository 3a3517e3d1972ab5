"""SQL Server Browser: a client requests all instances of a server, and one instance; a request with a name as long as
that of the SQL Slammer worm, without its code.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, udp

CLIENT, SERVER = "10.20.30.14", "10.20.30.1"


def frames() -> Frames:
    listed = (
        b"ServerName;DB01;InstanceName;MSSQLSERVER;IsClustered;No;Version;15.0.2000.5;tcp;1433;;"
        b"ServerName;DB01;InstanceName;REPORTS;IsClustered;No;Version;13.0.1601.5;tcp;49172;;"
    )
    yield udp(DESKTOP, GATEWAY, CLIENT, SERVER, 50500, 1434, b"\x03")
    yield udp(GATEWAY, DESKTOP, SERVER, CLIENT, 1434, 50500, b"\x05" + len(listed).to_bytes(2, "little") + listed)
    yield udp(DESKTOP, GATEWAY, CLIENT, SERVER, 50501, 1434, b"\x04REPORTS\0")
    yield udp(DESKTOP, GATEWAY, CLIENT, SERVER, 1025, 1434, b"\x04" + b"\x01" * 375)
