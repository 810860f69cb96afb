"""Evaluation of predictions: calibration, the results table, confident mistakes, comparison of two results folders."""
