"""Authentication and deduplication of requests for receivers: signatures of Standard Webhooks, and keys derived from
the records.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from sensor.core.output import Entry, Retry

SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a signing secret in base64


def idempotency_key(entries: Sequence[Entry]) -> str:
    """A key for these records in this order, and no others."""
    digest = hashlib.sha256("\n".join(entry.id for entry in entries).encode("utf-8", "replace")).hexdigest()[:16]
    first = "".join(sign for sign in entries[0].id[:64] if sign.isascii() and sign.isalnum())
    return f"{first}-{len(entries)}-{digest}"


def signature(secret: str, key: str, moment: int, body: bytes) -> dict[str, str]:
    """The headers of a signed request. ``moment``: s since the epoch; ``body``: as sent. Raises Retry if the secret is
    invalid.
    """
    try:
        signing = (
            base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
            if secret.startswith(SECRET_PREFIX)
            else secret.encode()
        )
    except binascii.Error:
        raise Retry(f"the secret to sign with begins with {SECRET_PREFIX}, but is not followed by base64") from None
    digest = hmac.digest(signing, f"{key}.{moment}.".encode() + body, "sha256")
    return {
        "webhook-id": key,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
