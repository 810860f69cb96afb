"""BERT and what stands on any encoder: classifiers, heads of pre-training, dropout, adapters, biLSTM."""
