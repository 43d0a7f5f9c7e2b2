"""An old lake opens under new code once it is migrated, with the same rows; before that it is refused."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from jobs.day import run_job
from jobs.errors import RunError
from jobs.lake import FormatError, Lake, open_lake
from jobs.upkeep.migrate import Migrated, migrate
from jobs.upkeep.verify import Verified, verify
from schemas import Registry
from schemas.deployment import FILE
from tests.support.lakes import PUBLICATIONS, check_chain, check_pin, contents, differences, pins, rows
from tests.support.older import CAME_LATER, NEW_TABLES, as_older_code_wrote_it
from tests.support.registries import Edits, changed, shipped
from tests.support.runner import died, migration_killed
from tests.support.worlds import accounted, days, embedded_lake, make_world, run_days

REGISTRY = shipped()
DAYS = days(3)

EXTRA = """name: gold.extra
description: "A table more."
writes: append
written_by: publish
key: [institution, publication_seq]
fields: [institution, amount, publication_seq]
"""
GOES_ON: Edits = {
    "fields/files.yaml": [("feed: {", 'note: {type: string, description: "A column more."}\nfeed: {')],
    "fields/figures.yaml": [("checked: {", 'looked_at: {type: bigint, description: "Rows that were looked at."}\nchecked: {')],
    "tables/gold_coverage.yaml": [("  - feed\n", "  - feed\n  - note\n")],
    "tables/gold_quality.yaml": [("  - checked\n", "  - looked_at\n")],
    "tables/gold_balances.yaml": [("rules:\n", "constraints:\n  counted: \"entries >= 0\"\nrules:\n")],
    "tables/gold_extra.yaml": [("", EXTRA)],
}  # fmt: skip
GOES_ON_STEPS = [
    {"step": "add_column", "table": "gold.coverage", "column": "note", "value": "concat(institution, '/', feed)"},
    {"step": "rename_column", "table": "gold.quality", "column": "checked", "to": "looked_at"},
    {"step": "rebuild_table", "table": "gold.balances"},
    {"step": "add_table", "table": "gold.extra"},
]
"""What later runs can work with: rows that the driver makes take a column more or another, the balances a constraint."""

MOVES: Edits = {
    "tables/silver_identity_log.yaml": [("name: silver.identity_log", "name: silver.persons"), ("  - row_count\n", "")],
    "tables/silver_rows.yaml": [("name: silver.rows", "name: silver.all_rows")],
    "invariants.yaml": [("table: silver.rows", "table: silver.all_rows")],
    **{
        f"tables/gold_{name}.yaml": [
            ("- silver.rows", "- silver.all_rows"),
            ("- silver.identity_log", "- silver.persons"),
        ]
        for name in ("quality", "publications")
    },
}
MOVES_STEPS = [
    {"step": "rename_table", "table": "silver.identity_log", "to": "silver.persons"},
    {"step": "retire_column", "table": "silver.persons", "column": "row_count"},
    {"step": "add_table", "table": "silver.all_rows"},
    {"step": "retire_table", "table": "silver.rows"},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lakes: `two_days`, and `undisturbed` with three."""
    home = make_world(tmp_path_factory.mktemp("migrate"), 120, len(DAYS), seed=11, late=0.3, corrected=0.3)
    accounted(home, 2, "two_days")
    accounted(home, 3, "undisturbed")
    return home


@pytest.fixture
def old(home: Path, tmp_path: Path) -> Path:
    """A home of its own with the lake of two days."""
    shutil.copytree(home / "two_days", tmp_path / "lake")
    (tmp_path / "landed").symlink_to(home / "landed")
    shutil.copy(home / FILE, tmp_path / FILE)
    return tmp_path


@pytest.fixture(scope="module")
def goes_on(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return changed(tmp_path_factory.mktemp("registry") / "root", GOES_ON, GOES_ON_STEPS)


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return changed(tmp_path_factory.mktemp("registry") / "root", MOVES, MOVES_STEPS)


def migrated(home: Path, registry: Registry = REGISTRY, **options: Any) -> Migrated:
    return migrate(open_lake("embedded", home / "lake", registry, as_it_is=True), home, **options)


def test_a_record_without_kinds_is_migrated_in_place(old: Path) -> None:
    """The first migration, of a lake that was written before there were any."""
    cards = Counter(row["card_tokens"] for row in _events(old))
    assert max(len((one or "").split()) for one in cards) == 2
    placed = sorted(map(str, rows(old / "lake", REGISTRY.tables["silver.rows"]).to_pylist()))
    as_older_code_wrote_it(old / "lake", REGISTRY)
    stood = rows(old / "lake", REGISTRY.tables["gold.ledger"])
    with pytest.raises(
        FormatError, match=r"seen migration 0, .* gold.publications lacks file_root, publication_kind, "
    ):
        embedded_lake(old, REGISTRY)

    done = migrated(old)
    assert done.seq == 3 and {PUBLICATIONS, *NEW_TABLES} <= done.plan.parts.keys()
    assert {name: rows(old / "lake", REGISTRY.tables[name]).num_rows for name in NEW_TABLES} == dict.fromkeys(
        NEW_TABLES, 0
    )
    assert Counter(row["card_tokens"] for row in _events(old)) == cards
    assert sorted(map(str, rows(old / "lake", REGISTRY.tables["silver.rows"]).to_pylist())) == placed
    assert DeltaTable(old / "lake/silver/rows").metadata().partition_columns == ["business_month", "row_kind"]
    members = rows(old / "lake", REGISTRY.tables["silver.membership"]).to_pylist()
    assert members and all(row["origin_id"] == row["person_id"] for row in members)
    record = rows(old / "lake", REGISTRY.tables[PUBLICATIONS]).to_pylist()
    told = {row["publication_seq"]: (row["publication_kind"], row["schema_version"]) for row in record}
    assert told == {1: ("run", 0), 2: ("run", 0), 3: ("migration", len(REGISTRY.migrations))}
    assert len(check_chain(old / "lake", REGISTRY)) == 3
    assert verify(embedded_lake(old, REGISTRY), old) == Verified(chained=3, sealed=1)
    run_days(embedded_lake(old, REGISTRY), old, DAYS[2:])
    assert len(check_chain(old / "lake", REGISTRY)) == 4
    assert verify(embedded_lake(old, REGISTRY), old) == Verified(chained=4, sealed=2)
    for pin in pins(old / "lake", REGISTRY):
        if pin.seq > 2 or pin.table not in CAME_LATER:  # whose former versions have its former columns
            check_pin(old / "lake", REGISTRY, pin)
    ledger = rows(old / "lake", REGISTRY.tables["gold.ledger"])
    assert {str(row) for row in stood.to_pylist()} < {str(row) for row in ledger.to_pylist()}
    records = rows(old / "lake", REGISTRY.tables["gold.carbon_records"]).to_pylist()
    reduced = Counter[str]()
    for row in ledger.to_pylist():
        reduced[row["person_id"]] += row["amount"] if row["measure"] == "reduction_mg" else 0
    did = {person for person, milligrams in reduced.items() if milligrams}
    assert did and did <= {row["person_id"] for row in records}, "whoever did something before has a record now"
    assert migrated(old).seq is None


def _events(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows(home / "lake", REGISTRY.tables["silver.customer_events"]).to_pylist()
    return found


def test_the_command_refuses_an_old_lake_and_names_the_way(old: Path) -> None:
    from tanzhang.cli import app

    as_older_code_wrote_it(old / "lake", REGISTRY)
    call = CliRunner().invoke
    before = everything(old)
    for verb in (["status"], ["run", "--date", "2026-11-03"], ["maintain"], ["publications"]):
        said = call(app, [*verb, "--home", str(old)])
        text = "".join(said.stderr.split())
        assert said.exit_code == 2
        assert "lacksfile_root,publication_kind,publication_seal,schema_version" in text
        assert f"tanzhangmigrate--home{old}--lakelake" in text
    shown = call(app, ["migrate", "--home", str(old), "--dry-run"])
    anew = (
        "gold.quality, silver.activities, silver.claims, silver.customer_events, silver.membership, silver.rows, "
        "gold.publications, silver.redemptions, gold.carbon_records"
    )
    assert shown.exit_code == 0 and f"written anew: {anew}" in " ".join(shown.output.split())
    assert everything(old) == before
    done = call(app, ["migrate", "--home", str(old)])
    assert done.exit_code == 0 and "publication 3 pins what stands" in done.output
    assert call(app, ["publications", "--home", str(old)]).exit_code == 0
    assert "the newest" in call(app, ["migrate", "--home", str(old)]).output
    assert call(app, ["migrate", "--home", str(old / "nowhere")]).exit_code == 5


def everything(folder: Path) -> dict[str, int]:
    """Every file of a lake, but for locks, and its size."""
    lake = folder / "lake"
    return {str(path): path.stat().st_size for path in lake.rglob("*") if path.is_file() and path.name[0] != "."}


def test_a_lake_goes_on_after_its_migration(home: Path, old: Path, goes_on: Registry) -> None:
    before = {pin.table: pin for pin in pins(old / "lake", REGISTRY) if pin.seq == 2}
    coverage = rows(old / "lake", REGISTRY.tables["gold.coverage"]).to_pylist()
    with pytest.raises(
        FormatError, match=r"gold.coverage lacks note; .*gold.quality lacks looked_at.*tanzhang migrate"
    ):
        embedded_lake(old, goes_on)
    done = migrated(old, goes_on)
    assert done.seq == 3
    assert list(done.plan.parts) == ["gold.balances", "gold.coverage", "gold.quality", "gold.extra"]

    lake = embedded_lake(old, goes_on)
    after = {pin.table: pin for pin in pins(lake.path, goes_on) if pin.seq == 3}
    counts = {name: pin.rows for name, pin in before.items()} | {"gold.extra": 0}
    assert {name: pin.rows for name, pin in after.items()} == counts
    for name, pin in after.items():
        check_pin(lake.path, goes_on, pin)
        # A renamed column's values are the same text, a new column's are not.
        is_same = name not in ("gold.coverage", "gold.extra")
        assert not is_same or pin.checksum == before[name].checksum
        assert (name in done.plan.parts) or pin.version == before[name].version
    told = rows(lake.path, goes_on.tables["gold.coverage"]).to_pylist()
    expected = [row | {"note": f"{row['institution']}/{row['feed']}"} for row in coverage]
    assert sorted(str(sorted(map(str, row.items()))) for row in told) == sorted(
        str(sorted(map(str, row.items()))) for row in expected
    )
    for pin in before.values():  # what readers of the old pins see
        check_pin(lake.path, REGISTRY, pin)
    stored = DeltaTable(lake.uri("gold.balances"))
    assert stored.metadata().configuration["delta.constraints.counted"] == "entries >= 0"
    assert stored.protocol().min_reader_version == 1

    [outcome] = run_days(lake, old, DAYS[2:])
    assert outcome.seq == 4
    for pin in pins(lake.path, goes_on):
        if pin.seq >= 3:
            check_pin(lake.path, goes_on, pin)
    for name in ("silver.rows", "silver.claims"):
        one, other = (
            rows(path, goes_on.tables[name]).drop_columns(["publication_seq"]).to_pylist()
            for path in (home / "undisturbed", lake.path)
        )
        assert sorted(map(str, one)) == sorted(map(str, other))
    assert migrated(old, goes_on).seq is None


def test_tables_and_columns_are_renamed_and_retired(old: Path, moves: Registry) -> None:
    lake = old / "lake"
    log = rows(lake, REGISTRY.tables["silver.identity_log"]).drop_columns(["row_count"])
    done = migrated(old, moves)
    assert done.plan.retired == ["silver.identity_log", "silver.rows"]
    embedded_lake(old, moves)
    found = rows(lake, moves.tables["silver.persons"])
    assert sorted(map(str, found.to_pylist())) == sorted(map(str, log.to_pylist()))
    assert rows(lake, moves.tables["silver.all_rows"]).num_rows == 0
    for pin in pins(lake, moves):
        check_pin(lake, moves if pin.seq == 3 else REGISTRY, pin)  # also the tables that are retired
    assert {pin.table for pin in pins(lake, moves) if pin.seq == 3} == moves.tables.keys() - {PUBLICATIONS}


# -- what is refused, and changes nothing


def test_older_code_leaves_a_newer_lake_alone(old: Path, goes_on: Registry) -> None:
    migrated(old, goes_on)
    before = everything(old)
    with pytest.raises(FormatError, match="newer code wrote it"):
        embedded_lake(old, REGISTRY)
    with pytest.raises(FormatError, match="newer code wrote it"):
        migrated(old, REGISTRY)
    assert everything(old) == before


def test_a_change_without_a_migration_is_refused(old: Path, tmp_path: Path) -> None:
    registry = changed(tmp_path / "root", {"tables/gold_quality.yaml": [("  - checked\n", "")]})
    before = everything(old)
    with pytest.raises(FormatError, match=r"gold.quality has checked: .* no migration says why"):
        embedded_lake(old, registry)
    with pytest.raises(FormatError, match=r"gold\.quality differs in checked"):
        migrated(old, registry)
    assert everything(old) == before


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (
            {"step": "add_column", "table": "gold.coverage", "column": "feed", "value": "0"},
            "feed is a column of gold.cov",
        ),
        (
            {
                "step": "look_up_column",
                "table": "gold.coverage",
                "column": "new",
                "told_by": "gold.none",
                "key": "file_id",
                "value": "1",
            },
            "no table gold.none",
        ),
        ({"step": "rename_column", "table": "gold.coverage", "column": "none", "to": "x"}, "has no column none"),
        ({"step": "retire_table", "table": "gold.none"}, "no table gold.none"),
        ({"step": "add_table", "table": "gold.ledger"}, "gold.ledger is a table already"),
        ({"step": "rename_table", "table": "gold.ledger", "to": "gold.coverage"}, "gold.coverage is a table already"),
        ({"step": "retire_column", "table": "gold.coverage", "column": "feed"}, "gold.coverage differs in feed"),
        ({"step": "retire_table", "table": "gold.ledger"}, "gold.ledger has no step that adds it"),
    ],
)
def test_steps_that_lead_elsewhere_are_refused(old: Path, tmp_path: Path, step: dict[str, str], complaint: str) -> None:
    registry = changed(tmp_path / "root", {}, [step])
    before = everything(old)
    with pytest.raises(FormatError, match=complaint):
        migrated(old, registry)
    assert everything(old) == before


def test_an_open_run_is_given_up_only_when_told(old: Path, goes_on: Registry) -> None:
    run_job(embedded_lake(old, REGISTRY), REGISTRY, old, DAYS[2], "conform")
    with pytest.raises(RunError, match="--give-up-run"):
        migrated(old, goes_on)
    assert migrated(old, goes_on, give_up_run=True).seq == 3
    assert [outcome.seq for outcome in run_days(embedded_lake(old, goes_on), old, DAYS[2:])] == [4]


def test_a_lake_that_never_published_begins_anew(old: Path, goes_on: Registry) -> None:
    shutil.rmtree(old / "lake")
    run_job(embedded_lake(old, REGISTRY), REGISTRY, old, DAYS[0], "conform")
    with pytest.raises(FormatError, match="never published"):
        embedded_lake(old, goes_on)
    assert migrated(old, goes_on).seq is None
    lake = embedded_lake(old, goes_on)
    assert [outcome.seq for outcome in run_days(lake, old, DAYS[:1])] == [1]
    for pin in pins(lake.path, goes_on):
        check_pin(lake.path, goes_on, pin)


# -- killed


@pytest.fixture(scope="module")
def done(home: Path, goes_on: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake whose migration nobody disturbed."""
    folder = tmp_path_factory.mktemp("done")
    shutil.copytree(home / "two_days", folder / "lake")
    shutil.copytree(home / "landed", folder / "landed")
    shutil.copy(home / FILE, folder / FILE)
    migrated(folder, goes_on)
    yield embedded_lake(folder, goes_on)


@pytest.mark.parametrize(
    "point", ["created:gold.balances", "after:gold.coverage", f"before:{PUBLICATIONS}", f"after:{PUBLICATIONS}"]
)
def test_killed_and_again(old: Path, done: Lake, goes_on: Registry, point: str) -> None:
    died(migration_killed, old, goes_on.root, point)
    if point == f"after:{PUBLICATIONS}":
        assert migrated(old, goes_on).seq is None
    else:
        for pin in pins(old / "lake", REGISTRY):  # what readers see meanwhile
            check_pin(old / "lake", REGISTRY, pin)
        with pytest.raises(FormatError, match="tanzhang migrate"):
            embedded_lake(old, goes_on)
        assert migrated(old, goes_on).seq == 3
    embedded_lake(old, goes_on)
    assert differences(contents(old / "lake", goes_on), contents(done.path, goes_on)) == {}
    chains = [
        {row["publication_hash"] for row in rows(lake, goes_on.tables[PUBLICATIONS]).to_pylist()}
        for lake in (old / "lake", done.path)
    ]
    assert chains[0] == chains[1]


def test_killed_under_new_code_old_code_goes_on(home: Path, old: Path, goes_on: Registry) -> None:
    """Who turns back after a migration that was killed finds the lake as it was."""
    died(migration_killed, old, goes_on.root, f"before:{PUBLICATIONS}")
    run_days(embedded_lake(old, REGISTRY), old, DAYS[2:])
    assert differences(contents(old / "lake", REGISTRY), contents(home / "undisturbed", REGISTRY)) == {}
