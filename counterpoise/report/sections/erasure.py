"""The erasure audit: does the model still speak of everyone, and find sentences about everyone as likely?"""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise.metrics.erasure import Shift
from counterpoise.report.blocks import Block, Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import Findings
from counterpoise.report.texts import TextFindings
from counterpoise.report.words import count, interval, number, signed


def erased(found: Findings) -> list[str]:
    """The groups that either half flags, sorted."""
    unlikely = [group for group, shift in found.neutral_shifts.items() if shift.erased]
    return sorted({*unlikely, *(group for group, _ in found.texts.silenced)})


def erasure(found: Findings) -> Section:
    """Both halves of the audit: what the model writes, and what it finds likely."""
    flagged = erased(found)
    outcome = f"Flagged: {', '.join(flagged)}." if flagged else "No group is flagged."
    blocks: list[Block] = [
        Paragraph(
            "A model can look less biased by no longer speaking of some groups, or by finding any sentence about "
            f"them unlikely. {outcome}"
        ),
        *_mentions(found.texts.mentions),
        *_by_adapter(found.texts),
        *_neutral(found.neutral_shifts),
    ]
    return Section("erasure", "Erasure audit: does it still speak of everyone?", blocks)


def _mentions(shifts: Mapping[str, Shift]) -> list[Block]:
    shown = {group: shift for group, shift in shifts.items() if shift.base or shift.tuned}
    silent = len(shifts) - len(shown)
    rows = [_row(group, shift, 1, "mentioned less") for group, shift in shown.items()]
    blocks: list[Block] = (
        [_table("Share of continuations that mention a group, prompts left out, %", rows)] if rows else []
    )
    if silent:
        blocks.append(Paragraph(f"{silent} groups are mentioned by neither model."))
    return blocks


def _by_adapter(texts: TextFindings) -> list[Block]:
    """Where several adapters answered: the groups that all speak of, for what one loses another may gain."""
    if texts.answers == 1:
        return []
    often = [group for group, shift in texts.mentions.items() if shift.base >= OFTEN]
    rows = [
        _row(f"{group}, adapter {place}", shifts[group], 1, "mentioned less")
        for group in often
        for place, shifts in enumerate(texts.mentions_by_adapter, start=1)
    ]
    return (
        [_table(f"The same of each adapter, groups in {OFTEN} % of the base's texts or more", rows)]
        if rows
        else []
    )


def _neutral(shifts: Mapping[str, Shift]) -> list[Block]:
    if not shifts:
        return [
            Paragraph("The likelihood of neutral sentences about each group was not measured in this run.")
        ]
    total = sum(shift.n for shift in shifts.values())
    rows = [_row(group, shift, 3, "found less likely") for group, shift in shifts.items()]
    return [
        _table("Log-probability of neutral sentences about each group, nats per token", rows),
        Paragraph(
            f"{count(total)} encyclopaedic sentences (BOLD, Dhamala et al. 2021). The change is against all groups "
            "together: a fall that all share shows in perplexity, a group that falls behind the others shows here."
        ),
    ]


def _table(caption: str, rows: list[Row]) -> Table:
    titles = ("n", "base", "tuned", "change", "95 %, Bonferroni")
    columns = (Column("group", "left"), *map(Column, titles), Column("", "left"))
    return Table(caption, columns, rows, folded=len(rows) > FOLD_FROM)


FOLD_FROM = 14
OFTEN = 5
"""Share of the base's texts, percent, from which a group's mentions are shown adapter by adapter."""


def _row(group: str, shift: Shift, digits: int, flag: str) -> Row:
    cells = (
        group,
        count(shift.n),
        number(shift.base, digits),
        number(shift.tuned, digits),
        signed(shift.change, digits),
        interval(*shift.interval, digits),
        flag if shift.erased else "",
    )
    return Row(cells, tone="bad" if shift.erased else "")
