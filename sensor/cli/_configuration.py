"""The configuration of a command: its files are read once, when the command starts. A pipe can be read only once."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.config_file import usual

if TYPE_CHECKING:
    from sensor.config import Config


def texts_of(args: argparse.Namespace) -> Mapping[Path, str]:
    """The texts of its layers, as read at the start. Only the first load gets them: a reload reads the files again."""
    texts: Mapping[Path, str] = getattr(args, "texts", {})
    args.texts = {}
    return texts


def configuration(args: argparse.Namespace) -> Config:
    """The configuration of --config, else that of the system, else the defaults. Raises DocumentErrors."""
    from sensor.config import load_config

    if getattr(args, "loaded", None) is None:
        path = args.configured if hasattr(args, "configured") else usual(args.config)
        args.loaded = load_config(path, texts_of(args))
    found: Config = args.loaded
    return found
