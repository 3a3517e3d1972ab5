"""An S3-compatible object store for tests (moto), and a sensor with the records of the office capture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from sensor.central.objects import Objects
from sensor.central.settings import ObjectStore
from sensor.central.uploader import Uploader
from sensor.outputs.transport.nkeys import USER, KeyPair
from sensor.records.manifest import NEW, OF_DAY, File, Manifest, checksum, stamp_of
from sensor.records.paths import MANIFEST
from sensor.records.writer import HOUR_US

BUCKET = "sensor-records"


class S3Server:
    """``folder``: for the files with the credentials."""

    def __init__(self, folder: Path) -> None:
        # Imported here: they take 25 MB, which most processes of tests do not need.
        moto = pytest.importorskip("moto.server", reason="moto is not installed")
        self._server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        for name in ("access", "secret"):
            (folder / name).write_text(f"{name}-key\n")
        self._folder = folder
        self.client = pytest.importorskip("boto3").client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
        )
        self.client.create_bucket(Bucket=BUCKET)

    def options(self, prefix: str = "fleet/") -> dict[str, Any]:
        """The section of a configuration."""
        keys = {name: f"file:{self._folder / name.partition('_')[0]}" for name in ("access_key", "secret_key")}
        return {"endpoint": self.endpoint, "bucket": BUCKET, "prefix": prefix, **keys}

    def objects(self) -> Objects:
        return Objects(ObjectStore.model_validate(self.options()))

    def names(self) -> list[str]:
        """Names of all objects."""
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def change(self, name: str, body: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=body)

    def empty(self) -> None:
        for name in self.names():
            self.client.delete_object(Bucket=BUCKET, Key=name)

    def close(self) -> None:
        self._server.stop()


class Sensor:
    """A sensor whose folder of records the test changes. ``now``: its clock."""

    def __init__(self, server: S3Server, records: Path, folder: Path, pair: KeyPair | None = None) -> None:
        self.folder, self.pair, self.now = folder, pair or KeyPair.generate(USER), 1_800_000_000.0
        shutil.copytree(records, folder)
        self.objects = server.objects()
        self.uploader = self.started()

    def started(self) -> Uploader:
        return Uploader(self.folder, self.objects, "office-1", "HQ", self.pair, lambda: self.now)

    def files(self) -> list[File]:
        manifest = Manifest(self.folder / MANIFEST)
        try:
            return manifest.files()
        finally:
            manifest.close()

    def write(self, table: str, hours: int = 1, *, rows: int = 0) -> File:
        """Write a further file of a table, some hours after the newest: a copy of its newest file."""
        newest = max((file for file in self.files() if file.table == table), key=lambda file: file.last)
        name = f"{table}-{self.now:.0f}-{hours}.parquet"
        shutil.copy(self.folder / newest.name, self.folder / name)
        path, later = self.folder / name, hours * HOUR_US
        made = File(
            name, table, newest.hour + hours, rows or newest.rows, newest.size, newest.first + later,
            newest.last + later, checksum(path), stamp_of(path), NEW,
        )  # fmt: skip
        self._changed([made], [])
        return made

    def compacted(self, file: File) -> File:
        """A file with the same rows in other bytes."""
        path = self.folder / file.name.replace(".parquet", "-day.parquet")
        parquet.write_table(parquet.read_table(self.folder / file.name), path, compression="gzip")
        return file._replace(
            name=path.relative_to(self.folder).as_posix(),
            size=path.stat().st_size,
            crc=checksum(path),
            stamp=stamp_of(path),
            compact=OF_DAY,
        )

    def replace(self, some: list[File], by: list[File]) -> None:
        """Compact or delete files."""
        self._changed(by, some)

    def _changed(self, added: list[File], dropped: list[File]) -> None:
        manifest = Manifest(self.folder / MANIFEST, write=True)
        try:
            with manifest.transaction():
                for file in added:
                    manifest.add(file)
                manifest.drop([file.name for file in dropped], self.now)
        finally:
            manifest.close()
