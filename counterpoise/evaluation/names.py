"""The benchmarks' names in tables and reports."""

from __future__ import annotations

STEREOSET, WINOBIAS, GROUPS = "stereoset", "winobias", "groups"
