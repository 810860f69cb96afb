from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import create_instances, instance_file, official_draws
from helpers import reference_instances as reference

SHARED = Path(os.environ.get("BERTFIT_SHARED") or Path(__file__).parents[4] / "shared")
UNCASED = SHARED / "vocab/bert-base-uncased-vocab.txt"
GOLDEN = SHARED / "paper/golden/agnews_first100.txt"
AG = SHARED / "corpora/agnews/test.parquet"
ENTRIES = ["[PAD]", "a", "[UNK]", "[CLS]", "b", "[SEP]", "[MASK]", "c", "##a", "##b", ".", "é"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(ENTRIES) + "\n", encoding="utf-8")
    return path


def both(text: str | list[str], vocabulary: Path, folder: Path, pretrain: Pretrain) -> tuple[str, str, dict[str, int]]:
    """Digest by us, digest by the plain version, counts."""
    files = []
    for number, content in enumerate([text] if isinstance(text, str) else text):
        files.append(folder / f"{number}.txt")
        files[-1].write_bytes(content.encode())
    counts = create_instances.build(files, vocabulary, pretrain, folder / "out.arrow")
    entries = reference.read_vocabulary(vocabulary)
    expected = reference.create(
        reference.read_documents(files, entries),
        entries,
        seed=pretrain.data_seed,
        dupe=pretrain.dupe,
        max_length=pretrain.max_length,
        max_predictions=pretrain.max_predictions,
        masked_share=pretrain.masked_share,
        short_share=pretrain.short_share,
    )
    assert counts["instances"] == len(expected)
    assert counts["random_next"] == sum(instance.is_random_next for instance in expected)
    assert counts["tokens"] == sum(len(instance.tokens) for instance in expected)
    assert counts["masked"] == sum(len(instance.positions) for instance in expected)
    return create_instances.digest(folder / "out.arrow", vocabulary), reference.digest(expected), counts


def random_text(seed: int, documents: int, words: int = 30) -> str:
    rng = random.Random(seed)
    known = ["a", "b", "c", "ab", "abba", "ca.", "q"]
    return "\n\n".join(
        "\n".join(" ".join(rng.choices(known, k=rng.randint(1, words))) for _ in range(lines))
        for lines in (rng.randint(1, 8) for _ in range(documents))
    )


def test_golden_of_the_official_script(capsys):
    if not (UNCASED.exists() and GOLDEN.exists()):
        pytest.skip("needs the shared golden text and the uncased vocabulary (BERTFIT_SHARED)")
    create_instances.main([str(GOLDEN), "--vocab", str(UNCASED), "--seed", "12345", "--dupe", "5"])
    assert capsys.readouterr().out == (
        "instances=811 random_next=533 tokens=55648 masked=8345 "
        "sha256=0fbfc9e372df5d804167459b51720fe74b3f6b728645b2974eb8b7fbb934c8f0\n"
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    documents=st.integers(1, 12),
    words=st.integers(1, 60),
    data=st.fixed_dictionaries(
        {
            "dupe": st.integers(1, 3),
            "max_length": st.integers(8, 140),
            "max_predictions": st.integers(1, 25),
            "masked_share": st.sampled_from([0.0, 0.15, 0.5, 1.0]),
            "short_share": st.sampled_from([0.0, 0.1, 1.0]),
        }
    ),
)
def test_equal_to_the_plain_version(tmp_path_factory, vocabulary, seed, documents, words, data):
    pretrain = Pretrain(data_seed=seed, **data)
    ours, expected, _ = both(random_text(seed, documents, words), vocabulary, tmp_path_factory.mktemp("i"), pretrain)
    assert ours == expected


def test_small_blocks_and_spills_change_nothing(tmp_path, vocabulary, monkeypatch):
    monkeypatch.setattr(instance_file, "BLOCK_ROWS", 7)
    monkeypatch.setattr(official_draws, "_IN_MEMORY", 50)
    monkeypatch.setattr(official_draws, "_BLOCK", 16)
    ours, expected, counts = both(random_text(3, 20), vocabulary, tmp_path, Pretrain())
    assert ours == expected and counts["instances"] > 70


@pytest.mark.parametrize(
    "text",
    [
        "a b\nc\n\n\n\n   \n b c a\n",
        "a\u2028b\x0bc\n\x85\nc a\n\n\x1c\n\nb\r\n\r\nc",
        "a\n\u200b\nb\n\ufeff\n\n\x00\n\nc b",
        "a b c d",
        ["a b\nc", "b b\n\nc c c\n\n", "", "\n\na a"],
    ],
    ids=["blank lines", "other line ends", "lines that vanish", "one document", "files without a last blank line"],
)
def test_odd_texts(tmp_path, vocabulary, text):
    ours, expected, _ = both(text, vocabulary, tmp_path, Pretrain())
    assert ours == expected


def test_the_file_keeps_the_contract(tmp_path, vocabulary):
    both(random_text(1, 5), vocabulary, tmp_path, Pretrain(max_length=32))
    with pa.memory_map(str(tmp_path / "out.arrow")) as source:
        schema = pa.ipc.open_file(source).schema
    kinds = {"input_ids": pa.list_(pa.uint16()), "a_length": pa.int16(), "random_next": pa.bool_()}
    kinds |= {"positions": pa.list_(pa.int16()), "labels": pa.list_(pa.uint16())}
    assert dict(zip(schema.names, schema.types, strict=True)) == kinds
    read = instance_file.read(tmp_path / "out.arrow")
    for i in range(len(read)):
        ids, a_length, random_next, positions, labels = read.get(i)
        assert ids[0] == 3 and ids[a_length - 1] == ids[-1] == 5 and (ids == 5).sum() <= 2 + len(positions)
        assert len(ids) <= 32 and isinstance(random_next, bool)
        assert len(positions) == len(labels) == min(20, max(1, round(len(ids) * 0.15)))
        assert (np.diff(positions) > 0).all() and not {0, a_length - 1, len(ids) - 1} & set(positions.tolist())


def test_shares_of_masks(tmp_path, vocabulary):
    both(random_text(2, 60), vocabulary, tmp_path, Pretrain())
    read = instance_file.read(tmp_path / "out.arrow")
    now = np.concatenate([read.get(i).ids[read.get(i).positions] for i in range(len(read))])
    before = np.concatenate([read.get(i).labels for i in range(len(read))])
    assert np.mean(now == 6) == pytest.approx(0.8 + 0.1 / 12, abs=0.02)
    assert np.mean((now != 6) & (now != before)) < 0.1


def test_same_bytes_again_and_other_bytes_with_another_seed(tmp_path, vocabulary):
    files = []
    for number, seed in enumerate((5, 5, 6)):
        (tmp_path / "t.txt").write_text(random_text(4, 9))
        create_instances.build([tmp_path / "t.txt"], vocabulary, Pretrain(data_seed=seed), tmp_path / f"{number}.arrow")
        files.append((tmp_path / f"{number}.arrow").read_bytes())
    assert files[0] == files[1] != files[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.arrow", "1.arrow", "2.arrow", "t.txt"]


def test_bad_input(tmp_path, vocabulary, capsys):
    text = tmp_path / "t.txt"
    with pytest.raises(UserError, match=r"t\.txt: no such file"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    text.write_bytes(b"a\n\xff\n")
    with pytest.raises(UserError, match=r"t\.txt: line 2 is not UTF-8"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    text.write_text("\n \n\n")
    with pytest.raises(UserError, match="no text to pre-train on"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    with pytest.raises(UserError, match=r"t\.txt: not a complete instances file"):
        instance_file.read(text)
    with pytest.raises(SystemExit):
        create_instances.main([str(text), "--vocab", str(vocabulary), "--dupe", "0"])
    assert "dupe" in capsys.readouterr().err


def test_real_text_equals_the_plain_version_and_is_faster(tmp_path, capsys):
    if not (UNCASED.exists() and AG.exists()):
        pytest.skip("needs the shared AG corpus and the uncased vocabulary (BERTFIT_SHARED)")
    rows = pq.read_table(AG, columns=["title", "description"]).slice(0, 1500).to_pylist()
    text = tmp_path / "t.txt"
    text.write_text("\n\n".join(row["title"] + "\n" + row["description"].replace(". ", ".\n") for row in rows))
    start = time.process_time()
    counts = create_instances.build([text], UNCASED, Pretrain(), tmp_path / "o.arrow")
    ours = time.process_time() - start
    entries = reference.read_vocabulary(UNCASED)
    start = time.process_time()
    expected = reference.create(reference.read_documents([text], entries), entries)
    plain = time.process_time() - start
    with capsys.disabled():
        print(f" {counts['instances'] / ours:,.0f} instances/s, {plain / ours:.1f} times the plain version ", end="")
    assert create_instances.digest(tmp_path / "o.arrow", UNCASED) == reference.digest(expected)
    assert plain / ours > 2  # 4.7 on a quiet machine
