"""Errors as objects (RFC 9457, application/problem+json): status, a sentence, and fields for programs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sensor.console.api.types import Problem
from sensor.console.security.session import Refused
from sensor.views.errors import Ambiguous, Malformed, NotReadable, Unknown, ViewError

MEDIA_TYPE = "application/problem+json"


def response(problem: Problem, **more: str) -> Response:
    """``more``: headers."""
    headers = {"WWW-Authenticate": 'Bearer realm="sensor"'} if problem.status == 401 else more
    return Response(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)


def not_logged_in() -> Response:
    return response(
        Problem(
            "Not authenticated",
            401,
            "expected a valid bearer token: `sensor console token NAME` creates one",
            "unauthenticated",
        )
    )


def no_such_path(path: str) -> Response:
    return response(
        Problem("Not found", 404, f"no resource {path[:200]}: /api/v1/openapi.json lists all paths", "no_such_path")
    )


def wrong_method(request: Request, allowed: Iterable[str]) -> Response:
    """RFC 9110, 15.5.6: the response lists the methods that the path supports."""
    listed = ", ".join(sorted(allowed))
    text = f"found {request.method} for {request.url.path[:200]}, expected {listed}"
    return response(Problem("Method not allowed", 405, text, "wrong_method"), Allow=listed)


def busy() -> Response:
    return response(
        Problem("Conflict", 409, ("a request with this Idempotency-Key is in progress: repeat it later"), "busy")
    )


def changed() -> Response:
    return response(
        Problem("Precondition failed", 412, "the object has another ETag than If-Match: read it again", "changed")
    )


def of(error: ViewError | Refused | OSError) -> Response:
    """The response for an error."""
    if isinstance(error, Refused):
        return response(Problem("Not permitted", 403, str(error), "not_permitted"))
    if isinstance(error, OSError):
        return response(
            Problem(
                "Cannot read or write",
                503,
                f"{error.filename or 'the state folder'}: {error.strerror or error}",
                "unavailable",
            )
        )
    if isinstance(error, NotReadable):
        return response(Problem("No readable data", 503, str(error), "unavailable"))
    if isinstance(error, Ambiguous):
        return response(Problem("Ambiguous", 400, str(error), "ambiguous", candidates=error.candidates))
    if isinstance(error, Unknown):
        missing = error.field in ("id", "dataset")
        kind = ("Not found", 404) if missing else ("Unknown value", 400)
        return response(
            Problem(
                *kind,
                str(error),
                "not_found" if missing else "unknown",
                field=error.field,
                found=error.value,
                near=error.near,
            )
        )
    if isinstance(error, Malformed):
        return response(Problem("Malformed value", 400, str(error), "malformed", field=error.field, found=error.value))
    return response(Problem("Invalid request", 400, str(error), "invalid"))
