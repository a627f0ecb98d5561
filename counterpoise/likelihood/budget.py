"""How much of a batch one forward pass takes."""

from __future__ import annotations

TOKEN_BUDGET = 1024
"""Tokens of one forward pass. On CPUs larger batches leave the cache and are slower; GPUs want more."""
