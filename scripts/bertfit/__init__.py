"""bertfit: the library behind the workflow. See ARCHITECTURE.md for what each module is for."""
