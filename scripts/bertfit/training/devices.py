"""Device, threads, determinism, precision and energy of a training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bertfit.energy import energy_meter
from bertfit.energy.energy_meter import EnergyMeter
from bertfit.energy.energy_use import Energy
from bertfit.runtime import gpu_lease
from bertfit.training import distributed


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def prepare(threads: int) -> torch.device:
    """Set threads, rounding and determinism of this process, and its share of the GPU; returns `default_device`."""
    # Where training fails, gradients are so small that their squares are denormal numbers, which a CPU takes many times
    # as long to compute with. Set before threads start, which inherit it.
    torch.set_flush_denormal(True)
    torch.set_num_threads(max(1, threads // distributed.size()))
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        # No TF32 in LSTMs, cuDNN's default. With `rnn.fp32_precision` torch.export fails, which reads this switch.
        torch.backends.cudnn.allow_tf32 = False
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs kernels
        if (share := gpu_lease.memory_share(os.environ)) < 1:
            torch.cuda.set_per_process_memory_fraction(share)
    return default_device()


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 products on CUDA, plain float32 on a CPU."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


@contextmanager
def measuring_energy(device: torch.device) -> Iterator[EnergyMeter]:
    """Measure the energy of this process on ``device`` while the block runs: of this rank, where there are several."""
    with energy_meter.measuring(_uuid(device), gpu_lease.memory_share(os.environ)) as meter:
        yield meter


def of_all_ranks(energy: Energy) -> Energy:
    """The energy of all ranks, which call this together."""
    if distributed.size() == 1:
        return energy
    numbers = torch.tensor(energy.numbers(), dtype=torch.float64)  # on the CPU, as a rank never waits for its GPU here
    return energy.with_numbers(distributed.total(numbers).tolist())


def _uuid(device: torch.device) -> str | None:
    """The name by which NVML finds a GPU or MIG instance; None for a CPU."""
    if device.type != "cuda":
        return None
    number = torch.cuda.current_device() if device.index is None else device.index
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if number < len(names) and names[number].startswith("MIG-"):  # whose UUID torch may give as that of its board
        return names[number]
    return f"GPU-{torch.cuda.get_device_properties(number).uuid}"
