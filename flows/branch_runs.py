"""Where a sweep's branches run: as processes on this machine, or as runs of a deployment on a Prefect pool."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import counterpoise
from counterpoise.artifacts.store import Store
from counterpoise.flows.sweep_plan import Branch
from counterpoise.threads import available_cores

POLL_S = 0.5
POOL_POLL_S = 5.0
RECOVERY_S = 180.0
"""How long a crashed run may wait for the automation that resumes it, seconds."""
GRACE_S = 120.0
"""How long a branch has after SIGTERM to complete a checkpoint, seconds."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ROOT = Path(counterpoise.__file__).resolve().parent.parent
"""Where the package is found."""


@dataclass(frozen=True)
class BranchOutcome:
    """What became of a branch.

    Attributes:
        status: ``completed``, ``failed`` or ``stopped`` (asked to, with everything kept).
        run: its run's id in the store, None where that is not known.
        reason: why it failed, one line.
        resume: the command that goes on with this branch alone.
        stages: the stages of its run record, of a completed one.
    """

    label: str
    status: Literal["completed", "failed", "stopped"]
    run: str | None
    reason: str
    resume: str
    stages: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """The branch's row in the sweep's record and in ``sweep --json``."""
        states = [stage["state"] for stage in self.stages]
        counts = {"computed": states.count("computed"), "cached": states.count("cached")}
        shown = {"branch": self.label, "status": self.status, "run": self.run}
        return shown | counts | {"reason": self.reason, "resume": self.resume}


class BranchRunner(Protocol):
    """Runs one branch to its end; called from several threads at once."""

    def __call__(self, branch: Branch) -> BranchOutcome:
        """What became of it; never raises for a failure of the branch."""


@dataclass(frozen=True)
class ProcessRunner:
    """Each branch as a process of its own on this machine.

    Attributes:
        store: where artifacts are kept.
        parallel: branches at a time; they share the machine's cores evenly, each with its own thread count.
        should_stop: asked while a branch runs; on True it gets SIGTERM.
        api_url: the Prefect server that the branches report to, None for their own.
        echo: told of a branch's label and each line that it prints about its stages.
    """

    store: str
    parallel: int
    should_stop: Callable[[], bool]
    api_url: str | None = None
    echo: Callable[[str, str], None] = lambda label, line: None

    def __call__(self, branch: Branch) -> BranchOutcome:
        """Runs the branch and waits for it."""
        with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "counterpoise.flows.branch"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env=self._environment(),
            )
            given = {"config": branch.config.model_dump(mode="json"), "store": self.store}
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it may be dead already; why is told below
                process.stdin.write(json.dumps(given).encode())
                process.stdin.close()
            asked = self._wait(branch.label, process, err)
            outcome = self._outcome(branch, process.returncode, _text(out), _text(err))
        stopped = asked and outcome.status == "failed"
        return replace(outcome, status="stopped", reason="asked to stop") if stopped else outcome

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        path = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(path)
        if self.api_url:
            environment["PREFECT_API_URL"] = self.api_url
        if self.parallel > 1:
            threads = max(1, available_cores() // self.parallel)
            environment |= dict.fromkeys(THREADS, str(threads))
        return environment

    def _wait(self, label: str, process: subprocess.Popen[bytes], err: IO[bytes]) -> bool:
        """Waits for the process's end; whether it was asked to stop."""
        shown = 0
        asked = False
        while process.poll() is None:
            try:
                process.wait(POLL_S if not asked else GRACE_S)
            except subprocess.TimeoutExpired:
                if asked:
                    process.kill()
            if self.should_stop() and not asked and process.poll() is None:
                asked = True
                process.terminate()
            shown = self._echo_from(label, err, shown)
        return asked

    def _echo_from(self, label: str, err: IO[bytes], start: int) -> int:
        lines, _, _rest = os.pread(err.fileno(), 1 << 20, start).rpartition(b"\n")
        for line in lines.decode("utf-8", "replace").splitlines():
            self.echo(label, line)
        return start + (len(lines) + 1 if lines else 0)

    def _outcome(self, branch: Branch, code: int, out: str, err: str) -> BranchOutcome:
        resume = branch.command(self.store)
        if code == 0:
            run = json.loads(out.strip().splitlines()[-1])["run"]
            record = Store.open(self.store).run(run)
            return BranchOutcome(branch.label, "completed", run, "", resume, tuple(record["stages"]))
        from counterpoise.flows.branch import STOPPED

        status: Literal["failed", "stopped"] = "stopped" if code in STOPPED else "failed"
        return BranchOutcome(branch.label, status, None, _reason(code, err), resume)


def _reason(code: int, err: str) -> str:
    """Why the process ended: its last line, or the signal that killed it."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; out of memory?" if name == "SIGKILL" else ""
        return f"its process was killed by {name}{hint}"
    lines = [line for line in err.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"its process ended with exit code {code}"


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


@dataclass(frozen=True)
class DeploymentRunner:
    """Each branch as a run of a deployment of the `debias` flow, on whatever worker its pool has.

    Attributes:
        store: a store that the workers reach too.
        deployment: ``flow/deployment``, as ``debias/local``.
        sweep: id of the sweep's run: when that is resumed, it finds its branches' runs and starts no others.
        should_stop: asked while a branch runs; on True the sweep waits no longer, and the branch's run goes on.
    """

    store: str
    deployment: str
    sweep: str
    should_stop: Callable[[], bool]

    def __call__(self, branch: Branch) -> BranchOutcome:
        """Schedules the branch and waits for its end."""
        from prefect.deployments import run_deployment

        flow_run: Any = run_deployment(
            self.deployment,
            parameters={"config": branch.config.model_dump(mode="json"), "store": self.store},
            flow_run_name=branch.label,
            idempotency_key=f"{self.sweep} · {branch.label}",
            timeout=0,
        )
        state = self._ended(flow_run.id)
        record = self._record(str(flow_run.id))
        run = record["run"] if record else None
        resume = branch.command(self.store)
        if state is None:
            return BranchOutcome(branch.label, "stopped", run, "asked to stop; its run goes on", resume)
        if state.is_completed() and record is not None:
            return BranchOutcome(branch.label, "completed", run, "", resume, tuple(record["stages"]))
        reason = (record or {}).get("error") or state.message or state.name
        return BranchOutcome(branch.label, "failed", run, " ".join(str(reason).split()), resume)

    def _ended(self, flow_run_id: Any) -> Any:
        """The run's final state, or None when asked to stop before it had one.

        A crashed run is given time: the recovery automation may take it up again (docs/deployments.md).
        """
        from prefect.client.orchestration import get_client

        crashed_since: float | None = None
        with get_client(sync_client=True) as client:
            while not self.should_stop():
                state: Any = client.read_flow_run(flow_run_id).state
                is_crashed = state is not None and state.is_crashed()
                crashed_since = (crashed_since or time.monotonic()) if is_crashed else None
                waited = crashed_since is not None and time.monotonic() - crashed_since > RECOVERY_S
                if state is not None and state.is_final() and (waited or not is_crashed):
                    return state
                time.sleep(POOL_POLL_S)
        return None

    def _record(self, flow_run_id: str) -> dict[str, Any] | None:
        ending = f"-{flow_run_id[:8]}"
        return next((run for run in Store.open(self.store).runs() if run["run"].endswith(ending)), None)
