"""What a measured classifier says about its data: calibration, thresholds, label errors, the use of more labels."""
