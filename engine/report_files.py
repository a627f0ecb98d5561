"""What a report's files are called in its artifact: known to those that read one without what makes one."""

from __future__ import annotations

MARKDOWN, HTML, RESULTS = "report.md", "report.html", "results.json"
CHARTS = "charts"
