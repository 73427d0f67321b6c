# SPDX-License-Identifier: Apache-2.0
"""Who wins each workload, from which size on, at what cost, and why. Decided here and nowhere else:
advise.py prints it, chart.py draws it.

Two rows are compared by the ratio of their rates within rounds (ratio.py). Where the interval of
that ratio includes 1 the two are not separated, and the tools say so.

What to use is not simply the fastest row. Of some eighteen rows of a workload the fastest of n
noisy ones is partly luck, and the last percent often costs another thread or four times the depth.
So of all rows that are as good as the fastest, the cheapest is chosen: fewest threads, then the
simplest strategy, then the fewest units in flight. As good means: in the median round less than
NEGLIGIBLE behind it, or not separated from it and in the median round less than TOLERABLE behind
it; the median, because with few rounds one that was disturbed would decide. A hybrid row's threads
are its loops' and its arena's.

The crossover is the smallest number of units in flight from which on the chosen strategy is ahead
of every strategy that it ever gets ahead of; ahead means separated, and by more than NEGLIGIBLE. At
n in flight each strategy is taken at the best of its sizes up to n, since one that does worse with
more would simply not be given more; at the chosen strategy's largest size the others are taken at
the best of all their sizes.

A workload may have rows that cut one unit into parts for all workers beside those that give each
worker a unit of its own. Both are "parallel", and the choice above is between all of them; where
two are as good, the split one has fewer units in flight. What splitting does for who waits for one
unit is said besides: its time against that of sequential.

A row that failed in any round is left out even where other rounds have figures: it cannot be
recommended, and a wrong answer voids it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

import reasons
from decision import Cell, Cost, Decision, Rival, Split, Unit
from ratio import Ratio, paired
from report import STRATEGIES, Report, Row

NEGLIGIBLE = 1.02  # the measure by which "changes nothing" is judged: 1.00 +- 0.02
TOLERABLE = 1.05

TIME = "real_time"  # per unit; rates are its inverse


def decide(report: Report) -> list[Decision]:
    """A decision for every workload and variant of the run, measured or not, in its order."""
    failed = {entry["name"] for entry in report.failures}
    sound = [row for row in report.rows.values() if row.name not in failed]
    decisions = []
    for workload, variant in report.subjects:
        rows = [row for row in sound if (row.workload, row.variant) == (workload, variant)]
        decision = Decision(
            workload, variant, unmeasured=_unmeasured(report, workload, variant, rows)
        )
        if rows:
            _fill(decision, rows)
        decision.sentence = reasons.sentence(decision)
        decision.why = reasons.why(decision, int(report.machine["cpus_effective"]))
        decisions.append(decision)
    return decisions


def faster(row: Row, other: Row) -> Ratio | None:
    """The rate of `row` over that of `other`; None if no round measured both."""
    return paired(other.values(TIME), row.values(TIME))


def _fill(decision: Decision, rows: list[Row]) -> None:
    sequential = next((row for row in rows if row.strategy == "sequential"), None)
    decision.cells = _cells(rows, sequential)
    decision.fastest = min(rows, key=_log_time)
    best = _cheapest_as_good(rows, decision.fastest)
    decision.best = best
    decision.rounds = len(best.values(TIME))
    decision.cost = _cost(best)
    decision.rivals = _rivals(rows, best)
    decision.crossover = _crossover(decision)
    if sequential is not None:
        decision.gain = faster(best, sequential)
        decision.split = _split(rows, sequential)
        alone = _cost(sequential)
        blocks = sequential.median("voluntary_switches_per_unit") or 0.0
        # Medians like those of the CPU time that it is held against.
        decision.unit = Unit(sequential.median(TIME) or 1.0, alone.user_ns, alone.sys_ns, blocks)


def _split(rows: list[Row], sequential: Row) -> Split | None:
    # With one unit at a time the time from end to end is the unit's own.
    split = [row for row in rows if row.split and row.depth == 1]
    if not split:
        return None
    row = _cheapest_as_good(split, min(split, key=_log_time))
    ratio = faster(row, sequential)
    if ratio is None:
        return None
    return Split(row, ratio, pays=_ahead(ratio))


def _log_time(row: Row) -> float:
    """The statistic that ratio.py compares, so that ranking and ratios agree."""
    return statistics.fmean(math.log(value) for value in row.values(TIME).values())


def _best_by_strategy(rows: Iterable[Row]) -> dict[str, Row]:
    best: dict[str, Row] = {}
    for row in rows:
        if row.strategy not in best or _log_time(row) < _log_time(best[row.strategy]):
            best[row.strategy] = row
    return best


def _cells(rows: list[Row], sequential: Row | None) -> dict[int, Cell]:
    cells = {}
    for size in sorted({row.size for row in rows}):
        ranking = sorted(
            _best_by_strategy(row for row in rows if row.size == size).values(), key=_log_time
        )
        ratio = faster(ranking[0], ranking[1]) if len(ranking) > 1 else None
        gain = faster(ranking[0], sequential) if sequential is not None else None
        cells[size] = Cell(size, ranking, ratio, gain)
    return cells


def _cheapest_as_good(rows: list[Row], fastest: Row) -> Row:
    # The fastest was picked for being so, and each row is compared with it: Bonferroni's correction
    # for that.
    confidence = 1 - 0.05 / max(1, len(rows) - 1)
    good = [row for row in rows if row is fastest or _as_good(row, fastest, confidence)]
    return min(good, key=_price)


def _as_good(row: Row, fastest: Row, confidence: float) -> bool:
    behind = paired(row.values(TIME), fastest.values(TIME), confidence)
    if behind is None:
        return False
    typical = _median_ratio(row, fastest)
    return typical <= NEGLIGIBLE or (not behind.separated and typical <= TOLERABLE)


def _median_ratio(row: Row, other: Row) -> float:
    """The time of `row` over that of `other` in the median of the rounds that measured both."""
    ours, theirs = row.values(TIME), other.values(TIME)
    return statistics.median(ours[index] / theirs[index] for index in ours.keys() & theirs.keys())


def _price(row: Row) -> tuple[int, int, int]:
    return (_threads(row), STRATEGIES.index(row.strategy), row.size)


def _threads(row: Row) -> int:
    loops = min(row.workers, row.depth) if row.strategy == "hybrid" else 0
    return row.workers + loops + round(row.median("kernel_workers") or 0)


def _cost(row: Row) -> Cost:
    time = row.median(TIME) or 1.0
    user, system = row.median("user_ns_per_unit") or 0.0, row.median("sys_ns_per_unit") or 0.0
    server = row.median("server_cpu_ns_per_unit")
    return Cost(
        user_ns=user,
        sys_ns=system,
        switches=row.median("ctx_switches_per_unit") or 0.0,
        busy_cpus=(user + system) / time,
        server_cpus=None if server is None else server / time,
        rss_bytes=row.median("rss_peak_bytes"),
        threads=_threads(row),
    )


def _rivals(rows: list[Row], best: Row) -> list[Rival]:
    ours = [row for row in rows if row.strategy == best.strategy]
    rivals = []
    for strategy, row in _best_by_strategy(rows).items():
        if strategy == best.strategy:
            continue
        ratio = faster(best, row)
        if ratio is not None:
            theirs = [each for each in rows if each.strategy == strategy]
            rivals.append(Rival(row, ratio, _ahead_from(ours, theirs)))
    return sorted(rivals, key=lambda rival: rival.ratio.value)


def _ahead_from(ours: list[Row], theirs: list[Row]) -> int | None:
    """The smallest of our sizes from which on we are ahead of them; None if there is none."""
    start = None
    largest = max(row.size for row in ours)
    for size in sorted({row.size for row in ours}, reverse=True):
        rivals = [row for row in theirs if row.size <= size or size == largest]
        if not rivals:
            break
        we = min((row for row in ours if row.size <= size), key=_log_time)
        ratio = faster(we, min(rivals, key=_log_time))
        if ratio is None or not _ahead(ratio):
            break
        start = size
    return start


def _ahead(ratio: Ratio) -> bool:
    return ratio.separated and ratio.value > NEGLIGIBLE


def _crossover(decision: Decision) -> int | None:
    starts = [rival.behind_from for rival in decision.rivals if rival.behind_from is not None]
    sequential = decision.rival("sequential")
    if not starts or (sequential is not None and sequential.behind_from is None):
        return None
    return max(starts)


def _unmeasured(report: Report, workload: str, variant: str, rows: list[Row]) -> dict[str, str]:
    """The strategies that were to be measured and have no sound row, with what became of them."""
    absent = {entry["name"] for entry in report.absent}
    failed = {entry["name"] for entry in report.failures}
    measured = {row.strategy for row in rows}
    kinds: dict[str, set[str]] = {}
    for entry in report.declared:
        if (entry["workload"], entry["variant"]) != (workload, variant) or entry[
            "strategy"
        ] in measured:
            continue
        name = entry["name"]
        kind = "absent" if name in absent else "failed" if name in failed else "not reached"
        kinds.setdefault(entry["strategy"], set()).add(kind)
    order = ("failed", "absent", "not reached")
    return {
        strategy: next(kind for kind in order if kind in found) for strategy, found in kinds.items()
    }
