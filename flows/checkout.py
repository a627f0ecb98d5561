"""The pull step of every deployment: enters the checkout that the worker's own environment was installed from."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: the folder with `flows/`, `deployments/` and `constraints.txt`."""


def enter() -> dict[str, str]:
    """Makes the checkout the working folder, wherever it lies on this machine; a Prefect pull step."""
    os.chdir(ROOT)
    return {"directory": str(ROOT)}
