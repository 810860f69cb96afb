"""Schema of unlabelled texts: where they come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bertfit.config.corpus_schema import Spec, SyntheticSource


class HubText(Spec):
    """Unlabelled English text on the Hugging Face hub: a document a row, but for empty rows and wiki headings."""

    dataset: str = Field(description="data set id on the hub")
    config: str | None = Field(None, description="its configuration, where it has several")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit of the data set repository")
    data_files: dict[Literal["train", "test"], str] | None = Field(
        None, description="split -> file in the repository; default: what datasets.load_dataset finds"
    )
    field: str = Field("text", description="column of the text")


class Text(Spec):
    """Unlabelled text, from the synthetic benchmark, the hub, tables, or files in the official pre-training format.

    The official format is a line a sentence, and an empty line after each document.
    """

    synthetic: SyntheticSource | None = Field(None, description="generated text")
    hub: HubText | None = Field(None, description="data set on the hub")
    path: str | None = Field(None, description="file of the training split")
    column: str | int | None = Field(
        None, description="column of the text, where files are tables (CSV, TSV, JSONL, Parquet); a row is a document"
    )
    test: str | None = Field(None, description="file of a held-out split")

    @model_validator(mode="after")
    def _exactly_one(self) -> Text:
        given = [bool(self.synthetic), bool(self.hub), bool(self.path or self.test)]
        if sum(given) != 1:
            raise ValueError("give one of synthetic, hub, or files (path, test)")
        return self
