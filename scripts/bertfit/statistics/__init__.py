"""Metrics, intervals and tests of errors over seeds and test examples: functions of arrays."""
