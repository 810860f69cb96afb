from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bertfit.batching import model_inputs, packing
from bertfit.batching.packing import Batch, MaskedBatch

CPU = torch.device("cpu")


def batch() -> Batch:
    """Three documents, the second of two fractions: [7 8 9] [4 5] [6], [1 2]."""
    return Batch(
        input_ids=np.array([6, 1, 2, 4, 5, 7, 8, 9], np.int32),
        token_types=np.zeros(8, np.int32),
        position_ids=packing.positions(np.array([1, 2, 2, 3])),
        lengths=np.array([1, 2, 2, 3]),
        documents=np.array([1, 2, 1, 0]),
        labels=np.array([2, 0, 1]),
        examples=np.array([30, 10, 20]),
    )


def masked_batch() -> MaskedBatch:
    return MaskedBatch(
        input_ids=np.arange(5, dtype=np.int32),
        token_types=np.array([0, 1, 0, 0, 1], np.int32),
        position_ids=packing.positions(np.array([2, 3])),
        lengths=np.array([2, 3]),
        masked=np.array([1, 3, 4]),
        targets=np.array([11, 12, 13]),
        random_next=np.array([1, 0]),
    )


def test_documents_by_hand():
    inputs = model_inputs.documents(batch())
    assert inputs.boundaries.tolist() == [0, 1, 3, 5, 8] and inputs.longest == 3
    assert inputs.rows.tolist() == [5, 0, 3, 1]  # document 0; both fractions of 1; 2
    assert inputs.places.tolist() == [0, 2, 3, 4] and inputs.real.tolist() == [[1, 0], [1, 1], [1, 0]]
    assert inputs.labels.tolist() == [2, 0, 1]


def test_instances_by_hand():
    inputs = model_inputs.instances(masked_batch())
    assert inputs.rows.tolist() == [0, 2, 1, 3, 4] and inputs.targets.tolist() == [11, 12, 13]
    assert inputs.random_next.tolist() == [1, 0] and inputs.boundaries.tolist() == [0, 2, 5]


def test_padded_documents_by_hand():
    inputs = model_inputs.padded_documents(batch(), size=4, fractions=3)
    assert len(inputs.input_ids) == 8 and inputs.longest == 32  # 8 is a common size
    assert inputs.rows.tolist() == [5, 0, 3, 1, *[0] * 8]
    assert inputs.places[:4].tolist() == [0, 3, 4, 6] and sorted(inputs.places) == list(range(12))
    assert inputs.real.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]]
    assert inputs.labels.tolist() == [2, 0, 1, -100]
    assert inputs.boundaries.tolist() == [0, 1, 3, 5, 8, *[8] * 10]  # twelve sequences of documents, two that fill


def test_padded_instances_by_hand():
    longer = replace(masked_batch(), lengths=np.array([2, 15]), input_ids=np.arange(17, dtype=np.int32))
    longer = replace(longer, token_types=np.ones(17, np.int32), position_ids=packing.positions(longer.lengths))
    inputs = model_inputs.padded_instances(longer)
    assert inputs.input_ids.tolist() == [*range(17), 0] and inputs.token_types[17] == inputs.position_ids[17] == 0
    assert inputs.lengths == [2, 15, 1, 0] and inputs.boundaries.tolist() == [0, 2, 17, 18, 18]
    assert inputs.targets.tolist() == [11, 12, 13] and len(inputs.rows) == 5  # three words are a common size


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 1), (15, 15), (16, 16), (17, 18), (33, 36), (4096, 4096), (4097, 4608)]
)
def test_common_sizes(size, expected):
    assert model_inputs.common_size(size) == expected


@given(st.integers(1, 10**6))
def test_a_common_size_is_at_most_an_eighth_larger(size):
    common = model_inputs.common_size(size)
    assert size <= common <= size * 1.125 and model_inputs.common_size(common) == common


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40))
def test_batches_of_the_same_sizes_fit_one_graph(lengths):
    """Shapes depend only on the common sizes of the tokens and of the longest sequence; nothing is lost."""
    sizes = np.sort(lengths)
    count = len(sizes)
    inputs = model_inputs.padded_documents(
        Batch(
            input_ids=np.arange(sizes.sum(), dtype=np.int32),
            token_types=np.ones(sizes.sum(), np.int32),
            position_ids=packing.positions(sizes),
            lengths=sizes,
            documents=np.arange(count),
            labels=np.arange(count),
            examples=np.arange(count),
        ),
        size=40,
        fractions=1,
    )
    total, longest = model_inputs.common_size(int(sizes.sum())), max(32, 2 ** int(np.ceil(np.log2(sizes.max()))))
    extra = -(-(total // 8) // longest) + 1
    shapes = {name: array.shape for name, array in inputs.arrays().items()}
    row = {name: (total,) for name in ("input_ids", "token_types", "position_ids")}
    assert shapes == row | {
        "boundaries": (40 + extra + 1,),
        "rows": (40,),
        "places": (40,),
        "real": (40, 1),
        "labels": (40,),
    }
    assert inputs.longest == longest and max(inputs.lengths) <= longest
    assert np.array_equal(np.diff(inputs.boundaries), inputs.lengths) and inputs.boundaries[-1] == total
    assert (
        inputs.input_ids[: sizes.sum()].tolist() == list(range(sizes.sum()))
        and not inputs.input_ids[sizes.sum() :].any()
    )
    assert inputs.sizes == (*shapes.values(), longest, 1.0)


def test_tensors_are_views_of_one_copy():
    inputs = model_inputs.documents(batch())
    tensors = model_inputs.on_device(inputs, CPU)
    assert type(tensors) is type(inputs) and tensors.sizes == inputs.sizes and tensors.lengths == inputs.lengths
    for name, array in inputs.arrays().items():
        assert getattr(tensors, name).tolist() == array.tolist() and getattr(tensors, name).dtype == torch.int32
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors.arrays().values()}) == 1
