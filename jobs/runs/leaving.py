"""What a publication leaves open of what was received, noted for the run after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.landing.manifests import path_of
from jobs.runs import settled

if TYPE_CHECKING:
    from jobs.lake.chain import Pin
    from jobs.runs.run import Run


def note_settled(run: Run, coverage: Pin) -> None:
    """Leave behind what the publication to come leaves open.

    Args:
        coverage: what it pins of gold.coverage.
    """
    seen = run.intake
    assert seen is not None
    told = {file.landed_as for file, _ in run.refused if file.state == "refused"} | {
        file.landed_as for file in run.fresh
    }
    used = {file.file_id: file.landing for file in (*run.consumed, *run.fresh)}
    left = [
        file
        for file in seen.files
        if file.landed_as in seen.open - told and file.landing >= used.get(file.file_id, file.landing)
    ]
    note = settled.Note(
        coverage=(coverage.rows, coverage.checksum),
        cursors=seen.cursors,
        manifests=sorted(seen.absent | {settled.below_landed(run.home, path_of(run.home, file)) for file in left}),
        receipts=sorted(seen.pending - {settled.below_landing(run.home, one) for one in run.turned_away}),
        first=run.first_dates,
    )
    settled.save(run.lake.path, run.seq, note)
