"""Whole lists as NDJSON, CSV or Parquet. All pages are first written to a file, so that slow clients do not keep the
tables open.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import msgspec
from starlette.responses import Response, StreamingResponse

from sensor.console.api import parquet
from sensor.console.api.resources import Resource, answer
from sensor.console.cells import csv_cell
from sensor.console.page_request import PageRequest
from sensor.views.errors import Malformed, Unknown

FORMATS = {
    "json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}  # fmt: skip
# A longer list is not exported: clients narrow the filter or page through it with a cursor.
MOST, PAGE = 200_000, 1000
IN_MEMORY, PART = 4 << 20, 64 << 10


def format_of(request: PageRequest) -> str:
    """The format in the parameter ``format``, otherwise in the header Accept. Raises Unknown."""
    wanted = request.first("format")
    if wanted and wanted not in FORMATS:
        raise Unknown("format", wanted, FORMATS)
    accepted = request.http.headers.get("accept", "")
    return wanted or next(
        (name for name in ("ndjson", "csv", "parquet") if FORMATS[name].partition(";")[0] in accepted), "json"
    )


def exported(request: PageRequest, resource: Resource, form: str) -> Response:
    """The list as a file. Raises Malformed if there are more than MOST rows; NotReadable if the format needs an extra
    that is not installed.
    """
    if not resource.listed:
        raise Malformed("format", form, "json: only lists are exported")
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 closed when it was sent
    try:
        if form == "parquet":
            parquet.write(file, resource.item, _items(request, resource))
        else:
            file.writelines(_csv(request, resource) if form == "csv" else _ndjson(request, resource))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    name = resource.path.strip("/").replace("/", "-")
    return StreamingResponse(
        _sent(file), media_type=FORMATS[form], headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    )


def _items(request: PageRequest, resource: Resource) -> Iterator[Any]:
    count = 0
    request.given["limit"] = [str(PAGE)]
    while True:
        page = answer(request, resource)
        count += len(page.items)
        if count > MOST:
            raise Malformed("filter", f"more than {MOST:,} rows", "a narrower one, or pages with `cursor`")
        yield from page.items
        if not page.cursor:
            return
        request.given["cursor"] = [page.cursor]


def _ndjson(request: PageRequest, resource: Resource) -> Iterator[bytes]:
    for item in _items(request, resource):
        yield msgspec.json.encode(item) + b"\n"


def _csv(request: PageRequest, resource: Resource) -> Iterator[bytes]:
    """All fields except records, which are objects."""
    names = [field.name for field in msgspec.structs.fields(resource.item) if field.name != "record"]
    yield _line(names)
    for item in _items(request, resource):
        yield _line([csv_cell(getattr(item, name)) for name in names])


def _line(cells: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(PART):
            yield part
