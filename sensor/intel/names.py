"""File names of threat lists: ``NAME.list``; those that begin with ``allow`` override the others."""

from __future__ import annotations

ALLOW, SUFFIX = "allow", ".list"
