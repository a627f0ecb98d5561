"""Doctor's look at the machine itself: Python, packages, processor, memory, GPU."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from counterpoise import flows
from counterpoise.extras import install_command
from counterpoise.flows.commands._doctor_findings import GIB, LOCAL_MEMORY_BYTES, Check, Machine
from counterpoise.threads import available_cores

SUPPORTED_PYTHON = (3, 11)
CONSTRAINTS = Path(flows.__file__).resolve().parent.parent / "constraints.txt"
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def measure() -> Machine:
    """Cores that this process may use, memory (a container's limit if there is one), and the largest GPU."""
    cores = available_cores()
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    name, size = _largest_gpu()
    return Machine(cores, min([physical, *_container_limits()]), size, name)


def _container_limits() -> list[int]:
    texts = [path.read_text(encoding="ascii").strip() for path in CGROUP_LIMITS if path.is_file()]
    return [int(text) for text in texts if text.isdigit()]


def _largest_gpu() -> tuple[str, int]:
    import torch

    if not torch.cuda.is_available():
        return "", 0
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    largest = max(devices, key=lambda device: device.total_memory)
    return str(largest.name), int(largest.total_memory)


def python() -> Check:
    """The interpreter."""
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] == SUPPORTED_PYTHON:
        return Check("python", "ok", text)
    state = "warn" if sys.version_info[:2] > SUPPORTED_PYTHON else "fail"
    return Check("python", state, text, "the tested version is 3.11")  # type: ignore[arg-type]


def packages() -> Check:
    """Direct dependencies: installed, and at the versions that were seen to work together."""
    wanted = _pinned(CONSTRAINTS)
    direct = [
        re.split(r"[^A-Za-z0-9._-]", line)[0]
        for line in metadata.requires("counterpoise") or []
        if "extra ==" not in line
    ]
    missing = [name for name in direct if _installed(name) is None]
    if missing:
        return Check(
            "packages", "fail", f"not installed: {', '.join(missing)}", install_command("counterpoise")
        )
    if not wanted:
        return Check(
            "packages", "ok", f"{len(direct)} direct dependencies installed (no constraints file here)"
        )
    other = [
        f"{name} {_installed(name)} (tested: {wanted[_canonical(name)]})"
        for name in direct
        if wanted.get(_canonical(name)) not in (None, (_installed(name) or "").partition("+")[0])
    ]
    if other:
        return Check(
            "packages",
            "warn",
            "; ".join(other),
            install_command(f"--constraint={CONSTRAINTS}") + " counterpoise",
        )
    return Check("packages", "ok", f"{len(direct)} direct dependencies at the tested versions")


def _pinned(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==", 1) for line in lines if "==" in line)
    return {_canonical(name): version for name, version in pairs}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def processor(machine: Machine) -> Check:
    """Cores and memory."""
    detail = f"{machine.cores} cores, {machine.memory_bytes / GIB:.1f} GiB of memory"
    if machine.memory_bytes >= LOCAL_MEMORY_BYTES:
        return Check("processor", "ok", detail)
    return Check("processor", "warn", detail, "local needs 6 GiB; smoke runs here")


def gpu(machine: Machine) -> Check:
    """The largest GPU, and what torch was built for."""
    import torch

    if machine.gpu_bytes:
        return Check(
            "gpu", "ok", f"{machine.gpu_name}, {machine.gpu_bytes / GIB:.0f} GiB, CUDA {torch.version.cuda}"
        )
    if torch.version.cuda is None and Path("/proc/driver/nvidia/version").exists():
        return Check(
            "gpu",
            "warn",
            f"torch {torch.__version__} is a CPU build",
            "install a CUDA build of torch to use the GPU",
        )
    return Check("gpu", "ok", "none; training in 4 bits works on the CPU, for models of local's size")
