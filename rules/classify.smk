"""Your own dataset (study example): the search for the best classifier, the exported model, and the report."""


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
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plan_round", SEARCH.spec),
    script:
        "../scripts/plan_round.py"


checkpoint choose_model:
    """The candidate with the best score on validation data."""
    input:
        unpack(lambda wildcards: SEARCH.choice_inputs(round_record(SEARCH.rounds))),
    output:
        "<results>/search/choice.json",
    log:
        "<results>/logs/choose_model/choice.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("choose_model", SEARCH.spec),
    script:
        "../scripts/choose_model.py"


rule measure_model:
    """The winner, trained on the whole training split, on the test split."""
    input:
        unpack(lambda wildcards: DELIVERY.measured(choice())),
        choice="<results>/search/choice.json",
    output:
        "<results>/search/outcome.json",
    log:
        "<results>/logs/measure_model/outcome.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("measure_model", SEARCH.spec),
    script:
        "../scripts/measure_model.py"


rule deliver_model:
    """The classifier as a folder, with a model card; its predictions on the test split; its worst mistakes."""
    input:
        unpack(lambda wildcards: DELIVERY.delivered(choice())),
        choice="<results>/search/choice.json",
    output:
        model=directory("<results>/model"),
        answered="<results>/predictions.csv",
        mistakes="<results>/mistakes.csv",
    log:
        "<results>/logs/deliver_model/model.log",
    conda:
        "../envs/bertfit.yaml"
    threads: STUDY.threads
    params:
        job=job("deliver_model", lambda: DELIVERY.spec(choice())),
    script:
        "../scripts/deliver_model.py"


rule find_label_errors:
    """Training texts whose label is probably wrong, by cross-validation."""
    input:
        train=f"{DELIVERY.corpus}/train.parquet",
        tokens=DELIVERY.tokens,
        model=f"{DELIVERY.base}/model.safetensors",
        config=f"{DELIVERY.base}/config.json",
    output:
        "<results>/label_errors.csv",
    log:
        "<results>/logs/find_label_errors/texts.log",
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.run, **SEARCH.whole)
    resources:
        **asks(NEEDS.run, **SEARCH.whole),  # it reads the texts once
    params:
        job=job("find_label_errors", JOBS.text_spec, corpus=STUDY.own.corpus),
    script:
        "../scripts/find_label_errors.py"


rule draw_learning_curve:
    """The error of the winner on parts of the training texts, extrapolated to more (--config learning_curve=yes)."""
    input:
        predictions=lambda wildcards: SEARCH.curve(choice()),
        card=f"<results>/corpora/{STUDY.own.validation}/card.json",
    output:
        json="<results>/learning_curve.json",
        svg="<results>/learning_curve.svg",
        png="<results>/learning_curve.png",
        csv="<results>/learning_curve.csv",
    log:
        "<results>/logs/draw_learning_curve/curve.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("draw_learning_curve", SEARCH.curve_spec),
    script:
        "../scripts/draw_learning_curve.py"


rule build_dataset_report:
    """What was tried, how the winner does, and what the texts are like, on one page."""
    input:
        unpack(lambda wildcards: DELIVERY.reported(choice())),
        choice="<results>/search/choice.json",
    output:
        html="<results>/report.html",
        summary="<results>/summary.json",
    log:
        "<results>/logs/build_dataset_report/report.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("build_dataset_report", DELIVERY.report_spec),
    script:
        "../scripts/build_dataset_report.py"


rule classify:
    """The search, the exported model and the report: snakemake classify."""
    input:
        DELIVERY.targets(),
    localrule: True
