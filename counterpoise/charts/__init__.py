"""Charts as SVG and PNG bytes: the same data gives the same bytes, in grey as in colour."""
