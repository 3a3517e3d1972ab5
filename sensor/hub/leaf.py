"""A NATS leaf server (https://docs.nats.io/running-a-nats-service/configuration/leafnodes) for a branch: sensors
connect to it, and it has the one connection to the hub. It verifies the JWTs of sensors itself, so the hub trusts what
it forwards in their names.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sensor.hub import jwts
from sensor.hub.folder import FolderError, load_pair
from sensor.hub.settings import Hub
from sensor.outputs.hub_protocol.credentials import Credentials, save_credentials
from sensor.outputs.transport.nkeys import USER, KeyPair

NATS_CONF = """\
# NATS leaf server of a hub: `nats-server -c nats.conf`. It stores nothing. Sensors connect to `listen`.
listen: {listen}
operator: {operator}
system_account: {system}
resolver: MEMORY
resolver_preload {{
  {account}: {account_jwt}
  {system}: {system_jwt}
}}
leafnodes {{
  remotes: [ {{ urls: [{urls}], account: {account}, credentials: "{folder}/leaf.creds" }} ]
}}
"""


def make_leaf(hub: Hub, folder: Path, listen: str, urls: Sequence[str]) -> None:
    """Create the configuration and credentials of a leaf server. ``urls``: leaf node ports of the hub's servers. Raises
    FolderError if keys are missing or the folder has credentials; OSError if it cannot be written.
    """
    if (folder / "leaf.creds").exists():
        raise FolderError(f"{folder} holds the credentials of a leaf server already; another one needs another folder")
    operator, account, system = (load_pair(hub.folder, name) for name in ("operator", "account", "system"))
    now, user = int(time.time()), KeyPair.generate(USER)
    save_credentials(folder / "leaf.creds", Credentials(jwts.leaf_jwt(account, user.public, folder.name, now), user))
    text = NATS_CONF.format(
        listen=listen,
        operator=jwts.operator_jwt(operator, system.public, now),
        system=system.public,
        account=account.public,
        account_jwt=jwts.account_jwt(operator, account.public, "account", now, stores=True),
        system_jwt=jwts.account_jwt(operator, system.public, "system", now, stores=False),
        urls=", ".join(f'"{url}"' for url in urls),
        folder=folder.absolute(),
    )
    (folder / "nats.conf").write_text(text, encoding="utf-8")
