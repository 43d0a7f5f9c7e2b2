"""The registry: everything that is declared rather than coded."""

from __future__ import annotations

from schemas.base import RegistryError
from schemas.registry import Registry, load_registry

__all__ = ["Registry", "RegistryError", "load_registry"]
