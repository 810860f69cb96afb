from __future__ import annotations

import json

import pytest

from bertfit.energy.energy_use import Energy, together, total


def energy(gpu: float | None, cpu: float | None = 0.5, **more) -> Energy:
    methods = {"gpu_method": "counter", "cpu_method": "RAPL", "estimated": False, "cpu_seconds": 3.0}
    return Energy(**{"gpu_kwh": gpu, "cpu_kwh": cpu, **methods, **more})


def test_parts_add_up() -> None:
    both = energy(1.0).plus(energy(2.0, 0.25))
    assert (both.gpu_kwh, both.cpu_kwh, both.cpu_seconds, both.kwh) == (3.0, 0.75, 6.0, 3.75)
    assert (both.gpu_method, both.cpu_method, both.estimated, both.watts_per_core) == ("counter", "RAPL", False, None)


def test_a_restart_on_another_machine_names_both_methods() -> None:
    estimated = energy(1.0, cpu_method="estimated", estimated=True, watts_per_core=12.0)
    for both in (energy(1.0).plus(estimated), estimated.plus(energy(1.0)).plus(estimated)):
        assert both.estimated and both.watts_per_core == 12.0 and both.gpu_method == "counter"
    assert energy(1.0).plus(estimated).plus(estimated).cpu_method == "RAPL; estimated"


@pytest.mark.parametrize(("first", "second"), [(None, 1.0), (1.0, None)])
def test_what_is_unknown_in_a_part_is_unknown_in_all(first: float | None, second: float | None) -> None:
    both = energy(first).plus(energy(second))
    assert both.gpu_kwh is None and both.cpu_kwh == 1.0 and both.kwh is None


def test_ranks_add_up_as_numbers() -> None:
    one = energy(1.0)
    assert one.with_numbers([4 * number for number in one.numbers()]) == energy(4.0, 2.0, cpu_seconds=12.0)
    unknown = energy(None)
    assert unknown.with_numbers([2 * number for number in unknown.numbers()]).gpu_kwh is None


def test_it_is_json() -> None:
    assert Energy(**json.loads(json.dumps(energy(None).model_dump()))) == energy(None)


def test_sums_of_which_a_part_is_unknown_are_unknown() -> None:
    assert together([1.0, 0.5]) == 1.5 and together([0.0]) == 0
    assert together([1.0, None]) is None and together([]) is None
    both = total([energy(1.0), energy(2.0, 0.25)])
    assert both == energy(1.0).plus(energy(2.0, 0.25)) and both.kwh == 3.75
    assert total([energy(1.0), None]) is None and total([]) is None
