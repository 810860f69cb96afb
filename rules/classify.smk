"""Your own dataset (study example): the search for the best classifier, and the exported model."""

from bertfit.workflow.search_jobs import SearchJobs

localrules:
    plan_round,
    choose_model,


if STUDY.own:

    SEARCH = SearchJobs(JOBS)

    def round_record(number):
        """The record of a round, once it is written."""
        return checkpoints.plan_round.get(round=number).output[0]

    checkpoint plan_round:
        """Which candidates a round of the search trains."""
        input:
            unpack(
                lambda wildcards: SEARCH.round_inputs(int(wildcards.round), round_record)
            ),
        output:
            "<results>/search/round{round}.json",
        log:
            "<results>/logs/plan_round/{round}.log",
        wildcard_constraints:
            round=r"[1-9]",
        conda:
            "../envs/bertfit.yaml"
        params:
            job=job("plan_round", SEARCH.spec()),
        script:
            "../scripts/plan_round.py"

    checkpoint choose_model:
        """The candidate with the best score on validation data."""
        input:
            unpack(
                lambda wildcards: SEARCH.choice_inputs(round_record(SEARCH.rounds))
            ),
        output:
            "<results>/search/choice.json",
        log:
            "<results>/logs/choose_model/choice.log",
        conda:
            "../envs/bertfit.yaml"
        params:
            job=job("choose_model", SEARCH.spec()),
        script:
            "../scripts/choose_model.py"

    rule classify:
        """The search and the exported model: snakemake classify."""
        input:
            "<results>/search/choice.json",
            lambda wildcards: SEARCH.final(
                checkpoints.choose_model.get().output[0]
            )["predictions"],
        localrule: True
