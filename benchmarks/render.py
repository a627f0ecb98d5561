"""docs/performance.md from docs/results/*.json: no number of a measurement on that page is typed by hand.

python -m benchmarks.render
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, clock, exponent
from benchmarks.page import missing, seconds, table, verdict, where

PAGE = RESULTS.parent / "performance.md"
TEMPLATE = Path(__file__).with_name("performance.md.txt")
Result = dict[str, Any]
Results = dict[str, Result]


def scoring(result: Result) -> str:
    use, best = clock(result["machine"]), _best_peer(result)
    rows = [
        [
            name,
            seconds(run["wall"]),
            seconds(run["cpu"]),
            f"{best / run[use]:.2f}×",
            f"{result['floor'][use] / run[use]:.0%}",
            f"{result['flop'] / run[use] / result['peak_flops'][use]:.0%}",
            f"{run['peak_mib']:,.0f}",
        ]
        for name, run in result["runs"].items()
    ]
    intro = (
        f"{result['pairs']:,} pairs, {result['tokens']:,} scored tokens, {result['precision']}, prefix "
        f"{result['prefix']}. Largest difference of a sentence's log-likelihood between the two, in fp32: "
        f"{result['largest_difference_fp32_nats']:.1e} nats. Matrix products alone: "
        f"{seconds(result['floor'][use])} s; a square product runs at {result['peak_flops'][use] / 1e9:,.0f} GFLOP/s."
    )
    columns = ["", "s", "CPU s", "against best lm-eval", "of the floor", "of the matmul peak", "peak MiB"]
    return "\n\n".join([intro, table(columns, rows), where(result)])


def _best_peer(result: Result) -> float:
    use = clock(result["machine"])
    return float(min(run[use] for name, run in result["runs"].items() if name.startswith("lm-eval")))


def training(result: Result) -> str:
    use = clock(result["machine"])
    base = next(iter(result["runs"].values()))["rate"][use]
    rows = [
        [
            name,
            f"{run['rate'][use]:.2f}",
            f"{run['rate'][use] / base:.2f}×",
            f"{run['rate'][use] * result['flop_per_pair'] / result['peak_flops'][use]:.0%}",
            f"{run['whole_rate'][use]:.2f}",
            f"{run['peak_mib']:,.0f}",
        ]
        for name, run in result["runs"].items()
    ]
    intro = (
        f"{result['pairs']:,} pairs in batches of {result['batch_pairs']} × {result['gradient_accumulation']}, "
        f"{result['precision'].upper()}, LoRA r {result['lora_rank']}. Steps only (the first left out), then with all "
        "that comes before them: reference pass, tokenization, set-up."
    )
    columns = ["", f"pairs/s ({use})", "ratio", "of the matmul peak", "pairs/s with all", "peak MiB"]
    return "\n\n".join([intro, table(columns, rows), losses(result), where(result)])


def losses(result: Result) -> str:
    """The loss curves side by side, twelve steps of them at most."""
    curves = {name: run["losses"] for name, run in result["runs"].items()}
    steps = max(map(len, curves.values()))
    shown = sorted(
        {round(index * (steps - 1) / min(11, max(1, steps - 1))) for index in range(min(12, steps))}
    )
    rows = [
        [name, *(f"{values[step]:.3f}" if step < len(values) else "" for step in shown)]
        for name, values in curves.items()
    ]
    return table(["loss at step", *(str(step + 1) for step in shown)], rows)


def turns(result: Result, slowest: str, machine: Result) -> str:
    """A table of ways against the slowest one."""
    use = clock(machine)
    rows = [
        [
            name,
            seconds(run["wall"]),
            seconds(run["cpu"]),
            f"{result['runs'][slowest][use] / run[use]:.1f}×",
            f"{run['peak_mib']:,.0f}",
        ]
        for name, run in result["runs"].items()
    ]
    return table(["", "s", "CPU s", "ratio", "peak MiB"], rows)


def generation(result: Result) -> str:
    intro = (
        f"{result['prompts']} prompts, {result['new_tokens']} tokens each, {result['precision']}, greedy; in fp32 the "
        f"texts of {result['compared_in_fp32']} prompts are the same in all three."
    )
    use = clock(result["machine"])
    share = result["flop"] / result["runs"]["counterpoise"][use] / result["peak_flops"][use]
    ways = turns(result, "generate, one by one", result["machine"])
    pair = result["pair"]
    parts = [
        intro,
        ways,
        f"Ours runs at {share:.0%} of the matmul peak.",
        f"Base and tuned on the same {pair['prompts']} prompts, {pair['rows']} rows at a time, same texts in fp32:",
        turns(pair, "base, then tuned", result["machine"]),
        where(result),
    ]
    return "\n\n".join(parts)


def toxicity(result: Result) -> str:
    parts = []
    for title, part in result["results"].items():
        parts.append(
            f"{title}, {part['texts']} texts; largest difference of a score: {part['largest_difference']:.1e}."
        )
        parts.append(turns(part, "one by one", result["machine"]))
    return "\n\n".join([*parts, where(result)])


def counterfactual(result: Result) -> str:
    rows = [
        [name, f"{value:,.0f}"]
        for name, value in result["rates"].items()
        if not name.startswith(("sentences", "terms"))
    ]
    intro = (
        f"{result['rates']['sentences']:,.0f} sentences; CPU time of one thread, the best of three passes."
    )
    return "\n\n".join([intro, table(["", "sentences/s"], rows), where(result)])


def store(result: Result) -> str:
    sizes = list(result["milliseconds"])
    work = [float(size) for size in sizes]
    rows = [
        [
            name,
            *(f"{result['milliseconds'][size][name]:,.2f}" for size in sizes),
            f"{exponent(work, [result['milliseconds'][size][name] for size in sizes]):.2f}",
        ]
        for name in result["milliseconds"][sizes[0]]
    ]
    columns = ["milliseconds, median", *(f"{int(size):,} artifacts" for size in sizes), "exponent"]
    return "\n\n".join([table(columns, rows), f"*{result['date']}, load {result['load']:.1f} at the end.*"])


def pipeline(result: Result) -> str:
    use = clock(result["machine"])
    base = result["runs"]["empty flow"][use]
    rows = [
        [name, seconds(run["wall"]), seconds(run["cpu"]), f"{run[use] - base:+.2f}"]
        for name, run in result["runs"].items()
    ]
    intro = (
        f"The `{result['profile']}` profile again, its {result['stages']} stages all from the store, each verified; "
        "beside it a flow without a task. Both are whole processes: imports and Prefect's embedded server included."
    )
    columns = ["", "s", "CPU s", f"over the empty flow, s ({use})"]
    return "\n\n".join([intro, table(columns, rows), where(result)])


def contention(result: Result) -> str:
    """Quiet and beside busy threads; the ratios are medians of what each round gave."""
    rows = [
        [
            name,
            *(seconds(found[setting][way]) for setting in ("quiet", "beside") for way in found[setting]),
            f"{result['ratios'][name]['quiet']:.2f}×",
            f"{result['ratios'][name]['beside, stock']:.2f}×",
            f"{result['ratios'][name]['beside']:.2f}×",
        ]
        for name, found in result["seconds"].items()
    ]
    ways = ("torch as it comes", "counterpoise")
    columns = [
        "seconds, median",
        *(f"{setting}: {way}" for setting in ("quiet", f"beside {result['busy']}") for way in ways),
        "ours over torch, quiet",
        "torch, beside over quiet",
        "ours, beside over quiet",
    ]
    return "\n\n".join([table(columns, rows), where(result)])


def scaling(result: Result) -> str:
    use = clock(result["machine"])
    rows = []
    for name, curve in result["curves"].items():
        points, two = curve["points"], curve["two_processes"]
        rows.append(
            [
                name,
                " · ".join(f"{point['count']:,}" for point in points) + f" {curve['unit']}",
                " · ".join(seconds(point[use]) for point in points),
                f"{curve['exponent'][use]:.2f}",
                " · ".join(f"{point['peak_mib']:,.0f}" for point in points),
                f"{seconds(two[use])} ({points[-1][use] / two[use]:.2f}×)",
                f"{two['peak_mib']:,.0f}",
            ]
        )
    columns = [
        "",
        "work",
        f"s ({use})",
        "exponent",
        "peak MiB",
        "the most work, two processes, s",
        "peak MiB of each",
    ]
    return "\n\n".join([table(columns, rows), where(result)])


def gpu(result: Result) -> str:
    trained = result["dpo"]["runs"]["counterpoise"]
    intro = (
        f"Random weights in the shape of {result['shape']}. Training took {seconds(trained['seconds']['wall'])} s, "
        f"reference pass included; peak {trained['peak_mib']:,.0f} MiB."
    )
    return "\n\n".join([intro, training(result["dpo"]), scoring(result["scoring"])])


def startup(result: Result) -> str:
    rows = [
        [f"`{name}`", seconds(row["wall"]), seconds(row["cpu"]), f"{row['target'] or ''}"]
        for name, row in result["commands"].items()
    ]
    parts = [table(["least of the repeats", "s", "CPU s", "target, s"], rows)]
    for name, profile in result["imports"].items():
        whole = sum(row["ms"] for row in profile)
        listed = ", ".join(f"{row['package']} {row['ms'] / whole:.0%}" for row in profile)
        parts.append(f"Where the import time of `{name}` goes ({whole:,.0f} ms of wall time): {listed}.")
    parts.append(installation(result["installation"]))
    return "\n\n".join([*parts, where(result)])


def installation(result: Result) -> str:
    largest = ", ".join(f"{row['package']} {row['mib']:,}" for row in result["largest"])
    text = (
        f"Installed: {result['core']['packages']} packages, {result['core']['mib']:,} MiB. "
        f"The largest, in MiB: {largest}."
    )
    if "new" in result:
        text += f" A new environment took {result['new']['seconds']:,.0f} s ({result['new']['mib']:,} MiB on the disk)."
    extras = table(
        ["extra", "further packages", "MiB"],
        [[name, str(row["packages"]), f"{row['mib']:,}"] for name, row in result["extras"].items()],
    )
    leaving = sorted(result["leaves_with"].items(), key=lambda item: -item[1])
    listed = ", ".join(f"{name} {size:,.0f}" for name, size in leaving if size >= 5)
    leaves = f"What would leave with one requirement, itself and what only it needs, in MiB: {listed}."
    return "\n\n".join([text, extras, leaves])


def targets(results: Results) -> str:
    """What the project set out to reach, beside what was measured last."""
    rows: list[list[str]] = []

    def add(what: str, target: str, name: str, value: Callable[[Result], tuple[str, bool]]) -> None:
        measured, holds = value(results[name]) if name in results else ("not measured", False)
        rows.append([what, target, measured, verdict(holds) if name in results else "open"])

    def ratio(result: Result, least: float) -> tuple[str, bool]:
        use = clock(result["machine"])
        stock, ours = (list(result["runs"].values())[index]["rate"][use] for index in (0, -1))
        return f"{ours / stock:.2f}× ({result['pairs']:,} pairs)", ours >= least * stock

    def speed(result: Result) -> tuple[str, bool]:
        value = _best_peer(result) / result["runs"]["counterpoise"][clock(result["machine"])]
        return f"{value:.2f}× ({result['pairs']:,} pairs)", value >= 1.5

    def floor(result: Result) -> tuple[str, bool]:
        use = clock(result["machine"])
        value = result["floor"][use] / result["runs"]["counterpoise"][use]
        return f"{value:.0%} ({result['pairs']:,} pairs)", value >= 0.75

    def start(command: str) -> Callable[[Result], tuple[str, bool]]:
        def value(result: Result) -> tuple[str, bool]:
            row, use = result["commands"][command], clock(result["machine"])
            return f"{row[use]:.2f} s ({use})", row[use] < row["target"]

        return value

    def trained(result: Result) -> tuple[str, bool]:
        value = result["dpo"]["runs"]["counterpoise"]["seconds"]["wall"]
        return f"{value:.0f} s", value < result["targets"]["train_seconds"]

    def memory(result: Result) -> tuple[str, bool]:
        value = result["dpo"]["runs"]["counterpoise"]["peak_mib"]
        return f"{value:,.0f} MiB", value < result["targets"]["peak_mib"]

    add("scoring against lm-eval's best batch", "≥ 1.5×", "scoring", speed)
    add("scoring, of the floor", "≥ 75 %", "scoring", floor)
    add("DPO steps against stock", "≥ 2×", "dpo", lambda result: ratio(result, 2.0))
    add("`--help`", "< 0.3 s", "startup", start("counterpoise --help"))
    add("`plan`", "< 2 s", "startup", start("counterpoise plan"))
    add("case study's training on one GPU", "< 60 s", "gpu", trained)
    add("its peak memory", "< 8 GB", "gpu", memory)
    add("DPO steps against stock, GPU", "≥ 3×", "gpu", lambda result: ratio(result["dpo"], 3.0))
    return table(["", "target", "measured", "holds"], rows)


SECTIONS: dict[str, tuple[Callable[[Result], str], str]] = {
    "scoring": (scoring, "python -m benchmarks scoring"),
    "dpo": (training, "python -m benchmarks dpo"),
    "generation": (generation, "python -m benchmarks generation"),
    "toxicity": (toxicity, "python -m benchmarks toxicity"),
    "counterfactual": (counterfactual, "python -m benchmarks counterfactual"),
    "store": (store, "python -m benchmarks.store --out docs/results/store.json"),
    "pipeline": (pipeline, "python -m benchmarks pipeline"),
    "contention": (contention, "python -m benchmarks contention"),
    "scaling": (scaling, "python -m benchmarks scaling"),
    "gpu": (gpu, "python -m benchmarks.gpu --out docs/results/gpu.json"),
    "startup": (startup, "python -m benchmarks startup"),
}


def bench(result: Result) -> str:
    """How long the whole set took the last time all of it ran."""
    command = "python -m benchmarks --quick" if result["quick"] else "make bench"
    return f"The last whole run, `{command}`, took {sum(result['seconds'].values()) / 60:.0f} minutes."


def load(folder: Path = RESULTS) -> Results:
    """The results there are, by the name of their file."""
    files = {name: folder / f"{name}.json" for name in [*SECTIONS, "bench"]}
    return {
        name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()
    }


def page(results: Results) -> str:
    """The whole page: the template with every ``{{name}}`` replaced by its section."""
    text = TEMPLATE.read_text(encoding="utf-8").replace("{{targets}}", targets(results))
    text = text.replace("{{bench}}", bench(results["bench"]) if "bench" in results else "")
    for name, (section, command) in SECTIONS.items():
        shown = section(results[name]) if name in results else missing(command)
        text = text.replace("{{" + name + "}}", shown)
    return text


def main() -> None:
    PAGE.write_text(page(load()), encoding="utf-8")
    print(f"{PAGE.relative_to(RESULTS.parent.parent)} written")


if __name__ == "__main__":
    main()
