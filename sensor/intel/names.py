"""Names of the files that hold threat lists: ``NAME.list``; those that begin with ``allow`` take back what the others
contain.
"""

from __future__ import annotations

ALLOW, SUFFIX = "allow", ".list"
