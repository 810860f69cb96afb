"""Small encoders of every family, with random weights and no download."""

from __future__ import annotations

from typing import Any

import torch

from bertfit.encoders.families import FAMILIES

WORDS = 100
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 160,
    "pad_token_id": 0,
    "initializer_range": 0.2,  # large weights, so that differences show
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
MORE: dict[str, dict[str, Any]] = {
    "roberta": {"max_position_embeddings": 162, "type_vocab_size": 1, "pad_token_id": 1},
    "xlm-roberta": {"max_position_embeddings": 162, "type_vocab_size": 1, "pad_token_id": 1},
    "camembert": {"max_position_embeddings": 162, "type_vocab_size": 1, "pad_token_id": 1},
    "electra": {"embedding_size": 16},
    "distilbert": {},
    "albert": {"embedding_size": 16},
    "modernbert": {**SPECIAL, "local_attention": 8, "global_attn_every_n_layers": 2, "norm_eps": 1e-5},
    "eurobert": {"num_key_value_heads": 2, "bos_token_id": 2, "eos_token_id": 3, "mask_token_id": 4},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 8,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "mpnet": {"max_position_embeddings": 162, "pad_token_id": 1},
}
"""What the configuration of a family has besides `SIZES`."""
OTHERS = sorted(MORE)
"""Families whose modules are those of transformers."""


def config(name: str, **changes: Any) -> Any:
    """A configuration of a family, for so few weights that a forward pass takes milliseconds."""
    from transformers import AutoConfig

    values = SIZES | MORE[name] | changes
    return AutoConfig.for_model(name, **{FAMILIES[name].keys.get(key, key): value for key, value in values.items()})


def model(name: str, kind: Any, seed: int = 1, attention: str = "eager", **changes: Any) -> Any:
    """A model of a family, of an ``AutoModel...`` class, in evaluation mode, of which no vector is zero or one.

    An ``AutoModel`` has no pooler.
    """
    more = FAMILIES[name].without_pooler if kind.__name__ == "AutoModel" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = kind.from_config(config(name, **changes), attn_implementation=attention, **more)
        with torch.no_grad():
            for parameter in made.parameters():
                if parameter.ndim == 1:
                    parameter.add_(torch.randn_like(parameter) / 8)
    return made.eval()


# ---------------------------------------------------------------------------------------------- folders

BERTS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTAS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOKENS = {
    "albert": ("unigram", ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
    "camembert": ("unigram", ROBERTAS),
    "deberta-v2": ("unigram", ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]),
    "distilbert": ("wordpiece", BERTS),
    "electra": ("wordpiece", BERTS),
    "eurobert": ("bytes", ["<|pad|>", "<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"]),
    "modernbert": ("bytes", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
    "mpnet": ("wordpiece", ["<s>", "<pad>", "</s>", "<unk>", *BERTS, "<mask>"]),
    "roberta": ("bytes", ROBERTAS),
    "xlm-roberta": ("unigram", ROBERTAS),
}
"""Kind of vocabulary of a family, and its special tokens, the first of the vocabulary."""
DOUBLED = {"roberta", "xlm-roberta", "camembert", "mpnet"}
"""Families that separate the texts of a pair by two tokens."""


def tokenizer(name: str, lines: list[str]) -> Any:
    """A tokenizer of the kind that a family has, trained on some lines, of at most `WORDS` entries."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    kind, special = TOKENS[name]
    more: dict[str, Any] = {"special_tokens": special, "show_progress": False, "vocab_size": WORDS}
    unknown = "[UNK]" if "[UNK]" in special else next((token for token in special if "unk" in token.lower()), None)
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token=unknown))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(**more)
    elif kind == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(**more)
    else:
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(**more, unk_token=unknown)
    made.train_from_iterator(lines, trainer)
    first, last = _around(special)
    between = [last, last] if name in DOUBLED else [last]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=" ".join([first, "$A", *between, "$B:1", f"{last}:1"]),
        special_tokens=[(token, made.token_to_id(token)) for token in (first, last)],
    )
    return made


def folder(path: Any, name: str, lines: list[str], kind: Any = None, **changes: Any) -> Any:
    """A folder as a hub has it: configuration, weights, tokenizer; by default of ``AutoModelForMaskedLM``."""
    from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

    words = tokenizer(name, lines)
    first, last = _around(TOKENS[name][1])
    ids = {"pad": 0, "bos": words.token_to_id(first), "eos": words.token_to_id(last)}
    ids |= {"cls": ids["bos"], "sep": ids["eos"], "pad": next(
        words.token_to_id(token) for token in TOKENS[name][1] if "pad" in token.lower())}  # fmt: skip
    values = {f"{key}_token_id": value for key, value in ids.items()}
    model(name, kind or AutoModelForMaskedLM, **values, **changes).save_pretrained(path)
    fast = PreTrainedTokenizerFast(tokenizer_object=words, cls_token=first, sep_token=last)
    fast.save_pretrained(path)
    return path


def _around(special: list[str]) -> tuple[str, str]:
    first = next(token for token in special if token in ("[CLS]", "<s>", "<|begin_of_text|>"))
    return first, {"[CLS]": "[SEP]", "<s>": "</s>", "<|begin_of_text|>": "<|end_of_text|>"}[first]
