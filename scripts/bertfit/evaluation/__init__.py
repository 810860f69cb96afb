"""From predictions to numbers: metrics, calibration, results, bootstrap, paired tests, mistakes, comparison of two
results folders."""
