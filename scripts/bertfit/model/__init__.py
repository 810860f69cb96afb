"""BERT on packed batches: attention, dropout, encoder folders, heads, biLSTM, export to transformers."""
