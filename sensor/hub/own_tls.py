"""TLS of the processes of a hub, with a client certificate that they issue to themselves at each start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sensor.hub.certificates import client_certificate
from sensor.hub.folder import load_pair
from sensor.hub.settings import Hub
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.transport.tls import Tls, presenting


@contextmanager
def own_tls(hub: Hub, user: str) -> Iterator[Tls]:
    """TLS settings of a process of the hub, with a certificate if the servers require one. ``user``: name of
    credentials in the folder. Raises FolderError, Retry.
    """
    settings = hub.settings.nats
    if not settings.client_certificates or settings.tls.certificate is not None:
        yield settings.tls
        return
    pair, account = load_credentials(hub.folder / f"{user}.creds").pair, load_pair(hub.folder, "account")
    certificate = client_certificate(account, pair.public, datetime.now(UTC))
    with presenting(settings.tls, certificate.encode() + pair.pkcs8) as tls:
        yield tls
