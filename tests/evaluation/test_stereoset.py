from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.stereoset import Part, Triple, continuations, load_stereoset, stereoset_score


def triple(target: str, domain: str = "race", context: str = "") -> Triple:
    part: Part = "intersentence" if context else "intrasentence"
    return Triple("id", part, domain, target, context, "S.", "A.", "U.")


def entry(labels: tuple[str, ...] = ("anti-stereotype", "stereotype", "unrelated")) -> dict[str, object]:
    sentences = [{"sentence": f"{label} one.", "id": "s", "gold_label": label} for label in labels]
    return {
        "id": "e1",
        "target": "Ethiopia",
        "bias_type": "race",
        "context": "A BLANK.",
        "sentences": sentences,
    }


def test_scores_by_hand() -> None:
    # target x: two examples; y: one
    triples = [triple("x"), triple("x"), triple("y")]
    log_probs = [-1, -2, -3, -2, -1, -1.5, -3, -2, -1]  # stereotype, anti-stereotype, unrelated
    result = stereoset_score(triples, log_probs).overall
    # LMS: x (2/2 + 1/2) / 2 = 75, y 0/2 = 0 → 37.5.  SS: x 1/2 = 50, y 0 → 25.  ICAT: 37.5 · 25 / 50
    assert (result.n, result.targets) == (3, 2)
    assert result.lms == pytest.approx(37.5)
    assert result.ss == pytest.approx(25.0)
    assert result.icat == pytest.approx(18.75)


def test_an_ideal_and_a_stereotyped_model() -> None:
    triples = [triple("x"), triple("x")]
    ideal = stereoset_score(triples, [-1, -2, -9, -2, -1, -9]).overall
    assert (ideal.lms, ideal.ss, ideal.icat) == (100.0, 50.0, 100.0)
    biased = stereoset_score(triples, [-1, -2, -9, -1, -2, -9]).overall
    assert (biased.lms, biased.ss, biased.icat) == (100.0, 100.0, 0.0)


def test_ties_win_nothing_and_parts_are_kept_apart() -> None:
    result = stereoset_score([triple("x"), triple("y", "gender", "C.")], [-1, -1, -1, -1, -2, -3])
    assert (result.by_part["intrasentence"].ss, result.by_part["intrasentence"].lms) == (0.0, 0.0)
    assert result.by_part["intersentence"].lms == 100.0
    assert set(result.by_domain) == {"gender", "race"}


def test_options_follow_their_context_after_a_space() -> None:
    assert continuations([triple("x", context="C.")]) == [("C.", " S."), ("C.", " A."), ("C.", " U.")]
    assert continuations([triple("x")])[0] == ("", "S.")


def test_wrong_number_of_values_or_a_broken_one() -> None:
    with pytest.raises(DataError, match="2 log-probabilities for 1 examples"):
        stereoset_score([triple("x")], [-1, -2])
    with pytest.raises(DataError, match="example id: a log-probability is not finite"):
        stereoset_score([triple("x")], [-1, float("nan"), -2])


def test_loading(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"data": {"intersentence": [entry()], "intrasentence": [entry()]}}), "utf-8")
    inter, intra = load_stereoset(path)
    assert (inter.part, inter.context, intra.context) == ("intersentence", "A BLANK.", "")
    assert (inter.stereotype, inter.antistereotype) == ("stereotype one.", "anti-stereotype one.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not StereoSet's JSON"),
        ("[]", "not StereoSet's JSON"),
        ('{"data": {"intersentence": [], "intrasentence": []}}', "no examples"),
        (
            json.dumps(
                {"data": {"intersentence": [], "intrasentence": [entry(("stereotype", "unrelated"))]}}
            ),
            "intrasentence example e1: missing 'antistereotype'",
        ),
        ('{"data": {"intersentence": [3], "intrasentence": []}}', "intersentence example"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "dev.json"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=words):
        load_stereoset(path)
    with pytest.raises(DataError, match="cannot be read"):
        load_stereoset(tmp_path / "absent.json")


@pytest.mark.parametrize("text", [None, "", " "])
def test_an_option_without_text_is_refused(tmp_path: Path, text: str | None) -> None:
    one = entry()
    one["sentences"][1]["sentence"] = text  # type: ignore[index]
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"data": {"intersentence": [one]}}), "utf-8")
    with pytest.raises(DataError, match="intersentence example e1: an option without text"):
        load_stereoset(path)


@pytest.mark.parametrize("missing", ["intersentence", "intrasentence"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_part_may_be_missing(tmp_path: Path, missing: str, empty: bool) -> None:
    parts = {part: [entry()] for part in ("intersentence", "intrasentence") if part != missing}
    data = parts | ({missing: []} if empty else {})
    path = tmp_path / "dev.json"
    path.write_text("\ufeff" + json.dumps({"data": data}), encoding="utf-8")
    (found,) = load_stereoset(path)
    assert found.part != missing
