"""The index template that ``elasticsearch`` installs on request: types of fields, for Elasticsearch 8 and OpenSearch 2.

Texts are keywords except for sentences. Data specific to detectors (numbers, facts) is stored but not indexed, so that
it does not create fields. Only types that both products support are used.
"""

from __future__ import annotations

from typing import Any

VERSION = 2
# Higher than the built-in templates of both products.
PRIORITY = 200

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_TEXT = {"type": "text"}
_DATE = {"type": "date", "ignore_malformed": True}
_IP = {"type": "ip", "ignore_malformed": True}
_KEPT = {"type": "object", "enabled": False}
# Fields with sentences, in all formats.
_SENTENCES = ("message", "msg", "reason", "advice", "false_positives", "why", "desc", "title")
_KEPT_NAMES = (
    "numbers",
    "facts",
    "risk_terms",
    "evidence",
    "evidences",
    "changes",
    "attributes",
    "confidences",
    "story",
    "raw_data",
    "unmapped",
)
_DATES = ("ts", "emitted", "first", "last", "first_seen", "last_seen", "start", "end", "created")


def template(pattern: str, *, data_stream: bool) -> dict[str, Any]:
    """The body of ``PUT _index_template/NAME``. ``pattern``: the matching indices."""
    # A hash in place of a port or an address is then not indexed; the record is still accepted.
    settings = {
        "index": {"mapping": {"ignore_malformed": True, "total_fields": {"limit": 2000}}, "refresh_interval": "5s"}
    }
    made: dict[str, Any] = {
        "index_patterns": [pattern],
        "priority": PRIORITY,
        "version": VERSION,
        "template": {"settings": settings, "mappings": mappings()},
        "_meta": {"description": "Events of the passive network sensor"},
    }
    return made | ({"data_stream": {}} if data_stream else {})


def mappings() -> dict[str, Any]:
    return {
        "date_detection": False,
        "numeric_detection": False,
        "properties": {"@timestamp": {"type": "date"}},
        "dynamic_templates": [
            *(
                {f"kept_{name}": {"match": name, "match_mapping_type": "object", "mapping": _KEPT}}
                for name in _KEPT_NAMES
            ),
            *(
                {f"sentence_{name}": {"match": name, "match_mapping_type": "string", "mapping": _TEXT}}
                for name in _SENTENCES
            ),
            *({f"date_{name}": {"match": name, "match_mapping_type": "string", "mapping": _DATE}} for name in _DATES),
            *(
                {f"address_{name}": {"match": name, "match_mapping_type": "string", "mapping": _IP}}
                for name in ("ip", "ips")
            ),
            {"keywords": {"match_mapping_type": "string", "mapping": _KEYWORD}},
        ],
    }
