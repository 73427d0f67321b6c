# SPDX-License-Identifier: Apache-2.0
"""Binds drawings, verdicts and provenance into one HTML file that needs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from charts import roofline, style
from charts.drawing import Drawing
from charts.mark import HTML_HEAD
from charts.picture import DARK_CSS, Picture
from charts.rows import missing_rows
from charts.tables import Column, Table
from decision import Decision, size_words
from escape import plain
from report import Report

HERE = Path(__file__).resolve().parent

# Not scoped to the charts: within <use>, a rule that names an ancestor outside does not match.
CHARTS_IN_THE_DARK = f"@media screen and (prefers-color-scheme: dark) {{ {DARK_CSS} }}"


@dataclass(frozen=True)
class Verdict:
    """A line at the head of the page."""

    look: style.Look | None  # None: nothing was measured
    subject: str
    sentence: str
    why: str


def render(report: Report, decisions: list[Decision], charts: list[tuple[Drawing, Picture]]) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return environment.get_template("page.html.j2").render(
        head=Markup(HTML_HEAD),
        title=f"waitwork: {report.meta['suite']} suite on {report.context['host_name']}",
        css=Markup((HERE / "page.css").read_text(encoding="utf-8") + CHARTS_IN_THE_DARK),
        caption=" · ".join(caption(report)),
        notices=notices(report),
        verdicts=[_verdict(decision) for decision in decisions],
        charts=[
            {
                "key": drawing.key,
                "title": drawing.title,
                "reading": drawing.reading,
                "inline": Markup(picture.inline),
                "table": drawing.table,
            }
            for drawing, picture in charts
        ],
        troubles=_troubles(report),
        not_drawn=roofline.absent(report, decisions),
        provenance=_provenance(report),
        environment=_environment(report),
        source=report.path.name,
    )


def _shown(value: object) -> object:
    """What every text of the page goes through, but for what is markup already."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def caption(report: Report) -> list[str]:
    """Two lines: the machine, and the run."""
    machine, build, meta = report.machine, report.build, report.meta
    cpus = machine["cpus_effective"]
    hypervisor = machine.get("hypervisor", "none")
    machine_parts = [
        report.context["host_name"],
        machine["cpu_model"],
        f"{cpus} CPU{'s' if cpus != 1 else ''}",
        f"{machine['memory_bytes'] / 2**30:.0f} GiB",
        f"Linux {machine['kernel']}",
        *([] if hypervisor == "none" else [f"under {hypervisor}"]),
    ]
    rounds = report.rounds
    run_parts = [
        _date(report.context["date"]),
        f"{meta['suite']} suite",
        f"n = {rounds} round{'s' if rounds != 1 else ''}",
        *([] if meta["complete"] else ["partial report"]),
        f"waitwork {build['version']}" + (f" ({build['git']})" if build.get("git") else ""),
        build["compiler"],
    ]
    return [" · ".join(machine_parts), " · ".join(run_parts)]


def _date(text: str) -> str:
    """To the minute, in the zone that the report has; as it stands if it is no ISO date."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return moment.strftime("%Y-%m-%d %H:%M ") + (moment.tzname() or "").strip()


def notices(report: Report) -> list[str]:
    """What a reader must know before believing the page."""
    out = []
    missing = missing_rows(report)
    total = len({entry["name"] for entry in report.declared} | set(report.rows))
    unreached = sum(row.kind == "not reached" for row in missing)
    failed = sum(row.kind == "failed" for row in missing)
    absent = sum(row.kind == "absent" for row in missing)
    if not report.meta["complete"]:
        out.append(
            f"Partial report: the run was stopped before its end, with {len(report.rows)} of"
            f" {total} rows measured at least once and {unreached} not reached. Resume it with"
            " `waitwork run --resume`."
        )
    if len(missing) == total:
        out.append(
            "No row was measured: there is nothing to compare. The reasons are listed below."
        )
    elif failed or absent:
        parts = [
            f"{number} {what}"
            for number, what in ((failed, "failed"), (absent, "absent"))
            if number
        ]
        out.append(
            f"Of {total} rows, {' and '.join(parts)} on this machine; the reasons are listed below."
        )
    if report.rounds == 1:
        out.append(
            "One round only: there is no spread to judge by, so no two strategies can be called"
            " separated."
        )
    return out


def _verdict(decision: Decision) -> Verdict:
    look = style.STRATEGIES[decision.best.strategy] if decision.best else None
    return Verdict(look, decision.name, decision.sentence, decision.why)


def _troubles(report: Report) -> Table:
    table = Table(
        [Column("workload"), Column("strategy"), Column("size"), Column("what"), Column("why")]
    )
    for row in missing_rows(report):
        size = size_words(row.strategy, row.depth, row.workers)
        table.rows.append([row.subject, row.strategy, size, row.kind, row.reason])
    return table


def _provenance(report: Report) -> list[tuple[str, str]]:
    machine, build, meta = report.machine, report.build, report.meta
    libraries = ", ".join(
        f"{name} {version}" for name, version in sorted(build.get("libraries", {}).items())
    )
    lines = [
        ("Machine", caption(report)[0]),
        ("Fingerprint", machine["fingerprint"]),
        ("Architecture", machine.get("architecture", "")),
        ("Run", caption(report)[1]),
        ("Started", meta.get("started", "")),
        ("Finished", meta.get("finished", "")),
        ("Seed", str(meta.get("seed", ""))),
        ("Filter", meta.get("filter", "")),
        (
            "Build",
            (
                f"{build['compiler']}, {build.get('build_type', '')}, flags"
                f" {build.get('flags', '') or 'none'}"
            ),
        ),
        ("Libraries", libraries),
        ("Report schema", meta["schema"]),
    ]
    return [(name, value) for name, value in lines if value]


def _environment(report: Report) -> Table:
    table = Table([Column("what"), Column("status"), Column("value"), Column("remedy")])
    for entry in report.context["waitwork"].get("environment", []):
        table.rows.append(
            [entry["name"], entry["status"], str(entry["value"]), entry.get("remedy")]
        )
    return table
