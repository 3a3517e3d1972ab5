"""Filters of traffic records: values that a column cannot have are errors, those that it can have are not."""

from __future__ import annotations

import pytest

from sensor.records.filter_values import expected
from sensor.records.filters import SearchError, parsed


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("type=camra", "camera"), ("type!=camra", "camera"), ("severity=hihg", "high"), ("proto=tpc", "tcp"),
        ("proto=17", "udp"), ("direction=outbond", "outbound"), ("state=RSTT", "RSTR"), ("verdict=afected", "affected"),
        ("detector=discovery.port_scam", "discovery.port_scan"), ("detector=discvery.*", "discovery."),
        ("rcode=NXDOMAN", "NXDOMAIN"), ("qtype=AAA", "AAAA"), ("dst_port=65536", "a port"), ("vlan=4095", "a VLAN"),
        ("src_ip=10.0.0.300", "an address"), ("dst_mac=00:17", "a MAC"), ("type=[camera", "camera"),
    ],
)  # fmt: skip
def test_a_value_that_a_column_cannot_have(text: str, near: str) -> None:
    """The error names the filter, and the nearest value or the expected form."""
    with pytest.raises(SearchError) as raised:
        parsed(text)
    assert repr(text) in str(raised.value)
    assert near in str(raised.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "CAMERA"), ("type", "cam*"), ("type", "unknown"), ("severity", "info"), ("proto", "t*"),
        ("proto", "tcp"), ("proto", "253"), ("state", "rej"), ("state", "cut off"), ("detector", "discovery.*"),
        ("detector", "custom.telnet"), ("rcode", "RCODE23"), ("qtype", "TYPE65280"), ("dst_port", "0"),
        ("vlan", "4094"), ("src_ip", "10.0.*"), ("src_ip", "fe80::1"), ("dst_mac", "00-17-C8-1A-2B-3C"),
        ("dst_mac", "00:17:*"), ("service", "anything"), ("user_agent", "*curl*"),
    ],
)  # fmt: skip
def test_a_value_that_a_column_can_have(column: str, value: str) -> None:
    assert expected(column, value) == ""
