"""What is to be said of a `Coverage`: facts for a page, and warnings that name the cure.

The limits follow from measurements with the vocabulary of bert-base-uncased (docs/explanation/encoder-and-texts.md).
English has at most 0.1 % unknown pieces and 1.05 to 1.15 pieces a word; other languages of Latin script have 1.5
(French) to 2.9 (Finnish), of other alphabets up to 6 or mostly unknown pieces, Chinese 56 to 62 % unknown ones.
"""

from __future__ import annotations

from fontTools.unicodedata import script_name

from bertfit.suitability.coverage import LONGEST_WORD, SEVERAL, Coverage
from bertfit.suitability.encoder_names import examples, named
from bertfit.texts.found_language import UNDETERMINED

UNKNOWN_PIECES = 0.05  # share, above which an encoder misses too much
PIECES_PER_WORD = 2.0  # above which words are spelt rather than known
OF_ANOTHER_LANGUAGE = 1.35  # the same, where vocabulary and texts are of different languages
ENGLISH = 1.1  # pieces per word of English texts and vocabulary, for comparison


def warnings(coverage: Coverage) -> list[str]:
    """Sentences on what speaks against the encoder, each with its cure; none if it knows the texts."""
    found = []
    if coverage.unknown_pieces > UNKNOWN_PIECES:
        found.append(_unknown(coverage))
        if coverage.unknown_symbols <= 0.5:
            return found  # another encoder also mends what follows
    texts, vocabulary = coverage.language, coverage.vocabulary_language
    differ = texts != vocabulary and not {texts, vocabulary} & {UNDETERMINED, SEVERAL}
    languages = f"the texts are in {named(texts)}, its vocabulary is {named(vocabulary)}" if differ else ""
    words = (
        f"a word takes {coverage.pieces_per_word:.1f} word pieces, of English texts with an English encoder {ENGLISH}"
        if coverage.spaces
        else ""
    )
    if coverage.pieces_per_word > (OF_ANOTHER_LANGUAGE if differ else PIECES_PER_WORD) if words else differ:
        reasons = "; ".join(filter(None, (languages, words)))
        found.append(f"The encoder does not know the words of the texts: {reasons}. {_cure(coverage)}")
    return found


def sentences(coverage: Coverage) -> list[str]:
    """Facts for a page, then the warnings."""
    sure = coverage.language != UNDETERMINED
    language = f"The texts are in {named(coverage.language)}" if sure else "The language of the texts is undetermined"
    scripts = [f"{script_name(script)} {percent(share)}" for script, share in list(coverage.scripts.items())[:3]]
    written = f"; letters by script: {', '.join(scripts)}" if scripts else "; they have no letters"
    per_word = f"a word is {coverage.pieces_per_word:.2f} word pieces, " if coverage.spaces else ""
    return [
        f"{language}{written} ({coverage.texts:,} texts looked at).",
        f"With the encoder's vocabulary {per_word}{percent(coverage.unknown_pieces)} of the word pieces are unknown "
        f"([UNK]), and {percent(coverage.longer)} of the texts have more than the {coverage.max_length} pieces that it "
        "reads.",
        *warnings(coverage),
    ]


def percent(share: float) -> str:
    """``62 %``, ``3.1 %``; one decimal below ten."""
    return f"{100 * share:.{0 if share >= 0.1 or share == 0 else 1}f} %"


def _unknown(coverage: Coverage) -> str:
    """Why pieces are unknown, and what helps against that."""
    head = f"{percent(coverage.unknown_pieces)} of the word pieces are [UNK]: the encoder cannot tell what they say"
    shown = f" ({' '.join(coverage.unknown_examples)})" if coverage.unknown_examples else ""
    if coverage.long_words > 0.5:
        return (
            f"{head}, as most are words of more than {LONGEST_WORD} characters. Put spaces between the words, or leave "
            "out what is no text."
        )
    if coverage.unknown_symbols > 0.5:
        return (
            f"{head}; most are emoji or symbols{shown}. Word counts of characters read them; for an encoder write them "
            "as words first, for example with the Python package emoji (demojize)."
        )
    return f"{head}{shown}. {_cure(coverage)}"


def _cure(coverage: Coverage) -> str:
    """Which kind of encoder to take."""
    kind = (
        "a multilingual encoder" if coverage.language == UNDETERMINED else f"one that knows {named(coverage.language)}"
    )
    return f"Take {kind}, for example {' or '.join(f'ENCODER={name}' for name in examples(coverage.language))}."
