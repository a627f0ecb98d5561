"""Data and weights from pinned mirrors: fetched, verified, cached by content."""
