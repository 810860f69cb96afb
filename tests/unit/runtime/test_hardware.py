"""Which GPUs a process may use, asked of a driver that is made up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pynvml
import pytest

from bertfit.runtime import hardware

Mig = list[str | None]
"""What stands in the places of a divided GPU: the UUID of an instance, or nothing."""


class Driver(ModuleType):
    """NVML of a machine whose GPUs are (UUID, its instances or None if it is not divided); "" is another's GPU."""

    NVMLError = pynvml.NVMLError
    NVML_DEVICE_MIG_ENABLE = pynvml.NVML_DEVICE_MIG_ENABLE

    def __init__(self, gpus: list[tuple[str, Mig | None]], *, broken: int = 0) -> None:
        super().__init__("pynvml")
        self.gpus, self.broken, self.started = gpus, broken, 0

    def nvmlInit(self) -> None:
        if self.broken:
            raise pynvml.NVMLError(self.broken)
        self.started += 1

    def nvmlShutdown(self) -> None:
        self.started -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.65.06"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> tuple[str, Mig | None]:
        if not self.gpus[index][0]:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)
        return self.gpus[index]

    def nvmlDeviceGetMigMode(self, gpu: tuple[str, Mig | None]) -> list[int]:
        if gpu[0].startswith("GPU-old"):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        current = pynvml.NVML_DEVICE_MIG_DISABLE if gpu[1] is None else pynvml.NVML_DEVICE_MIG_ENABLE
        return [current, pynvml.NVML_DEVICE_MIG_ENABLE]  # pending until the GPU is reset

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: tuple[str, Mig]) -> int:
        return len(gpu[1])

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: tuple[str, Mig], index: int) -> tuple[str, None]:
        uuid = gpu[1][index]
        if uuid is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return uuid, None

    def nvmlDeviceGetUUID(self, device: tuple[str, Mig | None]) -> str:
        return device[0]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Driver]:
    def installed(gpus: list[tuple[str, Mig | None]], **given: int) -> Driver:
        (tmp_path / "nvidiactl").touch()
        library = Driver(gpus, **given)
        monkeypatch.setitem(sys.modules, "pynvml", library)
        return library

    return installed


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, ["0", "1"]),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, ["2", "3"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8f3a, MIG-1"}, ["GPU-8f3a", "MIG-1"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, []),
        ({"SLURM_JOB_ID": "7"}, []),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"}, ["0"]),
    ],
)
def test_gpus_that_a_process_may_use(
    driver: Callable[..., Driver], tmp_path: Path, environment: dict[str, str], names: list[str]
) -> None:
    library = driver([("GPU-a", None), ("GPU-old", None)])
    assert hardware.visible(environment, tmp_path) == names
    assert library.started == 0


@pytest.mark.parametrize(
    ("gpus", "names"),
    [
        ([], []),
        ([("", None), ("GPU-a", None), ("GPU-b", None)], ["0", "1"]),  # CUDA does not count another's GPU
        ([("GPU-a", ["MIG-1", None, "MIG-2"])], ["MIG-1", "MIG-2"]),
        ([("GPU-a", ["MIG-1"]), ("", ["MIG-9"]), ("GPU-old", None)], ["MIG-1", "GPU-old"]),
        ([("GPU-a", [None, None]), ("GPU-b", None)], ["GPU-b"]),  # divided, and no instance made
    ],
)
def test_divided_gpus_are_as_many_as_their_instances(
    driver: Callable[..., Driver], tmp_path: Path, gpus: list[tuple[str, Mig | None]], names: list[str]
) -> None:
    library = driver(gpus)
    assert hardware.visible({}, tmp_path) == names
    assert library.started == 0


@pytest.mark.parametrize("number", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH])
def test_a_driver_that_does_not_answer_has_no_gpus(
    driver: Callable[..., Driver], tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    driver([("GPU-a", None)], broken=number)
    assert hardware.visible({}, tmp_path) == []
    assert "the NVIDIA driver does not respond" in caplog.text


def test_version_of_the_driver(driver: Callable[..., Driver]) -> None:
    library = driver([("GPU-a", None)])
    assert hardware.driver() == "580.65.06" and library.started == 0
    driver([], broken=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert hardware.driver() is None


def test_without_a_driver_or_with_a_list_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # its import fails
    assert hardware.visible({}, tmp_path) == []
    (tmp_path / "nvidiactl").touch()
    assert hardware.visible({"CUDA_VISIBLE_DEVICES": "1"}, tmp_path) == ["1"]
    with pytest.raises(ImportError):
        hardware.visible({}, tmp_path)


def test_a_machine_has_a_name_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intel, arm = tmp_path / "intel", tmp_path / "arm"
    intel.write_text(
        "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Other\n"
    )
    arm.write_text("processor\t: 0\nBogoMIPS\t: 243.75\nCPU part\t: 0xd0c\n")
    assert hardware.processor(intel) == "Some CPU @ 2 GHz"
    monkeypatch.setattr(hardware.platform, "processor", lambda: "arm")
    assert hardware.processor(arm) == hardware.processor(tmp_path / "none") == "arm"
    monkeypatch.setattr(hardware.platform, "processor", lambda: "")
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    assert hardware.processor(arm) == "aarch64" and hardware.gpus(tmp_path) == []
    for place, name in (("0", "H200"), ("1", "H100")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(f"Model: \t\t {name}\nIRQ: 1\n")
    assert hardware.gpus(tmp_path) == ["H100", "H200"]


def test_main_memory_is_that_of_the_kernel() -> None:
    table = Path("/proc/meminfo")
    if not table.is_file():
        pytest.skip("no /proc/meminfo")
    (line,) = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("MemTotal:")]
    assert hardware.memory_mb() == int(line.split()[1]) * 1024 // 10**6
