"""Sentences the engine must get right, each with the reason it is here."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from counterpoise.counterfactual import AXES, Engine, swap

SENTENCES = Path(__file__).parent / "data" / "sentences.tsv"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.from_config()


GENDER = [
    # pronouns
    ("He lost his keys.", "She lost her keys."),
    ("I saw her yesterday.", "I saw him yesterday."),
    ("The book is hers.", "The book is his."),
    ("She checked her watch and thanked him.", "He checked his watch and thanked her."),
    ("She hurt herself; he helped himself.", "He hurt himself; she helped herself."),
    ("Everyone has his or her reasons.", "Everyone has her or his reasons."),
    # case and clitics
    ('HE SHOUTED; "She\'s late."', 'SHE SHOUTED; "He\'s late."'),
    ("She'd say she'll come; she's sure.", "He'd say he'll come; he's sure."),
    ("HER MOTHER KNOWS.", "HIS FATHER KNOWS."),
    # possessives and plurals
    ("The women's coach met a boy's father.", "The men's coach met a girl's mother."),
    ("The grandmothers' club and the ladies' room", "The grandfathers' club and the gentlemen's room"),
    ("the gentlemen's room", "the ladies' room"),
    # compounds
    ("My mother-in-law met his ex-wife.", "My father-in-law met her ex-husband."),
    ("a policeman and two saleswomen", "a policewoman and two salesmen"),
    # a/an
    ("He is an actor; she was a heroine.", "She is an actress; he was a hero."),
    ("An aunt and a uncle", "An uncle and a aunt"),
    # names, consistently and one to one
    (
        "Mary told James that Mary's car and James's bike were gone.",
        "James told Mary that James's car and Mary's bike were gone.",
    ),
    ("Mrs. Jones and Mr. Smith", "Mr. Jones and Mrs. Smith"),
    ("Bill paid the bill; I saw Hope.", "Grace paid the bill; I saw Rob."),
    ("Dear Sir or Madam,", "Dear Madam or Sir,"),
    # slashes, adverbs, paths
    ("If he/she wants his/her money, ask him/her.", "If she/he wants her/his money, ask her/him."),
    ("He hit her hard.", "She hit him hard."),
    ("Don't ask O'Neil at http://x.org/she/he", None),
    # nothing to swap: terms inside longer words, neutral words
    ("manager, Germany, history, human", None),
    ("The nurse asked the engineer about them.", None),
    ("Sheila Thesis shepherds hisses there.", "Sheila Thesis shepherds hisses there."),
]


@pytest.mark.parametrize(("text", "expected"), GENDER[:-1])
def test_gender(engine: Engine, text: str, expected: str | None) -> None:
    assert engine.swap(text).swapped == (expected or text)


ELSEWHERE = [
    ("a Muslim baker", "religion", None, "a Christian baker"),
    ("An atheist prayed.", "religion", None, "A Christian prayed."),
    (
        "The imam left the mosque after reading the Quran.",
        "religion",
        None,
        "The priest left the church after reading the Bible.",
    ),
    ("The imam left the mosque.", "religion", ("muslim", "jewish"), "The rabbi left the synagogue."),
    ("A Christian man met Christians.", "religion", ("christian", "jewish"), "A Jewish man met Jews."),
    ("A Jew met a Muslim.", "religion", ("jewish", "christian"), "A Christian met a Muslim."),
    ("Muslims and Christians met.", "religion", ("muslim", "christian"), "Christians and Muslims met."),
    ("muslim women", "religion", None, "christian women"),
    ("a Black man", "race-color", ("black", "asian"), "an Asian man"),
    ("an Asian man", "race-color", ("asian", "black"), "a Black man"),
    ("An African-American man", "race-color", None, "A White-American man"),
    ("He is black.", "race-color", None, "He is white."),
    ("Blacks and whites", "race-color", None, "Whites and blacks"),
    (
        "The man from China is Chinese.",
        "nationality",
        ("chinese", "american"),
        "The man from America is American.",
    ),
    ("She is an Italian.", "nationality", None, "She is an American."),
    ("The old lady sat.", "age", None, "The young lady sat."),
    ("People with autism read.", "disability", None, "People without autism read."),
    ("Gay men cook.", "sexual-orientation", None, "Straight men cook."),
    ("A fat boy ate.", "physical-appearance", None, "A thin boy ate."),
    ("The poor work.", "socioeconomic", None, "The rich work."),
]


@pytest.mark.parametrize(("text", "axis", "direction", "expected"), ELSEWHERE)
def test_other_axes(
    engine: Engine, text: str, axis: str, direction: tuple[str, str] | None, expected: str
) -> None:
    assert engine.swap(text, (axis,), direction).swapped == expected


REFUSED = [
    # ambiguous syntax
    ("They gave her time.", "gender", "her", "ambiguous"),
    # a colour of things
    ("He wore a black coat.", "race-color", "black", "not-people"),
    ("She crossed the White House lawn.", "race-color", "White House", "entity"),
    ("The coffee was black.", "race-color", "black", "not-people"),
    ("A white van stopped.", "race-color", "white", "not-people"),
    ("two egg whites", "race-color", "egg whites", "entity"),
    ("a white-collar job", "race-color", "white-collar", "entity"),
    # names that are words, months, places, surnames
    ("Faith alone is not enough.", "gender", "Faith", "ambiguous"),
    ("We met in May.", "gender", "May", "not-a-name"),
    ("She lives in Virginia.", "gender", "Virginia", "not-a-name"),
    ("He admired Henry James.", "gender", "James", "surname"),
    ("They live on Charles Street.", "gender", "Charles", "entity"),
    # facts
    ("Hope is not a strategy.", "gender", "Hope", "ambiguous"),
    ("She is pregnant.", "gender", "She", "fact"),
    ("His prostate was examined.", "gender", "His", "fact"),
    # entities
    ("We saw Wonder Woman.", "gender", "Wonder Woman", "entity"),
    ("Christian Dior made it.", "religion", "Christian Dior", "entity"),
    ("The Jewish Museum opened.", "religion", "Jewish", "entity"),
    ("He speaks Italian.", "nationality", "Italian", "language"),
    ("Germany is large.", "nationality", "Germany", "place"),
    # other senses
    ("Man, that hurt.", "gender", "Man", "not-people"),
    ("I miss her brother, Miss.", "gender", "miss", "not-people"),
    ("The old house fell.", "age", "old", "not-people"),
    ("Her child slept.", "age", "child", "kin"),
    ("Go straight ahead.", "sexual-orientation", "straight ahead", "entity"),
    ("a short story", "physical-appearance", "short story", "entity"),
    ("@he wrote it", "gender", "he", "compound"),
]


@pytest.mark.parametrize(("text", "axis", "term", "code"), REFUSED)
def test_refusals_name_term_and_reason(engine: Engine, text: str, axis: str, term: str, code: str) -> None:
    found = {(item.term, item.code) for item in engine.swap(text, (axis,)).refusals}
    assert (term, code) in found


def test_an_ambiguous_term_leaves_the_whole_text_alone(engine: Engine) -> None:
    result = engine.swap("She cried when they gave her time.")
    assert not result.changed
    assert [item.code for item in result.refusals] == ["whole", "ambiguous"]


def test_word_names_with_evidence_are_swapped(engine: Engine) -> None:
    result = engine.swap("Rose rose; Mark will mark.")
    assert [edit.original for edit in result.edits] == ["Rose", "Mark"]


def test_edits_say_where_what_and_by_which_rule() -> None:
    result = swap("An aunt slept.")
    (edit,) = result.edits
    assert (edit.start, edit.end, edit.original, edit.replacement) == (3, 7, "aunt", "uncle")
    assert (edit.rule, edit.axis, edit.confidence) == ("kin", "gender", 1.0)


def test_agreement_is_an_edit_of_its_own() -> None:
    edits = swap("an Asian man", axis="race-color").edits
    assert [(edit.original, edit.replacement, edit.rule) for edit in edits] == [
        ("an", "a", "agreement"),
        ("Asian", "White", "colour"),
    ]


@pytest.mark.parametrize("axis", AXES)
def test_the_written_sentences(engine: Engine, axis: str) -> None:
    """Several hundred sentences with their swap, written by hand; the same text where nothing may change."""
    with SENTENCES.open(encoding="utf-8", newline="") as lines:
        rows = [
            row
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["axis"] == axis
        ]
    assert len(rows) >= 15
    wrong = []
    for row in rows:
        direction = (row["from"], row["to"]) if row["from"] else None
        result = engine.swap(row["text"], (axis,), direction)
        if result.swapped != row["swapped"]:
            wrong.append((row["text"], result.swapped, row["swapped"]))
        elif result.changed and result.reversible and engine.undo(result).swapped != row["text"]:
            wrong.append((row["text"], result.swapped, "not undone"))
    assert wrong == []
