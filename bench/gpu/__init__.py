"""What only a GPU can show: the parts of `gpu_check`, each a module with a function ``run``."""
