"""Generated MUD files validated by yanglint(1) against the YANG modules: only if it is installed and YANG_MODULES is a
folder with the modules of RFC 8519 and RFC 8520, which are not part of this repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.profiles.observed import observed
from sensor.posture.profiles.write import mud_file
from tests.posture.profiles.observed_traffic import CAMERA, NOW, PRINTER, cameras

MODULES = os.environ.get("YANG_MODULES", "")
pytestmark = [
    pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed (libyang3-tools)"),
    pytest.mark.skipif(
        not MODULES,
        reason="YANG_MODULES names no folder with ietf-mud, ietf-acldns, ietf-access-control-list and what they import",
    ),
]


def yanglint(tmp_path: Path, body: Any) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "made.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    modules = [str(next(Path(MODULES).glob(f"{name}*.yang"))) for name in ("ietf-mud", "ietf-acldns")]
    words = ["yanglint", "-p", MODULES, "-F", "ietf-access-control-list:*", "-t", "config", *modules, str(path)]
    return subprocess.run(words, check=False, text=True, capture_output=True)


@pytest.mark.parametrize("nodes", [[CAMERA], [CAMERA, PRINTER]], ids=str)
def test_what_we_write_is_valid(tmp_path: Path, nodes: list[Any]) -> None:
    done = yanglint(tmp_path, mud_file(observed(cameras(), nodes), "camera", NOW))
    assert done.returncode == 0, done.stderr


def test_what_is_invalid_is_not(tmp_path: Path) -> None:
    """A policy that refers to a missing list is rejected, so that the check is effective."""
    body = mud_file(observed(cameras(), [CAMERA]), "camera", NOW)
    body["ietf-access-control-list:acls"]["acl"].pop()
    assert "Invalid leafref" in yanglint(tmp_path, body).stderr
