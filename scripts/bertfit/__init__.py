"""bertfit: the library behind the workflow. See ARCHITECTURE.md for what each module is for."""

import os

# cuBLAS is deterministic with a fixed workspace; read once, at the first product, so before anything can start CUDA.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
