"""Shared settings of a console."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.console.api.replies import Replies
from sensor.console.assess import Assessments
from sensor.console.configuration import Configuration
from sensor.console.hunt_files import HuntFiles
from sensor.console.languages import Languages
from sensor.console.listen_address import ListenAddress
from sensor.console.reports import Reports
from sensor.console.rule_files import RuleFiles
from sensor.console.saved_views import SavedViews
from sensor.console.security.attempts import Attempts
from sensor.console.security.audit import Audit
from sensor.console.security.challenges import Challenges
from sensor.console.security.keys import Keys
from sensor.console.security.oidc_provider import Provider
from sensor.console.security.passkeys import Passkeys
from sensor.console.security.proxy import Proxy
from sensor.console.security.store import Store
from sensor.console.security.users import Users
from sensor.console.sources import Sources
from sensor.console.threat_lists import Lists
from sensor.console.undo import Undo
from sensor.console.uploads import Uploads
from sensor.console.visits import Visits


class Shared(NamedTuple):
    """State that outlives requests. ``store``: of users, sessions and views; ``secret``: key of pending logins."""

    store: Store
    audit: Audit
    undo: Undo
    challenges: Challenges
    secret: bytes


class Console(msgspec.Struct, frozen=True):
    """State that all requests share. ``mutes``: file of the sensor's mutes; ``proxy``: peers that may name users in a
    header; ``oidc``: provider for logins; ``secret``: key of pending logins there; ``state``: folder.
    """

    place: ListenAddress
    state: Path
    secret: bytes
    sources: Sources
    keys: Keys
    audit: Audit
    attempts: Attempts
    undo: Undo
    assessments: Assessments
    mutes: Path
    views: SavedViews
    users: Users
    passkeys: Passkeys
    challenges: Challenges
    uploads: Uploads
    visits: Visits
    replies: Replies
    configuration: Configuration
    lists: Lists
    rules: RuleFiles
    hunts: HuntFiles
    reports: Reports
    proxy: Proxy | None = None
    oidc: Provider | None = None
    languages: Languages = msgspec.field(default_factory=Languages)

    @property
    def cookie(self) -> str:
        """Name of the session cookie. Browsers accept ``__Host-`` only over HTTPS."""
        return "__Host-sensor" if self.place.secure else "sensor"
