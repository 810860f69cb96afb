"""Tables and figures, with the published values."""

TABLE = {
    "html": shown("<results>/tables/{artefact}.html", "Tables", "table"),
    "csv": shown("<results>/tables/{artefact}.csv", "Tables", "values (CSV)"),
    "md": "<results>/tables/{artefact}.md",
    "tex": "<results>/tables/{artefact}.tex",
}
FIGURE = {
    "svg": shown("<results>/figures/{artefact}.svg", "Figures", "figure"),
    "csv": shown("<results>/figures/{artefact}.csv", "Figures", "values (CSV)"),
    "png": "<results>/figures/{artefact}.png",
}


rule tabulate_corpora:
    """Statistics of the available corpora (Table 1)."""
    input:
        unpack(of(ARTEFACTS.inputs)),
    output:
        **TABLE,
    log:
        "<results>/logs/tabulate_corpora/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("statistics")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("tabulate_corpora", ARTEFACTS.spec),
    script:
        "../scripts/tabulate_corpora.py"


rule tabulate_runs:
    """Rows x columns of runs: error rates with intervals."""
    input:
        unpack(of(ARTEFACTS.inputs)),
    output:
        **TABLE,
    log:
        "<results>/logs/tabulate_runs/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("table")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("tabulate_runs", ARTEFACTS.spec),
    script:
        "../scripts/tabulate_runs.py"


rule plot_curves:
    """Train and test error against steps."""
    input:
        unpack(of(ARTEFACTS.inputs)),
    output:
        **FIGURE,
    log:
        "<results>/logs/plot_curves/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("curves")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plot_curves", ARTEFACTS.spec),
    script:
        "../scripts/plot_curves.py"


rule plot_steps:
    """Test error against steps of further pre-training."""
    input:
        unpack(of(ARTEFACTS.inputs)),
    output:
        **FIGURE,
    log:
        "<results>/logs/plot_steps/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("steps")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plot_steps", ARTEFACTS.spec),
    script:
        "../scripts/plot_steps.py"


rule plot_sizes:
    """Test error against the size of the training set."""
    input:
        unpack(of(ARTEFACTS.inputs)),
    output:
        **FIGURE,
    log:
        "<results>/logs/plot_sizes/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("sizes")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plot_sizes", ARTEFACTS.spec),
    script:
        "../scripts/plot_sizes.py"


rule draw_lineage:
    """The stages of training, from base encoders to classifiers."""
    output:
        **FIGURE,
    log:
        "<results>/logs/draw_lineage/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("lineage")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("draw_lineage", ARTEFACTS.spec),
    script:
        "../scripts/draw_lineage.py"


rule tabulate_forgetting:
    """Loss on general text before and after further pre-training."""
    input:
        of(ARTEFACTS.inputs),
    output:
        **TABLE,
    log:
        "<results>/logs/tabulate_forgetting/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("forgetting")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("tabulate_forgetting", ARTEFACTS.spec),
    script:
        "../scripts/tabulate_forgetting.py"


for key in REGISTRY.artefacts:

    rule:
        """One table or figure by its name: snakemake table2."""
        name:
            key
        input:
            ARTEFACTS.targets(key),
        localrule: True


rule plot_reliability:
    """Accuracy of classifiers against their confidence."""
    input:
        of(ARTEFACTS.inputs),
    output:
        **FIGURE,
    log:
        "<results>/logs/plot_reliability/{artefact}.log",
    wildcard_constraints:
        artefact=wildcard(ARTEFACTS.of_kind("reliability")),
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plot_reliability", ARTEFACTS.spec),
    script:
        "../scripts/plot_reliability.py"
