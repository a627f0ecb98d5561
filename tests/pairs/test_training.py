from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterpoise.errors import DataError, LeakageError
from counterpoise.evaluation.stereoset import Triple
from counterpoise.pairs.config import PairsConfig
from counterpoise.pairs.folds import FoldedPair, split_of
from counterpoise.pairs.ledger import NEAR_CONTEXT, NEAR_SENTENCE, SAME, LeftOut, read_ledger
from counterpoise.pairs.training import (
    category_of,
    leave_out,
    read_training,
    stereoset_pairs,
    transfer,
)
from counterpoise.preferences.build import KEPT
from counterpoise.preferences.leakage import training_sets
from counterpoise.records import Pair, Preference

CONFIG = PairsConfig(training_source="stereoset", folds=4)
JUDGED = [
    Pair(0, "gender", "stereo", "Women cannot park a big car", "Men cannot park a big car"),
    Pair(1, "age", "stereo", "The old man fell down the stairs", "The young man fell down the stairs"),
]


def triple(domain: str, target: str, context: str = "") -> Triple:
    return Triple("7", "intrasentence", domain, target, context, "They steal.", "They give.", "Tin sings.")


def offered(count: int) -> list[Pair]:
    """Pairs without a word in common with another."""
    return [
        Pair(n, "religion", "stereo", f"a{n} b{n} c{n} bad{n}", f"a{n} b{n} c{n} good{n}")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("domain", "target", "category"),
    [
        ("gender", "mother", "gender"),
        ("profession", "tailor", "socioeconomic"),
        ("religion", "Muslim", "religion"),
        ("race", "Ethiopian", "nationality"),
        ("race", "Norweigan", "nationality"),
        ("race", "Hispanic", "race-color"),
        ("race", "African", "race-color"),
    ],
)
def test_each_domain_has_its_category(domain: str, target: str, category: str) -> None:
    assert category_of(triple(domain, target)) == category


def test_an_unknown_domain_is_named() -> None:
    with pytest.raises(DataError, match="example 7: unknown domain 'age' — known: gender, profession"):
        stereoset_pairs([triple("age", "pensioner")])


def test_the_stereotype_is_the_rejected_side_and_a_continuation_stands_after_its_context() -> None:
    within, between = stereoset_pairs([triple("race", "Iraq"), triple("race", "Iraq", "He is from Iraq.")])
    assert (within.more, within.less) == ("They steal.", "They give.")
    assert (between.more, between.less) == ("He is from Iraq. They steal.", "He is from Iraq. They give.")
    assert [within.pair_id, between.pair_id] == [0, 1]


def test_what_repeats_a_judged_pair_is_left_out_and_named() -> None:
    rows = [
        # {women, cannot, park, a, car} of {women, cannot, park, a, big, car}: 5 / 6 >= 0.6
        Pair(0, "gender", "stereo", "Women cannot park a car", "Women sing"),
        # shares {fell, down, the, stairs}; pair 1's two share {the, man, fell, down, stairs}: 4 / 5. Its sentences
        # have 4 of 8 words with "the old man …": 0.5, and 4 of 9 with the other
        Pair(1, "age", "stereo", "Rich men fell down the stairs", "Poor boys fell down the stairs today"),
        Pair(2, "age", "stereo", "The same words", "The same words"),
        # {the, stairs} of {the, man, fell, down, stairs}: 2 / 5
        Pair(3, "age", "stereo", "The stairs were old", "The stairs were new"),
    ]
    assert leave_out(JUDGED, rows, 0.6) == [
        LeftOut(0, "Women cannot park a car", NEAR_SENTENCE, 0),
        LeftOut(1, "Rich men fell down the stairs", NEAR_CONTEXT, 1),
        LeftOut(2, "The same words", SAME),
    ]


def test_short_contexts_that_say_nothing_do_not_match() -> None:
    judged = [
        Pair(0, "age", "stereo", "Old people are slow", "Young people are quick")
    ]  # share {people, are}
    rows = [
        Pair(0, "religion", "stereo", "Those people are loud", "These people are calm")
    ]  # {people, are} too
    assert leave_out(judged, rows, 0.6) == []


def test_all_judged_pairs_are_tested_and_only_the_others_trained_on() -> None:
    repeated = Pair(12, "gender", "stereo", JUDGED[0].more, "Men sing")
    made = transfer(JUDGED, [*offered(12), repeated], CONFIG, seed=0)
    part = {pair.pair_id: split_of(pair.fold, 0, CONFIG.folds) for pair in made.pairs}
    assert {number for number, name in part.items() if name == "test"} == {0, 1}
    assert set(part) == set(
        range(14)
    )  # the 12 that are kept are numbered on from the judged; the 13th is dropped
    assert {name for number, name in part.items() if number > 1} == {"validation", "train"}
    assert {pair.fold for pair in made.pairs[2:]} == {1, 2, 3}
    assert (made.ledger.judged, made.ledger.offered, made.ledger.kept) == (2, 13, 12)
    assert made.ledger.reasons == {NEAR_SENTENCE: 1}


def test_an_offered_pair_keeps_its_number_in_the_file(tmp_path: Path) -> None:
    """So that the ledger, the pairs and the file can be held beside each other."""
    rows = [Pair(0, "gender", "stereo", JUDGED[0].more, "Men sing"), *offered(9)]
    made = transfer(JUDGED, rows, CONFIG, seed=0)
    assert [pair.pair_id for pair in made.pairs] == [0, 1, *range(3, 12)]
    made.ledger.write(tmp_path)
    assert read_ledger(tmp_path) == made.ledger


def test_near_duplicates_among_the_training_pairs_share_a_fold() -> None:
    twins = [
        Pair(number, "gender", "stereo", f"{who} x y z u v", f"no {who} x y z u v")
        for number, who in enumerate(("aunts", "uncles", "sons"))
    ]
    made = transfer(JUDGED, [*twins, *offered(9)], CONFIG, seed=0)
    assert len({pair.fold for pair in made.pairs[2:5]}) == 1


def test_too_few_training_pairs_are_an_error() -> None:
    with pytest.raises(DataError, match="independent contexts"):
        transfer(JUDGED, offered(2), CONFIG, seed=0)


def test_no_training_row_holds_a_judged_sentence_even_by_a_swap() -> None:
    """The row-by-row ledger of a training stands behind the one here."""
    pairs = transfer(JUDGED, offered(9), CONFIG, seed=0).pairs
    trained = next(pair for pair in pairs if split_of(pair.fold, 0, CONFIG.folds) == "train")

    def row(of: FoldedPair, chosen: str) -> Preference:
        name = f"{of.pair_id}/human/{of.category}/0"
        return Preference(
            name,
            of.pair_id,
            of.fold,
            of.category,
            of.category,
            "human",
            "",
            chosen,
            of.more,
            0.1,
            0.2,
            True,
            KEPT,
        )

    sets = training_sets(pairs, [row(trained, JUDGED[1].less)], [], evaluated=0, folds=CONFIG.folds)
    assert (len(sets.train), len(sets.held_back), len(sets.test)) == (0, 1, 2)
    with pytest.raises(LeakageError):
        training_sets(pairs, [row(FoldedPair.of(pairs[0], 0, 2), "x")], [], evaluated=0, folds=CONFIG.folds)


def test_both_forms_of_file_are_read(tmp_path: Path) -> None:
    sentences = [
        {"sentence": text, "gold_label": label}
        for label, text in (
            ("stereotype", "A bad one."),
            ("anti-stereotype", "A good one."),
            ("unrelated", "Tin."),
        )
    ]
    entry = {
        "id": "e",
        "target": "Bible",
        "bias_type": "religion",
        "context": "A BLANK one.",
        "sentences": sentences,
    }
    (tmp_path / "set.json").write_text(json.dumps({"data": {"intrasentence": [entry]}}), "utf-8")
    (tmp_path / "set.csv").write_text(
        "sent_more,sent_less,stereo_antistereo,bias_type\nA bad one.,A good one.,stereo,religion\n", "utf-8"
    )
    expected = [Pair(0, "religion", "stereo", "A bad one.", "A good one.")]
    assert read_training(tmp_path / "set.json") == expected == read_training(tmp_path / "set.csv")


@pytest.mark.parametrize("other", [{"evaluate": (1,)}, {"method": "notebook", "folds": 3}])
def test_one_fold_is_judged(other: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="training_source needs method = 'stratified' and evaluate"):
        PairsConfig(training_source="stereoset", **other)
    assert CONFIG.every_fold == (0,)
    assert PairsConfig().every_fold == (0, 1, 2, 3)
