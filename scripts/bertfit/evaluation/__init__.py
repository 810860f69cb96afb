"""Evaluation of predictions: metrics, calibration, the results table, bootstrap, paired tests, confident mistakes and
the comparison of two results folders."""
