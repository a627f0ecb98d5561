"""``make bench``: the CPU set, one script after another; each prints a table and writes docs/results/*.json."""

from __future__ import annotations

import runpy
import sys

SCRIPTS = ("scoring", "dpo", "toxicity", "counterfactual", "store")


def main() -> None:
    """Runs the scripts named on the command line, or all; a failing one doesn't stop the others."""
    failed = []
    for name in sys.argv[1:] or SCRIPTS:
        print(f"\n== {name} ==", flush=True)
        sys.argv = [f"benchmarks.{name}"]
        try:
            runpy.run_module(f"benchmarks.{name}", run_name="__main__")
        except SystemExit as end:
            failed += [name] if end.code else []
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
