"""Clusters of test texts: of one declared group, and near-duplicates."""
