"""The schema step for the VLAN of a device. Rows of a worker of an earlier version have it with the next event of the
device that another worker stores.
"""

from __future__ import annotations

from typing import LiteralString

VLANS: LiteralString = r"""
ALTER TABLE devices ADD COLUMN vlan integer NOT NULL DEFAULT 0;
-- Records are compact JSON, in which a quotation mark within a text has a backslash before it: the pattern finds keys.
UPDATE devices SET vlan = substring(record from '"vlan":([0-9]{1,4})[,}]')::integer
WHERE record ~ '"vlan":[0-9]{1,4}[,}]';
CREATE INDEX devices_vlan ON devices (vlan, last, number) WHERE merged = '' AND vlan <> 0;
"""
