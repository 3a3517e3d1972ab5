"""Objects in an S3-compatible store, with the client obstore (https://developmentseed.org/obstore)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.central.settings import ObjectStore
from sensor.core.output import Retry
from sensor.core.reader import clean

if TYPE_CHECKING:
    from obstore.store import S3Store

MISSING = "needs the extra `s3`: pip install 'passive-network-sensor[s3]'"
REASON_LIMIT = 300
TIMEOUT = timedelta(seconds=60)
# Limit of an object that is read into memory.
TEXT_LIMIT = 16 << 20


def installed() -> bool:
    """Whether the extra is installed."""
    return find_spec("obstore") is not None


class _Parts(FileIO):
    """A file that the client reads in parts, while it uploads those before. ``progress`` is called for each."""

    def __init__(self, path: Path, progress: Callable[[], None]) -> None:
        super().__init__(path)
        self._progress = progress

    def read(self, size: int | None = -1) -> bytes:
        self._progress()
        return super().read(size)


class Objects:
    """Objects of a bucket. Names are below ``settings.prefix``. Methods raise Retry if the store cannot be used."""

    def __init__(self, settings: ObjectStore) -> None:
        from obstore.store import S3Store

        self._prefix, self._shown = settings.prefix, f"{settings.endpoint}, bucket {settings.bucket}"
        self._store: S3Store = S3Store(
            settings.bucket,
            endpoint=settings.endpoint,
            region=settings.region,
            access_key_id=settings.access_key.reveal(),
            secret_access_key=settings.secret_key.reveal(),
            virtual_hosted_style_request=False,
            client_options={"allow_http": settings.endpoint.startswith("http://"), "timeout": TIMEOUT},
            retry_config={"max_retries": 2, "retry_timeout": TIMEOUT},
        )

    def put(self, name: str, content: bytes) -> None:
        from obstore.exceptions import BaseError

        try:
            self._store.put(self._prefix + name, content)
        except (BaseError, FileNotFoundError) as error:  # the latter: the bucket does not exist
            raise self._retry(error) from None

    def put_file(self, name: str, path: Path, progress: Callable[[], None]) -> None:
        """Store a file, which may be large, in parts; ``progress`` is called for each. Raises OSError if it cannot be
        opened.
        """
        from obstore.exceptions import BaseError

        with _Parts(path, progress) as file:
            try:
                self._store.put(self._prefix + name, file)
            except (BaseError, FileNotFoundError) as error:
                raise self._retry(error) from None

    def get(self, name: str) -> bytes | None:
        """A small object; None if it does not exist."""
        from obstore.exceptions import BaseError

        try:
            found = self._store.get(self._prefix + name)
            if found.meta["size"] > TEXT_LIMIT:
                raise Retry(f"{self._shown}: {name} has {found.meta['size']:,} bytes, expected at most {TEXT_LIMIT:,}")
            return bytes(found.bytes())
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise self._retry(error) from None

    def download(self, name: str, target: Path, size: int) -> bool:
        """Write an object to a file, at most one byte more than ``size``; False if it is missing. Raises OSError."""
        from obstore.exceptions import BaseError

        try:
            left, found = size + 1, self._store.get(self._prefix + name)
            with target.open("wb") as out:
                for part in found.stream():
                    left -= out.write(bytes(part)[:left])
                    if left <= 0:
                        break
            return True
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise self._retry(error) from None

    def names(self, folder: str) -> list[str]:
        """Names of the objects below a folder, without it."""
        from obstore.exceptions import BaseError

        start = self._prefix + folder
        try:
            return sorted(one["path"].removeprefix(start) for some in self._store.list(start) for one in some)
        except (BaseError, FileNotFoundError) as error:
            raise self._retry(error) from None

    def delete(self, name: str) -> None:
        """Delete an object, if it exists."""
        from obstore.exceptions import BaseError

        try:
            self._store.delete(self._prefix + name)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise self._retry(error) from None

    def _retry(self, error: Exception) -> Retry:
        return Retry(f"the object store ({self._shown}): {clean(str(error).partition(chr(10))[0], REASON_LIMIT)}")
