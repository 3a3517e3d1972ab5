"""Packets of an alert: their file and first frames, or why there are none."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import NamedTuple

from sensor.core.foreign import part
from sensor.datasets.card import LIVE, SITE
from sensor.datasets.dataset import Dataset
from sensor.evidence.read import EvidenceFrame, NotReadable, frames_of
from sensor.views.alerts import AlertRow

_NAME = re.compile(r"alert-[0-9a-z]{1,32}\.pcapng")


class Evidence(NamedTuple):
    """``path``: None if there is no file, for the reason in ``missing``; ``frames``: the first of ``total`` in the
    record.
    """

    path: Path | None
    frames: list[EvidenceFrame]
    total: int
    missing: str


def evidence_of(dataset: Dataset, row: AlertRow, most: int) -> Evidence:
    """The packets of one alert. Only the file name in the record is used, and only a name that the sensor would give: a
    forged log could contain any path.
    """
    named = part(row.record, "packets")
    total, file = named.get("frames"), PurePath(str(named.get("file") or f"{row.id}.pcapng")).name
    count, path = total if isinstance(total, int) else 0, dataset.evidence / file
    if not _NAME.fullmatch(file) or not path.is_file() or path.is_symlink():
        return Evidence(None, [], count, _reason(dataset, bool(named)))
    try:
        return Evidence(path, list(frames_of(path, most)), count, "")
    except NotReadable as error:
        return Evidence(None, [], count, f"{error}.")


def _reason(dataset: Dataset, recorded: bool) -> str:
    if dataset.kind == SITE:
        return "The packets are at the sensor that reported the alert: open its own console."
    if recorded:
        return (
            f"The packets are no longer in {dataset.evidence}: the size of the folder is limited, and the "
            "oldest files are deleted."
        )
    if dataset.kind != LIVE:
        return "This replay stored no packets. Repeat it with `--evidence DIR` to store those of each alert."
    return "The sensor stored no packets of this alert: evidence is disabled, or the packets were no longer in memory."
