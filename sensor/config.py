"""The configuration: one YAML file, every key with a default, all errors reported at once with their position. Paths in
it are relative to its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sensor.config_file import usual
from sensor.config_model import Config, detector_units
from sensor.config_sections import Records, Retention, Roles, Tickets
from sensor.documents import fleet_folders, load_document

__all__ = ["Config", "Records", "Retention", "Roles", "Tickets", "detector_units", "load_config", "usual"]


def load_config(path: Path | None, texts: Mapping[Path, str] = {}) -> Config:
    """The configuration of a file with its layers (see documents), or the defaults. ``texts``: contents of layers, in
    place of those on disk. Raises DocumentErrors with all errors.
    """
    if path is None:
        return Config()
    from sensor.config_schema import model  # imports pydantic
    from sensor.delivery.section import section, with_section  # imports all formats

    whole = with_section(model(), section(path, texts))
    made = load_document(path, whole, context=path.parent, texts=texts)
    config = Config(**{name: getattr(made, name) for name in made.model_fields_set})
    return _with_fleet(config, path)


def _with_fleet(config: Config, path: Path) -> Config:
    """Add the threat lists, fingerprints and mutes that a hub sent to those of the configuration."""
    folders = fleet_folders(path)
    if not folders:
        return config
    lists = [file for folder in folders for file in sorted((folder / "lists").glob("*"))]
    known = [found for folder in folders if (found := folder / "fingerprints").is_dir()]
    mutes = [found for folder in folders if (found := folder / "mutes.yaml").exists()]
    fingerprints, alerts = config.fingerprints, config.alerts
    return config.model_copy(
        update={
            "intel": [*config.intel, *lists],
            "fingerprints": fingerprints.model_copy(update={"folders": [*fingerprints.folders, *known]}),
            "alerts": alerts.model_copy(update={"shared_mutes": [*alerts.shared_mutes, *mutes]}),
        }
    )
