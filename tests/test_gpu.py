"""The GPU in a line, or why torch can't compute on it. The observations are made up, so no test needs a GPU."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.machine import gpu
from asr.machine.gpu import Gpu, Observed, gpu_line, observe, summary, trouble
from tests.project import ROOT, environment

A10 = Gpu("NVIDIA A10", 24_146_608_128, (8, 6))
# As PyPI's wheel for Linux says of itself.
VERSION = "2.13.0+cu130"
WHEEL = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
FINE = Observed(
    has_driver=True,
    driver_version="580.95.05",
    has_device_files=True,
    torch_version=VERSION,
    cuda_version="13.0",
    architectures=WHEEL,
    device="cuda",
    gpus=(A10,),
    precision="bf16",
)
UNUSED = replace(FINE, device="cpu", gpus=(), precision="fp32", error="No CUDA GPUs are available")


def with_gpu(name: str, capability: tuple[int, int], architectures: tuple[str, ...] = WHEEL) -> Observed:
    return replace(FINE, gpus=(Gpu(name, 2**34, capability),), architectures=architectures)


def place(monkeypatch: pytest.MonkeyPatch, folder: Path, driver: str | None, *devices: str) -> None:
    """Lay the files that say what GPU there is into the folder."""
    if driver:
        (folder / "version").write_text(driver)
    for name in devices:
        (folder / name).touch()
    monkeypatch.setattr(gpu, "DRIVER", folder / "version")
    monkeypatch.setattr(gpu, "DEVICES", folder)


def test_a_gpu_is_told_with_its_memory_and_the_precision_that_auto_chooses() -> None:
    assert trouble(FINE) is None
    assert summary(FINE) == "GPU NVIDIA A10, 22.5 GiB, compute capability 8.6, bf16; torch 2.13.0 for CUDA 13.0"


def test_of_several_gpus_the_first_is_told() -> None:
    assert summary(replace(FINE, gpus=(A10,) * 4)).startswith("GPU NVIDIA A10 (the first of 4), 22.5 GiB, ")


def test_a_gpu_that_is_not_nvidias_is_told_without_what_only_those_have() -> None:
    apple = Observed(torch_version="2.13.0", device="mps")
    amd = Observed(torch_version="2.13.0+rocm7.2", device="cuda", gpus=(Gpu("AMD MI210", 2**36, (9, 0)),), precision="bf16")

    assert trouble(apple) is None
    assert summary(apple) == "GPU mps, fp32; torch 2.13.0"
    assert trouble(amd) is None
    assert summary(amd) == "GPU AMD MI210, 64.0 GiB, bf16; torch 2.13.0+rocm7.2"


@pytest.mark.parametrize(
    ("observed", "told"),
    [
        (Observed(torch_version="2.13.0"), "no GPU's driver is here: install NVIDIA's, or run on another machine"),
        (
            replace(UNUSED, torch_version="2.13.0+cpu", cuda_version=None),
            "torch 2.13.0+cpu is built for the CPU: run `pip install --force-reinstall torch==2.13.0` in .venv",
        ),
        (
            replace(UNUSED, has_device_files=False),
            "its driver is here, /dev/nvidia0 is not: start a container with `--gpus all`, or run `nvidia-smi` as root",
        ),
        (
            replace(UNUSED, driver_version="535.104.05"),
            "its driver 535.104.05 is too old for torch 2.13.0+cu130, whose CUDA 13.0 needs 580 or newer: update the driver, "
            "or install another torch, see docs/machines.md#which-torch",
        ),
        (
            replace(UNUSED, driver_version="525.60.11", cuda_version="12.6"),
            "its driver 525.60.11 is too old for torch 2.13.0+cu130, whose CUDA 12.6 needs 525.60.13 or newer: update the "
            "driver, or install another torch, see docs/machines.md#which-torch",
        ),
        (replace(UNUSED, visible_devices=""), "CUDA_VISIBLE_DEVICES is '', with which torch finds none: unset it"),
        (UNUSED, "torch 2.13.0+cu130 can't use it (No CUDA GPUs are available): look at `nvidia-smi`"),
        (
            replace(UNUSED, driver_version=None, error=None),
            "torch 2.13.0+cu130 can't use it (it says no more): look at `nvidia-smi`",
        ),
        (
            replace(FINE, error="CUDA error: out of memory"),
            "a small product on the GPU failed (CUDA error: out of memory): look at `nvidia-smi`; another process may hold its "
            "memory",
        ),
    ],
    ids=lambda value: None if isinstance(value, Observed) else str(value)[:40],
)
def test_what_keeps_torch_from_the_gpu_is_told_with_its_remedy(observed: Observed, told: str) -> None:
    assert trouble(observed) == told


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [("580.65.06", "13.0"), ("595.10", "13.2"), ("580.65.06", "12.6"), ("525.60.13", "12.6"), ("450.80.02", "11.8")],
)
def test_a_driver_is_new_enough_for_the_whole_major_version_of_cuda(driver: str, cuda: str) -> None:
    told = trouble(replace(UNUSED, driver_version=driver, cuda_version=cuda))

    assert told is not None
    assert "too old" not in told


def test_a_driver_is_not_called_too_old_where_torch_computes_all_the_same() -> None:
    assert trouble(replace(FINE, driver_version="535.104.05")) is None  # as with NVIDIA's package for forward compatibility


def test_a_gpu_that_torch_has_no_code_for_is_told_even_if_the_product_failed() -> None:
    told = trouble(replace(with_gpu("Tesla V100", (7, 0)), error="CUDA error: no kernel image is available"))

    assert told == (
        "torch 2.13.0+cu130 has no code for Tesla V100, compute capability 7.0, only for sm_75, sm_80, sm_86, sm_90, sm_100, "
        "sm_120: install another torch, see docs/machines.md#which-torch"
    )


@pytest.mark.parametrize(
    ("capability", "architectures", "suits"),
    [
        ((8, 6), ("sm_80",), True),  # a later minor of the same major
        ((8, 9), WHEEL, True),
        ((12, 1), WHEEL, True),
        ((8, 0), ("sm_86",), False),  # an earlier one
        ((11, 0), WHEEL, False),  # another major
        ((11, 0), ("sm_90", "compute_90"), True),  # PTX suits all later ones
        ((8, 6), ("sm_90", "compute_90"), False),
        ((9, 0), ("sm_90a",), True),
        ((10, 3), ("sm_100a",), False),
        ((12, 0), ("compute_90a",), False),
        ((10, 3), ("sm_100f",), True),
        ((11, 0), ("compute_100f",), False),
        ((9, 0), (), False),
    ],
)
def test_code_suits_later_minors_of_its_major_and_ptx_all_later_gpus(
    capability: tuple[int, int], architectures: tuple[str, ...], suits: bool
) -> None:
    assert (trouble(with_gpu("X", capability, architectures)) is None) == suits


def test_every_gpu_must_suit() -> None:
    told = trouble(replace(FINE, gpus=(A10, Gpu("Tesla P40", 2**34, (6, 1)))))

    assert told is not None
    assert told.startswith("torch 2.13.0+cu130 has no code for Tesla P40, compute capability 6.1")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  12.2.0\n",
            "535.104.05",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder)\n", "580.95.05"),
        ("NVRM version: something else\nGCC version:  gcc version 512.2.0\n", None),
    ],
)
def test_the_drivers_version_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, version: str | None) -> None:
    place(monkeypatch, tmp_path, line)

    assert observe().driver_version == version


def test_what_is_observed_here_fits_the_torch_that_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    place(monkeypatch, tmp_path, None, "nvidia1", "nvidiactl")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    seen = observe()

    assert (seen.has_driver, seen.has_device_files, seen.driver_version, seen.visible_devices) == (True, True, None, "1")
    assert (seen.torch_version, seen.cuda_version) == (torch.__version__, torch.version.cuda)
    assert (seen.device == "cuda") == torch.cuda.is_available() == bool(seen.gpus)


def test_a_gpu_is_asked_for_a_small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(device: str) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be …")

    monkeypatch.setattr(gpu, "_multiply", refuse)

    assert observe().error == "CUDA error: an illegal memory access was encountered"


def test_without_a_driver_nothing_is_told_and_torch_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from asr.machine import gpu; "
        f"gpu.DRIVER = Path({str(tmp_path / 'version')!r}); gpu.DEVICES = Path({str(tmp_path)!r}); "
        "print(gpu.gpu_line(is_required=False), 'torch' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)

    assert told.stdout == "None False\n"


def test_a_trouble_is_a_warning_unless_a_gpu_is_required(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place(monkeypatch, tmp_path, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05\n", "nvidia0")
    monkeypatch.setattr(gpu, "observe", lambda: replace(UNUSED, cuda_version=None, torch_version="2.13.0+cpu"))
    remedy = "torch 2.13.0+cpu is built for the CPU: run `pip install --force-reinstall torch==2.13.0` in .venv"

    assert gpu_line(is_required=False) == f"this machine has a GPU, but {remedy}; all is computed on the CPU"
    with pytest.raises(DataError) as stopped:
        gpu_line(is_required=True)
    assert str(stopped.value) == f"require_gpu is set (machine.yaml or ASR_REQUIRE_GPU), but {remedy}"

    monkeypatch.setattr(gpu, "observe", lambda: FINE)
    assert gpu_line(is_required=True) == gpu_line(is_required=False) == summary(FINE)


def test_a_gpu_that_is_required_and_absent_stops_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place(monkeypatch, tmp_path, None)
    monkeypatch.setattr(gpu, "observe", lambda: Observed(torch_version="2.13.0"))

    assert gpu_line(is_required=False) is None
    with pytest.raises(DataError, match="but no GPU's driver is here"):
        gpu_line(is_required=True)
