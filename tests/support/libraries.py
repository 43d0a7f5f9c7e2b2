"""Small factor libraries made by hand, for tests of what is computed, compared and written from one."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from schemas.base import LOADER, ROOT

DUMPER: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""As the registry's loader: the same, ten times faster."""
KNOWN = date(2026, 11, 1)
"""When the figures of such a library were released unless told."""
SOURCE = {"document": "A paper that a test makes up", "clause": "table 1", "seen": "so many grams of CO2 each"}


def copied(root: Path) -> Path:
    """A copy of the shipped registry to change."""
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


def series(name: str, value: str, unit: str, region: str = "000000", **changes: Any) -> dict[str, Any]:
    """A series of a factor file, valid since it is known."""
    return {
        "id": name,
        "value": value,
        "unit": unit,
        "gas_basis": "CO2e" if "CO2e" in unit else "CO2",
        "region": region,
        "data_year": None,
        "published_on": None,
        "valid_from": KNOWN,
        "known_from": KNOWN,
        "source": SOURCE,
        "licence": "made up",
        "status": "primary",
        "conservative": "it is made up",
        "proxies": [],
        **changes,
    }


def factor(root: Path, name: str, kind: str, boundary_kind: str, *of: dict[str, Any]) -> Path:
    """Write a factor file of these series; returns it."""
    said = {
        "id": name,
        "kind": kind,
        "name": f"factor {name}",
        "boundary_kind": boundary_kind,
        "boundary": f"What {name} is about.",
        "plausible": {"least": "0.001", "most": "100000", "unit": of[0]["unit"]},
        "series": list(of),
    }
    return write(root / "factors" / f"{name}.yaml", said)


def scenario(root: Path, key: str, unit: str, quantification: dict[str, str] | None, **changes: Any) -> Path:
    """Write a scenario quantified so; returns its file."""
    said = {
        "id": key,
        "name": f"场景{key}",
        "name_en": f"Scenario {key}",
        "aliases": [],
        "category": "用",
        "scope": "living",
        "unit": unit,
        "proof": "act",
        "reported_by": "issuer",
        "precedence": ["recycler"],
        "window_seconds": 0,
        "match_amount": False,
        "caps": [],
        "named_by": [{"document": "A list that a test makes up", "clause": "1"}],
        **({"quantification": quantification} if quantification else {"no_factor_reason": "nobody measured it"}),
        **changes,
    }
    return write(root / "scenarios" / f"{key}.yaml", said)


def content(path: Path) -> dict[str, Any]:
    """What a declarative file says."""
    said: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    return said


def edited(path: Path, **changes: Any) -> None:
    """Change keys of a file; of a factor file those of its first series with `series_`."""
    said = content(path)
    for key, value in changes.items():
        if key.startswith("series_"):
            said["series"][0][key.removeprefix("series_")] = value
        else:
            said[key] = value
    write(path, said)


def unquantified(root: Path, key: str) -> str:
    """Take a scenario's factor away, and it from every programme; returns the reason that it has now."""
    path = root / "scenarios" / f"{key}.yaml"
    said = {name: value for name, value in content(path).items() if name not in ("quantification", "alternatives")}
    write(path, {**said, "no_factor_reason": "nobody measured it; that is not a zero"})
    for programme in (root / "programmes").glob("*.yaml"):
        for kind in ("earn", "tiers"):
            rules = content(programme).get(kind, [])
            kept = [{**rule, "scenarios": [one for one in rule["scenarios"] if one != key]} for rule in rules]
            edited(programme, **{kind: [rule for rule in kept if rule["scenarios"]]})
    return "nobody measured it; that is not a zero"


def added(path: Path, *of: dict[str, Any]) -> None:
    """Append series to a factor file."""
    said = content(path)
    write(path, {**said, "series": [*said["series"], *of]})


def write(path: Path, said: dict[str, Any]) -> Path:
    """Write one declarative file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(said, Dumper=DUMPER, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
