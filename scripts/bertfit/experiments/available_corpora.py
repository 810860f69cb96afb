"""Which corpora, and texts of mixes, a study can read. Imports neither torch nor pandas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bertfit.config.corpus_schema import SPLITS, Corpus, Split
from bertfit.config.reasons import Unavailable
from bertfit.config.settings import Settings
from bertfit.core.errors import UserError


@dataclass(frozen=True)
class AvailableCorpora:
    """The corpora and mixes of a study. ``settings``: its validated files."""

    settings: Settings

    def missing(self, corpus: str) -> Unavailable | None:
        """Why a corpus is unavailable in this study, or None."""
        study = self.settings.study
        if corpus not in study.corpora:
            return Unavailable("not part of this study")
        if self.settings.source(corpus):
            return None
        return Unavailable(study.corpora[corpus].source.reason)

    def unavailable(self, corpus: str) -> Unavailable | None:
        """Why cells of a corpus are empty, or None: it is missing, or --config left it out (of cells, not of mixes)."""
        if self.settings.switches.corpora and corpus not in self.settings.switches.corpora:
            return Unavailable("left out by --config corpora")
        return self.missing(corpus)

    def corpus(self, name: str) -> Corpus:
        """The corpus with the source in use, and the layout of that copy. Raises `UserError` if it is unavailable."""
        if missing := self.missing(name):
            raise UserError(f"corpus {name!r} is unavailable: {missing.reason}")
        return self._corpora[name]

    @cached_property
    def _corpora(self) -> dict[str, Corpus]:
        declared = self.settings.study.corpora.items()
        return {name: corpus.of(kind) for name, corpus in declared if (kind := self.settings.source(name))}

    def declared_rows(self, corpus: str) -> dict[Split, int]:
        """Declared rows by split, without undeclared splits: those of the corpus, at most those of the sample."""
        sample, rows = self.settings.study.sample or {}, self.corpus(corpus).rows or {}
        known = {split: [counts[split] for counts in (rows, sample) if split in counts] for split in SPLITS}
        return {split: min(counts) for split, counts in known.items() if counts}

    def mix(self, name: str) -> list[str]:
        """The corpora and unlabelled texts of a mix; the name of a corpus or text is a mix of that one."""
        mixes = self.settings.study.mixes
        return list(mixes[name].corpora) if name in mixes else [name]

    def splits(self, mix: str) -> tuple[str, ...]:
        """The splits that a mix is made of."""
        declared = self.settings.study.mixes.get(mix)
        return ("train", "test") if declared and declared.text == "train+test" else ("train",)

    def available_texts(self, mix: str) -> list[str]:
        """The corpora and texts of a mix that are available, in the order declared."""
        texts = self.settings.study.texts
        return [name for name in self.mix(mix) if name in texts or self.missing(name) is None]
