from __future__ import annotations

from sensor.records.files.conversation import Conversation

class HttpFiles(Conversation): ...
