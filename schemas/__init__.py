"""The registry: everything that is declared rather than coded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.errors import RegistryError

if TYPE_CHECKING:
    from schemas.registry import Registry, load_registry

__all__ = ["Registry", "RegistryError", "load_registry"]


def __getattr__(name: str) -> Any:
    """The whole registry where it is asked for: units alone take a second, and one part of it does not need the others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from schemas import registry

    return getattr(registry, name)
