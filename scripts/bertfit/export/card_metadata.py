"""Metadata of a model card, which the Hugging Face hub reads: the YAML at its head, with ``model-index``.

It holds no text of the corpus: ``widget``, an example text, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from huggingface_hub import EvalResult, ModelCardData

from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments.job_specs import DeliverySpec

FIRST = ["license", "language", "library_name", "pipeline_tag", "tags", "base_model", "datasets"]
"""keys of the metadata, in this order"""
TASK = "text-classification"
# metrics of the hub: identifier, name, arguments
METRICS = {
    "accuracy": ("accuracy", "accuracy", None),
    "macro_f1": ("f1", "macro-F1", {"average": "macro"}),
    "mcc": ("matthews_correlation", "Matthews correlation", None),
}


def text(spec: DeliverySpec, facts: CorpusCard, values: Mapping[str, float], *, several_labels: bool = False) -> str:
    """The metadata as YAML; ``values``: `METRICS` on the test split, without those that are not defined there."""
    encoder, hub = spec.encoder, facts.source if facts.source.kind == "hub" else None
    results = [
        EvalResult(
            task_type=TASK,
            task_name="Text Classification",
            dataset_type=hub.dataset if hub else spec.study,
            dataset_name=facts.title,
            dataset_split="test",
            dataset_revision=hub.revision if hub else None,
            metric_type=identifier,
            metric_name=name,
            metric_args=arguments,
            metric_value=round(float(values[key]), 4),
        )
        for key, (identifier, name, arguments) in METRICS.items()
        if key in values
    ]
    tags = [TASK, "bertfit", *(["bert"] if encoder else ["tf-idf"]), *(["multi-label"] if several_labels else [])]
    data = ModelCardData(
        license=encoder.licence and encoder.licence.lower() if encoder else None,  # identifiers are small letters
        language=facts.language if len(facts.language) in (2, 3) else None,  # ISO 639; not "auto"
        library_name="transformers" if encoder else None,
        pipeline_tag=TASK,
        tags=tags,
        base_model=encoder.hub if encoder else None,
        datasets=[hub.dataset] if hub else None,
        model_name=spec.study,
        eval_results=results,
    )
    return data.to_yaml(original_order=FIRST)
