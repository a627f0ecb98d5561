"""Counterfactual lab: what the engine swaps in a text, by which rule, and what it refuses and why."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import AXES, Direction, Refusal, Swap
from counterpoise.demo.highlight import Mark, html_table, marked, notice
from counterpoise.demo.tabs.common import LIGHT, examples, readable, shortened, text_box
from counterpoise.errors import UsageError

if TYPE_CHECKING:
    from counterpoise.demo.session import Session

MAX_LAB_CHARACTERS = 5000
USUAL = "first group ↔ usual partner"
EXAMPLES = (
    "The nurse gave her coat to her husband, who likes his coffee black. Mary told John about the Queen.",
    "An old Black woman and a young white man waited for their doctor.",
    "His sister is pregnant; he drove her to the mosque.",
)


def lab_tab(session: Session) -> None:
    """Builds the tab."""
    lab = _Lab(session)
    text = text_box("Text", MAX_LAB_CHARACTERS, "lab-text", EXAMPLES[0])
    chips = examples([shortened(example) for example in EXAMPLES])
    axes = gr.CheckboxGroup(list(AXES), value=["gender", "race-color"], label="Axes", elem_id="lab-axes")
    with gr.Row(elem_classes="controls"):
        direction = gr.Dropdown(
            lab.directions(["gender", "race-color"]), value=USUAL, label="Direction", elem_id="lab-direction"
        )
        names = gr.Checkbox(value=True, label="Swap first names", elem_id="lab-names")
    button = gr.Button("Swap", variant="primary", elem_id="lab-swap")
    result = gr.HTML(elem_id="lab-result")
    axes.change(lab.new_directions, [axes], [direction], **LIGHT)
    inputs = [text, axes, direction, names]
    gr.on([button.click, text.submit], lab.show, inputs, result, api_name="lab", **LIGHT)
    for chip, example in zip(chips, EXAMPLES, strict=True):
        filled = chip.click(None, None, text, js=f"() => {json.dumps(example)}", api_visibility="private")
        filled.then(partial(lab.show, example), inputs[1:], result, api_visibility="private", **LIGHT)


class _Lab:
    """Swaps with and without first names."""

    def __init__(self, session: Session) -> None:
        self._engines = {True: session.engine, False: Engine.from_config(CounterfactualConfig(names=False))}
        self.new_directions = readable(
            lambda axes: gr.Dropdown(choices=self.directions(axes or []), value=USUAL)
        )
        self.show = readable(self._show)

    def directions(self, axes: list[str]) -> list[str]:
        """What the direction list offers for these axes."""
        engine = self._engines[True]
        return [USUAL, *(f"{axis}: {a} > {b}" for axis in axes for a, b in engine.directions(axis))]

    def _show(self, text: Any, axes: Any, direction: Any, names: Any) -> str:
        text = str(text or "")
        if not text.strip() or len(text) > MAX_LAB_CHARACTERS:
            raise UsageError(
                f"the text has {len(text)} characters", f"write 1 to {MAX_LAB_CHARACTERS} characters"
            )
        if not axes:
            raise UsageError("no axis is chosen", "choose at least one")
        swap = self._engines[bool(names)].swap(text, axes, _direction(str(direction)))
        return _result(swap)


def _direction(chosen: str) -> Direction | None:
    if chosen == USUAL:
        return None
    source, _, target = chosen.rpartition(": ")[2].partition(" > ")
    return source, target


def _result(swap: Swap) -> str:
    before = [Mark(e.start, e.end, f"{e.axis}: {e.rule}", "edit") for e in swap.edits]
    before += [Mark(r.start, r.end, r.reason, "refusal") for r in swap.refusals if r.term]
    before.sort(key=lambda mark: mark.start)
    directions = "; ".join(f"{axis}: {a} ↔ {b}" for axis, (a, b) in swap.directions.items())
    line = (
        f"{len(swap.edits)} edits ({directions}); swapping back {'restores' if swap.reversible else 'may not restore'} "
        "the text."
        if swap.changed
        else "Nothing is swapped: the counterfactual is the text itself."
    )
    return (
        f'<div class="answers"><section class="answer"><h4>text</h4><p class="text">{marked(swap.text, before)}</p>'
        f'</section><section class="answer tuned"><h4>counterfactual</h4><p class="text">'
        f"{marked(swap.swapped, _moved(swap))}</p></section></div>{notice(line)}{_tables(swap)}"
    )


def _moved(swap: Swap) -> list[Mark]:
    """The edits' spans in the swapped text."""
    found, shift = [], 0
    for edit in swap.edits:
        start = edit.start + shift
        found.append(Mark(start, start + len(edit.replacement), f"was {edit.original}", "edit"))
        shift += len(edit.replacement) - (edit.end - edit.start)
    return found


def _tables(swap: Swap) -> str:
    edits = [
        (e.original, e.replacement, e.rule, e.axis, f"{e.confidence:.2f}", f"{e.start}–{e.end}")
        for e in swap.edits
    ]
    refusals = [_refusal(refusal) for refusal in swap.refusals]
    parts = []
    if edits:
        titles = ("from", "to", "rule", "axis", "confidence", "characters")
        parts.append(html_table("Edits", titles, edits))
    if refusals:
        parts.append(html_table("Refusals", ("left alone", "reason", "characters"), refusals))
    return "".join(parts)


def _refusal(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.term or "the whole text", refusal.reason, f"{refusal.start}–{refusal.end}"
