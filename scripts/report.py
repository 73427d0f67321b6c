# SPDX-License-Identifier: Apache-2.0
"""Read a waitwork report: rows, their rounds, and what failed or is absent.

A report is Google Benchmark's JSON with everything of ours under the key "waitwork";
reports/schema/ describes it. A file that is not one is refused with a single sentence that says
what, where, and what to do: report_text.py reads the file, report_check.py and report_shape.py
check what is in it, report_rows.py the measurements, report_digest.py whether a byte was changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report_digest
from report_check import STRATEGIES
from report_rows import Row, check_identity, is_split, rows_of
from report_shape import check_document, in_whole_numbers
from report_text import AGAIN, GIVE, Damage, ReportError, parse, read

__all__ = ["STRATEGIES", "Report", "ReportError", "Row", "from_document", "is_split", "load"]

SCHEMA_MAJOR = 1


@dataclass
class Report:
    """What a run found out."""

    path: Path
    context: dict[str, Any]
    meta: dict[str, Any]  # the top-level "waitwork" object
    rows: dict[str, Row]  # those with figures, by name, in the order of the suite
    remark: str = ""  # what a reader is to be told once, on standard error

    @property
    def machine(self) -> dict[str, Any]:
        return self.context["waitwork"]["machine"]

    @property
    def build(self) -> dict[str, Any]:
        return self.context["waitwork"]["build"]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return self.meta["failures"]

    @property
    def absent(self) -> list[dict[str, Any]]:
        return self.meta["absent"]

    @property
    def declared(self) -> list[dict[str, Any]]:
        """Every row that the run set out to measure."""
        return self.meta["declared"]

    @property
    def rounds(self) -> int:
        """Rounds that measured at least one row."""
        return len({index for row in self.rows.values() for index in row.values("real_time")})

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Every (workload, variant) of the run in its order, measured or not."""
        return list(dict.fromkeys((each["workload"], each["variant"]) for each in self.declared))

    def why_without_figures(self) -> tuple[str, str]:
        """What to say of a declared row that is in no list at all, and what to do about it."""
        if self.meta["complete"]:
            return ("the report is complete and has no figures of it", "take another copy")
        return ("the run ended before this row", "go on with waitwork run --resume")


def load(path: str | Path) -> Report:
    """The report in `path`; ReportError if it is not one that this version reads."""
    path = Path(path)
    text = read(path)
    report = from_document(parse(path, text), path)
    report.remark = report_digest.check(path, text, report.meta)
    return report


def from_document(document: Any, path: Path = Path("report.json")) -> Report:
    """The report in parsed JSON; `path` is what a ReportError names."""
    if not isinstance(document, dict):
        raise ReportError(
            f"{path}: this is JSON but not a report; give a file that `waitwork run` wrote"
        )
    meta = document.get("waitwork")
    if not isinstance(meta, dict) or not isinstance(meta.get("schema"), str):
        raise ReportError(f'{path}: this has no "waitwork" object with its schema; {GIVE}')
    _check_schema(path, meta["schema"])
    try:
        check_document(document)
        rows = _rows(document["benchmarks"], meta)
    except Damage as problem:
        what = problem if problem.remedy else f"the report is damaged: {problem}"
        raise ReportError(f"{path}: {what}; {problem.remedy or AGAIN}") from None
    return Report(path, _context(document["context"]), _meta(meta), rows)


def _rows(benchmarks: list[Any], meta: dict[str, Any]) -> dict[str, Row]:
    """Those with figures, after a look at whether the lists of the report fit each other."""
    declared = {each["name"]: each for each in meta["declared"]}
    for name in ("declared", "failures", "absent"):
        for index, entry in enumerate(meta[name]):
            if entry["name"] in declared:
                check_identity(entry, f"waitwork.{name}[{index}]", declared[entry["name"]])
    rounds = int(meta["rounds"]) if "rounds" in meta else None
    rows = rows_of(benchmarks, declared, rounds)
    if meta["complete"] and rounds is not None:
        without = {entry["name"] for entry in (*meta["failures"], *meta["absent"])}
        for name in declared.keys() - without:
            found = len(rows[name].samples) if name in rows else 0
            if found < rounds:
                raise Damage(
                    f'"{name[:200]}" has {found} of {rounds} rounds, in a report that says that it'
                    " is complete (waitwork.complete) and not why"
                )
    return rows


def _context(context: dict[str, Any]) -> dict[str, Any]:
    ours = context["waitwork"]
    machine = in_whole_numbers(ours["machine"], "cpus_effective", "memory_bytes")
    return context | {"waitwork": ours | {"machine": machine}}


def _meta(meta: dict[str, Any]) -> dict[str, Any]:
    lists = ("declared", "failures", "absent")
    numbers = ("depth", "workers", "round")
    return meta | {
        name: [in_whole_numbers(entry, *numbers) for entry in meta[name]] for name in lists
    }


def _check_schema(path: Path, schema: str) -> None:
    parts = schema.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        said = schema[:100]
        raise ReportError(f"{path}: '{said}' is not a version of the schema; take another copy")
    major = int(parts[0])
    if major != SCHEMA_MAJOR:
        remedy = "update these tools" if major > SCHEMA_MAJOR else "measure again with this version"
        raise ReportError(
            f"{path}: the report has schema {schema[:100]}, and these tools read {SCHEMA_MAJOR}.x;"
            f" {remedy}"
        )
