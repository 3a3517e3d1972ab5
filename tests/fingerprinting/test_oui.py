"""MAC prefixes: the shipped registry, and newer files in all formats."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sensor.fingerprinting.oui import REMEMBERED, Oui, _Carried, read_registry
from tests.golden import Golden

HUE = 0x001788_2476FF


def test_shipped_registry() -> None:
    """netaddr's registry has the owners of 24-bit and of old 36-bit prefixes."""
    oui = Oui()
    assert oui.organisation(HUE) == "Philips Lighting BV"
    assert oui.organisation(0x0050C2_608001) == "Silex Industrial Automation Ltd."


@pytest.mark.parametrize(
    "mac", [0, 0xFFFFFFFFFFFF, 0x01005E000001, 0x020000000001, 0xDA3062560001, 0x70B3D53BA000, 0x000001000000]
)
def test_no_owner(mac: int) -> None:
    """Multicast and locally administered MACs, zeros, also at the end, and the blocks of the registry have no owner."""
    assert Oui().organisation(mac) == ""


@pytest.mark.parametrize("prefix", [0x00155D, 0x506B8D, 0x0021F6])
def test_virtual_machines(prefix: int) -> None:
    """Prefixes of hypervisors are virtual machines, whatever their owner also builds."""
    assert Oui().organisation(prefix << 24 | 1).startswith("Virtual machine")


def test_unregistered() -> None:
    """An unregistered prefix is no error."""
    assert Oui().organisation(0xFCFFFF000001) == ""


def test_threads_look_up_different_prefixes() -> None:
    """Each gets the owner of its own prefix. So do processes that were forked after the list was opened."""
    look_up, prefixes = functools.partial(_Carried()._name, "oui.txt"), range(1, 2_000)
    alone = list(map(look_up, prefixes))
    assert len(set(alone)) > 500
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(look_up, prefixes)) == alone


IEEE_TEXT = (
    "OUI/MA-L\t\t\tOrganization\r\n\r\n00-17-88   (hex)\t\tNewer Lighting\r\n001788     (base "
    "16)\t\tNewer Lighting\r\n\t\t\t\tHigh Tech Campus\r\n"
)
IEEE_CSV = (
    'Registry,Assignment,Organization Name,Organization Address\nMA-L,001788,"Newer Lighting","x, '
    'y"\nMA-M,0017889,Middle,z\nMA-S,001788247,Small,z\n'
)
MANUF = (
    "# comment\n00:17:88\tNewer\tNewer "
    "Lighting\n00:17:88:90:00:00/28\tMid\tMiddle\n00:17:88:24:70:00/36\tSmall\tSmall\n00:17:88:24/40\tOdd\tOdd\n"
)


@pytest.mark.parametrize(
    ("text", "names"),
    [(IEEE_TEXT, ["Newer Lighting"] * 3), (IEEE_CSV, ["Newer Lighting", "Middle", "Small"]),
    (MANUF, ["Newer Lighting", "Middle", "Small"])],
)  # fmt: skip
def test_newer_file(tmp_path: Path, text: str, names: list[str]) -> None:
    """A newer registry takes precedence, the longest prefix wins, and the shipped one is the fallback."""
    path = tmp_path / "registry"
    path.write_text(text, newline="")
    oui = Oui(path)
    assert [oui.organisation(mac) for mac in (0x001788_000001, 0x001788_900001, 0x001788_247001)] == names
    assert oui.organisation(0x000B82_01FC42) == "Grandstream Networks, Inc."


def test_hostile_names(tmp_path: Path) -> None:
    """Names are sanitized, as they are shown on terminals."""
    path = tmp_path / "registry"
    path.write_text("00:17:88\tx\tEvil\x1b[31m Co\n")
    assert Oui(path).organisation(HUE) == "Evil [31m Co"


@pytest.mark.parametrize(
    "text", ["hello\n", 'Registry,Assignment,Name\nMA-L,001788,"' + "x\n" * 100_000], ids=["text", "quote"]
)
def test_no_registry(golden: Golden, tmp_path: Path, text: str) -> None:
    """A file in an unknown format is refused with the expected formats, and a CSV list with a quote without an end."""
    path = tmp_path / "registry"
    path.write_text(text)
    with pytest.raises(ValueError) as raised:
        read_registry(path)
    golden(str(raised.value))


def test_memory_is_bounded() -> None:
    """A flood of MACs uses bounded memory."""
    oui = Oui()
    for number in range(REMEMBERED + 500):
        oui.organisation(0xFC0000000000 | number << 12)
    assert len(oui._known) == REMEMBERED
