"""SQL Server Resolution Protocol: requests and answers, and other datagrams."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.sql_browser import SqlBrowser
from tests.dissectors.samples import events, packets, values


def test_the_small_capture() -> None:
    """Instances are reported with their versions and the name of the server."""
    messages = [list(SqlBrowser().dissect(packet)) for packet in packets("sql_browser")]
    assert [event for each in messages for event in events(each)] == [
        ("SqlBrowserRequest", "list", 0),
        ("SqlBrowserAnswer", "DB01", (("MSSQLSERVER", "15.0.2000.5"), ("REPORTS", "13.0.1601.5"))),
        ("SqlBrowserRequest", "instance", 8),
        ("SqlBrowserRequest", "instance", 375),
    ]
    assert values(messages[1]) == [("sql_browser.hostname", "DB01")]


def test_other_datagrams_report_nothing() -> None:
    """Another type, an answer without names and an answer to the service's port yield nothing."""
    for packet in (
        Packet(b"\x07abc", dport=1434),
        Packet(b"\x05\0\0nothing", sport=1434),
        Packet(b"\x05\0\0", dport=1434),
    ):
        assert list(SqlBrowser().dissect(packet)) == []


def test_a_server_without_a_printable_name() -> None:
    """Instances are reported, and no host name."""
    answer = Packet(b"\x05\0\0ServerName; ;InstanceName;REPORTS;IsClustered;No;Version;13.0.1601.5;;", sport=1434)
    messages = list(SqlBrowser().dissect(answer))
    assert events(messages) == [("SqlBrowserAnswer", "", (("REPORTS", "13.0.1601.5"),))]
    assert values(messages) == []
