"""The folder of installed profiles: valid files, rejected files, and those kept from before."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sensor.posture.profiles.installed import FILES_LIMIT, Profiles, load, name_of, write
from sensor.posture.profiles.installed_file import load_one
from sensor.posture.profiles.observed import observed
from sensor.posture.profiles.write import mud_file
from tests.golden import Golden
from tests.posture.profiles.observed_traffic import CAMERA, NOW, cameras

MUD = mud_file(observed(cameras(), [CAMERA]), "camera", NOW)


def test_what_is_written_is_loaded(golden: Golden, tmp_path: Path) -> None:
    """Target and controllers are loaded, controllers as networks."""
    path = write(
        tmp_path / "profiles", "type-camera", {"type": "camera"}, {"my-controller": ["10.0.3.2", "10.0.9.0/30"]}, MUD
    )
    (one,) = load(tmp_path / "profiles").installed
    assert (one.name, one.target) == ("type-camera", ("type", "camera"))
    golden(one.text)
    assert [high - low for low, high in one.controllers["my-controller"]] == [0, 3]
    assert sorted(file.name for file in path.parent.iterdir()) == ["type-camera.json"]


def test_products_are_compared_without_regard_to_case(tmp_path: Path) -> None:
    assert load_one(write(tmp_path, "x", {"product": "Axis P3245"}, {}, MUD)).target == ("product", "axis p3245")


def test_no_folder_is_no_profile(tmp_path: Path) -> None:
    assert load(None) == load(tmp_path / "none") == Profiles()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"for": {"type": "camera"}, ', "1:29"),
        ("{}", "1:1"),
        ('{"for": {},\n "profile": 1}', "1:9"),
        ('{"for": {"type": "a", "device": "b"},\n "profile": 1}', "1:9"),
        ('{"for": {"typ": "a"},\n "profile": 1}', "1:10"),
        (
            '{"for": {"type": "a"},\n "controllers": {"my-controller": ["10.0.0"]}, "profile": 1}',
            "2:36",
        ),
        ('{"for": {"type": "a"},\n "profile": {"ietf-mud:mud": {"mud-version": 1}}}', "2:30"),
    ],
    ids=lambda text: text[:30],
)
def test_a_broken_file_is_reported_with_its_place_and_the_others_load(
    golden: Golden, tmp_path: Path, body: str, place: str
) -> None:
    write(tmp_path, "good", {"type": "camera"}, {}, MUD)
    (tmp_path / "broken.json").write_text(body, encoding="utf-8")
    found = load(tmp_path)
    assert [one.name for one in found.installed] == ["good"]
    reported = [str(fault) for fault in found.faults]
    assert any(one.startswith(f"{tmp_path / 'broken.json'}:{place}: ") for one in reported)
    golden(reported)


def test_a_file_that_broke_while_the_sensor_ran_is_kept_as_it_was(tmp_path: Path) -> None:
    """The profile of a file that becomes invalid is kept, that of a deleted file is not."""
    for name in ("camera", "tv", "nas"):
        write(tmp_path, name, {"type": name}, {}, MUD)
    before = load(tmp_path)
    (tmp_path / "tv.json").write_text("{", encoding="utf-8")
    (tmp_path / "nas.json").unlink()
    after = load(tmp_path).keeping(before)
    assert sorted(one.name for one in after.installed) == ["camera", "tv"]
    assert len(after.faults) == 1


def test_there_is_a_limit(golden: Golden, tmp_path: Path) -> None:
    for number in range(FILES_LIMIT + 1):
        (tmp_path / f"{number:04}.json").write_text(
            json.dumps({"for": {"device": f"dev-{number}"}, "profile": MUD}), encoding="utf-8"
        )
    found = load(tmp_path)
    assert len(found.installed) == FILES_LIMIT
    golden(str(found.faults[0]), "most 512")


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (("type", "voip_phone"), "type-voip-phone"),
        (("product", "Axis ../P3245"), "product-axis-p3245"),
        (("device", "dev-a1"), "dev-a1"),
    ],
)
def test_names_are_names_of_files(pair: tuple[str, str], name: str) -> None:
    assert name_of(*pair) == name


def test_what_cannot_be_read_is_reported(golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    golden(str(load(tmp_path).faults[0]), "directory")


def test_what_finds_no_room_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the old profile remains whole, without a partial new one."""
    before = write(tmp_path, "type-camera", {"type": "camera"}, {}, MUD).read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, "type-camera", {"type": "printer"}, {}, MUD)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("type-camera.json", before)]
