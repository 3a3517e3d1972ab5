"""Documents that are part of the program: validated once, then read from a cache beside them, as Python does with
modules. The cache is as trustworthy as the compiled modules of the same installation, so it may hold pickles.

Parsing and validating them takes longer than replaying a small capture. If the folder is not writable, that is done
each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

from sensor import __version__
from sensor.documents.load import Document, load_document

VOCABULARY = "vocabulary.yaml"
# What a damaged pickle raises, or one of another version.
DAMAGED = (pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError)


def own_folder() -> Path:
    """Folder of the sensor's data: inside the package if it is installed, otherwise beside it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "fingerprints_data"
    return inside if inside.is_dir() else package.parent / "fingerprints"


def load_shipped(path: Path, model: type[Document], context: Callable[[], object] = lambda: None) -> Document:
    """The document at ``path`` as a model. ``context``: returns what is passed to the model's validators, such as the
    vocabulary. Raises DocumentErrors.
    """
    kept = path.parent / "__pycache__" / f"{path.stem}.{_digest(path, model)}.pickle"
    with contextlib.suppress(OSError, *DAMAGED):
        found = pickle.loads(kept.read_bytes())  # noqa: S301
        if isinstance(found, model):
            return found
    document = load_document(path, model, context=context())
    store(kept, pickle.dumps(document, pickle.HIGHEST_PROTOCOL), f"{path.stem}.*.pickle")
    return document


def store(kept: Path, data: bytes, former: str) -> None:
    """Write a file of the cache atomically, and remove the ``former`` ones (a pattern). A folder that is not writable
    is no error.
    """
    with contextlib.suppress(OSError):
        kept.parent.mkdir(exist_ok=True)
        for old in kept.parent.glob(former):
            old.unlink(missing_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(data)
        part.replace(kept)


def _digest(path: Path, model: type[Document]) -> str:
    """Changes with the document, the vocabulary, and the module of its model."""
    read = [path, own_folder() / VOCABULARY, Path(str(sys.modules[model.__module__].__file__))]
    states = [(one.name, status.st_size, status.st_mtime_ns) for one in read if (status := _status(one)) is not None]
    return hashlib.blake2b(repr((__version__, model.__qualname__, states)).encode(), digest_size=12).hexdigest()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
