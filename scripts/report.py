"""Read a waitwork report: rows, their rounds, and what failed or is absent.

A report is Google Benchmark's JSON with everything of ours under the key "waitwork";
reports/schema/ describes it. A file that is not one is refused with a single sentence that says
what, where, and what to do. Only what the tools rely on is checked here: the schema is for whoever
writes reports, and checking a whole one against it takes seconds.
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_MAJOR = 1
STRATEGIES = ("sequential", "concurrent", "parallel", "hybrid")


def is_split(strategy: str, depth: int, workers: int) -> bool:
    """Whether a row of these has each unit cut into parts, for workers that would have none."""
    return strategy == "parallel" and depth < workers


class ReportError(Exception):
    """The file cannot be used; the text is one sentence for the user."""


@dataclass
class Row:
    """One workload under one strategy at one size, with a sample for each round."""

    name: str
    workload: str
    variant: str
    strategy: str
    depth: int
    workers: int
    parameters: dict[str, float]
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Units in flight."""
        return self.depth

    @property
    def split(self) -> bool:
        return is_split(self.strategy, self.depth, self.workers)

    def values(self, name: str) -> dict[int, float]:
        """The field's value in each round that has it."""
        return {
            int(sample["repetition_index"]): float(sample[name])
            for sample in self.samples
            if name in sample
        }

    def median(self, name: str) -> float | None:
        """Over the rounds; None if none has the field."""
        values = self.values(name)
        return statistics.median(values.values()) if values else None


@dataclass
class Report:
    """What a run found out."""

    path: Path
    context: dict[str, Any]
    meta: dict[str, Any]  # the top-level "waitwork" object
    rows: dict[str, Row]  # those with figures, by name, in the order of the suite

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


def load(path: str | Path) -> Report:
    """The report in `path`; ReportError if it is not one that this version reads."""
    path = Path(path)
    return from_document(_parse(path), path)


def from_document(document: Any, path: Path = Path("report.json")) -> Report:
    """The report in parsed JSON; `path` is what a ReportError names."""
    if not isinstance(document, dict):
        raise ReportError(
            f"{path}: this is JSON but not a report; give a file that `waitwork run` wrote"
        )
    meta = document.get("waitwork")
    if not isinstance(meta, dict) or not isinstance(meta.get("schema"), str):
        raise ReportError(
            f'{path}: this has no "waitwork" object; give a report that `waitwork run` wrote'
        )
    _check_schema(path, meta["schema"])
    try:
        report = Report(path, document["context"], meta, _rows(document["benchmarks"]))
        _touch(report)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        what = f"{type(problem).__name__}: {problem}"
        raise ReportError(
            f"{path}: the report is damaged ({what}); measure again or take another copy"
        ) from None
    return report


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ReportError(
            f"{path}: cannot be read: {problem.strerror}; name a report that `waitwork run` wrote"
        ) from None
    except UnicodeDecodeError:
        raise ReportError(
            f"{path}: this is not text; give a report that `waitwork run` wrote"
        ) from None
    if not text.strip():
        raise ReportError(
            f"{path}: the file is empty; measure again with `waitwork run --out {path}`"
        )
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        raise ReportError(
            f"{path}: this is not JSON, or was cut off ({problem});"
            " measure again or take another copy"
        ) from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _check_schema(path: Path, schema: str) -> None:
    major = schema.split(".")[0]
    if not (major.isascii() and major.isdigit()):
        raise ReportError(f"{path}: '{schema}' is not a version of the schema; take another copy")
    if int(major) != SCHEMA_MAJOR:
        newer = int(major) > SCHEMA_MAJOR
        remedy = "update these tools" if newer else "measure again with this version"
        raise ReportError(
            f"{path}: the report has schema {schema}, and these tools read {SCHEMA_MAJOR}.x;"
            f" {remedy}"
        )


def _rows(entries: list[dict[str, Any]]) -> dict[str, Row]:
    """Rows by name, in the order of families and sizes, without aggregates, which are derived."""
    if not isinstance(entries, list):
        raise ValueError("benchmarks is not a list")
    measured = [entry for entry in entries if entry["run_type"] == "iteration"]
    measured.sort(
        key=lambda entry: (
            entry["family_index"],
            entry["per_family_instance_index"],
            entry["repetition_index"],
        )
    )
    rows: dict[str, Row] = {}
    for entry in measured:
        name = entry["name"]
        if not entry["real_time"] > 0:
            raise ValueError(f"{name} has no positive real_time")
        row = rows.setdefault(name, _row(name, entry["waitwork"]))
        if row.samples and row.samples[-1]["repetition_index"] == entry["repetition_index"]:
            raise ValueError(f"{name} has round {entry['repetition_index']} twice")
        row.samples.append(entry)
    return rows


def _row(name: str, ours: dict[str, Any]) -> Row:
    if ours["strategy"] not in STRATEGIES:
        raise ValueError(f"{name} has the unknown strategy '{ours['strategy']}'")
    return Row(
        name,
        ours["workload"],
        ours["variant"],
        ours["strategy"],
        int(ours["depth"]),
        int(ours["workers"]),
        dict(ours.get("parameters", {})),
    )


def _touch(report: Report) -> None:
    """Reads what every tool relies on, so that a damaged file fails here and not later."""
    machine, build, meta = report.machine, report.build, report.meta
    _ = machine["fingerprint"], machine["cpu_model"], machine["kernel"], build["version"]
    _ = int(machine["cpus_effective"]), int(machine["memory_bytes"]), report.context["host_name"]
    _ = report.context["date"], build["compiler"], meta["complete"], meta["suite"], report.subjects
    for entry in [*report.declared, *report.failures, *report.absent]:
        _ = entry["name"], entry["strategy"], entry["depth"], entry["workers"], entry["variant"]
    for entry in report.failures:
        _ = int(entry["round"]), entry["reason"].strip(), entry["detail"].strip()
    for entry in report.absent:
        _ = entry["cause"].strip(), entry["remedy"].strip()
    for row in report.rows.values():
        for name in ("real_time", "user_ns_per_unit", "sys_ns_per_unit"):
            row.values(name)
