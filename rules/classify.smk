"""Your own dataset (study example): reliability of the classifiers, and the exported classifier."""

from bertfit.workflow.delivery_jobs import DeliveryJobs

DELIVERY = DeliveryJobs(JOBS)


localrules:
    plot_reliability,


rule plot_reliability:
    """Accuracy of classifiers against their confidence."""
    input:
        lambda wildcards: ARTEFACTS.inputs(wildcards.artefact),
    output:
        **FIGURE,
    log:
        "<results>/logs/plot_reliability/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("reliability")),
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job(
            "plot_reliability", ARTEFACTS.spec(wildcards.artefact)
        ),
    script:
        "../scripts/plot_reliability.py"


if DELIVERY.own:

    rule deliver_model:
        """The classifier as a folder that transformers loads, with a model card; its predictions on the test set."""
        input:
            models=f"{DELIVERY.run}/models",
            predictions=f"{DELIVERY.run}/predictions.parquet",
            test=f"<results>/corpora/{DELIVERY.own.corpus}/test.parquet",
            clusters=f"<results>/corpora/{DELIVERY.own.corpus}/clusters.parquet",
            corpus=f"<results>/corpora/{DELIVERY.own.corpus}/card.json",
            scores=f"<results>/scores/{DELIVERY.artefact}.parquet",
            figure=DELIVERY.figure,
        output:
            model=directory("<results>/model"),
            answered="<results>/predictions.csv",
            mistakes="<results>/mistakes.csv",
        log:
            "<results>/logs/deliver_model/model.log",
        conda:
            "../envs/bertfit.yaml"
        params:
            job=job("deliver_model", DELIVERY.spec()),
        script:
            "../scripts/deliver_model.py"

    rule classify:
        """All results of the study: snakemake classify."""
        input:
            ARTEFACTS.everything(),
            DELIVERY.targets(),
        localrule: True
