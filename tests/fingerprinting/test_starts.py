"""Initial baselines of device types: the services of each, and faults of a file with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.fingerprinting.starts import load_starts, services_of

TCP, UDP = 6 << 16, 17 << 16


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("tcp/631", (TCP | 631,)),
        ("udp/5900-5902", (UDP | 5900, UDP | 5901, UDP | 5902)),
        ("tcp/1", (TCP | 1,)),
        ("udp/65535", (UDP | 65535,)),
    ],
)
def test_services(text: str, services: tuple[int, ...]) -> None:
    assert services_of(text) == services


@pytest.mark.parametrize(
    "text", ["", "631", "tcp", "tcp/", "tcp/0", "tcp/65536", "tcp/90-80", "icmp/8", "tcp/80,81", "tcp/x"]
)
def test_what_is_no_service(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        services_of(text)


def test_a_file_of_two_types(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "types: [printer, camera]\nserves: [tcp/631]\nuses: [udp/53]\nnever_serves: {tcp/23-24: a shell}\n"
    )
    starts = load_starts(tmp_path)
    assert starts.keys() == {"printer", "camera"}
    start = starts["printer"]
    assert (start.serves, start.uses) == ({TCP | 631}, {UDP | 53})
    assert (start.never_serves, start.never_uses) == ({TCP | 23: "a shell", TCP | 24: "a shell"}, {})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("types: [toaster2]\n", 1),
        ("types: []\n", 1),
        ("types: [printer]\nserves: [tcp/0]\n", 2),
        ("types: [printer]\nserves: [tcp/80-90]\nnever_serves: {tcp/85: no}\n", 3),
        ("types: [printer]\nuses: [udp/53]\nnever_uses: {udp/53: no}\n", 3),
        ("types: [printer]\nother: 1\n", 2),
    ],
)
def test_faults_of_a_file(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DocumentErrors) as raised:
        load_starts(tmp_path)
    assert [(fault.path.name, fault.line) for fault in raised.value.faults] == [("a.yaml", line)]


def test_faults_of_all_files_are_reported(tmp_path: Path) -> None:
    """A type in two files is one: it would depend on their order which one counts."""
    for name, text in (("a", "types: [printer]"), ("b", "types: [printer, camera]"), ("c", "types: [toaster2]")):
        (tmp_path / f"{name}.yaml").write_text(text + "\n")
    with pytest.raises(DocumentErrors) as raised:
        load_starts(tmp_path)
    assert [fault.path.name for fault in raised.value.faults] == ["b.yaml", "c.yaml"]
