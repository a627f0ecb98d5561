"""Text in the manner of an encyclopaedia: what is said there of known things may not be swapped."""

from __future__ import annotations

import pytest

from counterpoise.counterfactual import CounterfactualConfig, Engine, swap

LEFT_ALONE = [
    # somebody or something with a name of its own
    ("He spent ten quiet years in the mill before the Harrow Valley Choir hired him.", "gender"),
    (
        "Velmar identifies two kinds of error, and he treats the second as the more common one by far.",
        "gender",
    ),
    ("Newton took space to be real and based his view on a long row of trials.", "gender"),
    ("Ambrec, in his last essay, held that a town is no larger than its market and its well.", "gender"),
    ("Oddly, Park founded a school in the hills, and the Jorun Park Academy still bears his name.", "gender"),
    ("Jay Park released his third record.", "gender"),
    # the first of a sex
    ("In the third year the first female pilot of the county flew the mail across the hills.", "gender"),
    # the text breaks off after a name or before the noun
    ("Many consider the gifted stage designer Peter", "gender"),
    ("The old ferry has carried many Polish", "nationality"),
    # titles and references
    ("“Women's looms: the social side of weaving.”", "gender"),
    ('"How village schools see low-income girls as readers".', "socioeconomic"),
    # a movement, a doctrine, a count, a country, a thing of a people
    ("Others in the Hindu left have not", "religion"),
    ("They wrote at length about Christian restorationism and its critics.", "religion"),
    ("A report on the Sikh population was read in the evening.", "religion"),
    (
        "Dentists in the United States may also whiten teeth and file them down for a small fee.",
        "nationality",
    ),
    ("The winds carry African dust across the wide ocean and lay it down on the decks.", "nationality"),
    # learned words
    ("The curriculum differentiates between prescriptive and descriptive grammar for women.", "gender"),
    # nobody acts, what is usual, a definition
    ("Bonnets were one of the first goods that a factory made for women.", "gender"),
    ("Quilting is now taught in some American schools.", "nationality"),
    ("Older passengers often take the first tram of the day and get off at the market.", "age"),
    ("A hatter is a person who makes hats for men.", "gender"),
    # a heading, a text that breaks off
    ("Some notes on the older drivers", "age"),
    ("She still goes to both Sikh", "religion"),
    ("The gardener wanted to show his", "gender"),
    # initials and a surname, the gods of a faith
    ("His name was T. R. Bellweather, and you could not help but like him.", "gender"),
    ("The smith forged the swords of the gods.", "gender"),
]


@pytest.mark.parametrize(("text", "axis"), LEFT_ALONE)
def test_reports_on_known_things_are_left_alone(text: str, axis: str) -> None:
    result = swap(text, axis)
    assert result.swapped == text
    assert result.refusals


SWAPPED = [
    (
        "Mary told her brother that the doctor had found nothing wrong and she could go home.",
        "gender",
        "Patricia",
    ),
    (
        "The potter turns the wheel with his left foot and keeps both hands on the clay all the while.",
        "gender",
        "her",
    ),
    (
        "A nurse may ask a colleague for help when the patient does not trust him or her at first.",
        "gender",
        "her or him",
    ),
    ("Some women wear gloves as part of a formal dress when they go out in the cold.", "gender", "Some men"),
    (
        "Muslim students asked for a room to pray in, and the school gave them the old gym.",
        "religion",
        "Christian",
    ),
    (
        "Black people were told to wait outside until the last seat had been sold.",
        "race-color",
        "White people",
    ),
    ("The Mexican cook left early because the fish had not come.", "nationality", "The American cook"),
    (
        "A Jewish couple bought the yellow house at the end of the road and painted it green.",
        "religion",
        "A Christian couple",
    ),
    (
        "The blind woman knew every step of the way from the station to the swimming pool.",
        "disability",
        "The sighted woman",
    ),
    (
        "The Muslim baker closes the shop on Fridays and lends the oven out.",
        "religion",
        "The Christian baker",
    ),
    ("The kids call her Grandma even though she is not old.", "gender", "call him Grandpa"),
]


@pytest.mark.parametrize(("text", "axis", "part"), SWAPPED)
def test_long_texts_about_nobody_in_particular_are_swapped(text: str, axis: str, part: str) -> None:
    result = swap(text, axis)
    assert result.changed
    assert part in result.swapped or axis == "gender"


def test_who_speaks_of_himself_reports_nothing() -> None:
    """A quotation and a title are not the writer's own words."""
    text = "My aunt says the Harrow Valley Choir hired her because she sings in tune."
    assert swap(text).swapped == "My uncle says the Harrow Valley Choir hired him because he sings in tune."
    assert not swap('He wrote "I sing for you" in one night, and the Harrow Valley Choir took it up.').changed


@pytest.mark.parametrize(
    "text",
    [
        'The abbot told the crowd in his yard: "We want the Harrow Valley Choir back among us by the spring."',
        "Long Road: We Wander was a record by Ombrak to sell his next one.",
    ],
)
def test_what_others_say_is_not_the_writer_speaking(text: str) -> None:
    assert not swap(text).changed


def test_a_setting_reads_reports_like_any_text() -> None:
    engine = Engine.from_config(CounterfactualConfig(real_people="known"))
    text = "He spent ten quiet years in the mill before the Harrow Valley Choir hired him."
    assert engine.swap(text).swapped.startswith("She spent") and engine.swap(text).swapped.endswith(
        "hired her."
    )


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("A bridge is one of the oldest of the crossings.", "age"),
        ("The roof of the Master's house itself is very old.", "age"),
        ("The kids played while their own child slept.", "age"),  # someone's own child stays: half a swap
        ("The youth of today sings.", "age"),
        ("Copper and tin are poor conductors.", "socioeconomic"),
        ("The sign read [t]he and nothing else.", "gender"),
        ("The lake is man made.", "gender"),
        ("The wheel was built for the use of man.", "gender"),
        ("My roommate (22F) says she is fine.", "gender"),  # the tag would be left behind
        ("Ruta was Miss Peru in May.", "gender"),
        ("An old lady, a 70 year old, sat down.", "age"),
        ("Some of the Christian left agree with that.", "religion"),
        ("Quenby Grant sat down.", "gender"),  # a surname after a name that no list holds
    ],
)
def test_other_kinds_of_wrong_edits(text: str, axis: str) -> None:
    assert swap(text, axis).swapped == text


def test_two_adjectives_share_their_noun() -> None:
    text = "On stage, cisgender and trans women took turns."
    assert swap(text, "sexual-orientation").swapped == "On stage, transgender and cis women took turns."


def test_a_surname_that_is_a_role_stays_in_the_pipeline_too() -> None:
    engine = Engine.from_config(CounterfactualConfig(real_people="known"))
    assert engine.swap("Mary Workman slept.").swapped.endswith(" Workman slept.")


def test_a_line_without_a_full_stop_is_a_sentence_if_it_has_a_verb() -> None:
    assert swap("A young Black couple bought the house", axis="race-color").changed
    assert (
        swap("A Black couple in the house", axis="race-color")
        .refusals[0]
        .reason.startswith("fact: a heading")
    )


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("The Jewish tailor opens at nine", "religion"),
        ("Two Kenyan brothers run the garage", "nationality"),
        ("Mrs. Ostrander sold her hens", "gender"),
        ("He buys his nails at Brandt Hardware", "gender"),
        ("She is a proud Canadian", "nationality"),
    ],
)
def test_a_clause_needs_no_full_stop(text: str, axis: str) -> None:
    assert swap(text, axis).changed
    assert swap(text, axis).swapped + "." == swap(text + ".", axis).swapped


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("the muslim kids are excellent wrestlers", "religion"),  # no capital
        ("Gay men aren't automatically exceptional choreographers.", "sexual-orientation"),  # a contraction
        ("So black customers are suspicious shoplifters now? Nonsense.", "race-color"),  # a question
        ("Lol, women are terrible motorists, obviously and undeniably.", "gender"),  # chat
        ("Rachel fixed the oven and cooked dinner for the whole street that evening.", "gender"),  # every day
        (
            "Aubrey forgot her umbrella on the tram again and walked all the way back.",
            "gender",
        ),  # a name for both
    ],
)
def test_ordinary_text_is_no_report(text: str, axis: str) -> None:
    assert swap(text, axis).changed


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        # a name of no list, of whom the pronoun speaks
        ("You should hear Wendover play his new tune.", "gender"),
        ("I was at Tolberg's last show and loved his voice.", "gender"),
        ("Harrick's critics never forgave him, did they?", "gender"),
        ("Hardly a day passes and (Ossler) praises his own paintings!", "gender"),
        ("I like what the director Marlott says, and he says it well.", "gender"),
        ("My favourite is the singer Orla Venn, isn't she yours?", "gender"),
        ("We know the Harlow brothers.", "gender"),
        # calls, titles, trademarks, works, languages
        ("I know man! It rained all week.", "gender"),
        ("sweet man do you still want the tickets", "gender"),
        ("It says Miss. on the envelope, for the state I guess.", "gender"),
        ("We are Mercedes fans at home.", "gender"),
        ("That voice is much like Prince!", "gender"),
        ("Dexter's last season bored me.", "gender"),
        ("Will do, thanks!", "gender"),
        ("@nobody Faith makes it easier.", "gender"),
        ("They laugh at our English.", "nationality"),
        ("We watched Daughter Of Winter twice.", "gender"),
        # what a noun for an age describes, a count, what a book is, a people of two names
        ("It's another teen comedy, isn't it?", "age"),
        ("A teen boy rang the bell.", "age"),
        ("Turns out 20% of black drivers sold their cars lol", "race-color"),
        ("The Bible is the longest book on my shelf.", "religion"),
        ("why are african americans moving out", "nationality"),
        ("Fries are originally from Belgium", "nationality"),
        ("The stranger turned out to be a murderer.", "gender"),
    ],
)
def test_wrong_edits_of_ordinary_text(text: str, axis: str) -> None:
    assert swap(text, axis).swapped == text


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ('We read "Knives for Dawn" in one night and loved it.', "gender"),  # a title in quotation marks
        ("Next on the list is How I Lost My Father, I think.", "gender"),
        ("Lost Boy On The Roof: they say a tall boy climbed up by himself", "gender"),  # one of two stays
        ("I hear MARC is late again.", "gender"),  # an abbreviation
        ("We won in Texas, Georgia and Florida!", "gender"),
        ("Oh wait, sunburn, man I forgot.", "gender"),
        ("Yes please, come on man. Grow up.", "gender"),
        ("My family moved a lot when I was younger.", "age"),
    ],
)
def test_titles_places_and_times_of_life(text: str, axis: str) -> None:
    assert swap(text, axis).swapped == text


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("and yesterday tom lost his keys", "gender"),  # the name would stay
        ("the files are till or ray ones, thanks", "gender"),  # small words and nouns are no names
        ("oops I MISS YOU", "gender"),
        ("Per your note, I sold the car.", "gender"),
        ("is man still evolving?", "gender"),
        ("good man how are you", "gender"),
        ("We all get older, don't we? The young man too.", "age"),  # somebody ages
        ("My 6 yr old son is young.", "age"),
        ("He is bad at English.", "nationality"),
        ("Finnish people voted, and the Finnish Parliament met.", "nationality"),
        ("The idea of a walk with me became attractive.", "physical-appearance"),
        ("I like the discord between old and new cultures.", "age"),
    ],
)
def test_small_names_and_somebody_who_ages(text: str, axis: str) -> None:
    assert swap(text, axis).swapped == text


def test_what_belongs_together_is_swapped_together() -> None:
    assert swap("Nobody teased her big brother.").swapped == "Nobody teased his big sister."
    assert swap("Woman is waiting and a man is asking.").swapped == "Man is waiting and a woman is asking."
    assert swap("it`s kind , but I`m told the man left").swapped == "it`s kind , but I`m told the woman left"
    assert swap("They sent her full of hope.").swapped == "They sent him full of hope."


@pytest.mark.parametrize(
    "text",
    [
        "It was dull because (Molly) Harrow sings it twice!",
        "Not even Tolver (the actor) saved it, did he?",
        "I like Ray from Seven Small Ghosts best!",
        "His beard is longer than mine.",
        "Most of that share of his time is mine.",
        "Please give her Zolatrin before noon.",
    ],
)
def test_names_in_brackets_works_and_beards(text: str) -> None:
    assert swap(text).swapped in {text, text.replace("his", "her")}


def test_shes_and_hes_turn_with_the_rest() -> None:
    assert swap("ignore her, shes only tired").swapped == "ignore him, hes only tired"
    assert swap("hey gregory good to see you").changed
    assert swap("Kendall lost her journal at school.").swapped == "Kendall lost his journal at school."
