"""A module for each stage of training: fetch, pre-train, multi-task, fine-tune, BERT-Feat, baseline; and what they
share."""
