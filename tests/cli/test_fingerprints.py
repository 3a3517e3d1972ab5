"""sensor fingerprints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher
from tests.cli.faults import reports
from tests.fingerprinting.own import own_knowledge
from tests.golden import Golden

OWN = """\
observation: [dhcp.hostname]
family: hostname
certainty: {type: 0.5, vendor: 0.5, model: 0.4}
fingerprints:
  - id: site.printers
    match: {regex: '^PRN-(?P<model>[0-9])'}
    assert: {type: printer, vendor: HP, model: 'M{model}'}
    examples: [{value: PRN-3, model: M3}, PRN-4]
    negatives: [PRN-X, PRN-5]
"""
SHIPPED = own_knowledge().fingerprints


def test_list_by_filters(run_cli) -> None:
    """A type must be equal, other keys match substrings, different keys mean AND; the last line counts by protocol."""
    result = run_cli("fingerprints", "list", "type=camera", "vendor=AXIS", "kind=dhcp")
    wanted = sorted(
        one.id
        for one in SHIPPED
        if one.asserts.get("type") == "camera"
        and one.asserts.get("vendor") == "Axis"
        and any("dhcp" in kind for kind in one.kinds)
    )
    assert [line.split()[0] for line in result.lines[1:-1]] == wanted
    assert result.lines[-1].startswith(f"{len(wanted)} fingerprints: ")
    either = run_cli("fingerprints", "list", "id=dhcp.vendor_class.hp_1284", "id=sadp.model", "--json")
    assert json.loads(either.lines[0])["id"] == "dhcp.vendor_class.hp_1284"
    assert len(either.lines) == 1 + sum("sadp.model" in one.id for one in SHIPPED)
    assert run_cli("fingerprints", "list", "type=camera", "nothing of that kind").out == "no fingerprints\n"


def test_list_knows_no_such_filter(run_cli) -> None:
    """An unknown filter is rejected with the nearest one."""
    result = run_cli("fingerprints", "list", "vender=axis")
    assert (result.code, result.suggestions) == (2, ["vendor"])


def test_summary(run_cli) -> None:
    """The summary has one line for each protocol, and the total."""
    result = run_cli("fingerprints", "list", "type=camera", "--summary")
    rows = [line.split() for line in result.lines]
    cameras = sum(one.asserts.get("type") == "camera" for one in SHIPPED)
    assert rows[0] == ["PROTOCOL", "ENTRIES", "TYPE", "VENDOR", "MODEL", "FIRMWARE"]
    assert rows[-1][:3] == ["all", str(cameras), str(cameras)]
    assert sum(int(row[1]) for row in rows[1:-1]) == cameras


def test_show(golden: Golden, run_cli) -> None:
    """Pattern, attributes with confidence, family, source and examples are shown; an unknown id gives exit code 1."""
    result = run_cli("fingerprints", "show", "dhcp.vendor_class.hp")
    text = "\n".join(" ".join(line.split()) for line in result.lines)
    assert result.code == 0
    for part in (
        "observes dhcp.vendor_class (option 60)", "matches regex ^(?:Hewlett-Packard|HP)", (
            "type printer, certainty "
            "0.85"
        ), "source recog",
        "example Hewlett-Packard LaserJet → model LaserJet",
    ):  # fmt: skip
        assert part in text
    invalid = run_cli("fingerprints", "show", "dhcp.vendor_class.hpp")
    assert invalid.code == 1
    golden(invalid.err, "dhcp.vendor_class.hp")
    assert run_cli("fingerprints", "show").code == 2


def test_a_file_of_ones_own(golden: Golden, run_cli, tmp_path: Path) -> None:
    """The examples and negatives of an own file are tested; failures are reported with their place."""
    path = tmp_path / "site.yaml"
    path.write_text(OWN)
    result = run_cli("fingerprints", "test", str(path))
    assert result.code == 2
    golden(result.err.splitlines())
    assert result.out == "1 fingerprint, 2 examples, 2 negatives: 2 faults\n"
    path.write_text(OWN.replace(", PRN-4", "").replace(", PRN-5", ""))
    assert run_cli("fingerprints", "test", str(path))[:2] == (0, "1 fingerprint, 1 example, 1 negative: all passed\n")
    path.write_text(OWN.replace("vendor: HP", "vendor: HPP"))
    golden(run_cli("fingerprints", "test", str(path)).err, "5:5")
    assert run_cli("fingerprints", "test", str(tmp_path / "no.yaml")).code == 3


def test_an_expression_that_can_be_slowed_down(run_cli, tmp_path: Path) -> None:
    """An expression with catastrophic backtracking is a fault: any device could send such a text."""
    path = tmp_path / "site.yaml"
    slow = (
        OWN.replace("^PRN-(?P<model>[0-9])", "^(?:(?:a+)+b|PRN-(?P<model>[0-9]))")
        .replace(", PRN-4", "")
        .replace(", PRN-5", "")
    )
    path.write_text(slow)
    result = run_cli("fingerprints", "test", str(path))
    assert (result.code, result.err.startswith(f"{path}:6:20: ")) == (2, True)


def test_a_vocabulary_beside_a_file(run_cli, tmp_path: Path) -> None:
    """A vocabulary in the same folder extends the shipped one."""
    (tmp_path / "vocabulary.yaml").write_text("vendors: {Acme: []}\n")
    (tmp_path / "site.yaml").write_text(
        OWN.replace("vendor: HP", "vendor: Acme").replace(", PRN-4", "").replace(", PRN-5", "")
    )
    assert run_cli("fingerprints", "test", str(tmp_path / "site.yaml")).code == 0


def test_our_own_files_can_be_tested(run_cli, root: Path) -> None:
    """Shipped files do not conflict with their own loaded fingerprints."""
    result = run_cli("fingerprints", "test", str(root / "fingerprints" / "sadp"))
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("all passed\n")


def test_drafts_pass_their_tests_and_name_the_device(run_cli, root: Path, tmp_path: Path) -> None:
    """Drafts of the office's television load from a folder and identify the device with the new label."""
    capture, folder = str(root / "pcaps" / "office.pcapng"), tmp_path / "site"
    result = run_cli(
        "fingerprints",
        "learn",
        capture,
        "--label",
        "type=signage",
        "vendor=Acme Boards",
        "--mac",
        "8c:77:12:5d:e0:41",
        "--output",
        str(folder),
    )
    assert result.code == 0, result.err
    assert reports(result, "fingerprint.new-vendor"), result.err
    assert run_cli("fingerprints", "test", str(folder)).code == 0
    claims = Matcher(load_knowledge([folder])).match("mdns.service", "_samsungmsf._tcp")
    assert {("type", "signage"), ("vendor", "Acme Boards")} <= {(claim.attribute, claim.value) for claim in claims}
    again = run_cli(
        "fingerprints", "learn", capture, "--label", "type=signage", "--mac", "8c:77:12:5d:e0:41", "-o", str(folder)
    )
    assert (again.code, "exists" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("--label", "type=camera"), 2, ("device.ambiguous", "--mac")),
        (("--label", "type=camera", "--mac", "8c"), 2, ("usage.invalid-value", "'8c'", "--mac")),
        (("--label", "type=camera", "--mac", "02:00:00:00:00:99"), 2, ("fingerprint.nothing-learned",)),
        (("--label", "type=camra"), 2, ("usage.invalid-value", "'camera'")),
        (("--label", "vendro=Axis", "type=camera"), 2, ("usage.invalid-value", "'vendor'")),
        (("--label", "model=X"), 2, ("usage.invalid-value",)),
        ((), 2, ("usage.invalid-value",)),
    ],
)
def test_learning_needs_to_know_of_what(
    run_cli, root: Path, arguments: tuple[str, ...], code: int, fault: tuple[str, ...]
) -> None:
    """Learning requires the device and its label."""
    result = run_cli("fingerprints", "learn", str(root / "pcaps" / "office.pcapng"), *arguments)
    assert result.code == code
    assert reports(result, *fault), result.err


def test_a_capture_that_is_none(run_cli, tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"no capture")
    assert run_cli("fingerprints", "learn", str(tmp_path / "no.pcap"), "--label", "type=camera").code == 3


def test_what_others_report_too_is_left_out(run_cli, root: Path) -> None:
    """In a capture of several devices only values that devices of a single vendor send are drafted: there may be two of
    the same type.
    """
    office = str(root / "pcaps" / "office.pcapng")
    result = run_cli(
        "fingerprints", "learn", office, "--label", "type=signage", "vendor=Acme", "--mac", "80:ce:62:a3:1c:5d"
    )
    assert "mdns.txt.ty.yaml" in result.out
    devices = root / "pcaps" / "lab" / "devices"
    two = (
        str(devices / "polycom_vvx_411.pcapng"),
        str(devices / "poly_ccx_500.pcapng"),
        str(devices / "yealink_t46s.pcapng"),
    )
    result = run_cli(
        "fingerprints", "learn", *two, "--label", "type=intercom", "vendor=Acme", "--mac", "64:16:7f:5e:54:01"
    )
    assert "1,28,66,43,160,2,3,15,6,4,42,12,7,120" in result.out
