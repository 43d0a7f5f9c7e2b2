"""Every declared thing, loaded and checked against each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from schemas.base import ROOT
from schemas.bounds import check_bounds
from schemas.deployment import Deployment, credits_of
from schemas.errors import RegistryError
from schemas.grades import Inside
from schemas.library import Library, load_library
from schemas.migrations import Migration, load_migrations
from schemas.programmes import Programme, load_programmes
from schemas.quality import Invariant, load_invariants
from schemas.records import CarbonRecordRules, load_records
from schemas.scenarios import Scenario
from schemas.sources import UNPLACED, Feed, PaymentFeed, RedemptionFeed, Source, load_sources
from schemas.spending import Spending, load_spending
from schemas.tables import Field, Table, load_fields, load_tables


@dataclass(frozen=True)
class Registry:
    """All declared things by id, and the hash that a publication pins them with."""

    root: Path
    sources: dict[str, Source]
    library: Library
    spending: Spending
    programmes: dict[str, Programme]
    tables: dict[str, Table]
    fields: dict[str, Field]
    records: CarbonRecordRules
    migrations: list[Migration]
    invariants: dict[str, Invariant]
    digest: str = field(repr=False)

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Every scenario by id."""
        return self.library.scenarios

    def under(self, deployment: Deployment | None) -> Registry:
        """The same under what a deployment credits."""
        return replace(self, library=replace(self.library, credits=credits_of(deployment)))

    @property
    def regions(self) -> set[str]:
        """Every region that some export places its acts in."""
        found = {source.region_of(name) for _, source, name, _ in _feeds(self.sources)}
        found |= {case.region for *_, feed in _feeds(self.sources) for case in feed.cases if case.region}
        return found - {UNPLACED}


def load_registry(root: Path = ROOT) -> Registry:
    """Load and check every declarative file below `root`.

    Raises:
        RegistryError: one is broken; the text names the file, the key and the mend.
    """
    sources, library = load_sources(root), load_library(root)
    tables, invariants = load_tables(root), load_invariants(root)
    _check_scenarios(sources, library.scenarios)
    _check_objects(sources, library.scenarios)
    _check_wallets(sources)
    _check_rules(sources, tables, invariants)
    programmes = load_programmes(root)
    _check_benefits(sources, programmes)
    library = replace(library, inside=_inside(sources, programmes, library))
    spending = load_spending(root)
    check_bounds(_feeds(sources), root, library, spending, programmes)
    return Registry(
        root=root,
        sources=sources,
        library=library,
        spending=spending,
        programmes=programmes,
        tables=tables,
        fields=load_fields(root),
        records=load_records(root),
        migrations=load_migrations(root),
        invariants=invariants,
        digest=_digest(root),
    )


def _feeds(sources: Mapping[str, Source]) -> Iterator[tuple[str, Source, str, Feed]]:
    """Every feed: where it is declared, its source, its name, and itself."""
    for source in sources.values():
        for name, feed in source.feeds.items():
            yield f"sources/{source.id}.yaml: feeds.{name}", source, name, feed


def _check_scenarios(sources: Mapping[str, Source], scenarios: Mapping[str, Scenario]) -> None:
    """Every scenario that a contract names is there, and says where an act counts that is reported without a place."""
    for where, source, name, feed in _feeds(sources):
        placed = {case.scenario for case in feed.cases if case.region}
        for scenario in sorted(feed.scenarios):
            if scenario not in scenarios:
                raise RegistryError(f"{where}: {scenario}: is no scenario; add scenarios/{scenario}.yaml")
            is_unplaced = source.region_of(name) == UNPLACED and scenario not in placed
            if is_unplaced and scenarios[scenario].unplaced is None:
                raise RegistryError(
                    f"{where}: {scenario}: is reported without a region; say `unplaced` in its scenario"
                )


def _check_objects(sources: Mapping[str, Source], scenarios: Mapping[str, Scenario]) -> None:
    """What is excluded by object is reported with its object, or the contract says why not."""
    of_objects = {
        name: scenario.id
        for scenario in scenarios.values()
        for rule in scenario.excludes
        if rule.by == "object"
        for name in (scenario.id, *rule.scenarios)
    }
    for where, *_, feed in _feeds(sources):
        is_told = getattr(feed.columns, "object", None) is not None or feed.no_object is not None
        for scenario in sorted(feed.scenarios & of_objects.keys()):
            if not is_told:
                raise RegistryError(
                    f"{where}: {scenario}: scenarios/{of_objects[scenario]}.yaml excludes by object; name the field that "
                    "tells it in columns.object, or say in no_object why no row does"
                )


def _check_wallets(sources: Mapping[str, Source]) -> None:
    """A wallet that a bank's rows name is an institution: its own rows report the same payments."""
    for where, *_, feed in _feeds(sources):
        wallet = feed.columns.wallet if isinstance(feed, PaymentFeed) else None
        unknown = {entry.value for entry in wallet.classes} - sources.keys() if wallet else set()
        if unknown:
            raise RegistryError(
                f"{where}: wallet: {', '.join(sorted(unknown))}: no such institution; use the id of one"
            )


def _check_benefits(sources: Mapping[str, Source], programmes: Mapping[str, Programme]) -> None:
    """What a contract says that people gave points for is a benefit of a programme."""
    known = {programme.key(benefit) for programme in programmes.values() for benefit in programme.benefits}
    for where, *_, feed in _feeds(sources):
        named = set(feed.columns.benefit.codes.values()) if isinstance(feed, RedemptionFeed) else set()
        if unknown := sorted(named - known):
            raise RegistryError(f"{where}: benefit: {', '.join(unknown)}: no such benefit; use <programme>.<benefit>")


def _inside(sources: Mapping[str, Source], programmes: Mapping[str, Programme], library: Library) -> dict[str, Inside]:
    """Whose acts are the own of each programme that a figure is of."""
    found: dict[str, Inside] = {}
    named = ((file.id, one.programme) for file in library.factors.values() for one in file.series if one.programme)
    for file, name in named:
        if name not in programmes:
            raise RegistryError(f"factors/{file}.yaml: programme: {name!r} is no programme; add programmes/{name}.yaml")
        found[name] = Inside(programmes[name].prefix, frozenset(programmes[name].institutions))
        for one in sorted(found[name].institutions - sources.keys()):
            # A registry need not have every contract; a slip is like one that it has.
            if meant := get_close_matches(one, sources, n=1, cutoff=0.8):
                raise RegistryError(
                    f"programmes/{name}.yaml: institutions: {one}: no such institution; did you mean {meant[0]}?"
                )
    return found


def _check_rules(
    sources: Mapping[str, Source], tables: Mapping[str, Table], invariants: Mapping[str, Invariant]
) -> None:
    """An id names one rule; every invariant guards a table that is there."""
    taken = {rule.id: f"tables: {table.name}" for table in tables.values() for rule in table.all_rules}
    taken |= {rule.id: "volume" for *_, feed in _feeds(sources) for rule in feed.volume.rules()}
    invariant = [("invariants.yaml", one) for one in invariants.values()]
    for where, rule in [*invariant, *((where, rule) for where, *_, feed in _feeds(sources) for rule in feed.rules)]:
        if rule.id in taken:
            raise RegistryError(f"{where}: {rule.id!r} is taken by {taken[rule.id]}; choose another id")
        taken[rule.id] = where
    for one in invariants.values():
        if one.table not in tables:
            raise RegistryError(f"invariants.yaml: {one.id}: {one.table} is no table; name one of tables/")


def _digest(root: Path) -> str:
    """SHA-256 over the path and the bytes of every declarative file."""
    total = hashlib.sha256()
    for path in sorted(path for kind in ("*.yaml", "*.csv") for path in root.rglob(kind)):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
