"""A classifier without an encoder: TF-IDF of words or characters, and logistic regression."""
