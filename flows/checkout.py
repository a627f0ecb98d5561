"""The steps of `deployments/prefect.yaml`: a profile's settings when deploying, the checkout when running."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: the folder with `flows/`, `deployments/` and `constraints.txt`."""


def enter() -> dict[str, str]:
    """Makes the checkout the working folder, wherever it lies on this machine; a Prefect pull step."""
    os.chdir(ROOT)
    return {"directory": str(ROOT)}


def profile(name: str) -> dict[str, Any]:
    """The settings of ``flows/profiles/NAME.toml`` as ``config``; a Prefect build step."""
    text = (ROOT / "flows" / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    return {"config": tomllib.loads(text)}
