"""The energy of a job, as ``run.json`` holds it under ``cost.energy``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce

from pydantic import BaseModel, ConfigDict

JOULES = 3.6e6  # in a kilowatt hour


class Energy(BaseModel):
    """Kilowatt hours of a GPU and of a CPU, and how each was found.

    ``estimated``: whether any of them rests on an assumption: a share of a device that several jobs use, power samples,
    or ``watts_per_core``.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    gpu_kwh: float | None
    """0 without a GPU, None where it could not be read"""
    cpu_kwh: float | None
    gpu_method: str
    cpu_method: str
    estimated: bool
    cpu_seconds: float
    """CPU time of the job's processes, of all their threads"""
    watts_per_core: float | None = None
    """assumed for each core in use, where the processor has no readable counter"""

    @property
    def kwh(self) -> float | None:
        """GPU and CPU together; None where one of them is not known."""
        return None if self.gpu_kwh is None or self.cpu_kwh is None else self.gpu_kwh + self.cpu_kwh

    def plus(self, other: Energy) -> Energy:
        """This and the other one, such as two processes of a job, or a job before and after a restart."""
        return Energy(
            gpu_kwh=together((self.gpu_kwh, other.gpu_kwh)),
            cpu_kwh=together((self.cpu_kwh, other.cpu_kwh)),
            gpu_method=_both(self.gpu_method, other.gpu_method),
            cpu_method=_both(self.cpu_method, other.cpu_method),
            estimated=self.estimated or other.estimated,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            watts_per_core=self.watts_per_core if other.watts_per_core is None else other.watts_per_core,
        )

    def numbers(self) -> list[float]:
        """Energy of the GPU and of the CPU (nan where unknown) and CPU time: what adds up over ranks."""
        return [math.nan if value is None else value for value in (self.gpu_kwh, self.cpu_kwh, self.cpu_seconds)]

    def with_numbers(self, numbers: list[float]) -> Energy:
        """The same methods with other `numbers`."""
        gpu, cpu, seconds = numbers
        known = {"gpu_kwh": None if math.isnan(gpu) else gpu, "cpu_kwh": None if math.isnan(cpu) else cpu}
        return self.model_copy(update=known | {"cpu_seconds": seconds})


def together(values: Iterable[float | None]) -> float | None:
    """The sum of ``values``; None where one is not known, and of none."""
    given = list(values)
    known = [value for value in given if value is not None]
    return sum(known) if known and len(known) == len(given) else None


def total(energies: Iterable[Energy | None]) -> Energy | None:
    """The energy of several jobs, see `Energy.plus`; None where one was not measured, and of none."""
    given = list(energies)
    known = [energy for energy in given if energy is not None]
    return reduce(Energy.plus, known) if known and len(known) == len(given) else None


def _both(first: str, second: str) -> str:
    return first if first == second else "; ".join(dict.fromkeys([*first.split("; "), *second.split("; ")]))
