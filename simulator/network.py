"""The made-up metro network: 20 stations, every pair's distance, a fare that follows the distance."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from simulator.rows import Column

STEPS_M = (4_000, 8_000, 12_000, 18_000, 24_000, 32_000, 40_000)
"""Beyond each of these distances a ride costs one yuan more than the two yuan it starts from."""


class Network:
    """Stations by number, distances in metres and fares in fen as square matrices.

    The table is the simulator's own copy: a writer and a parser that share a definition share its mistakes.
    """

    def __init__(self) -> None:
        with Path(__file__).with_name("network.csv").open(encoding="utf-8", newline="") as file:
            pairs = [(row["from_station"], row["to_station"], int(row["distance_m"])) for row in csv.DictReader(file)]
        self.stations = sorted({name for pair in pairs for name in pair[:2]})
        number = {name: k for k, name in enumerate(self.stations)}
        self.distance_m: Column = np.zeros((len(number), len(number)), dtype=np.int64)
        for one, other, metres in pairs:
            self.distance_m[number[one], number[other]] = metres
            self.distance_m[number[other], number[one]] = metres
        self.fare_fen: Column = 200 + 100 * np.searchsorted(np.array(STEPS_M), self.distance_m, side="left")
        self.shortest_m = min(metres for _, _, metres in pairs)
