"""A small state of a sensor, as a run and a forwarder leave it, and malicious archives."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from sensor.delivery.dead_letters import DeadLetters
from sensor.delivery.position import Position, save_position
from sensor.eventlog.hint import Hint
from sensor.eventlog.segments import cursors_of
from sensor.lifecycle.archive import Member, Packer
from sensor.lifecycle.manifest import FORMAT, NAME, Entry, Manifest, encoded
from sensor.lifecycle.places import SIDES
from sensor.posture.vulnerabilities.database import open_to_write
from tests.eventlog.segmented import Segmented

CONFIG = """\
sensor: {id: hq, site: HQ}
intel: [partners.txt]
outputs:
  siem: {type: http, url: "https://siem.example/in", token: "file:/etc/sensor/siem.key"}
"""
SECRET = "Bearer squeamish-ossifrage"


def furnish(state: Path, config: Path) -> Path:
    """All files beside an inventory, a log of two segments with its files, and a configuration with a secret beside it.
    Returns the log.
    """
    config.mkdir(parents=True)
    (config / "sensor.yaml").write_text(CONFIG)
    (config / "siem.key").write_text(SECRET)
    (config / "partners.txt").write_text("198.51.100.7\n")
    (config / "conf.d").mkdir()
    (config / "conf.d" / "10-site.yaml").write_text("networks: [203.0.113.0/24]\n")
    (state / "mutes.yaml").write_text("mutes: []\n")
    (state / "rules").mkdir()
    (state / "rules" / "ours.yaml").write_text("rules: []\n")
    (state / "intel").mkdir()
    (state / "intel" / "lists.yaml").write_text("lists: []\n")
    (state / "posture.jsonl").write_text('{"points": 40}\n')
    (state / "tickets.json").write_text("{}")
    (state / "profiles").mkdir()
    (state / "profiles" / "camera.json").write_text("{}")
    with contextlib.closing(open_to_write(state)) as base:
        base.execute("INSERT INTO scores VALUES (202136260, 0.9, 1.0)")
    (state / "evidence").mkdir()
    (state / "evidence" / "alert-abc234.pcapng").write_bytes(b"frames")
    log = state / "events.jsonl"
    written = Segmented(log)
    written.add(40)
    written.rotate()
    written.add(10)
    hint = Hint(log)
    hint.put(51)
    hint.close()
    save_position(cursors_of(log) / "siem.json", Position(seq=30, delivered=30, id=f"{30:026}"), durable=False)
    (cursors_of(log) / "siem.status.json").write_text("{}")
    DeadLetters(log, "siem").add([(7, {"kind": "alert"}, "no such index")])
    log.with_suffix(".notes.jsonl").write_text(
        '{"ts":"2026-11-24T09:00:00Z","alert":"alert-abc234","action":"close","by":"anna"}\n'
    )
    log.with_suffix(".muted.jsonl").write_text("")
    return log


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content; links by their target. Without files that reading a store creates."""
    passing = {"inventory.lock", *SIDES}
    return {
        str(path.relative_to(folder)): bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.name not in passing
    }


def archive(path: Path, files: dict[str, bytes], manifest: Sequence[Entry] | None = None, **reported: object) -> Path:
    """An archive with the given manifest and files."""
    entries = (
        list(manifest)
        if manifest is not None
        else [Entry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    )
    words = {
        "format": FORMAT,
        "sensor": "0.1.0",
        "id": "hq",
        "site": "",
        "created": "2026-11-24T09:00:00Z",
        "tables": 0,
        "devices": 0,
        "log": False,
    }
    with path.open("wb") as file:
        packer = Packer(file)
        for name, data in {
            **files,
            NAME: encoded(Manifest(**{**words, "evidence": False, "left_out": [], "files": entries, **reported})),
        }.items():
            packer.begin(Member(name, len(data), 0o640), 0)
            packer.write(data)
            packer.end(len(data))
        packer.close()
    return path


def raw(path: Path, data: bytes) -> Path:
    """Arbitrary bytes, compressed as an archive is."""
    import zstandard

    with path.open("wb") as file:
        zstandard.ZstdCompressor().copy_stream(io.BytesIO(data), file)
    return path
