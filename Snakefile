# How to Fine-Tune BERT for Text Classification? (Sun et al. 2019): every table and figure, regenerated.
# config.yaml declares the experiments, studies/<study>.yaml their setting, profiles/ the machine. The rules: rules/*.smk,
# which rules/workflow.smk puts together.


include: "rules/source.smk"
include: str(FOLDER / "rules" / "workflow.smk")


rule all:
    """Everything of the study: tables, figures and the results of every run; of a part (--config shard) the records."""
    default_target: True
    input:
        TARGETS,
    localrule: True
