"""What a training job asks of a machine. Upper bounds for schedulers; never part of a result."""

from __future__ import annotations

from pathlib import Path

from .registry import Registry


def gpus() -> int:
    """NVIDIA GPUs of this machine, counted without loading a driver library."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def mem_mb(registry: Registry, encoder: str) -> int:
    """Megabytes of main memory: 3 GB for a small encoder from scratch, 16 GB for BERT-base and BERT-large."""
    return 3_000 if registry.base(encoder).scratch else 16_000


def minutes(registry: Registry, encoder: str) -> int:
    """Minutes: an hour for a small encoder from scratch, a day for a fetched one."""
    return 60 if registry.base(encoder).scratch else 24 * 60
