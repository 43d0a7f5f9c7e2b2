"""Stored results → Data Docs of Great Expectations: static pages with counts, and no value of a row."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from expectations import RESULT_FORMAT, Measurement, new_context, suite

SITE = "quality"


FROM_ELSEWHERE = re.compile(
    r"<script\b[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//.*?</script>"
    r"|<(?:link|img)\b[^>]*\b(?:href|src)\s*=\s*[\"']?(?:https?:)?//[^>]*>"
    r"|@import\s[^;]*//[^;]*;"
    r"|url\(\s*[\"']?(?:https?:)?//[^)]*\)",
    re.DOTALL | re.IGNORECASE,
)
"""What the library's pages load from the network: scripts, styles and pictures of others, with a date in each request."""
OURS_ALONE = "default-src 'self' 'unsafe-inline' data:"


def by_itself(page: str) -> str:
    """A page that loads nothing from the network, and that a browser holds to it."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{OURS_ALONE}">'
    return re.sub(r"(<head\b[^>]*>)", rf"\1{policy}", FROM_ELSEWHERE.sub("", page), count=1)


def render(folder: Path, run_name: str, suites: Mapping[str, Sequence[Measurement]]) -> Path:
    """Validate what was measured once more, a suite for each table and feed, and write the site anew.

    Args:
        folder: of the site; what it held is replaced.
        run_name: how the pages call the validations.
        suites: name → what was measured, of one or several statements.

    Returns:
        The site's first page.
    """
    import pandas as pd
    from great_expectations import RunIdentifier, ValidationDefinition

    context = new_context()
    run = RunIdentifier(run_name=run_name)
    source = context.data_sources.add_pandas(run_name)
    for name, asked in suites.items():
        rules = {one.rule.id: one.rule for one in asked}
        lines = {one.business_date: number for number, one in enumerate(asked)}
        frame = pd.DataFrame(index=sorted(lines), columns=list(rules), dtype="Int64")
        for one in asked:
            frame.loc[one.business_date, one.rule.id] = one.observed
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("counts")
        held = context.suites.add(suite(name, [(rule, rule_id) for rule_id, rule in rules.items()]))
        definition = context.validation_definitions.add(ValidationDefinition(name=name, data=batch, suite=held))
        definition.run(batch_parameters={"dataframe": frame}, result_format=RESULT_FORMAT, run_id=run)

    new = folder.absolute().with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(new)},
            "show_how_to_buttons": False,
        },
    )
    context.build_data_docs(site_names=[SITE])
    for page in new.rglob("*.html"):
        page.write_text(by_itself(page.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return folder / "index.html"
