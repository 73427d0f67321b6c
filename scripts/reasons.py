# SPDX-License-Identifier: Apache-2.0
"""Puts a decision into words: what to use, and why.

Every clause is chosen by what was measured, and says no more than that. Whether a unit waits or
computes comes from sequential, where a unit has the machine to itself: what it is not on a CPU, it
waits.
"""

from __future__ import annotations

from charts.tables import duration, rate, ratio, significant
from decision import Cost, Decision, Rival, Unit, row_words, size_words
from ratio import Ratio
from report import Row

HARDLY_WAIT = 0.10  # share of a unit's time below which there is nothing worth overlapping
BUSY = 0.85  # from this share of a CPU on, that CPU is called the limit
CLIMBING = 1.10  # the last step in size still gained this much
NOTICEABLE = 1.2  # costs that differ by less are not mentioned
NO_CHANGE = 0.05  # a gain within 1 +- this "changes little"
SAME_RATE = 1.05


def sentence(decision: Decision) -> str:
    """What to use, what it gains and costs, and from where on it is ahead of what."""
    best, cost = decision.best, decision.cost
    if best is None or cost is None:
        return f"Nothing to recommend: {_unmeasured(decision) or 'no row has figures'}."
    figures = [
        f"{_rate(1e9 / (best.median('real_time') or 1.0))}",
        f"{duration(cost.cpu_ns)} of CPU and {switches(cost.switches)} context switches a unit",
    ]
    clauses = [f"Use {row_words(best)}: {_gain(decision)}, {' at '.join(figures)}"]
    clauses += [
        clause
        for clause in (
            _ahead(decision),
            splitting(decision),
            _equals(decision),
            _unmeasured(decision),
        )
        if clause
    ]
    return "; ".join(clauses) + "."


def why(decision: Decision, cpus: int) -> str:
    """One sentence of why, from wait and compute of a unit; empty if nothing was measured."""
    best, cost, unit = decision.best, decision.cost, decision.unit
    if best is None or cost is None:
        return ""
    if unit is None:
        return "Why cannot be told: sequential, which shows what a unit is made of, has no figures."
    if best.strategy != "sequential" and best.size == 1 and not best.split:
        clause = "one at a time like sequential; the figures do not tell why it would be faster"
        return f"{_what_a_unit_is(unit)}: {clause}."
    if best.strategy == "sequential":
        clause = _why_sequential(decision, unit, cpus)
    elif best.strategy == "concurrent":
        clause = _why_concurrent(decision, best, cost, unit, cpus)
    elif best.strategy == "parallel":
        clause = _why_parallel(decision, best, cost, unit, cpus)
    else:
        clause = _why_hybrid(decision, cost, unit, cpus)
    return f"{_what_a_unit_is(unit)}: {clause}{_same_rate_by_threads(decision, best, cost)}."


def splitting(decision: Decision) -> str:
    """What splitting one unit does for its time; empty if that is not known or is the advice."""
    split = decision.split
    if split is None or split.row is decision.best:
        return ""
    over = f"split over {split.row.workers} workers"
    figure = f"{interval(split.ratio)} sequential"
    if split.ratio.n == 1:
        return f"one unit {over}: {figure}"
    if split.pays:
        return f"one unit is done soonest {over}, {figure}"
    if not split.ratio.separated:
        return f"{over} one unit gains nothing that the data shows, {figure}"
    if split.ratio.value < 1:
        return f"one unit is done later {over}, {figure}"
    return f"{over} one unit gains nothing to speak of, {figure}"


def percent(share: float) -> str:
    """A share that is neither all nor nothing is not rounded to it."""
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


def switches(value: float) -> str:
    """Context switches of a unit."""
    return "<0.001" if 0 < value < 0.001 else significant(value, 2 if value < 10 else 3)


def interval(value: Ratio) -> str:
    """A ratio with what is known of its precision: "5.46× (5.31×–5.61×)"."""
    if value.low is None or value.high is None:
        return f"{ratio(value.value)} (no interval)"
    return f"{ratio(value.value)} ({ratio(value.low)}–{ratio(value.high)})"


# ---- what to use


def _gain(decision: Decision) -> str:
    if decision.gain is None:
        return "the best of what was measured (sequential has no figures)"
    if decision.best is not None and decision.best.strategy == "sequential":
        return (
            "nothing else is worth its cost" if decision.rivals else "no other strategy has figures"
        )
    undecided = decision.gain.n > 1 and not decision.gain.separated
    return f"{interval(decision.gain)} sequential{', not separated from it' if undecided else ''}"


def _rate(per_second: float) -> str:
    return f"{rate(per_second) if per_second >= 1000 else significant(per_second)} units/s"


def _ahead(decision: Decision) -> str:
    """ "ahead of sequential from depth 4 and of parallel from depth 16"."""
    by_start: dict[int, list[str]] = {}
    for rival in reversed(decision.rivals):
        if rival.behind_from is not None and rival.separated:
            by_start.setdefault(rival.behind_from, []).append(rival.row.strategy)
    starts = [
        f"of {_listed(names)} from {start_words(decision, start)}"
        for start, names in by_start.items()
    ]
    return f"ahead {_listed(starts)}" if starts else ""


def start_words(decision: Decision, size: int) -> str:
    """A number of units in flight in the terms of the strategy that is advised.

    With that many it may be at its best with each unit split, and then not have a worker a unit.
    """
    strategy = decision.best.strategy if decision.best else "sequential"
    ranking = decision.cells[size].ranking if size in decision.cells else []
    row = next((row for row in ranking if row.strategy == strategy), None)
    if row is not None and row.split:
        return size_words(strategy, row.depth, row.workers)
    return size_words("concurrent" if strategy == "hybrid" else strategy, size, size)


def _equals(decision: Decision) -> str:
    if decision.rounds < 2:
        return ""
    equal = [f"{row_words(each.row)} ({ratio(1 / each.ratio.value)})" for each in decision.equals]
    clauses = [f"not separated from {_listed(equal)}"] if equal else []
    clauses += [
        f"{row_words(each.row)} is {ratio(1 / each.ratio.value)} as fast,"
        " too little for what it takes more"
        for each in decision.rivals
        if each.separated and each.ratio.value < 1
    ]
    return "; ".join(clauses)


def _unmeasured(decision: Decision) -> str:
    by_kind: dict[str, list[str]] = {}
    for strategy, kind in decision.unmeasured.items():
        by_kind.setdefault(kind, []).append(strategy)
    clauses = []
    for kind, strategies in by_kind.items():
        plural = len(strategies) > 1
        verb = {
            "absent": "are absent" if plural else "is absent",
            "not reached": "were not reached" if plural else "was not reached",
        }.get(kind, "failed")
        clauses.append(f"{_listed(strategies)} {verb}")
    return "; ".join(clauses)


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


# ---- why


def _what_a_unit_is(unit: Unit) -> str:
    where = ", mostly in the kernel" if unit.sys_ns > 0.6 * unit.compute_ns else ""
    if unit.wait_share < HARDLY_WAIT and unit.kept_off_share < HARDLY_WAIT:
        share = percent(unit.compute_ns / unit.real_ns)
        return f"A unit is on the CPU for {share} of its {duration(unit.real_ns)}{where}"
    if unit.wait_share < HARDLY_WAIT:
        return (
            f"A unit computes {duration(unit.compute_ns)}{where}, does not block,"
            f" and was kept off the CPU by others for {percent(unit.kept_off_share)}"
            f" of its {duration(unit.real_ns)}"
        )
    return (
        f"A unit waits {percent(unit.wait_share)} of its {duration(unit.real_ns)}"
        f" and computes {duration(unit.compute_ns)}{where}"
    )


def _why_sequential(decision: Decision, unit: Unit, cpus: int) -> str:
    if not decision.rivals:
        return "there is nothing to compare it with"
    closest = decision.rivals[0]
    reached = ratio(1 / closest.ratio.value)
    other = f"{row_words(closest.row)}, the best of the others, reaches {reached}"
    if unit.wait_share >= HARDLY_WAIT:
        return f"its waits could overlap, but {other}"
    if cpus == 1:
        return f"there is hardly a wait to overlap, and one CPU to compute on; {other}"
    return f"there is hardly a wait to overlap, and {other}"


def _why_concurrent(decision: Decision, best: Row, cost: Cost, unit: Unit, cpus: int) -> str:
    if unit.wait_share >= HARDLY_WAIT:
        others = cost.threads - 1
        helped = f" and {others} thread{'s' if others > 1 else ''} of the kernel" if others else ""
        limit = _limit(decision, best, cost, cpus)
        return f"with {best.size} in flight the waits overlap on one thread{helped}, {limit}"
    if cost.cpu_ns * NOTICEABLE <= unit.compute_ns:
        cheaper = f"{duration(cost.cpu_ns)} of CPU a unit instead of {duration(unit.compute_ns)}"
        return f"there is hardly a wait to overlap; what it gains, it gains by {cheaper}"
    return f"there is hardly a wait to overlap; its CPU is {percent(min(cost.busy_cpus, 1.0))} busy"


def _why_parallel(decision: Decision, best: Row, cost: Cost, unit: Unit, cpus: int) -> str:
    if best.split:
        parts = f"the parts of a unit on {best.workers} workers keep {_busy(cost, cpus)}"
        return f"{_taking_turns(decision)}{parts}"
    if unit.wait_share >= HARDLY_WAIT:
        return f"{best.workers} threads wait at the same time, {_limit(decision, best, cost, cpus)}"
    return f"{_taking_turns(decision)}{best.workers} workers keep {_busy(cost, cpus)}"


def _why_hybrid(decision: Decision, cost: Cost, unit: Unit, cpus: int) -> str:
    if unit.wait_share < HARDLY_WAIT:
        return f"{_taking_turns(decision)}its loops and workers keep {_busy(cost, cpus)}"
    text = f"the waits overlap on the loops while compute keeps {_busy(cost, cpus)}"
    alone = _gain_of("concurrent", decision)
    return f"{text}; one loop alone reaches {ratio(alone)}" if alone else text


def _busy(cost: Cost, cpus: int) -> str:
    return f"{min(cost.busy_cpus, cpus):.2f} of {cpus} CPU{'' if cpus == 1 else 's'} busy"


def _gain_of(strategy: str, decision: Decision) -> float | None:
    """The best of a rival's rates over that of sequential."""
    rival, sequential = decision.rival(strategy), decision.rival("sequential")
    return sequential.ratio.value / rival.ratio.value if rival and sequential else None


def _taking_turns(decision: Decision) -> str:
    """What concurrency did for work that does not wait."""
    gain = _gain_of("concurrent", decision)
    if gain is None:
        return ""
    if abs(gain - 1) <= NO_CHANGE:
        return f"taking turns changes little (concurrent: {ratio(gain)}), and "
    return f"taking turns gives {ratio(gain)} (concurrent), and "


def _limit(decision: Decision, best: Row, cost: Cost, cpus: int) -> str:
    """What keeps the chosen row from going faster, as far as the figures tell."""
    server = cost.server_cpus or 0.0
    available = min(cost.threads, cpus)
    whose = "its CPU" if available == 1 else f"the {available} CPUs"
    busy = percent(min(cost.busy_cpus / available, 1.0))
    if cost.busy_cpus >= BUSY * available:
        return f"as far as {whose} can compute: {busy} busy"
    if _still_climbing(decision, best):
        return f"with {whose} {busy} busy and the rate still climbing at the largest size measured"
    if server >= BUSY:
        return (
            f"until the server, which keeps {significant(server, 2)} CPUs busy, answers no faster"
        )
    if server and cost.busy_cpus + server >= BUSY * cpus:
        together = significant(cost.busy_cpus + server, 2)
        return f"until the work and its server together keep {together} CPUs busy"
    return f"until what it waits for has no more to give, with {whose} {busy} busy"


def _still_climbing(decision: Decision, best: Row) -> bool:
    """Whether best is at the largest of its strategy's sizes and the last step up still paid."""
    rows = [
        row
        for cell in decision.cells.values()
        for row in cell.ranking
        if row.strategy == best.strategy and not row.split
    ]
    if len(rows) < 2 or rows[-1] is not best:
        return False
    before, now = rows[-2].median("real_time"), best.median("real_time")
    return before is not None and now is not None and before / now >= CLIMBING


def _same_rate_by_threads(decision: Decision, best: Row, cost: Cost) -> str:
    """What threads pay for the rate that a loop reaches, where they do reach it."""
    threads = decision.rival("parallel")
    if threads is None or best.strategy not in ("concurrent", "hybrid") or not _same_rate(threads):
        return ""
    higher = _higher_costs(threads.row, cost)
    return (
        f"; {row_words(threads.row)} reaches the same rate at {_listed(higher)}" if higher else ""
    )


def _same_rate(rival: Rival) -> bool:
    return rival.ratio.n > 1 and not rival.separated and rival.ratio.value <= SAME_RATE


def _higher_costs(row: Row, cost: Cost) -> list[str]:
    clauses = []
    theirs = row.median("ctx_switches_per_unit")
    if theirs is not None and theirs > NOTICEABLE * cost.switches:
        clauses.append(
            f"{switches(theirs)} context switches a unit instead of {switches(cost.switches)}"
        )
    cpu = (row.median("user_ns_per_unit") or 0.0) + (row.median("sys_ns_per_unit") or 0.0)
    if cpu > NOTICEABLE * cost.cpu_ns:
        clauses.append(f"{duration(cpu)} of CPU instead of {duration(cost.cpu_ns)}")
    memory = row.median("rss_peak_bytes")
    if memory is not None and cost.rss_bytes and memory > NOTICEABLE * cost.rss_bytes:
        clauses.append(f"{_mebibytes(memory)} of memory instead of {_mebibytes(cost.rss_bytes)}")
    return clauses


def _mebibytes(size: float) -> str:
    return f"{significant(size / 2**20, 2)} MiB"
