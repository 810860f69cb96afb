"""The modules of the package that each script imports, directly or not: its code digest covers them."""

TRAINED = """
    attention.flash_attention attention.grouped_attention attention.packed_attention batching.example_order
    batching.model_inputs batching.packing batching.rank_split batching.transfer config.recipe_semantics
    core.installed_packages core.label_sets encoders.encoder_folder encoders.families hugging_face.hf_encoder
    hugging_face.transformers_encoder hugging_face.transformers_masked model.bert model.bert_heads model.dropout
    model.half_weights model.packed_encoder stages.input_checks tokens.special_tokens tokens.truncation
    tokens.vocabulary_file training.adamw training.checkpoint training.devices training.distributed
    training.fused_update training.loop training.optimizer training.schedules training.task training.train_step
"""
CRATE = """
    archiving.archive_jobs claims.cell_names claims.claim_record claims.claim_schema claims.comparison claims.expected
    claims.resolve config.load config.recipe_semantics config.references config.settings config.switches
    config.validation contributions.contributed contributions.seed_ranges core.formatting core.installed_packages
    core.pydantic_errors core.row_readers core.text_columns core.yaml_loader crate.crate_content crate.described_jobs
    crate.described_workflow crate.entity_graph crate.run_crate data.corpus_card encoders.encoder_folder
    encoders.families encoders.hub_encoder experiments.available_corpora experiments.baseline_ids
    experiments.candidates experiments.encoders_in_use experiments.ids experiments.job_record experiments.registry
    experiments.results_owner export.archive export.archive_manifest export.rebuild own_dataset.own_data
    own_dataset.own_encoder own_dataset.search_budget plan.flops plan.text_lengths provenance.citation
    provenance.croissant provenance.job_runs provenance.snakemake_records provenance.study_facts
    reforms.checklist_items reforms.checklist_page reforms.data_answers reforms.model_answers runtime.hardware
    workflow.artefact_jobs workflow.claim_jobs workflow.code_digest workflow.corpus_sizes workflow.report_jobs
    workflow.score_jobs workflow.shards workflow.training_jobs
"""
SEARCH = """
    clusters.cluster_file config.recipe_semantics contributions.seed_ranges core.installed_packages core.label_sets
    core.pydantic_errors data.corpus_card evaluation.predictions experiments.ids experiments.job_record
    own_dataset.search_budget search.decide search.measure search.rounds search.search_record statistics.bootstrap
    statistics.cluster_values statistics.difference statistics.label_metrics statistics.metrics
    statistics.paired_tests statistics.significance
"""
REACHED = {
    "archive_study": """
        contributions.contributed core.installed_packages core.pydantic_errors export.archive export.archive_manifest
    """,
    "build_corpus": """
        clusters.find_clusters clusters.near_duplicates clusters.partitions core.installed_packages core.label_sets
        core.pydantic_errors core.row_readers core.times data.class_labels data.cleaning data.column_values
        data.corpora data.corpus_card data.hub data.label_lists data.local_files data.origins data.part_of
        data.split_counts data.splits synthetic.generated_texts synthetic.lexicon texts.found_language
        texts.stored_texts texts.unicode_scripts
    """,
    "build_dataset_report": """
        analysis.learning_curve analysis.power_law artefacts.figure_style clusters.cluster_file core.formatting
        core.label_sets core.pydantic_errors data.corpus_card dataset_report.answer dataset_report.candidate_rows
        dataset_report.class_scores dataset_report.dataset_files dataset_report.dataset_page
        dataset_report.dataset_spec dataset_report.more_labels dataset_report.phrases dataset_report.reliability
        dataset_report.report_warnings dataset_report.summary dataset_report.text_facts evaluation.calibration
        evaluation.predictions experiments.study_summary search.outcome_record search.search_record
        statistics.bootstrap statistics.cluster_values statistics.difference statistics.metrics
        statistics.paired_tests statistics.significance suitability.advice suitability.check suitability.coverage
        suitability.encoder_names texts.found_language texts.stored_texts texts.unicode_scripts tokens.special_tokens
        tokens.vocabulary_file
    """,
    "build_report": """
        artefacts.corpus_statistics artefacts.figure_style artefacts.paper_comparison artefacts.table_rendering
        claims.by_encoder claims.claim_record claims.claim_schema claims.claims_markdown claims.expected
        config.validation contributions.contributed contributions.seed_ranges core.formatting core.label_sets
        core.pydantic_errors core.yaml_loader data.corpus_card evaluation.mistakes evaluation.predictions
        evaluation.results_file experiments.ids experiments.job_record report.artefact_view report.contributions_view
        report.cost_figure report.cost_summary report.encoders_compared report.error_against_cost report.page_data
        report.paper_differences report.report_page report.run_explorer report.verdict_view statistics.significance
    """,
    "build_vocabulary": """
        tokens.build_vocabulary tokens.special_tokens tokens.vocabulary_file
    """,
    "check_encoder": """
        core.pydantic_errors suitability.advice suitability.check suitability.coverage suitability.encoder_names
        texts.found_language texts.stored_texts texts.unicode_scripts tokens.special_tokens tokens.vocabulary_file
    """,
    "choose_model": SEARCH,
    "compare": """
        clusters.cluster_file contributions.seed_ranges core.formatting core.label_sets core.pydantic_errors
        data.corpus_card evaluation.compare_page evaluation.compare_results evaluation.predictions experiments.ids
        experiments.job_record statistics.bootstrap statistics.cluster_values statistics.difference statistics.metrics
        statistics.paired_tests statistics.significance
    """,
    "crate_study": CRATE,
    "create_instances": """
        tokens.create_blocks tokens.create_instances tokens.instance_file tokens.official_draws
        tokens.official_wordpiece tokens.pretraining_text tokens.special_tokens tokens.vocabulary_file
    """,
    "deliver_model": """
        attention.flash_attention attention.grouped_attention attention.packed_attention batching.example_order
        batching.model_inputs batching.packing batching.transfer clusters.find_clusters clusters.near_duplicates
        clusters.partitions config.recipe_semantics core.formatting core.installed_packages core.label_sets
        core.pydantic_errors core.row_readers core.times data.class_labels data.column_values data.corpus_card
        data.label_lists data.local_files data.splits encoders.encoder_folder encoders.families evaluation.predictions
        export.card_metadata export.deliver export.head_scaling export.memorisation export.model_card
        export.onnx_export export.runtime_measures hugging_face.hf_encoder hugging_face.hf_export
        hugging_face.transformers_encoder hugging_face.transformers_masked inference.answers inference.model_folder
        inference.onnx_classifier inference.packed_classifier inference.text_classifier
        inference.word_count_classifier model.bert model.bert_heads model.classifier_head model.dropout model.low_rank
        model.packed_encoder runtime.hardware search.outcome_record search.search_record stages.evaluate
        stages.prediction_writer suitability.advice suitability.check suitability.coverage suitability.encoder_names
        texts.found_language texts.stored_texts texts.unicode_scripts tokens.special_tokens tokens.token_file
        tokens.truncation tokens.vocabulary_file training.devices training.distributed word_counts.classifier
        word_counts.ngrams word_counts.regression
    """,
    "describe_corpus": """
        core.pydantic_errors data.corpus_card provenance.croissant
    """,
    "draw_learning_curve": """
        analysis.learning_curve analysis.power_law artefacts.figure_style clusters.cluster_file
        config.recipe_semantics core.label_sets core.pydantic_errors data.corpus_card evaluation.predictions
        search.search_record statistics.bootstrap statistics.cluster_values statistics.difference statistics.metrics
        statistics.paired_tests statistics.significance
    """,
    "draw_lineage": """
        artefacts.figure_style artefacts.paper_comparison artefacts.stage_diagram core.formatting
        evaluation.results_file statistics.significance
    """,
    "export_results": """
        clusters.cluster_file contributions.contributed contributions.seed_ranges core.installed_packages
        core.label_sets core.pydantic_errors data.corpus_card evaluation.predictions exchange.formats
        exchange.harness_results exchange.hub_results exchange.kept_files exchange.mlflow_runs exchange.study_records
        exchange.tracked_run exchange.wandb_runs experiments.ids experiments.job_record export.archive
        export.archive_manifest statistics.bootstrap statistics.cluster_values statistics.difference
        statistics.metrics statistics.paired_tests statistics.significance
    """,
    "fetch_encoder": """
        attention.flash_attention attention.grouped_attention attention.packed_attention batching.example_order
        batching.model_inputs batching.packing batching.transfer config.recipe_semantics core.installed_packages
        core.label_sets encoders.encoder_folder encoders.families hugging_face.hf_encoder
        hugging_face.transformers_encoder hugging_face.transformers_masked model.bert model.bert_heads model.dropout
        model.packed_encoder stages.fetch_encoder tokens.build_vocabulary tokens.special_tokens tokens.truncation
        tokens.vocabulary_file
    """,
    "find_label_errors": """
        analysis.cross_validation analysis.label_errors analysis.mean_states attention.flash_attention
        attention.grouped_attention attention.packed_attention batching.example_order batching.model_inputs
        batching.packing batching.transfer clusters.find_clusters clusters.near_duplicates clusters.partitions
        config.recipe_semantics core.formatting core.installed_packages core.label_sets core.row_readers core.times
        data.class_labels data.column_values data.label_lists data.local_files data.splits encoders.encoder_folder
        encoders.families hugging_face.hf_encoder hugging_face.transformers_encoder hugging_face.transformers_masked
        model.bert model.bert_heads model.classifier_head model.dropout model.low_rank model.packed_encoder
        stages.feature_cache texts.stored_texts texts.unicode_scripts tokens.token_file tokens.truncation
        training.devices training.distributed word_counts.ngrams
    """,
    "finetune": TRAINED
    + """
        core.pydantic_errors experiments.job_record hugging_face.hf_export model.classifier_head model.low_rank
        stages.classification stages.evaluate stages.finetuning stages.prediction_writer stages.seed_block
        tokens.token_file training.objective
    """,
    "judge_claims": """
        claims.assess claims.by_encoder claims.claim_record claims.claim_schema claims.claims_markdown claims.expected
        claims.verdict_words claims.verdicts clusters.cluster_file config.validation contributions.seed_ranges
        core.formatting core.label_sets core.pydantic_errors core.yaml_loader evaluation.predictions
        evaluation.results_file experiments.ids statistics.bootstrap statistics.cluster_values statistics.difference
        statistics.failed_runs statistics.paired_tests statistics.significance statistics.study_size
    """,
    "make_crate": CRATE,
    "measure_model": """
        analysis.outcome analysis.temperature analysis.thresholds clusters.cluster_file contributions.seed_ranges
        core.label_sets core.pydantic_errors data.corpus_card evaluation.calibration evaluation.predictions
        experiments.ids experiments.job_record search.measure search.outcome_record search.search_record
        statistics.bootstrap statistics.cluster_values statistics.difference statistics.label_metrics
        statistics.metrics statistics.paired_tests statistics.significance
    """,
    "measure_speed": TRAINED
    + """
        batching.dynamic_masking batching.multitask_sampling core.pydantic_errors experiments.job_record
        hugging_face.hf_export model.classifier_head model.low_rank model.pretrainer model.replaced_tokens
        plan.device_speed plan.encoder_size plan.flops plan.job_cost plan.measure_speed plan.text_lengths
        runtime.hardware stages.classification stages.evaluate stages.finetuning stages.prediction_writer
        stages.pretraining stages.seed_block tokens.instance_file tokens.token_file training.objective
    """,
    "merge": """
        archiving.archive_jobs archiving.contributed_runs archiving.contributors archiving.joined_blocks
        archiving.merged_archive archiving.merged_jobs archiving.record_choice archiving.run_choice
        archiving.same_study archiving.unpacked_archive claims.cell_names claims.claim_record claims.claim_schema
        claims.comparison claims.expected claims.resolve config.load config.recipe_semantics config.references
        config.settings config.switches config.validation contributions.contributed contributions.seed_ranges
        core.installed_packages core.label_sets core.pydantic_errors core.row_readers core.text_columns
        core.yaml_loader data.corpus_card encoders.encoder_folder encoders.families encoders.hub_encoder
        evaluation.predictions experiments.available_corpora experiments.baseline_ids experiments.candidates
        experiments.encoders_in_use experiments.ids experiments.job_record experiments.registry
        experiments.results_owner export.archive export.archive_manifest export.rebuild own_dataset.own_data
        own_dataset.own_encoder own_dataset.search_budget plan.flops plan.text_lengths runtime.hardware
        workflow.artefact_jobs workflow.claim_jobs workflow.code_digest workflow.corpus_sizes workflow.report_jobs
        workflow.score_jobs workflow.shards workflow.training_jobs
    """,
    "multitask_encoder": TRAINED
    + """
        batching.multitask_sampling model.classifier_head model.low_rank stages.evaluate stages.multitask
        stages.prediction_writer tokens.token_file
    """,
    "plan": """
        batching.example_order batching.multitask_sampling batching.packing claims.assess claims.by_encoder
        claims.claim_record claims.claim_schema claims.claims_markdown claims.expected claims.verdict_words
        claims.verdicts clusters.cluster_file config.recipe_semantics config.validation contributions.seed_ranges
        core.formatting core.installed_packages core.label_sets core.pydantic_errors core.yaml_loader
        encoders.families evaluation.predictions evaluation.results_file experiments.ids experiments.job_record
        plan.device_speed plan.disk_usage plan.encoder_size plan.estimate plan.flops plan.job_cost plan.measured_cost
        plan.plan_page plan.plan_record plan.schedule plan.text_lengths power.claim_power power.drawn_errors
        power.drawn_tests power.power_schema power.spreads statistics.bootstrap statistics.cluster_values
        statistics.difference statistics.failed_runs statistics.paired_tests statistics.significance
        statistics.study_size tokens.truncation
    """,
    "plan_round": SEARCH,
    "plot_curves": """
        artefacts.figure_style artefacts.learning_curves artefacts.paper_comparison core.formatting core.label_sets
        evaluation.predictions evaluation.results_file statistics.significance
    """,
    "plot_reliability": """
        artefacts.figure_style artefacts.paper_comparison artefacts.reliability_diagram core.formatting
        core.label_sets evaluation.calibration evaluation.predictions evaluation.results_file statistics.significance
    """,
    "plot_sizes": """
        artefacts.figure_style artefacts.paper_comparison artefacts.training_set_size core.formatting
        evaluation.results_file statistics.significance
    """,
    "plot_steps": """
        artefacts.figure_style artefacts.paper_comparison artefacts.pretraining_steps core.formatting
        evaluation.results_file statistics.significance
    """,
    "predict": """
        attention.flash_attention attention.grouped_attention attention.packed_attention batching.example_order
        batching.model_inputs batching.packing batching.transfer config.recipe_semantics core.formatting
        core.installed_packages core.label_sets core.pydantic_errors core.row_readers core.text_columns data.cleaning
        encoders.encoder_folder encoders.families hugging_face.hf_encoder hugging_face.hf_export
        hugging_face.transformers_encoder hugging_face.transformers_masked inference.answers inference.input_rows
        inference.model_folder inference.onnx_classifier inference.packed_classifier inference.predict
        inference.text_classifier inference.word_count_classifier model.bert model.bert_heads model.classifier_head
        model.dropout model.low_rank model.packed_encoder stages.evaluate stages.prediction_writer texts.stored_texts
        texts.unicode_scripts tokens.special_tokens tokens.token_file tokens.truncation tokens.vocabulary_file
        training.devices training.distributed word_counts.classifier word_counts.ngrams word_counts.regression
    """,
    "pretrain_encoder": TRAINED
    + """
        batching.dynamic_masking model.pretrainer model.replaced_tokens stages.pretraining tokens.instance_file
    """,
    "push": """
        core.pydantic_errors export.push inference.model_folder
    """,
    "rebuild": """
        contributions.contributed core.installed_packages core.pydantic_errors export.archive export.archive_manifest
        export.rebuild
    """,
    "run_baseline": """
        batching.example_order config.recipe_semantics core.label_sets core.pydantic_errors stages.prediction_writer
        stages.tfidf_baseline texts.stored_texts texts.unicode_scripts word_counts.classifier word_counts.ngrams
        word_counts.regression
    """,
    "run_job": """
        core.checksums
    """,
    "score_runs": """
        clusters.cluster_file core.label_sets evaluation.predictions evaluation.results_file evaluation.score_runs
        statistics.bootstrap statistics.cluster_values statistics.difference statistics.failed_runs
        statistics.further_run statistics.label_metrics statistics.metrics statistics.paired_tests
        statistics.significance
    """,
    "slim_archive": """
        archiving.same_study archiving.slim_archive archiving.unpacked_archive contributions.contributed
        core.installed_packages core.label_sets core.pydantic_errors experiments.job_record export.archive
        export.archive_manifest export.rebuild
    """,
    "tabulate_corpora": """
        artefacts.corpus_statistics artefacts.paper_comparison artefacts.table_rendering core.formatting
        core.pydantic_errors data.corpus_card evaluation.results_file statistics.significance
    """,
    "tabulate_forgetting": """
        artefacts.forgetting artefacts.paper_comparison artefacts.table_rendering core.formatting core.pydantic_errors
        evaluation.results_file experiments.job_record statistics.significance
    """,
    "tabulate_runs": """
        artefacts.average_improvement artefacts.error_table artefacts.paper_comparison artefacts.table_rendering
        core.formatting evaluation.results_file statistics.difference statistics.failed_runs statistics.significance
    """,
    "tokenize_corpus": """
        core.label_sets tokens.special_tokens tokens.tokenize_corpus tokens.vocabulary_file
    """,
    "train_on_features": TRAINED
    + """
        core.pydantic_errors experiments.job_record model.bilstm model.classifier_head model.low_rank stages.bert_feat
        stages.classification stages.evaluate stages.feature_cache stages.prediction_writer stages.seed_block
        tokens.token_file training.objective
    """,
    "verify": """
        core.checksums
    """,
    "write_documents": """
        pretraining_texts.documents pretraining_texts.sentences texts.stored_texts texts.unicode_scripts
    """,
    "write_text": """
        core.label_sets core.row_readers core.text_columns core.times data.class_labels data.column_values data.hub
        data.label_lists data.local_files pretraining_texts.sentences pretraining_texts.unlabelled_text
        synthetic.generated_texts synthetic.lexicon
    """,
}
