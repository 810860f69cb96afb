"""bertfit: the library behind the workflow. See ARCHITECTURE.md for what each module is for."""

import os

__version__ = "0.2.0"

# cuBLAS is deterministic with a fixed workspace; read once, at the first product, so before anything can start CUDA.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# How long a thread of libgomp, the OpenMP of torch's wheels, spins at a barrier before it sleeps: 5,000 rounds (some
# 80 microseconds) instead of 300,000. Where another program needs the cores, a thread that spins on keeps one from the
# very thread that it waits for, and every barrier of a training step may cost a time slice: training was ten times
# slower than its share of the cores allows, and is less than 2.5 times so now (bench/busy.py). Without any spinning it
# would be slower on quiet cores, by 5 to 15 %. Results do not depend on it.
# libgomp reads the variable when torch is loaded, so it is set here; child processes inherit it. What the user has set
# stays.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
if not any(name in os.environ for name in WAITING):
    os.environ["GOMP_SPINCOUNT"] = "5000"
