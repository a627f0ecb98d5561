from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from counterpoise.errors import DataError
from counterpoise.report.build import Report, build_report
from counterpoise.report.findings import findings
from counterpoise.report.inputs import FoldEvidence, RecipePoint, ReportInputs
from counterpoise.report.markdown import escape
from counterpoise.report.summary import summarise
from engine.dashboard import MAX_MARKDOWN_BYTES
from tests.report.synthetic import run, stereoset_losing_sense, with_texts

SMALL = {"pairs_per_category": 20}
HOSTILE = (
    ' <script>alert("x")</script> & `tick` | *pipe* ![i](http://example.invalid/x.png)\n# head\n- item $x$'
)


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return run(base_shift=0.16, tuned_shift=0.01, in_sample=True)


@pytest.fixture(scope="module")
def report(inputs: ReportInputs) -> Report:
    return build_report(inputs)


def test_same_inputs_same_bytes(inputs: ReportInputs, report: Report) -> None:
    again = build_report(inputs)
    assert again.html == report.html
    assert again.markdown == report.markdown
    assert again.charts == report.charts
    assert again.summary == report.summary


def test_the_page_asks_nothing_of_anyone(report: Report) -> None:
    assert not re.search(r'(?:src|href)\s*=\s*"(?!#)', report.html)
    assert not re.search(r"url\((?!#)|@import|<script|<link|<iframe", report.html)


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.targets += [v[1:] for k, v in attrs if k in ("href", "xlink:href") and v and v.startswith("#")]


def test_ids_are_unique_and_every_link_has_its_target(report: Report) -> None:
    page = Ids()
    page.feed(report.html)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    used = set(re.findall(r"url\(#([^)]+)\)", report.html))
    assert used <= set(page.ids)


def test_both_forms_have_the_same_sections_and_the_main_numbers(report: Report) -> None:
    titles = re.findall(r"<section id=\"[^\"]+\">\s*<h2>([^<]+)</h2>", report.html)
    assert len(titles) >= 13
    for title in titles:
        assert f"## {escape(title)}" in report.markdown
    for text in (unescape(report.html), report.markdown.replace("\\", "")):
        assert report.summary["sentence"] in text
        assert all(fact in text for fact in ("Blodgett", "Névéol", "identities", "overshoot"))


def test_every_artifact_is_named_with_key_and_hash(inputs: ReportInputs, report: Report) -> None:
    for fact in inputs.provenance:
        for text in (report.markdown, report.html.replace('<span class="rest">', "")):
            assert fact.key in text
            assert fact.sha256 in text


def test_markdown_fits_the_dashboard_and_its_tables_are_whole(report: Report) -> None:
    assert len(report.markdown.encode()) < MAX_MARKDOWN_BYTES
    page = rendered(report.markdown)
    assert page.count("<table>") == report.html.count("<table>") + 1  # the key numbers are a table here
    assert page.count("<img ") == report.html.count("<svg ")


def rendered(markdown: str) -> str:
    """As a reader that allows raw HTML and any image source would show it: the worst case for escaping."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return str(parser.render(markdown))


def test_summary_is_json_and_agrees_with_itself(report: Report) -> None:
    summary = json.loads(json.dumps(report.summary, allow_nan=False))
    scores = summary["scores"]
    assert scores["n"] == 1508 == sum(item["n"] for item in scores["by_category"].values())
    assert scores["difference"] == pytest.approx(scores["tuned"]["score"] - scores["base"]["score"], abs=1e-5)
    assert summary["text"]["base"]["n"] == 404
    assert set(summary["toxicity"]) == {"linear", "other"}


def test_held_out_and_in_sample_are_different_pairs(inputs: ReportInputs, report: Report) -> None:
    # Fold 0 is held out of the first adapter, fold 1 validates; it trained on the other three.
    trained = sum(item.fold not in (0, 1) for item in inputs.pairs)
    assert report.summary["in_sample"]["n"] == trained
    assert report.summary["scores"]["n"] == len(inputs.pairs)
    assert report.summary["in_sample"]["tuned"]["score"] < report.summary["scores"]["tuned"]["score"]


@pytest.mark.parametrize(
    ("shape", "outcome"),
    [
        ({"base_shift": 0.2, "tuned_shift": 0.0}, "improved"),
        ({"base_shift": 0.2, "tuned_shift": -0.5}, "overshoot"),
        ({"base_shift": 0.1, "tuned_shift": 0.5}, "worse"),
        ({"base_shift": 0.2, "tuned_shift": 0.0, "perplexity_ratio": 1.3}, "damaged"),
        ({"base_shift": 0.2, "tuned_shift": 0.0, "broken_texts": 0.3}, "damaged"),
    ],
)
def test_outcomes(shape: dict[str, float], outcome: str) -> None:
    inputs = run(**shape)  # type: ignore[arg-type]
    found = findings(inputs)
    assert found.verdict.outcome == outcome
    summary = summarise(inputs, found)
    if outcome == "damaged":
        assert any("perplexity" in name or "usable" in name for name in summary["worse"])
    if outcome == "worse":
        assert "|score − 50|, all pairs, points" in summary["worse"]


def test_hostile_text_is_shown_and_never_markup() -> None:
    report = build_report(with_texts(run(**SMALL, evaluated=(0,)), HOSTILE, HOSTILE))  # type: ignore[arg-type]
    assert "<script>" not in report.html
    assert "&lt;script&gt;" in report.html
    page = rendered(report.markdown)
    assert "<script>" not in page
    assert "example.invalid/x.png" not in re.findall(r'src="([^"]*)"', page)
    assert "<h1>head</h1>" not in page


def test_benchmarks_and_recipes_appear_when_given() -> None:
    inputs = replace(
        run(**SMALL, evaluated=(0,)),  # type: ignore[arg-type]
        benchmarks=stereoset_losing_sense(),
        recipes=[RecipePoint("plain DPO", 14.2, 30.0)],
    )
    report = build_report(inputs)
    assert "Other benchmarks" in report.html
    assert "plain DPO" in report.html
    assert "StereoSet: LMS" in report.summary["worse"]


def test_one_fold_no_classifier_no_history_still_reports() -> None:
    whole = run(**SMALL, evaluated=(0,), classifiers=())  # type: ignore[arg-type]
    fold = whole.folds[0]
    silent = replace(fold, training=replace(fold.training, history=(), candidates=()))
    report = build_report(replace(whole, folds=[silent], provenance=[]))
    assert "No classifier was run" in report.html
    assert "training.svg" not in report.charts
    assert "1 of 5 folds were held out" in report.html


def test_a_missing_score_is_an_error_not_a_gap() -> None:
    whole = run(**SMALL, evaluated=(0,))  # type: ignore[arg-type]
    fold = whole.folds[0]
    cut = FoldEvidence(fold.evaluated, fold.training, fold.scores[2:], fold.capability)
    with pytest.raises(DataError, match="1 held-out pairs have no score"):
        build_report(replace(whole, folds=[cut]))
    with pytest.raises(DataError, match="has no score for prompt"):
        build_report(replace(whole, toxicity={"linear": {}}))
    with pytest.raises(DataError, match="at least one trained fold"):
        build_report(replace(whole, folds=[]))
