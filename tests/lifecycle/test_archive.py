"""Archives that are damaged, foreign or malicious: nothing of them is extracted."""

from __future__ import annotations

import os
import random
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sensor.lifecycle.archive import BadArchive, Member, Packer
from sensor.lifecycle.manifest import Entry, decoded
from sensor.lifecycle.places import SensorPaths
from sensor.lifecycle.restore import Restore, verified
from tests import sampling
from tests.lifecycle.household import archive, raw, snapshot

GOOD = {
    "state/mutes.yaml": b"mutes: []\n",
    "state/rules/ours.yaml": b"rules: []\n",
    "config/sensor.yaml": b"networks: []\n",
}


@pytest.fixture
def places(tmp_path: Path) -> SensorPaths:
    state = tmp_path / "state"
    return SensorPaths(state, state / "events.jsonl", state / "evidence", tmp_path / "etc")


def refused(file: Path, places: SensorPaths, messages: str) -> None:
    """The archive is rejected for this reason, and no file is extracted."""
    before = snapshot(file.parent)
    with pytest.raises(BadArchive, match=messages) as reported:
        verified(file, places)
    assert str(file) in str(reported.value)
    assert str(reported.value).isprintable()
    assert snapshot(file.parent) == before


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]", b'{"format": 1}', b'{"format":' + b"[" * 100_000])
def test_an_invalid_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="manifest"):
        decoded(text)


def test_a_good_one(places: SensorPaths, tmp_path: Path) -> None:
    """The valid archive that the following ones differ from in one point."""
    file = archive(tmp_path / "a", GOOD)
    Restore(file, places, verified(file, places), "now").run()
    assert (places.state / "mutes.yaml").read_bytes() == GOOD["state/mutes.yaml"]
    assert (tmp_path / "etc" / "sensor.yaml").read_bytes() == GOOD["config/sensor.yaml"]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../../etc/passwd", "state/../../etc/passwd", "state/rules/../../../x", "state/rules/./x",
        "state//rules/x", "state/inventory.lock", "state/inventory.db/x", "state/rules", "state", "log/cursors",
        "log/notes.jsonl/x", "evidence/a/b", "other/x", "config", "state/rules/a\nb",
        "state/rules/\x1b[31m", "state/rules/" + "a/" * 8 + "b", "",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: str, places: SensorPaths, tmp_path: Path) -> None:
    """Absolute names, names with two dots, names that no backup has, and names with control characters are rejected."""
    refused(archive(tmp_path / "a", {**GOOD, name: b"x"}), places, "found the name")


@pytest.mark.parametrize(
    ("kind", "messages"),
    [
        (tarfile.SYMTYPE, "symbolic link"), (tarfile.LNKTYPE, "a link"), (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "special"), (tarfile.DIRTYPE, "folder"), (tarfile.GNUTYPE_LONGNAME, "special"),
        (tarfile.XHDTYPE, "special"), (tarfile.GNUTYPE_SPARSE, "special"),
    ],
)  # fmt: skip
def test_anything_but_regular_files(kind: bytes, messages: str, places: SensorPaths, tmp_path: Path) -> None:
    """Links, devices, pipes, and headers that announce another header of any size are rejected."""
    head = tarfile.TarInfo("state/rules/ours.yaml")
    head.type, head.linkname, head.size = kind, "/etc/passwd", 1 << 33 if kind == tarfile.XHDTYPE else 0
    refused(raw(tmp_path / "a", head.tobuf(tarfile.GNU_FORMAT) + bytes(1024)), places, messages)


def test_what_unpacks_to_more_than_any_backup(places: SensorPaths, tmp_path: Path) -> None:
    """A gigabyte of zeros is rejected by its header; a wrong size in the header ends the extraction early."""
    head = tarfile.TarInfo("state/rules/ours.yaml")
    head.size = 1 << 30
    refused(
        raw(tmp_path / "a", head.tobuf(tarfile.USTAR_FORMAT) + bytes(100 << 20)),
        places,
        "more than 1,000 times its size",
    )
    head.size = 1 << 20
    refused(raw(tmp_path / "b", head.tobuf(tarfile.USTAR_FORMAT) + bytes(1000)), places, "the end is missing")


def test_twice_the_same_name(places: SensorPaths, tmp_path: Path) -> None:
    """The second file would replace the one that was checked."""
    with (tmp_path / "a").open("wb") as file:
        packer = Packer(file)
        for _ in range(2):
            packer.begin(Member("state/mutes.yaml", 0, 0o640), 0)
        packer.close()
    refused(tmp_path / "a", places, "twice")


@pytest.mark.parametrize(
    ("entries", "messages"),
    [
        ([], "config/sensor.yaml is not in the manifest"),
        (
            [Entry(name, len(data), "0" * 64) for name, data in GOOD.items()],
            "differs from its hash in the backup",
        ),
        ([Entry("state/inventory.db", 1, "0" * 64)], "is not in the manifest"),
    ],
)
def test_a_manifest_that_reports_something_else(
    entries: list[Entry], messages: str, places: SensorPaths, tmp_path: Path
) -> None:
    """Hash, size and list must match the files."""
    refused(archive(tmp_path / "a", GOOD, entries), places, messages)


def test_a_file_that_is_missing(places: SensorPaths, tmp_path: Path) -> None:
    """Every file in the manifest must exist."""
    entries = [Entry(name, len(data), "0" * 64) for name, data in {**GOOD, "state/intel/lists.yaml": b""}.items()]
    refused(archive(tmp_path / "a", {}, entries), places, "is missing")


def test_one_of_a_newer_sensor(places: SensorPaths, tmp_path: Path) -> None:
    """Fields of a newer format may differ: the error requests a newer sensor."""
    refused(archive(tmp_path / "a", GOOD, format=2), places, "its format is 2, expected 1: use the newer sensor")


def test_files_of_other_programs(places: SensorPaths, tmp_path: Path) -> None:
    """An empty file, a text, a capture and an archive without a manifest are rejected."""
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", places, "the end is missing")
    (tmp_path / "text").write_text("not packed\n" * 1000)
    refused(tmp_path / "text", places, "not a backup")
    refused(raw(tmp_path / "noise", b"x" * 4096), places, "is not a backup")
    whole = BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("state/mutes.yaml"))
    refused(raw(tmp_path / "bare", whole.getvalue()), places, "has no manifest")


def test_every_damage_is_seen(places: SensorPaths, tmp_path: Path) -> None:
    """A changed byte or a truncation anywhere is rejected, without any other exception."""
    good = archive(tmp_path / "a", {**GOOD, "state/intel/ours.list": os.urandom(3000)}).read_bytes()
    draw = random.Random(7)
    for place in [*range(0, len(good), 37), len(good) - 1]:
        for bad in (good[:place], good[:place] + bytes([good[place] ^ 1 << draw.randrange(8)]) + good[place + 1 :]):
            (tmp_path / "a").write_bytes(bad)
            try:
                manifest = verified(tmp_path / "a", places)
            except BadArchive:
                continue
            assert {one.name for one in manifest.files} == {
                *GOOD,
                "state/intel/ours.list",
            }  # a bit without a meaning, such as one of the frame's header


def test_an_inventory_that_is_none(places: SensorPaths, tmp_path: Path) -> None:
    """The hash is valid, but the file is no store: nothing is restored."""
    from sensor.inventory.store.database import StoreError

    file = archive(tmp_path / "a", {"state/inventory.db": b"SQLite format 3\0" + os.urandom(5000), **GOOD})
    with pytest.raises(StoreError, match="is damaged"):
        Restore(file, places, verified(file, places), "now").run()
    assert sorted(path.name for path in places.state.iterdir()) == ["inventory.lock"]


@pytest.mark.endurance
@settings(
    max_examples=sampling.repeated(300, 40), derandomize=sampling.ENDURANCE, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@seed(sampling.SEED)
@given(head=st.binary(min_size=512, max_size=512), rest=st.binary(max_size=2048))
def test_any_header_is_taken_or_refused(head: bytes, rest: bytes, places: SensorPaths, tmp_path: Path) -> None:
    """Any bytes in place of a header, with a valid checksum, give no other exception, and no file."""
    reported = sum(head[:148]) + sum(head[156:]) + 8 * 32
    summed = head[:148] + b"%06o\0 " % reported + head[156:]
    refused(raw(tmp_path / "a", summed + rest + bytes(1024)), places, ".")
