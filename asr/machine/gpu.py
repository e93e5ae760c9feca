"""The GPU: what there is, in a line, or why torch can't compute on it.

Where no driver is, torch isn't asked, as its import takes seconds.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from asr.base.errors import DataError

DRIVER = Path("/proc/driver/nvidia/version")
DEVICES = Path("/dev")
"""Where Linux shows NVIDIA's driver and the GPUs. A container sees its host's driver, but only the GPUs that it was given."""

LEAST_DRIVERS = {"11": "450.80.02", "12": "525.60.13", "13": "580"}
"""By the major version of CUDA, on Linux: docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html, table 1,
with the numbers in full of CUDA's release notes.
"""

ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")
"""As in sm_86: code for compute capability 8.6; compute_120 is PTX, from which the driver makes code for newer GPUs."""


@dataclass(frozen=True)
class Gpu:
    """A GPU, as torch describes it."""

    name: str
    memory_bytes: int
    capability: tuple[int, int]


@dataclass(frozen=True)
class Observed:
    """What was seen of the driver, of torch and of the GPUs."""

    has_driver: bool = False
    driver_version: str | None = None
    has_device_files: bool = False
    visible_devices: str | None = None
    """CUDA_VISIBLE_DEVICES, where it is set."""
    torch_version: str = ""
    cuda_version: str | None = None
    """The CUDA that torch was built for; None: another kind of device, or none but the CPU."""
    architectures: tuple[str, ...] = ()
    device: str = "cpu"
    """That which torch picks: cuda, mps or cpu."""
    gpus: tuple[Gpu, ...] = ()
    precision: str = "fp32"
    """That which `auto` chooses there."""
    error: str | None = None
    """What torch said when it was asked for the GPU or for a small product on it."""


def gpu_line(is_required: bool) -> str | None:
    """The line to print about this machine's GPU; None when nothing says that it has one, and none is required.

    Raises:
        DataError: when one is required and torch can't compute on it.
    """
    if not is_required and not _driver_is_there():
        return None
    observed = observe()
    if (reason := trouble(observed)) is None:
        return summary(observed)
    if is_required:
        raise DataError(f"require_gpu is set (machine.yaml or ASR_REQUIRE_GPU), but {reason}")
    return f"this machine has a GPU, but {reason}; all is computed on the CPU" if observed.device == "cpu" else reason


def summary(observed: Observed) -> str:
    """Device, memory and the precision that `auto` chooses, in a line."""
    if not observed.gpus:
        return f"GPU {observed.device}, {observed.precision}; torch {observed.torch_version}"
    gpu, count = observed.gpus[0], len(observed.gpus)
    parts = [
        f"GPU {gpu.name}" + (f" (the first of {count})" if count > 1 else ""),
        f"{gpu.memory_bytes / 2**30:.1f} GiB",
        *([f"compute capability {_dotted(gpu.capability)}"] if observed.cuda_version else []),
        observed.precision,
    ]
    version = observed.torch_version
    torch = f"{version.partition('+')[0]} for CUDA {observed.cuda_version}" if observed.cuda_version else version
    return f"{', '.join(parts)}; torch {torch}"


def trouble(observed: Observed) -> str | None:
    """Why torch can't compute on the GPU, and what to do; None when it can."""
    if observed.device == "cpu":
        return _why_unavailable(observed)
    strange = [gpu for gpu in observed.gpus if observed.cuda_version and not _has_code_for(gpu, observed.architectures)]
    if strange:
        return (
            f"torch {observed.torch_version} has no code for {strange[0].name}, compute capability "
            f"{_dotted(strange[0].capability)}, only for {', '.join(observed.architectures)}: {ANOTHER_TORCH}"
        )
    if observed.error:
        return (
            f"a small product on the GPU failed ({observed.error}): look at `nvidia-smi`; another process may hold its memory"
        )
    return None


ANOTHER_TORCH = "install another torch, see docs/machines.md#which-torch"


def _why_unavailable(observed: Observed) -> str:
    torch, cuda = observed.torch_version, observed.cuda_version
    if not observed.has_driver:
        return "no GPU's driver is here: install NVIDIA's, or run on another machine"
    if cuda is None:
        plain = torch.partition("+")[0]
        return f"torch {torch} is built for the CPU: run `pip install --force-reinstall torch=={plain}` in .venv"
    if not observed.has_device_files:
        return "its driver is here, /dev/nvidia0 is not: start a container with `--gpus all`, or run `nvidia-smi` as root"
    least = LEAST_DRIVERS.get(cuda.partition(".")[0])
    if least and observed.driver_version and _numbers(observed.driver_version) < _numbers(least):
        return (
            f"its driver {observed.driver_version} is too old for torch {torch}, whose CUDA {cuda} needs {least} or newer: "
            f"update the driver, or {ANOTHER_TORCH}"
        )
    if observed.visible_devices is not None:
        return f"CUDA_VISIBLE_DEVICES is '{observed.visible_devices}', with which torch finds none: unset it"
    return f"torch {torch} can't use it ({observed.error or 'it says no more'}): look at `nvidia-smi`"


def _has_code_for(gpu: Gpu, architectures: tuple[str, ...]) -> bool:
    """Whether one suits: code runs on later minors of its major and PTX on all later GPUs, but with an `a` either runs on that
    one only, and with an `f` within its major only.
    """
    for kind, major, minor, suffix in (found.groups() for name in architectures if (found := ARCHITECTURE.fullmatch(name))):
        built_for = (int(major), int(minor))
        if built_for == gpu.capability:
            return True
        is_older = built_for < gpu.capability
        if suffix != "a" and is_older and (built_for[0] == gpu.capability[0] or (kind == "compute" and not suffix)):
            return True
    return False


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _driver_is_there() -> bool:
    return DRIVER.exists() or bool(_device_files())


def _device_files() -> list[Path]:
    return list(DEVICES.glob("nvidia[0-9]*"))


def _driver_version() -> str | None:
    """As in `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023`."""
    try:
        first, _, _ = DRIVER.read_text(encoding="utf-8", errors="replace").partition("\n")
    except OSError:
        return None
    found = re.search(r"\b\d{3,}(?:\.\d+)+\b", first)
    return found[0] if found else None


def observe() -> Observed:
    """Look at the driver, and ask torch."""
    import torch

    from asr.machine.device import pick_device, pick_precision

    seen = Observed(
        has_driver=_driver_is_there(),
        driver_version=_driver_version(),
        has_device_files=bool(_device_files()),
        visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        torch_version=torch.__version__,
        cuda_version=torch.version.cuda,
        architectures=tuple(torch.cuda.get_arch_list()),
        device=pick_device(),
    )
    try:
        seen = replace(seen, gpus=_found_gpus(seen), precision=pick_precision(seen.device, width=0))
        _multiply(seen.device)
    except RuntimeError as error:
        return replace(seen, error=str(error).strip().partition("\n")[0])
    return seen


def _found_gpus(seen: Observed) -> tuple[Gpu, ...]:
    """Those of CUDA. Where torch should find some and doesn't, the error says why."""
    import torch

    if seen.device == "cpu" and seen.cuda_version:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    count = torch.cuda.device_count() if seen.device == "cuda" else 0
    found = [torch.cuda.get_device_properties(index) for index in range(count)]
    return tuple(Gpu(each.name, each.total_memory, (each.major, each.minor)) for each in found)


def _multiply(device: str) -> None:
    import torch

    ones = torch.ones(8, 8, device=device)
    if not bool((ones @ ones == 8).all()):
        raise RuntimeError("its result is wrong")
