"""The optimiser: what the library calls it, its schedule, what it keeps for each weight, and whether its package is there."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from asr.base.errors import DataError
from asr.training.recipe import Optimizer


def library_name(optimizer: Optimizer, device: str) -> str:
    """The name that transformers has for it; on a GPU that of the fused one."""
    if optimizer == "adamw_8bit":
        return "adamw_bnb_8bit"
    return "adamw_torch_fused" if device == "cuda" else "adamw_torch"


def without_first_step(schedule: LambdaLR) -> LambdaLR:
    """The schedule from its second step on: at the first, a warm-up's rate is 0, and nothing is learned."""
    schedule.lr_lambdas = [partial(_a_step_on, rate) for rate in schedule.lr_lambdas]
    for group, rate, peak in zip(schedule.optimizer.param_groups, schedule.lr_lambdas, schedule.base_lrs, strict=True):
        group["lr"] = peak * rate(0)
    return schedule


def _a_step_on(rate: Callable[[int], float], step: int) -> float:
    return rate(step + 1)


def state_bytes(model: nn.Module, optimizer: Optimizer) -> int:
    """Count the bytes that it keeps for the trained weights: two numbers each, of a byte for 8 bits but in the embeddings."""
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    return sum(
        (2 if optimizer == "adamw_8bit" and id(parameter) not in embeddings else 8) * parameter.numel()
        for parameter in model.parameters()
        if parameter.requires_grad
    )


def require_optimizer(optimizer: Optimizer) -> None:
    """Stop when the optimiser's package is not there.

    Raises:
        DataError: naming it.
    """
    if optimizer == "adamw_8bit" and find_spec("bitsandbytes") is None:
        raise DataError(
            "train.optimizer is adamw_8bit, which needs bitsandbytes: `pip install bitsandbytes`, or set it to adamw"
        )
