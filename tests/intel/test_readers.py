"""Plain lists as published: comments, remarks, ranges, defanged addresses, and faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core import addresses
from sensor.documents import DocumentErrors
from sensor.intel.readers import FAULTS_LIMIT, read_list
from sensor.intel.store import ThreatLists
from tests.golden import Golden


def written(folder: Path, text: bytes | str) -> Path:
    path = folder / "bad.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_reads_every_way_to_write_an_address(tmp_path: Path) -> None:
    """Addresses, blocks, ranges, both families, defanged, with byte order mark and CRLF; remarks are kept with their
    line.
    """
    text = (
        "\ufeff# list of bad ones\r\n; more words\r\n\r\n11.1.1.1\r\n11.2.0.0/16 ; "
        "SBL123\r\n11.3.0.1-11.3.0.2 # botnet\r\n"
        "11.4.0[.]1 trojan here # old\r\n11.6.0.1:443\r\n[2001:db8::3]:443\r\nhttps://[2001:db8::4]:8443/\r\n"
        "2001:db8:1::/48\r\n2001[:]db8::2\r\n11.5.0.0 - 11.5.0.3\r\n"
    )
    read = read_list(written(tmp_path, text))
    found = {
        (addresses.text(int(hi) << 64 | int(lo)), int(bits)): read.line(i)[:2]
        for i, (hi, lo, bits) in enumerate(zip(read.hi, read.lo, read.bits, strict=True))
    }
    assert read.faults == []
    assert found == {
        ("11.1.1.1", 128): ("11.1.1.1", ""),
        ("11.2.0.0", 112): ("11.2.0.0/16", "SBL123"),
        ("11.3.0.1", 128): ("11.3.0.1-11.3.0.2", "botnet"),
        ("11.3.0.2", 128): ("11.3.0.1-11.3.0.2", "botnet"),
        ("11.4.0.1", 128): ("11.4.0[.]1", "trojan here old"),
        ("11.6.0.1", 128): ("11.6.0.1:443", ""),
        ("2001:db8::3", 128): ("[2001:db8::3]:443", ""),
        ("2001:db8::4", 128): ("https://[2001:db8::4]:8443/", ""),
        ("2001:db8:1::", 48): ("2001:db8:1::/48", ""),
        ("2001:db8::2", 128): ("2001[:]db8::2", ""),
        ("11.5.0.0", 126): ("11.5.0.0-11.5.0.3", ""),
    }


@pytest.mark.parametrize(
    ("written_as", "seen_as"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("почта.рф", "www.xn--80a1acny.xn--p1ai"),
        ("http://bücher.example/A", "http://xn--bcher-kva.example/A"),
        ("c2.example.", "c2.example"),
        ("evil[dot]example", "evil.example"),
        ("hxxps[://]evil[.]example/a", "http://evil.example/a"),
    ],
)
def test_a_name_is_found_as_packets_contain_it(tmp_path: Path, written_as: str, seen_as: str) -> None:
    """Internationalized names, the dot of the root, signs of defanging."""
    lists = ThreatLists([written(tmp_path, f"{written_as}\n")])
    found = [lists.domain(seen_as), lists.text(seen_as), lists.check(seen_as)]
    assert {one.entry for one in found if one is not None} == {written_as}
    assert lists.faults == []


def test_hosts_files(tmp_path: Path) -> None:
    """Each name of a line is listed; names of every host are not, since all hosts query them."""
    text = (
        "127.0.0.1 localhost.localdomain\n0.0.0.0 a.example b.example # two\n::1 c.example\nd.example\n0.0.0.0 nodot\n"
    )
    read = read_list(written(tmp_path, text))
    assert sorted(read.line(number).value for number in range(len(read))) == [
        "a.example", "b.example", "c.example", "d.example",
    ]  # fmt: skip
    assert [fault.line for fault in read.faults] == [1, 5]


def test_a_broken_line_is_reported_and_the_rest_loads(golden: Golden, tmp_path: Path) -> None:
    """The fault has file, line and the expected syntax."""
    path = written(tmp_path, "11.1.1.1\n\nexample.com\x1b[2J\n11.1.1.9-11.1.1.2\n11.1.1.2-2001:db8::1\n11.1.1.3\n")
    read = read_list(path)
    assert len(read) == 2
    assert [fault.line for fault in read.faults] == [3, 4, 5]
    golden(str(read.faults[0]))


@pytest.mark.parametrize(
    "line",
    [
        "10.1.2.3",
        "192.168.0.0/16",
        "127.0.0.1",
        "169.254.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "fe80::1",
        "ff02::1",
        "::1",
        "fd00::/8",
    ],
)
def test_private_and_local_addresses_are_left_out(golden: Golden, tmp_path: Path, line: str) -> None:
    """A public list with private addresses would raise alerts for every host."""
    read = read_list(written(tmp_path, f"11.1.1.1\n{line}\n"))
    assert len(read) == 1
    golden(read.faults[0].message, "multicast")


@pytest.mark.parametrize("line", ["0.0.0.0/0", "11.0.0.0/7", "2000::/3", "11.0.0.0-200.0.0.0"])
def test_blocks_that_can_only_be_a_mistake_are_left_out(tmp_path: Path, line: str) -> None:
    """A line with a quarter of the internet is not a threat."""
    read = read_list(written(tmp_path, f"8.1.1.1\n{line}\n"))
    assert any("wider than" in fault.message for fault in read.faults)
    assert all(bits >= 16 for bits in read.bits.tolist())


def test_unreadable_and_foreign_files_are_errors(golden: Golden, tmp_path: Path) -> None:
    """A missing file, a folder, and a file without any indicator."""
    for path in (tmp_path / "none.txt", tmp_path, written(tmp_path, "<html>\n<body>\n")):
        with pytest.raises(DocumentErrors) as raised:
            read_list(path)
        golden(str(raised.value))


def test_an_empty_list_is_fine(tmp_path: Path) -> None:
    """Feeds may be empty for weeks."""
    assert len(read_list(written(tmp_path, "# nothing today\n"))) == 0
    assert len(read_list(written(tmp_path, b""))) == 0


def test_faults_are_bounded(tmp_path: Path) -> None:
    """A file of random text gives a hundred faults and the number of all."""
    read = read_list(written(tmp_path, "11.1.1.1\n" + "rubbish\n" * 500))
    assert len(read.faults) == FAULTS_LIMIT + 1
    assert read.faults[-1].message == "and 400 more"
