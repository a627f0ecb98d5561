"""The figures of docs/durability.md: put between its marks by whoever runs the chaos command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

START, END = "<!-- figures -->", "<!-- end of figures -->"


def write_figures(document: Path, figures: Mapping[str, Any]) -> None:
    """Replaces what stands between the marks of ``document``."""
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    document.write_text(f"{before}{START}\n{markdown(figures)}\n{END}{after}", encoding="utf-8")


def markdown(figures: Mapping[str, Any]) -> str:
    """Every section that was measured, in order."""
    sections = [
        *(_kills(title, figures[name]) for name, title in _SECTIONS.items() if name in figures),
        *(_faults(title, figures[name]) for name, title in _FAULTS.items() if name in figures),
    ]
    return "\n\n".join(sections)


_FAULTS = {
    "faults": "Faults injected into the smoke pipeline",
    "faults of toys": "Faults injected into the pipeline of toys",
}
_SECTIONS = {
    "smoke": "Kills of the smoke pipeline",
    "smoke of toys": "Kills of a pipeline of toys: the same executor, store and signals, short stages",
    "commands": "Kills of the command `counterpoise run`, Prefect's embedded server included",
    "real": "Kills inside training, real model",
}


def _kills(title: str, found: Mapping[str, Any]) -> str:
    rows = [
        ("kills survived", f"{found['kills']:,} in {found['runs']} runs, {found['lives']} processes"),
        ("bytes identical to the uninterrupted run's", _identical(found)),
        ("work lost by a kill", _spread(found["lost_s"], "s")),
        ("from the start of the next process until it computes again", _spread(found["resume_s"], "s")),
        ("time of a killed run over an uninterrupted one's", _spread(found["stretched"], "×")),
    ]
    if "training" in found:
        rows += _training(found["training"])
    lines = [f"**{title}** ({found['when']})", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join([*lines, "", *_by_stage(found["by_stage"])])


def _identical(found: Mapping[str, Any]) -> str:
    if found["different"]:
        return f"**no**: {len(found['different'])} differences, the first: {found['different'][0]}"
    return f"yes, {found['files_compared']:,} files compared"


def _spread(values: Mapping[str, float], unit: str) -> str:
    return f"median {values['median']:.2f} {unit}, worst {values['worst']:.2f} {unit}" if values else ""


def _training(found: Mapping[str, float]) -> list[tuple[str, str]]:
    share = found["checkpoint_s"] / (20 * found["step_s"])
    return [
        ("steps of the training", f"{found['steps']}, a checkpoint every {found['checkpoint_every']}"),
        (
            "loading the model, the base's readings and log-probabilities; made again on resuming",
            f"{found['preparation_s']:.0f} s",
        ),
        ("one step", f"{found['step_s']:.2f} s"),
        ("one checkpoint, hashed, synced and published", f"{found['checkpoint_s']:.2f} s"),
        ("checkpoints' share of the steps' time at the default interval of 20", f"{share:.1%}"),
    ]


def _by_stage(found: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines = ["| killed in | SIGKILL | SIGTERM |", "|---|---:|---:|"]
    return lines + [
        f"| {stage} | {by.get('SIGKILL', 0)} | {by.get('SIGTERM', 0)} |" for stage, by in found.items()
    ]


def _faults(title: str, found: Mapping[str, Any]) -> str:
    total = sum(found["injected"].values())
    wrong = f"**{len(found['different'])} went wrong**" if found["different"] else "none went wrong"
    lines = [
        f"**{title}** ({found['when']}): {total}, {wrong}",
        "",
        "| fault | times |",
        "|---|---:|",
    ]
    lines += [f"| {kind} | {number} |" for kind, number in sorted(found["injected"].items())]
    if found["messages"]:
        lines += ["", "What a person reads:", ""]
        lines += [f"- {kind}: {_plain(text)}" for kind, text in found["messages"].items()]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A message without this machine's paths."""
    return " ".join("…/" + word.rsplit("/", 1)[1] if word.startswith("/") else word for word in text.split())
