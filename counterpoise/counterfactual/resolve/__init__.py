"""Decides what an ambiguous word means here, or refuses with the reason."""
