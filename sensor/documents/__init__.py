"""User-written documents: YAML files parsed into models (``core/model``, or those of pydantic); all faults are reported
at once, with their positions.

A fault is ``file:line:column: what was found, what was expected``, with the nearest valid key or value for a typo.
Differences from plain YAML 1.1: a duplicate key is a fault, merge keys (``<<``) are rejected, dates and colon-separated
numbers stay text (``10:20:30:40:50:10`` is a MAC, not a number in base 60), and so do keys such as ``off``.

A document may have layers: above a file ``sensor.yaml`` those of a hub (``fleet/current/*/sensor.yaml``), and above
them those of the folder ``conf.d`` beside it, in the order of their names. Mappings are merged key by key, other values
are replaced by later layers. Each value remembers its file: a fault is reported there, and a relative path starts
there.
"""

from __future__ import annotations

from sensor.documents.faults import DocumentErrors, Fault, Position, each_known, each_once, nearest
from sensor.documents.layers import (
    FLEET,
    LAYERED,
    LAYERS,
    Stamps,
    fleet_folders,
    fleet_from,
    layers,
    stamps,
    yaml_files,
)
from sensor.documents.load import (
    FilePath,
    Moment,
    fault_at,
    foreign_documents,
    load_document,
    load_entries,
    load_values,
    places,
)
from sensor.documents.quick import NeedsFullValidation, converted
from sensor.documents.shipped import load_shipped, own_folder
from sensor.documents.write import write_entries, write_whole

__all__ = [
    "FLEET", "LAYERED", "LAYERS", "DocumentErrors", "Fault", "FilePath", "Moment", "NeedsFullValidation",
    "Position", "Stamps", "converted", "each_known", "each_once", "fault_at", "fleet_folders", "fleet_from",
    "foreign_documents", "layers", "load_document", "load_entries", "load_shipped", "load_values", "nearest",
    "own_folder", "places", "stamps", "write_entries", "write_whole", "yaml_files",
]  # fmt: skip
