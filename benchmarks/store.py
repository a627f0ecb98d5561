"""The artifact store with few and with many artifacts: commit, verified hit, plan, listing, collection.

The stores are filled through the store's own manifests without syncing each to the disk; everything that is
timed is the real thing, fsync included. joblib.Memory, which many pipelines cache with, does the same work
beside it; it neither verifies what it returns nor survives a kill while writing, so it is a lower mark.

    python -m benchmarks.store --out docs/results/store.json --doc docs/store.md
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from joblib import Memory
from rich.console import Console
from rich.table import Table

from counterpoise.artifacts.keys import KeyParts, code_hashes
from counterpoise.artifacts.layout import manifest_name, object_name
from counterpoise.artifacts.manifest import Manifest, Output
from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.files import listing_sha256

STAGES = tuple(f"stage-{number:02}" for number in range(12))
TABLE = bytes(range(256)) * 80
"""The payload of a small artifact: 20 kB, a table of a few hundred rows."""
REPEATS = 30
_START, _END = "<!-- figures -->", "<!-- end of figures -->"


def parts(number: int) -> KeyParts:
    """Key parts as real stages have them: twenty modules, twenty settings, three inputs."""
    return KeyParts(
        stage=STAGES[number % len(STAGES)],
        version=1,
        code={f"counterpoise.room_{n}.module": hashlib.sha256(b"%d" % n).hexdigest() for n in range(20)},
        config={"training": {f"setting_{n}": n * 0.1 for n in range(20)}, "number": number},
        inputs={
            role: hashlib.sha256(role.encode()).hexdigest() for role in ("pairs", "model", "preferences")
        },
        seed=7,
        libraries={"torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0"},
        resources={},
        schemas={"scores": 1, "pairs": 1},
    )


def content(number: int) -> bytes:
    return b"%12d" % number + TABLE


def fill(root: Path, count: int) -> None:
    """A store with ``count`` artifacts."""
    Store.open(root)
    for number in range(count):
        key, data = parts(number), content(number)
        sha256 = hashlib.sha256(data).hexdigest()
        output = Output("table.parquet", len(data), sha256)
        folder = root / object_name(listing_sha256([(output.name, sha256)]))
        folder.mkdir(parents=True)
        (folder / output.name).write_bytes(data)
        path = root / manifest_name(key.stage, key.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(key, "filled", 300, (output,), (), {"seconds": 1.0}, "2026-01-01T00:00:00+00:00")
        path.write_bytes(manifest.to_bytes())


def commit(store: Store, number: int) -> Ref:
    key = parts(number)
    with store.draft(key.stage, key.key) as draft:
        (draft.folder / "table.parquet").write_bytes(content(number))
        return store.commit(draft, key, label="new", rows=300, parents=[], facts={"seconds": 1.0})


def plan(store: Store, numbers: Iterator[int], count: int) -> None:
    """Twelve stages: eleven hits and a changed one, for which the nearest earlier one is found."""
    for _ in range(len(STAGES) - 1):
        key = parts(next(numbers) % count)
        assert isinstance(store.lookup(key.stage, key.key, peek=True), Ref)
    changed = parts(count + 10**6)
    assert isinstance(store.lookup(changed.stage, changed.key, peek=True), Miss)
    nearest = store.nearest(changed)
    assert nearest is None or nearest.parts.code == changed.code


def milliseconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median of ``repeats`` calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def measure(root: Path, count: int) -> dict[str, float]:
    """Milliseconds of each operation in a store of ``count`` artifacts."""
    start = time.perf_counter()
    fill(root / "store", count)
    print(f"filled with {count} artifacts in {time.perf_counter() - start:.0f} s")
    store = Store.open(root / "store", cache=root / "cache")
    # A stride that is prime to every size visits different artifacts each time.
    numbers = itertools.count(0, 7919)
    new = itertools.count(count)

    def hit() -> None:
        key = parts(next(numbers) % count)
        assert isinstance(store.lookup(key.stage, key.key), Ref)

    def miss() -> None:
        key = parts(next(new) + 10**8)
        assert isinstance(store.lookup(key.stage, key.key), Miss)

    result = {
        "open": milliseconds(lambda: Store.open(store.url, cache=root / "cache")),
        "commit": milliseconds(lambda: commit(store, next(new))),
        "verified hit": milliseconds(hit),
        "miss": milliseconds(miss),
        "plan, 12 stages": milliseconds(lambda: plan(store, numbers, count), 10),
    }
    passes = 1 if count > 10_000 else 5
    result["verify, every artifact"] = milliseconds(store.verify, passes)
    result["gc, dry run"] = milliseconds(lambda: store.gc(1, min_age_s=0, dry_run=True), passes)
    return result


def measure_peer(root: Path) -> dict[str, float]:
    """joblib.Memory on the same payload."""
    cached = Memory(root / "joblib", verbose=0).cache(content)
    new = itertools.count()
    return {
        "commit": milliseconds(lambda: cached(next(new))),
        "verified hit": milliseconds(lambda: cached(0)),
    }


def measure_large(root: Path, megabytes: int) -> dict[str, float]:
    """A model-sized artifact: committed, verified by another process for the first and for the second time."""
    store = Store.open(root / "large", cache=root / "large-cache")
    key = parts(0)
    block = os.urandom(1 << 20)
    with store.draft(key.stage, key.key) as draft:
        with (draft.folder / "model.safetensors").open("wb") as file:
            for _ in range(megabytes):
                file.write(block)
        start = time.perf_counter()
        store.commit(draft, key, label="model", rows=None, parents=[], facts={})
        committed = time.perf_counter() - start
    other = root / "other-cache"
    first = milliseconds(lambda: Store.open(store.url, cache=other).lookup(key.stage, key.key), 1)
    again = milliseconds(lambda: Store.open(store.url, cache=other).lookup(key.stage, key.key), 5)
    plain = milliseconds(lambda: hashlib.sha256(block), 20) * megabytes
    return {"megabytes": megabytes, "commit": 1e3 * committed, "first check": first, "second check": again,
            "sha256 alone": plain}  # fmt: skip


def exponent(small: float, large: float, ratio: float) -> float:
    """How the time grows with the number of artifacts: 0 not at all, 1 in proportion."""
    return math.log(large / small) / math.log(ratio)


def document(figures: dict[str, Any], page: Path) -> None:
    """Replaces the figures in ``page`` between their two marks."""
    rows = figures["milliseconds"]
    peer, sizes = figures["joblib_milliseconds"], list(rows)
    lines = [
        "| milliseconds, median | "
        + " | ".join(f"{int(size):,} artifacts" for size in sizes)
        + " | joblib.Memory |"
    ]
    lines.append("|---" * (len(sizes) + 2) + "|")
    for name in rows[sizes[0]]:
        values = [f"{rows[size][name]:,.2f}" for size in sizes]
        lines.append(
            f"| {name} | " + " | ".join([*values, f"{peer[name]:.2f}" if name in peer else ""]) + " |"
        )
    large = figures["large_milliseconds"]
    lines.append(
        f"\nA file of {large['megabytes']} MB: commit {large['commit']:,.0f} ms, first check "
        f"{large['first check']:,.0f} ms (its sha256 alone {large['sha256 alone']:,.0f} ms), second check by "
        f"another process {large['second check']:.1f} ms. {figures['date']}, {figures['machine']['cores']} cores, "
        f"load {figures['load']:.1f} at the end."
    )
    before, _, rest = page.read_text("utf-8").partition(_START)
    after = rest.partition(_END)[2]
    page.write_text(before + _START + "\n" + "\n".join(lines) + "\n" + _END + after, "utf-8")


def show(sizes: list[int], rows: dict[int, dict[str, float]], peer: dict[str, float]) -> None:
    table = Table(title="Store, milliseconds (median)")
    table.add_column("operation")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("exponent", justify="right")
    table.add_column("joblib.Memory", justify="right")
    for name in rows[sizes[0]]:
        first, last = rows[sizes[0]][name], rows[sizes[-1]][name]
        grows = f"{exponent(first, last, sizes[-1] / sizes[0]):.2f}"
        beside = f"{peer[name]:.2f}" if name in peer else ""
        table.add_row(name, *(f"{rows[size][name]:,.2f}" for size in sizes), grows, beside)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10, 1_000, 100_000], help="artifacts in the store"
    )
    parser.add_argument("--megabytes", type=int, default=538, help="size of the large artifact")
    parser.add_argument("--folder", type=Path, help="where to build the stores (a real disk)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--doc", type=Path, help="put the figures into this page")
    options = parser.parse_args()
    rows: dict[int, dict[str, float]] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            rows[size] = measure(Path(folder), size)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        peer = measure_peer(Path(folder))
        large = measure_large(Path(folder), options.megabytes)
    show(options.sizes, rows, peer)
    print("large artifact: " + ", ".join(f"{name} {value:,.0f}" for name, value in large.items()) + " (ms)")
    code = milliseconds(lambda: code_hashes(["counterpoise.config"]), 5)
    print(f"code hashes of counterpoise.config and all it imports, parsed once: {code:.1f} ms")
    if options.out:
        figures: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
            "load": os.getloadavg()[0],
            "versions": {"python": platform.python_version(), "joblib": version("joblib")},
            "milliseconds": {str(size): row for size, row in rows.items()},
            "joblib_milliseconds": peer,
            "large_milliseconds": large,
        }
        options.out.write_text(json.dumps(figures, indent=1) + "\n")
        if options.doc:
            document(figures, options.doc)


if __name__ == "__main__":
    main()
