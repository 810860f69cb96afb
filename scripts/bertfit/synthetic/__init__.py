"""The generated texts of the synthetic benchmark."""
