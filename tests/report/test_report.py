from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from counterpoise.engine.dashboard import MAX_MARKDOWN_BYTES
from counterpoise.errors import DataError
from counterpoise.measures.names import FOLD, IN_SAMPLE, LMS, PERPLEXITY, SCORE, TEXTS, TOXICITY, USABLE
from counterpoise.measures.results import results_from
from counterpoise.pairs.cut import CutPairs
from counterpoise.pairs.ledger import NEAR_SENTENCE, SAME, Ledger, LeftOut
from counterpoise.report.build import Report, build_report
from counterpoise.report.findings import findings
from counterpoise.report.inputs import FoldEvidence, ReportInputs
from counterpoise.report.markup import escape
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
    assert again.results.to_json() == report.results.to_json()


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
        assert report.results.verdict.sentence in text.replace("\u00a0", " ")
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


def test_the_results_are_json_and_agree_with_themselves(report: Report) -> None:
    values = json.loads(json.dumps(report.results.to_json(), allow_nan=False))
    found = results_from(values)
    assert found.to_json() == values
    score = found.measures.one(SCORE)
    assert score.n == 1508 == sum(row.n for row in found.measures.groups(SCORE) if row.counts)
    assert score.n == sum(row.n for row in found.measures.groups(SCORE) if row.group.startswith(FOLD))
    assert score.change == pytest.approx(score.tuned - score.base, abs=1e-5)
    assert found.measures.one(TEXTS).base == 404
    assert [row.by for row in found.measures.ways(TOXICITY)] == ["linear", "other"]


def test_results_of_another_format_are_one_line(report: Report) -> None:
    values = report.results.to_json()
    with pytest.raises(DataError, match=r"report\.json: its numbers are of format 1, expected 2 — make"):
        results_from({"headline": "Damaged"}, "report.json")
    with pytest.raises(DataError, match="its numbers lack 'claims'"):
        results_from({name: value for name, value in values.items() if name != "claims"})
    cut = [{name: value for name, value in row.items() if name != "tuned"} for row in values["measures"]]
    with pytest.raises(DataError, match="missing 1 required keyword-only argument: 'tuned'"):
        results_from(values | {"measures": cut})


def test_held_out_and_in_sample_are_different_pairs(inputs: ReportInputs, report: Report) -> None:
    # Fold 0 is held out of the first adapter, fold 1 validates; it trained on the other three.
    trained = sum(item.fold not in (0, 1) for item in inputs.pairs)
    measures = report.results.measures
    fitted, held_out = measures.one(SCORE, IN_SAMPLE), measures.one(SCORE)
    assert (fitted.n, held_out.n) == (trained, len(inputs.pairs))
    assert fitted.tuned < held_out.tuned


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
    assert found.results.verdict.outcome == outcome
    worse = {(loss.measure.name, loss.measure.group) for loss in found.losses}
    if outcome == "damaged":
        assert worse & {(PERPLEXITY, ""), (USABLE, "")}
    if outcome == "worse":
        assert (SCORE, "") in worse


def test_hostile_text_is_shown_and_never_markup() -> None:
    report = build_report(with_texts(run(**SMALL, evaluated=(0,)), HOSTILE, HOSTILE))  # type: ignore[arg-type]
    assert "<script>" not in report.html
    assert "&lt;script&gt;" in report.html
    page = rendered(report.markdown)
    assert "<script>" not in page
    assert "example.invalid/x.png" not in re.findall(r'src="([^"]*)"', page)
    assert "<h1>head</h1>" not in page


def test_benchmarks_appear_when_given() -> None:
    inputs = replace(
        run(**SMALL, evaluated=(0,)),  # type: ignore[arg-type]
        benchmarks=stereoset_losing_sense(),
    )
    report = build_report(inputs)
    assert "Other benchmarks" in report.html
    assert report.results.measures.one(LMS).tuned == 90.0
    assert "StereoSet LMS" in report.html


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


def test_training_on_another_source_is_said_with_what_was_left_out() -> None:
    whole = run(**SMALL, evaluated=(0,))  # type: ignore[arg-type]
    judged = [item for item in whole.pairs if item.fold == 0]
    left_out = (LeftOut(3, "x", NEAR_SENTENCE, 0), LeftOut(7, "y", NEAR_SENTENCE, 5), LeftOut(9, "z", SAME))
    config = whole.run.config | {"pairs": {"training_source": "other-set"}}
    report = build_report(
        replace(whole, run=replace(whole.run, config=config), ledger=Ledger(len(judged), 100, left_out))
    )
    text = unescape(report.html).replace("\u00a0", " ")
    assert (
        "Pairs to train on come from other-set, divided into 4 folds: one validates, the rest train." in text
    )
    assert (
        f"Of the 100 pairs of other-set, 3 are left out: 2 because {NEAR_SENTENCE}; 1 because {SAME}." in text
    )
    assert f"{len(judged)} pairs of made-up-pairs; trained on 97 pairs of other-set" in text
    assert "folds were held out" not in text


def test_pairs_that_no_model_can_tell_apart_are_named() -> None:
    whole = run(**SMALL, evaluated=(0,))  # type: ignore[arg-type]
    report = build_report(replace(whole, cut=CutPairs(12, equal=(3, 8), same=(5,))))
    for text in (unescape(report.html).replace("\u00a0", " "), report.markdown.replace("\u00a0", " ")):
        assert f"2 pairs of {len(whole.pairs)} differ only behind the first 12 tokens" in text
        assert "Training leaves them out; validation and scores read them whole. By number: 3, 8." in text
        assert f"1 pair of {len(whole.pairs)} has the same tokens on both sides" in text
        assert "By number: 5." in text
    assert "By number" not in build_report(whole).html
