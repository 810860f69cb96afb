"""BERT on packed batches: dropout, encoder folders, heads, biLSTM, export to transformers."""
