"""What `counterpoise doctor` finds, and the profile that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.flows.commands import _doctor_machine as own
from counterpoise.flows.commands import _doctor_services as services
from counterpoise.flows.commands import _doctor_surroundings as surroundings
from counterpoise.flows.commands._doctor_findings import GIB, LOCAL_MEMORY_BYTES, Check, Machine

OPT_GPU_BYTES = 8 * GIB


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, and the profile that they allow."""

    profile: str
    why: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing keeps runs from working."""
        return all(check.state != "fail" for check in self.checks)


def examine(store_url: str, *, offline: bool) -> Diagnosis:
    """Looks at the machine and at what it can reach.

    Args:
        store_url: the store that a run would use.
        offline: leave out what uses the network.
    """
    machine = own.measure()
    checks = [
        own.python(),
        own.packages(),
        own.processor(machine),
        own.gpu(machine),
        services.store(store_url),
        services.disk(store_url),
        services.data(),
        services.prefect_api(offline=offline),
        surroundings.folders(),
        surroundings.proxy(),
        surroundings.output(),
    ]
    if not offline:
        checks += services.mirrors(data_cached=checks[6].state == "ok")
    profile, why = fitting_profile(machine)
    return Diagnosis(profile, why, tuple(checks))


def fitting_profile(machine: Machine) -> tuple[str, str]:
    """The largest profile that the machine has room for, and why.

    >>> fitting_profile(Machine(2, 24 * GIB, 0, ""))
    ('local', 'no GPU; 24 GiB of memory are enough for the 135M model')
    """
    memory = f"{machine.memory_bytes / GIB:.0f} GiB of memory"
    if machine.gpu_bytes >= OPT_GPU_BYTES:
        return "opt-1.3b", f"{machine.gpu_name} has {machine.gpu_bytes / GIB:.0f} GiB, it needs 8"
    gpu = f"{machine.gpu_name} is too small for opt-1.3b" if machine.gpu_bytes else "no GPU"
    if machine.memory_bytes >= LOCAL_MEMORY_BYTES:
        return "local", f"{gpu}; {memory} are enough for the 135M model"
    return "smoke", f"{gpu}; {memory} are too little for local, which needs 6 GiB"
