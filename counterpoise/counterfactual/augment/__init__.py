"""Swaps over files of any size: shards, workers, statistics and a page for human review."""
