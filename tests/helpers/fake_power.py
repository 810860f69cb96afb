"""Made-up counters of energy: a driver's library (NVML), and a folder of RAPL's zones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

GPU = "GPU-11111111-2222-3333-4444-555555555555"
MIG = "MIG-11111111-2222-3333-4444-555555555555"


class NVMLError(Exception):
    """As that of pynvml."""


class FakeNvml:
    """One board: ``millijoules`` of its counter (None: it has none), ``milliwatts``; an instance has 2 of 7 slices."""

    NVMLError = NVMLError

    def __init__(self, *, millijoules: int | None = None, milliwatts: int | None = None, driver: bool = True) -> None:
        self.millijoules, self.milliwatts, self.driver = millijoules, milliwatts, driver
        self.opened = 0

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.driver:
            raise NVMLError("Driver Not Loaded")
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid not in (GPU, MIG):
            raise NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetAttributes(self, gpu: str) -> Any:  # noqa: N802
        assert gpu == MIG
        return SimpleNamespace(gpuInstanceSliceCount=2)

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, gpu: str) -> str:  # noqa: N802
        assert gpu == MIG
        return GPU

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: str) -> int:  # noqa: N802
        assert gpu == GPU
        return 7

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: str) -> int:  # noqa: N802
        assert gpu == GPU
        if self.millijoules is None:
            raise NVMLError("Not Supported")
        return self.millijoules

    def nvmlDeviceGetPowerUsage(self, gpu: str) -> int:  # noqa: N802
        assert gpu == GPU
        if self.milliwatts is None:
            raise NVMLError("Not Supported")
        return self.milliwatts

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
        """Be the module pynvml until the test ends."""
        monkeypatch.setitem(__import__("sys").modules, "pynvml", self)
        return self


def zone(folder: Path, place: str, name: str, microjoules: int, largest: int = 262_143_328_850) -> Path:
    """A zone of RAPL, such as ``intel-rapl:0`` or its part ``intel-rapl:0:1``; Linux shows both in one folder."""
    path = folder / place
    path.mkdir(parents=True, exist_ok=True)
    for file, content in (("name", name), ("max_energy_range_uj", largest), ("energy_uj", microjoules)):
        (path / file).write_text(f"{content}\n")
    return path
