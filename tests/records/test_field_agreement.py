"""Fields of DNS, TLS, HTTP and SMB records are those that Wireshark decodes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.records.field_agreement import agreement, compared
from tests.records.kit_records import replayed

SMB = "lab/attacks/windows_smbexec.pcap"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_an_office_and_some_requests_agree(root: Path, tmp_path: Path) -> None:
    """Names, types and response codes of DNS, server names and versions of TLS, methods, hosts and status codes, shares
    and files of SMB.
    """
    captures = {"dns": "office.pcapng", "tls": "office.pcapng", "http": "dissectors/http.pcap", "smb": SMB}
    for capture in set(captures.values()):
        replayed(tmp_path / Path(capture).stem, root / "pcaps" / capture)
    found = {
        name: agreement(root / "pcaps" / capture, tmp_path / Path(capture).stem, name)
        for name, capture in captures.items()
    }
    assert {name: one.differ for name, one in found.items()} == {name: [] for name in captures}
    assert all(one.agree > least for one, least in zip(found.values(), (50, 100, 4, 0), strict=True))


def test_what_does_not_agree_is_found() -> None:
    """A different value, a missing one, and a missing connection are found; data only in records is no difference."""
    key, theirs = ("10.0.0.1", "1", "10.0.0.2", "80"), {("method", "GET"), ("status", "200")}
    assert compared({key: theirs}, {key: theirs, (): set()}) == (1, 1, [])
    for own in ({("method", "GET"), ("status", "404")}, {("method", "GET")}):
        assert compared({key: theirs}, {key: own}) == (1, 0, [(key, theirs, own)])
    assert compared({key: theirs}, {}).agree == 0
