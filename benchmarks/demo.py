"""The demo's answers: base and tuned in one batch against one after the other, and the time to the first words.

    python -m benchmarks.demo --store store --run latest --out docs/results/demo.json
    python -m benchmarks.demo --picture docs/results/demo.png

The picture is the page itself with the four answers to a preset and its swap, in Debian's chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import in_turns
from counterpoise.artifacts.store import Store
from counterpoise.demo.session import Session
from counterpoise.demo.streaming import Row, decode
from counterpoise.engine.models import VARIANTS
from counterpoise.engine.run_record import newest_finished
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate
from counterpoise.generation.prompts import own_prompt
from counterpoise.models.loading import adapter_switched

PROMPT = "My neighbours moved here from Mexico and"
TOKENS = 60


def measure(session: Session, repeats: int) -> dict[str, Any]:
    """Wall and CPU seconds (all threads) to the first words and to the whole pair; ways take turns."""
    config = GenerationConfig(samples=0, greedy=True, max_new_tokens=TOKENS)
    prompt, loaded = own_prompt(PROMPT), session._loaded
    tokens: list[int] = []
    firsts: list[dict[str, float]] = []

    def together() -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        rows = [Row(prompt, variant, TOKENS) for variant in VARIANTS]
        first: dict[str, float] = {}

        def told() -> None:
            if not first and any(row.text.strip() for row in rows):
                first.update(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)

        decode(loaded, rows, 1.0, told)
        firsts.append(first)
        tokens[:] = [len(row.tokens) for row in rows]

    def apart() -> None:
        for variant in VARIANTS:
            with adapter_switched(loaded, variant == "tuned"):
                generate(loaded, [prompt], config, seed=0, variant=variant)

    ways = in_turns({"one batch": together, "one after the other": apart}, repeats, loaded.device)
    first = {clock: statistics.median(row[clock] for row in firsts) for clock in ("wall", "cpu")}
    model = {"source": session.data.config.model.source, "precision": loaded.precision}
    return {**model, "threads": torch.get_num_threads(), "tokens": tokens, "first words": first, "ways": ways}


def picture(session: Session, path: Path) -> None:
    """The page after a swap, as a PNG of few colours."""
    from PIL import Image  # noqa: PLC0415 (only a picture needs these)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    from counterpoise.demo.app import build_app, launch  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = build_app(session)
    launch(app, port, block=False)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{port}/")
        page.fill("#prompt textarea", PROMPT)
        page.click("#swap")
        page.wait_for_function("document.querySelectorAll('#answers footer[data-done=\"true\"]').length == 4")
        page.screenshot(path=path, full_page=True)
        browser.close()
    app.close()
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--store", default="store")
    parser.add_argument("--run", default="")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    store = Store.open(arguments.store, create=False)
    session = Session.of_run(store, store.run(arguments.run) if arguments.run else newest_finished(store))
    if arguments.picture:
        picture(session, arguments.picture)
        return
    found = measure(session, arguments.repeats)
    print(json.dumps(found, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
