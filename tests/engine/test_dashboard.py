from __future__ import annotations

import asyncio
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect import flow, get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from counterpoise.engine import dashboard
from counterpoise.engine.dashboard import (
    MAX_MARKDOWN_BYTES,
    MAX_ROWS,
    ProgressArtifact,
    cell,
    cells,
    fitting,
    publish_comparison,
    publish_report,
    publish_table,
)
from counterpoise.measures.crows import adjust, score_measure
from counterpoise.measures.measure import Measures
from counterpoise.measures.results import Facts, Filtered, Results, Verdict
from counterpoise.measures.sweeps import SweepResults
from counterpoise.report.views import score_table
from tests.servers import own_server

REPORT = "# report\n\n## Criteria\n\n| outcome | claim |\n|---|---|\n| holds | it |\n\n## Scores\n\nmany"
MARGINS = np.array([[1.0, -1.0]] * 2 + [[1.0, 1.0]] * 4 + [[-1.0, -1.0]] * 4)
RESULTS = Results(
    Facts("local", 0, "tiny", "bf16", "bos", "sum"),
    Verdict("improved", "good", "Nearer", "It went."),
    (),
    Measures([score_measure(MARGINS), *adjust([score_measure(MARGINS, group="age")])]),
    (),
    Filtered(1, 1, {}),
)
"""Six of ten pairs prefer the stereotype, then four."""
COMPARED = SweepResults("s", "good", "h", "s", (), (), ())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (0.123456, 0.1235),
        (float("nan"), "nan"),
        (None, None),
        (Path("a"), "a"),
        ([1], "[1]"),
    ],
)
def test_cells_are_plain_scalars(value: object, expected: object) -> None:
    assert cell(value) == expected
    assert type(cell(value)) in (str, int, float, bool, type(None))


def test_a_table_of_the_report_becomes_plain_cells() -> None:
    whole, age = cells(score_table(RESULTS.measures))
    assert (whole["pairs"], age["pairs"]) == ("all pairs", "age")
    assert whole["base, %"] == "60.0 (31.3–83.2)"  # Wilson's interval of 6 in 10
    assert whole["p, Holm"] == "0.50"  # two changes, both one way: 2 / 2^2
    assert all("\u00a0" not in cell for row in (whole, age) for cell in row.values())


def test_a_report_too_large_for_the_dashboard_loses_its_charts_alone() -> None:
    small = "# a\n\n![x](data:image/svg+xml;base64,AAAA)\n\ntext"
    assert fitting(small) == small
    large = fitting(f"# a\n\n![x](data:image/svg+xml;base64,{'A' * MAX_MARKDOWN_BYTES})\n\ntext")
    assert len(large) < 300
    assert "# a" in large and "text" in large and "HTML report" in large


def test_outside_a_run_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("create_markdown_artifact", "create_table_artifact", "create_progress_artifact"):
        monkeypatch.setattr(dashboard, name, lambda *a, **k: pytest.fail("published"))
    publish_report("# a", RESULTS, [])
    publish_table("t", [{"a": 1}], "d")
    ProgressArtifact("p", "d")(1, 2)


def test_a_server_that_fails_costs_one_warning_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A real client against a server that answers 500 to everything."""
    server = HTTPServer(("127.0.0.1", 0), _Broken)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(dashboard, "in_run", lambda: True)
    quick = {PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(quick), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Prefect's, about an artifact outside a run
        publish_report("# a", RESULTS, [{"stage": "pairs"}])
        publish_comparison("# a", COMPARED)
        publish_table("rows", [{"a": 1}], "d")
    server.shutdown()
    server.server_close()
    told = [record.getMessage() for record in caplog.records if record.name == dashboard.__name__]
    assert [line.partition(" of this run")[0] for line in told] == [
        "Prefect's dashboard lacks the report",
        "Prefect's dashboard lacks the comparison",
        "Prefect's dashboard lacks the table 'rows'",
    ]
    assert all("500" in line and line.endswith("the run goes on") and "\n" not in line for line in told)


class _Broken(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.slow
def test_artifacts_arrive_at_the_server() -> None:
    @flow
    def publishes() -> None:
        publish_report(REPORT, RESULTS, [{"stage": "pairs", "rows": 48}])
        publish_table("rows", [{"value": np.float32(index)} for index in range(MAX_ROWS + 5)], "many")
        bar = ProgressArtifact("bar", "moving")
        for done in (0, 1, 1, 2):
            bar(done, 2)

    async def read() -> dict[str | None, Any]:
        async with get_client() as client:
            return {found.key: found for found in await client.read_latest_artifacts()}

    with own_server():
        publishes()
        found = asyncio.run(read())
    assert set(found) == {"report", "report-whole", "scores", "stages", "rows", "bar"}
    report, _, links = found["report"].data.rpartition("\n\n")
    assert (report, found["report-whole"].data) == (REPORT.partition("\n## Scores")[0], REPORT)
    assert f"/artifacts/artifact/{found['report-whole'].latest_id})" in links
    assert f"/artifacts/artifact/{found['scores'].latest_id})" in links
    assert f"/artifacts/artifact/{found['stages'].latest_id})" in links
    assert found["report"].description == "It went."
    assert found["rows"].description.startswith("many (first 200 of 205 rows) · [its run](")
    assert found["bar"].data == 100.0
