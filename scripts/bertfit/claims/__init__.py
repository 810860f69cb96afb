"""The claims of the paper as tests over runs: schema, the runs behind them, effects, verdicts, ``claims.md``."""
