"""Hosts in options: addresses, CIDR blocks, MACs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sensor.config import detector_units, load_config
from sensor.core.addresses import parse, parse_mac
from sensor.detectors.shared.named_hosts import AddressBlocks, address_or_mac
from sensor.documents import DocumentErrors


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.1.0.0", True), ("10.1.255.255", True), ("10.2.0.0", False), ("192.0.2.7", True), ("192.0.2.8", False),
     ("2001:db8::7", True), ("2001:db9::", False)],
)  # fmt: skip
def test_an_address_is_in_a_block(address: str, inside: bool) -> None:
    """Blocks include their first and last address, a single address itself, of both versions."""
    assert (parse(address) in AddressBlocks(("10.1.0.0/16", "192.0.2.7", "2001:db8::/32"))) == inside


def test_an_option_without_hosts() -> None:
    """An empty option contains no address, and is false."""
    assert not AddressBlocks(())
    assert parse("10.1.0.0") not in AddressBlocks(())


def test_an_address_or_a_mac() -> None:
    """A text is an address or a MAC; anything else is an error."""
    assert address_or_mac("10.0.0.1") == parse("10.0.0.1")
    assert address_or_mac("02-00-00-00-00-66") == parse_mac("02:00:00:00:00:66")
    with pytest.raises(ValueError, match="router"):
        address_or_mac("router")


HOSTS = re.compile(r"(?:external )?addresses|MACs|.*CIDR")


def options_with_hosts() -> list[tuple[str, str]]:
    """Detector and option, of each option that lists addresses or MACs by its description."""
    return [
        (name, option)
        for name, unit in detector_units().items()
        for option, value in msgspec.structs.asdict(unit.Options()).items()
        if value == () and HOSTS.match(unit.Options.__limits__[option]["description"])
    ]


def test_options_with_hosts_are_found() -> None:
    assert len(options_with_hosts()) >= 30


@pytest.mark.parametrize(("detector", "option"), options_with_hosts())
def test_a_text_that_is_no_host_is_a_fault_of_the_configuration(detector: str, option: str, tmp_path: Path) -> None:
    """It is found when the file is read, with its place, not by the detector."""
    path = tmp_path / "sensor.yaml"
    path.write_text(f"detectors:\n  {detector}: {{{option}: [printer]}}\n")
    with pytest.raises(DocumentErrors) as caught:
        load_config(path)
    [fault] = caught.value.faults
    assert (fault.line, "printer" in str(fault)) == (2, True)
