"""The packets of an alert: where its file is, its first frames, or why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sensor.datasets.card import LIVE
from sensor.datasets.dataset import Dataset
from sensor.evidence.read import EvidenceFrame, NotReadable, frames_of
from sensor.views.alerts import AlertRow


class Evidence(NamedTuple):
    """``path``: None where there is no file, ``missing`` says why; ``frames``: the first of ``total``, which the record names."""

    path: Path | None
    frames: list[EvidenceFrame]
    total: int
    missing: str


def evidence_of(dataset: Dataset, row: AlertRow, most: int) -> Evidence:
    """Of one alert. The file has the name of the alert: a path in a record is that of whoever wrote the log, and is not followed."""
    named = row.record.get("packets")
    total = named.get("frames") if isinstance(named, dict) else 0
    count = total if isinstance(total, int) else 0
    path = dataset.evidence / f"{row.id}.pcapng"
    if not row.id.replace("-", "").isalnum() or not path.is_file() or path.is_symlink():
        return Evidence(None, [], count, _reason(dataset, named is not None))
    try:
        return Evidence(path, list(frames_of(path, most)), count, "")
    except NotReadable as error:
        return Evidence(None, [], count, f"{error}.")


def _reason(dataset: Dataset, recorded: bool) -> str:
    if recorded:
        return f"The packets were kept and are no longer in {dataset.evidence}: the folder has a size, and the oldest files make room."
    if dataset.kind != LIVE:
        return "This replay kept no packets: `sensor replay --evidence DIR` keeps those of each alert."
    return "The sensor kept no packets of this alert: evidence is switched off, or the packets had left its memory."
