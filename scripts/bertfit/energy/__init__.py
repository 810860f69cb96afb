"""Energy that a process takes: of its GPU by the driver's counter, of its CPU by RAPL or estimated from CPU time."""
