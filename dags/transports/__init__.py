"""Brings what institutions left at their remote places into the exports folder, whole or not at all."""

from .fetch import Fetched, fetch
from .remote import Unreachable, Unusable

__all__ = ["Fetched", "Unreachable", "Unusable", "fetch"]
