"""What the benchmarks share: ways measured in turns, two clocks, peak memory, the machine and its matmul peak, JSON.

Wall time is what a user waits for, but on a machine with other work on it it measures the others. So each sample
holds both clocks, and a machine that was busy while we waited is recorded as shared; its ratios are of CPU time.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from counterpoise.pairs.parse import parse_pairs
from counterpoise.records import Pair
from counterpoise.sources.datasets import locate

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
BUSY = 0.1
"""Share of the processors that others may use before the machine counts as shared."""

Work = Callable[[], Any]
Sample = dict[str, float]


def crows_pairs(count: int | None = None) -> list[Pair]:
    """The first ``count`` pairs, or all 1,508."""
    file = locate("crows-pairs")
    return parse_pairs(file.read_bytes(), file.name)[:count]


def timed(work: Work, device: Any = None) -> tuple[Sample, Any]:
    """Wall and CPU seconds of one call (all threads; a GPU's queue emptied), and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wait_for(device)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, result


def wait_for(device: Any) -> None:
    """Until a GPU has done what was queued."""
    if getattr(device, "type", "cpu") == "cuda":
        import torch  # noqa: PLC0415  # the store's benchmark needs none

        torch.cuda.synchronize()


def in_turns(ways: Mapping[str, Work], repeats: int, device: Any = None) -> dict[str, dict[str, Any]]:
    """Every way once a round, so that what disturbs one disturbs all; medians and the largest memory."""
    samples: dict[str, list[Sample]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            with peak_memory() as memory:
                sample = timed(work, device)[0]
            samples[name].append(sample | memory)
    return {name: summary(rows) for name, rows in samples.items()}


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """Medians of both clocks, the largest peak, and every sample."""
    return {
        "wall": statistics.median(row["wall"] for row in samples),
        "cpu": statistics.median(row["cpu"] for row in samples),
        "peak_mib": max(row.get("peak_mib", 0.0) for row in samples),
        "samples": [{name: round(value, 4) for name, value in row.items()} for row in samples],
    }


@contextlib.contextmanager
def peak_memory() -> Any:
    """A dict that afterwards holds ``peak_mib``: the largest resident memory inside the block (Linux).

    Writing 5 to ``clear_refs`` resets the high-water mark (proc(5)); where that is forbidden the peak is the
    process's whole life's.
    """
    found: dict[str, float] = {}
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    yield found
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found["peak_mib"] = int(status.split("VmHWM:")[1].split()[0]) / 1024


def busy_share(seconds: float = 2.0) -> float:
    """Share of the processors that others use while this process sleeps, 0 to 1."""
    before = _processor_ticks()
    time.sleep(seconds)
    idle, total = (after - earlier for after, earlier in zip(_processor_ticks(), before, strict=True))
    return 1 - idle / total if total else 0.0


def _processor_ticks() -> tuple[int, int]:
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def machine(*packages: str, device: Any = None, threads: int | None = None) -> dict[str, Any]:
    """Where and with what this was measured. Waits two seconds to see what else runs."""
    gpu = ""
    if getattr(device, "type", "cpu") == "cuda":
        import torch  # noqa: PLC0415

        gpu = torch.cuda.get_device_name()
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    busy = busy_share()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": names[0].partition(":")[2].strip() if names else platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "gpu": gpu,
        "used_by_others": round(busy, 2),
        "shared": busy > BUSY,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def clock(where: Mapping[str, Any]) -> str:
    """Which clock the ratios are of."""
    return "cpu" if where["shared"] and not where["gpu"] else "wall"


def matmul_seconds(rows: int, shape: tuple[int, int], dtype: Any, device: Any, repeats: int = 7) -> Sample:
    """Both clocks for one ``[rows, inputs] × [inputs, outputs]``: medians after a warm-up."""
    import torch  # noqa: PLC0415

    left = torch.randn(rows, shape[0], dtype=dtype, device=device)
    right = torch.randn(shape[1], shape[0], dtype=dtype, device=device)
    timed(lambda: left @ right.T, device)
    samples = [timed(lambda: left @ right.T, device)[0] for _ in range(repeats)]
    return {name: statistics.median(row[name] for row in samples) for name in ("wall", "cpu")}


def linear_shapes(causal: Any) -> Counter[tuple[int, int]]:
    """(inputs, outputs) of every linear layer, the head included, and how many have that shape."""
    import torch  # noqa: PLC0415

    return Counter(
        (module.in_features, module.out_features)
        for module in causal.modules()
        if isinstance(module, torch.nn.Linear)
    )


def linear_parameters(causal: Any) -> int:
    """Weights that a token meets in matrix products, the output head included."""
    return sum(count * inputs * outputs for (inputs, outputs), count in linear_shapes(causal).items())


def peak_flops(dtype: Any, device: Any) -> Sample:
    """FLOP/s of a square product of 2048 (8192 on a GPU), by both clocks."""
    side = 8192 if device.type == "cuda" else 2048
    seconds = matmul_seconds(side, (side, side), dtype, device)
    return {name: 2 * side**3 / value for name, value in seconds.items() if value}


def exponent(work: Sequence[float], measured: Sequence[float]) -> float:
    """Slope of log measured over log work, least squares: 0 does not grow, 1 grows in proportion."""
    xs, ys = [math.log(value) for value in work], [math.log(value) for value in measured]
    x_mean, y_mean = statistics.fmean(xs), statistics.fmean(ys)
    rise = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return rise / sum((x - x_mean) ** 2 for x in xs)


def write(result: Mapping[str, Any], out: Path | None) -> None:
    """One JSON file; nothing if there is no place for it."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in the terminal, its first column left-aligned."""
    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
