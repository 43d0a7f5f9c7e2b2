"""What people do with the institutions that a world has only where they are used: cars, rides, homes, goods, papers."""

from __future__ import annotations

from simulator.services.driving import drive
from simulator.services.goods import pass_on
from simulator.services.home import keep_house
from simulator.services.papers import save_paper
from simulator.services.riding import be_driven

__all__ = ["LIVED"]

LIVED = (drive, be_driven, keep_house, pass_on, save_paper)
"""All of it, each from a scene to what was done."""
