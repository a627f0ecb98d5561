"""Prefect as a quiet library inside the command line: no telemetry, no log stack, an embedded server if none is set.

Everything here is a default: what the user has set in the environment or a Prefect profile wins.
"""

from __future__ import annotations

import os
import warnings

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SHOW_CONSOLE_ERRORS": "false",
}
"""Settings for runs started by the command line; a worker's runs keep Prefect's own logging."""

LIBRARIES = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "BITSANDBYTES_NOWELCOME": "1",
    "TQDM_DISABLE": "1",
}
"""Settings of the model libraries: no telemetry, no advisories and no second progress bar on the terminal."""


def quiet_defaults() -> None:
    """Sets the defaults of both; must run before Prefect is imported."""
    for name, value in (QUIET | LIBRARIES).items():
        os.environ.setdefault(name, value)


def quiet_libraries() -> None:
    """Sets the model libraries' defaults, also in a worker's run; must run before they are imported."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    for library in ("transformers", "peft", "trl", "bitsandbytes", "torch"):
        warnings.filterwarnings("ignore", module=rf"{library}(\.|$)")
