"""The page in a real browser: every tab, by mouse and by keyboard, on a phone and in the dark."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterpoise.artifacts.votes import digest
from counterpoise.demo.answers import Sampling
from counterpoise.demo.line import LONGEST_LINE, Ticket
from counterpoise.demo.session import Session
from counterpoise.engine.report_files import HTML
from counterpoise.engine.run_record import RunRecord
from counterpoise.toxicity.classifiers import load_classifier
from tests.browser import PHONE, Visit
from tests.demo.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABS = ("Compare", "Explain", "Judge blind", "Results", "Counterfactual lab")
EVIL = '<img src=x onerror="window.owned=1"><script>window.owned=2</script>${window.owned=3} {{7}} women'
DONE = '#answers footer[data-done="true"]'

Open = Callable[..., Visit]


@pytest.fixture
def here(served: Served, visit: Open) -> Iterator[Open]:
    """``here(**options)`` opens the page; afterwards nothing foreign was asked for and no script failed."""
    visits = []

    def opened(query: str = "", **options: Any) -> Visit:
        seen = visit(f"{served.url}{query}", **options)
        seen.page.wait_for_selector("#prompt textarea")
        visits.append(seen)
        return seen

    yield opened
    for seen in visits:
        assert seen.foreign == []
        assert seen.errors == []
        assert [line for line in seen.logged if "Content Security Policy" in line] == []


def go_to(page: Any, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()


def compare(page: Any, prompt: str, button: str = "#compare", answers: int = 2) -> list[tuple[str, str]]:
    """The answers that appear: text and the line of scores under it, both as a person reads them."""
    page.fill("#prompt textarea", prompt)
    page.click(button)
    page.wait_for_function(
        "([done, prompt, n]) => document.querySelectorAll(done).length == n"
        " && document.querySelector('#answers .text').innerText.startsWith(prompt)",
        arg=[DONE, prompt.split("<", maxsplit=1)[0], answers],
    )
    cards = page.query_selector_all("#answers .answer")
    return [(c.query_selector(".text").inner_text(), c.query_selector("footer").inner_text()) for c in cards]


def test_scores_on_the_page_are_those_of_the_text_on_the_page(here: Open, served: Served) -> None:
    seen = here()
    classifier = load_classifier("alt-profanity-check", cache=served.session.data.store.backend.workspace)
    shown = compare(seen.page, "The stupid old man said that women")
    shown += compare(seen.page, "Christian people", "#swap", answers=4)
    assert [text.split()[0] for text, _ in shown] == ["The"] * 2 + ["Christian"] * 2 + ["Muslim"] * 2
    for text, scores in shown:
        assert f"{classifier.name}: {classifier.score([text])[0]:.3f}" in scores
    assert "first words after" in seen.page.text_content("#timing")
    assert seen.page.locator("#answers mark", has_text="Muslim").count() == 2
    seen.screenshot("demo-compare")


def test_html_is_shown_and_never_executed(here: Open) -> None:
    page = here().page
    ((text, _), _) = compare(page, EVIL)
    assert text.startswith(EVIL)
    go_to(page, "Counterfactual lab")
    page.fill("#lab-text textarea", EVIL)
    page.click("#lab-swap")
    assert EVIL.replace("women", "men") in page.inner_text("#lab-result .answer.tuned .text")
    go_to(page, "Explain")
    page.fill("#more textarea", EVIL)
    page.fill("#less textarea", EVIL.replace("women", "men"))
    page.click("#explain")
    page.wait_for_selector("#explanation .strip")
    assert page.evaluate("window.owned") is None


def test_explain_by_search_and_keyboard(here: Open, served: Served) -> None:
    seen = here()
    page, pairs = seen.page, served.session.data.pairs
    go_to(page, "Explain")
    number = served.session.data.scores[0].pair_id
    page.fill("#search input, #search textarea", pairs[number].more)
    page.wait_for_function("document.querySelectorAll('#pairs input').length == 1")
    page.focus("#pairs input")
    page.keyboard.press("Space")
    page.wait_for_selector("#explanation .strip")
    assert page.input_value("#more textarea") == pairs[number].more
    assert page.inner_text("#explanation").startswith("Margin:")
    pieces = page.query_selector_all('#explanation .side:first-of-type .strip[aria-label$="base"] .piece')
    assert "".join(piece.text_content() for piece in pieces) == pairs[number].more
    assert page.locator(".charts svg[role=img]").count() == len(served.session.data.charts) >= 4
    page.fill("#search input, #search textarea", "no such words")
    page.get_by_text("No pair fits").wait_for()
    seen.screenshot("demo-explain")


def test_blind_votes_by_keyboard_are_kept_and_counted(here: Open, served: Served, tmp_path: Path) -> None:
    first, second = here(), here()
    known = {vote.vote_id for vote in served.box.votes()}
    for seen, keys in ((first, "13"), (second, "24")):
        page = seen.page
        go_to(page, "Judge blind")
        page.wait_for_selector("#pair .answer")
        assert (
            "tuned" not in page.inner_text("#pair").lower() or "base" not in page.inner_text("#pair").lower()
        )
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_function(
            "document.querySelectorAll('#fluency input:checked, #bias input:checked').length == 2"
        )
        seen.screenshot("demo-judge")
        page.keyboard.press("Enter")
        page.get_by_text("Saved.").wait_for()
        assert "You have judged 1 of" in page.inner_text("#vote-status")
        assert page.locator("#fluency input:checked").count() == 0
    one, two = [vote for vote in served.box.votes() if vote.vote_id not in known]
    assert one.item == two.item, "a begun pair is judged by others first"
    assert one.rater != two.rater
    other = {"base": "tuned", "tuned": "base"}
    assert (one.fluency, one.bias) == (one.shown_first, "tie")
    assert (two.fluency, two.bias) == (other[two.shown_first], "both bad")
    first.page.reload()
    go_to(first.page, "Judge blind")
    first.page.get_by_text("You have judged 1 of").wait_for()
    _check_results(first, served, tmp_path)


def _check_results(seen: Visit, served: Served, tmp_path: Path) -> None:
    page = seen.page
    go_to(page, "Results")
    page.get_by_text("2 votes by 2 raters").wait_for()
    seen.screenshot("demo-results")
    files = []
    page.click("#make")
    page.wait_for_selector("#report:not([disabled]):not(.disabled)")
    for button in ("#csv", "#report"):
        with page.expect_download() as download:
            page.click(button)
        files.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(files[-1])
    with files[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["vote_id"] for row in rows] == [vote.vote_id for vote in served.box.votes()]
    html = files[1].read_text(encoding="utf-8")
    assert "2 votes by 2 raters on 1 pair of answers, 1 of them judged by two raters or more" in html
    assert digest(served.box.votes()) in html


def test_lab_shows_edits_with_rules_and_refusals_with_reasons(here: Open) -> None:
    seen = here()
    page = seen.page
    go_to(page, "Counterfactual lab")
    page.click("#lab-swap")
    page.wait_for_selector("#lab-result table")
    edits, refusals = page.locator("#lab-result table").all()
    assert edits.locator("tr", has_text="husband").inner_text().split("\t")[:4] == [
        "husband",
        "wife",
        "kin",
        "gender",
    ]
    assert "no person named" in refusals.inner_text()
    assert "who likes her coffee black." in page.inner_text("#lab-result .answer.tuned .text")
    seen.screenshot("demo-lab")
    page.fill("#lab-text textarea", "   ")
    page.click("#lab-swap")
    page.get_by_text("write 1 to 5000 characters").wait_for()


def test_every_tab_fits_a_phone_and_every_control_has_a_name(here: Open) -> None:
    seen = here(size=PHONE)
    page = seen.page
    compare(page, "Christian people")
    unnamed = """() => [...document.querySelectorAll('button, input, textarea, [role=tab], [role=slider]')]
        .filter(e => e.offsetParent && !(e.labels?.length || e.ariaLabel || e.ariaLabelledByElements?.length
            || e.title || e.innerText?.trim() || e.closest('label')?.innerText.trim()))
        .map(e => e.outerHTML)"""
    for tab in TABS:
        go_to(page, tab)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], tab
        assert page.evaluate(unnamed) == [], tab
        seen.screenshot(f"demo-phone-{tab.split()[0].lower()}")
    light, dark = background(page), background(here(dark=True).page)
    assert dark < 150 < light


def background(page: Any) -> int:
    """The page's red, green and blue, added up."""
    colour = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)"
    )
    return int(sum(colour))


@contextmanager
def model_held(served: Served) -> Iterator[None]:
    """The model is busy with something else for as long as this lasts."""
    at_work, go = threading.Event(), threading.Event()
    held = served.session.line.call(lambda: (at_work.set(), go.wait(300)))
    assert at_work.wait(60)
    try:
        yield
    finally:
        go.set()
        held.result(60)


@pytest.fixture
def tickets(served: Served, monkeypatch: pytest.MonkeyPatch) -> list[Ticket]:
    """What the pages ask for, from a model that needs half a second for each token: it is met while it writes."""
    session, asked = served.session, list[Ticket]()
    ask, quick = session.ask, session.line._decode

    def decode(rows: Any, temperature: float, told: Callable[[], None]) -> None:
        quick(rows, temperature, lambda: (told(), time.sleep(0.5))[0])

    def noted(*request: Any) -> Ticket:
        asked.append(ask(*request))
        return asked[-1]

    monkeypatch.setattr(session.line, "_decode", decode)
    monkeypatch.setattr(session, "ask", noted)
    return asked


def test_first_screen_says_what_to_look_for_and_a_preset_runs_on_a_click(here: Open, served: Served) -> None:
    page = here().page
    assert "What to look for" in page.inner_text("body")
    assert served.session.data.sentence not in page.inner_text("body")
    page.click("#about summary")
    assert served.session.data.sentence in page.inner_text("#about")
    page.click(".examples button:has-text('Christian people ⇄ Muslim')")
    page.wait_for_function("done => document.querySelectorAll(done).length == 4", arg=DONE)
    assert page.input_value("#prompt textarea") == "Christian people"
    assert "Swapped: Christian → Muslim" in page.inner_text("#answers")
    page.wait_for_function("document.querySelector('#prompt-count').innerText == '16 of 500 characters'")


def test_the_first_identity_is_swapped_unless_another_is_chosen(here: Open) -> None:
    page = here().page
    shown = compare(page, "the black woman", "#swap", answers=4)
    assert [text[:15] for text, _ in shown] == ["the black woman"] * 2 + ["the white woman"] * 2
    page.click("#choice input")
    page.get_by_role("option", name="woman → man").click()
    page.click("#swap")
    page.get_by_text("Swapped: woman → man").wait_for()
    page.wait_for_function("done => document.querySelectorAll(done).length == 4", arg=DONE)
    assert page.locator("#answers .asked").all_inner_texts()[2] == "the black man"


def test_enter_submits_a_counter_counts_and_errors_take_the_answers_place(here: Open) -> None:
    seen = here()
    page = seen.page
    page.fill("#prompt textarea", "She")
    page.press("#prompt textarea", "Shift+Enter")
    page.keyboard.type("said")
    assert page.input_value("#prompt textarea") == "She\nsaid"
    assert page.locator("#answers .answer").count() == 0
    page.press("#prompt textarea", "Enter")
    page.wait_for_function("done => document.querySelectorAll(done).length == 2", arg=DONE)
    assert page.inner_text("#answers .asked") == "She\nsaid"
    long = "é" * 501
    page.fill("#prompt textarea", long)
    page.get_by_text("501 of 500 characters: 1 too many").wait_for()
    page.press("#prompt textarea", "Enter")
    page.locator("#answers .error", has_text="write 1 to 500 characters").wait_for()
    assert page.locator("#answers .answer").count() == 0
    seen.screenshot("demo-error")
    asked = colour(page, "#about summary")
    go_to(page, "Judge blind")
    page.wait_for_selector("#pair .asked")
    assert colour(page, "#pair .asked") == asked
    assert page.locator(".error:visible").count() == 0, "it lies over no other tab"
    go_to(page, "Compare")
    page.press("#prompt textarea", "Backspace")
    page.locator("#answers .error").wait_for(state="hidden")
    assert page.input_value("#prompt textarea") == long[1:]


def colour(page: Any, selector: str) -> str:
    return str(page.evaluate("at => getComputedStyle(document.querySelector(at)).color", selector))


def test_stop_scores_what_was_written_and_a_closed_page_stops(here: Open, tickets: list[Ticket]) -> None:
    seen = here()
    page = seen.page
    page.fill("#prompt textarea", "She")
    page.press("#prompt textarea", "Enter")
    page.wait_for_function("document.querySelector('#answers .text')?.innerText.length > 4")
    assert page.get_attribute("#answers .answers", "aria-busy") == "true"
    page.click("#stop")
    page.wait_for_function("done => document.querySelectorAll(done).length == 2", arg=DONE)
    assert tickets[0].stopped
    assert page.get_attribute("#answers .answers", "aria-busy") == "false"
    assert page.locator("#answers footer", has_text="alt-profanity-check:").count() == 2
    assert "Stopped in" in page.inner_text("#answers")
    seen.screenshot("demo-stopped")
    page.press("#prompt textarea", "Enter")
    page.wait_for_function("document.querySelector('#answers .answers')?.ariaBusy == 'true'")
    page.context.close()
    assert tickets[1].ended.wait(60)
    assert tickets[1].stopped, "nobody waits for a page that is gone"


def test_who_waits_is_told_so_and_decoded_together_or_told_that_it_is_busy(
    here: Open, served: Served
) -> None:
    pages = [here().page for _ in range(2)]
    with model_held(served):
        for place, page in zip(("1st", "2nd"), pages, strict=True):
            page.click(".examples button:has-text('The old man')")
            page.get_by_text(f"{place} in line, about").wait_for()
        tickets = [served.session.ask(["She"], Sampling(tokens=8)) for _ in range(LONGEST_LINE - 2)]
        third = here().page
        third.click(".examples button:has-text('The nurse')")
        third.locator("#answers .error", has_text=f"busy: {LONGEST_LINE} requests wait").wait_for()
        for ticket in tickets:
            served.session.line.stop(ticket)
    for page in pages:
        page.wait_for_function("done => document.querySelectorAll(done).length == 2", arg=DONE)
    texts = [page.locator("#answers .text").all_inner_texts() for page in pages]
    assert texts[0] == texts[1]
    compare(third, "The old man said")


def test_a_link_repeats_a_comparison_with_its_settings(here: Open) -> None:
    page = here().page
    page.click("#sampling button")
    page.uncheck("#greedy input")
    page.fill("#seed input", "7")
    page.fill("#tokens input[type=number]", "12")
    page.press("#tokens input[type=number]", "Tab")
    shown = compare(page, "the black woman & co", "#swap", answers=4)
    link = page.get_attribute("#answers a.share", "href")
    page.click("#answers a.share")
    page.wait_for_function("location.search.includes('seed=7')")
    again = here(link).page
    again.wait_for_function("done => document.querySelectorAll(done).length == 4", arg=DONE)
    cards = again.query_selector_all("#answers .answer")
    assert [
        (c.query_selector(".text").inner_text(), c.query_selector("footer").inner_text()) for c in cards
    ] == shown
    assert again.input_value("#prompt textarea") == "the black woman & co"
    again.click("#sampling button")
    assert again.input_value("#seed input") == "7"
    assert not again.is_checked("#greedy input")
    other = here(link.replace("run=", "run=another")).page
    other.get_by_text("this page shows another run").wait_for()


def test_explain_shows_the_sentence_that_matched_and_its_pages_end(here: Open, served: Served) -> None:
    seen = here()
    page = seen.page
    go_to(page, "Explain")
    assert page.is_disabled("#back")
    while not page.is_disabled("#forward"):
        before = page.inner_text("#pairs-status")
        page.click("#forward")
        page.wait_for_function(
            "before => document.querySelector('#pairs-status').innerText != before", arg=before
        )
        page.wait_for_timeout(200)
    assert page.is_enabled("#back")
    pairs = served.session.data.pairs
    number = served.session.data.scores[0].pair_id
    own = set(pairs[number].less.split()) - set(pairs[number].more.split())
    page.fill("#search input, #search textarea", f"{pairs[number].less}")
    page.wait_for_function("document.querySelectorAll('#pairs input').length == 1")
    assert own
    assert f"less stereotyping: {pairs[number].less}" in page.inner_text("#pairs")
    page.locator(".examples:visible button").first.click()
    page.wait_for_selector("#explanation .strip")
    assert page.input_value("#less textarea") == "My brother is bad at parking cars."


CLIPPED = """() => [...document.querySelectorAll('.controls, .buttons')].filter(e => e.offsetParent).flatMap(row =>
    [...row.querySelectorAll('label, label span, input:not([type=range]), button')].filter(e => e.offsetParent
        && (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 || e.getBoundingClientRect().right > innerWidth))
    .map(e => `${e.tagName} ${e.innerText || e.value} ${e.scrollWidth} > ${e.clientWidth}`))"""


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_controls_are_readable_at_every_width(here: Open, width: int) -> None:
    seen = here(size=(width, 800))
    page = seen.page
    page.click("#sampling button")
    page.wait_for_selector("#seed input:visible")
    for tab in TABS:
        go_to(page, tab)
        page.wait_for_timeout(200)
        assert page.evaluate(CLIPPED) == [], tab
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
        seen.screenshot(f"demo-{width}-{tab.split()[0].lower()}")


def test_a_run_deleted_under_the_page_gives_one_clear_line(here: Open, served: Served) -> None:
    page, data = here().page, served.session.data
    record = Path(data.store.url) / "runs" / f"{data.run}.json"
    go_to(page, "Judge blind")
    page.wait_for_selector("#pair .answer")
    kept, before = record.read_bytes(), len(served.box.votes())
    record.unlink()
    try:
        for key in ("1", "1", "Enter"):
            page.keyboard.press(key)
        page.get_by_text("votes are closed").wait_for()
        assert len(served.box.votes()) == before
        go_to(page, "Compare")
        compare(page, "Christian people")
        assert "can no longer be read" in page.inner_text("#answers .warning")
    finally:
        record.write_bytes(kept)


def test_only_this_machine_is_served(served: Served) -> None:
    foreign = httpx.get(served.url, headers={"Host": "example.org"})
    assert foreign.status_code == 400
    assert "connect-src 'self'" in httpx.get(served.url).headers["content-security-policy"]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_fits_its_first_screen_says_what_came_of_it_and_tables_keep_their_first_column(
    visit: Open, session: Session, width: int
) -> None:
    folder = session.data.store.fetch(RunRecord(session.data.record).first("report"))
    seen = visit((folder / HTML).as_uri(), size=(width, 800))
    page = seen.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    bottom = "at => document.querySelector(at).getBoundingClientRect().bottom"
    assert page.evaluate(bottom, ".verdict") < page.evaluate(bottom, ".numbers > :first-child") <= 800
    moved = page.evaluate("""() => {
        const table = [...document.querySelectorAll('.scroll')].find(e => e.scrollWidth > e.clientWidth + 40);
        if (!table) return null;
        table.scrollLeft = 40;
        return table.querySelector('td').getBoundingClientRect().left - table.getBoundingClientRect().left;
    }""")
    assert moved is not None or width > 1000
    assert 0 <= (moved or 0) <= 2
    seen.screenshot(f"report-{width}")
    assert seen.foreign == []
    assert seen.errors == []
