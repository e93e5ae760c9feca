"""The device: where the model runs, and in which number format."""

from typing import Literal

import torch

from asr.base.errors import DataError

Precision = Literal["bf16", "fp16", "fp32"]

DTYPES: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def pick_device() -> str:
    """Pick the device by the name that torch has for it: cuda or mps where there is one, else cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "unable to find an engine",  # torch's, when no plan of cuDNN's gets its workspace
)
"""What errors of drivers, cuDNN and cuBLAS say for which torch has no type of its own."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether less at once would have worked."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in NO_MEMORY)


LEAST_WIDTH_FOR_BF16_ON_CPU = 384
"""Below, conversions cost what the products save (measured on 2 cores with AMX: width 128 no faster, 384 twice)."""


def pick_precision(device: str, width: int) -> Precision:
    """Pick bf16 where CUDA computes in it, and fp16 on older CUDA devices; bf16 on a CPU that multiplies matrices in it, for a
    model of at least LEAST_WIDTH_FOR_BF16_ON_CPU; fp32 elsewhere.

    Vectors in bf16 (AVX512-BF16) are not enough: on such a CPU without AMX, tiny takes 1.6 times as long as in fp32.
    """
    match device:
        case "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        case "cpu" if width >= LEAST_WIDTH_FOR_BF16_ON_CPU:
            able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
            return "bf16" if able.get("amx_bf16") else "fp32"
    return "fp32"


def require_precision(precision: Precision, device: str) -> None:
    """Stop when the device can't compute in it.

    Raises:
        DataError: naming the parameter.
    """
    if precision == "fp16" and device == "cpu":
        raise DataError("train.precision is fp16, which needs a GPU: set auto, bf16 or fp32")
    if precision == "bf16" and device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise DataError("train.precision is bf16, in which this GPU can't compute: set auto, fp16 or fp32")
