"""Clusters of test examples: effective numbers by hand, files, and what does not serve."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from bertfit.core.errors import UserError
from bertfit.statistics import cluster_values
from bertfit.statistics.cluster_values import Clusters


def test_numbers_of_clusters():
    clusters = Clusters(np.array([0, 0, 1, 0, 2, 2]))
    assert clusters.sizes.tolist() == [3, 1, 2] and len(clusters) == 3 and clusters.examples == 6
    assert clusters.effective == pytest.approx(36 / (9 + 1 + 4))
    assert clusters.df == pytest.approx(14**2 / (81 + 1 + 16) - 1)
    assert not clusters.trivial and Clusters.alone(3).trivial
    assert (Clusters.alone(7).effective, Clusters.alone(7).df) == (7, 6)


def test_sums_and_jumps():
    clusters = Clusters(np.array([0, 0, 1, 0, 2, 2]))
    values = np.array([[1, 1, -1, 1, 0, 0], [0, 0, 0, 0, 1, -1]])
    assert clusters.sums(values).tolist() == [[3, -1, 0], [0, 0, 0]]
    assert float(clusters.jump(values)) == (9 + 1) / 4
    assert float(clusters.jump(0 * values)) == pytest.approx(6 / clusters.effective)
    assert float(Clusters.alone(6).jump(values)) == 1


def test_effective_examples():
    wrong = np.array([[1, 0, 0, 1, 0, 0, 0, 1, 0, 0] * 20])
    repeated, clusters = np.repeat(wrong, 5, axis=1), Clusters(np.repeat(np.arange(200), 5))
    certainty = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 199)) ** 2
    assert clusters.effective_examples(repeated) == pytest.approx(200 * certainty, rel=0.02)
    # examples of a cluster that differ as others do are worth as many
    mixed = np.random.default_rng(1).random((1, 1000)) < 0.3
    assert clusters.effective_examples(mixed) > 800
    assert clusters.effective_examples(0 * repeated) == pytest.approx(200 * certainty)  # it may be one
    assert Clusters.alone(1000).effective_examples(mixed) == 1000


def test_one_cluster_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        Clusters(np.zeros(5, int))


def write(path, numbers):
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"cluster": pa.array(numbers, pa.int32())}), path)
    return path


def test_files_by_corpus(tmp_path):
    paths = [
        write(tmp_path / corpus / "clusters.parquet", numbers)
        for corpus, numbers in {"imdb": [0, 1, 0], "one": [0]}.items()
    ]
    found = cluster_values.read(paths)
    assert list(found) == ["imdb"] and found["imdb"].numbers.tolist() == [0, 1, 0]
    cluster_values.check_clusters(found["imdb"], 3, "imdb")
    with pytest.raises(UserError, match="corpus imdb: clusters of 3 test examples, predictions of 4"):
        cluster_values.check_clusters(found["imdb"], 4, "imdb")
    with pytest.raises(UserError, match="all 4 test examples are of one group or near-duplicates"):
        cluster_values.read([write(tmp_path / "same" / "clusters.parquet", [0, 0, 0, 0])])
