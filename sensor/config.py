"""The configuration: one YAML file, every key with a default, all errors reported at once with their position. Paths in
it are relative to its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensor.config_file import usual
from sensor.config_model import Chosen, Config, detector_units
from sensor.config_sections import Records, Retention, Roles, Tickets
from sensor.documents import NeedsFullValidation, converted, fleet_folders, load_document, load_values

__all__ = ["Config", "Records", "Retention", "Roles", "Tickets", "detector_units", "load_config", "usual"]


def load_config(path: Path | None, texts: Mapping[Path, str] = {}) -> Config:
    """The configuration of a file with its layers (see documents), or the defaults. ``texts``: contents of layers, in
    place of those on disk. Raises DocumentErrors with all errors.
    """
    if path is None:
        return Config()
    values = load_values(path, texts)
    config = _converted(values, path.parent) if values is not None else None
    return _with_fleet(config if config is not None else _validated(path, texts), path)


def _converted(values: Mapping[str, Any], folder: Path) -> Config | None:
    """The configuration of valid values, without pydantic; None if a value may be invalid."""
    detectors, outputs = values.get("detectors", {}), values.get("outputs", {})
    if not isinstance(detectors, dict) or not isinstance(outputs, dict):
        return None
    if detectors and detectors.keys() - detector_units().keys():  # which imports all detectors
        return None
    sections = {name: value for name, value in values.items() if name not in ("detectors", "outputs")}
    try:
        config = converted(Config, sections, folder)
        chosen = {
            name: Chosen(converted(detector_units()[name].Options, given, folder), tuple(given))
            for name, given in detectors.items()
        }
    except NeedsFullValidation:
        return None
    if not outputs:
        return config.model_copy(update={"detectors": chosen})
    from sensor.delivery.section import outputs_of  # imports all formats

    made = outputs_of(outputs, folder)
    return config.model_copy(update={"detectors": chosen, "outputs": made}) if made is not None else None


def _validated(path: Path, texts: Mapping[Path, str]) -> Config:
    """The configuration of any document. Raises DocumentErrors with all errors."""
    from sensor.config_schema import model
    from sensor.delivery.section_schema import section, with_section

    whole = with_section(model(), section(path, texts))
    made = load_document(path, whole, context=path.parent, texts=texts)
    return Config(**{name: getattr(made, name) for name in made.model_fields_set})


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
