# SPDX-License-Identifier: Apache-2.0
"""What a report has to have for the tools, in the terms of report_check.py: a table for each kind of
object. The tables of measurements are applied in report_rows.py, which knows what is none."""

from __future__ import annotations

from functools import partial
from typing import Any

from report_check import (
    COUNT,
    FIGURE,
    INDEX,
    NAME,
    POSITIVE,
    SHORT,
    SIGNED,
    STRATEGY,
    Check,
    all_of,
    array,
    members,
    number,
    obj,
    one_of,
    text,
    truth,
    whole,
)
from report_text import Damage

MACHINE: dict[str, Check] = {
    "fingerprint": SHORT,
    "cpu_model": SHORT,
    "cpus_effective": COUNT,
    "memory_bytes": whole,
    "kernel": SHORT,
    "hypervisor": SHORT,
    "architecture": SHORT,
}
BUILD: dict[str, Check] = {
    "version": SHORT,
    "compiler": SHORT,
    "git": SHORT,
    "build_type": SHORT,
    "flags": text,
    "libraries": lambda value, path: (obj(value, path), all_of(value, path, SHORT))[0],
}
FINDING: dict[str, Check] = {
    "name": NAME,
    "status": partial(one_of, words=("ok", "info", "warn", "fail")),
    "value": text,
    "remedy": text,
}
RATES = (
    *(f"{kind}_flops_{who}" for kind in ("f32", "f64") for who in ("one", "all")),
    *(f"{kind}_bytes_per_second_{who}" for kind in ("read", "copy") for who in ("one", "all")),
)
CACHE: dict[str, Check] = {"level": NAME, **dict.fromkeys(RATES, POSITIVE)}
LIMITS: dict[str, Check] = {
    "workers": COUNT,
    **dict.fromkeys(RATES, POSITIVE),
    "caches": lambda value, path: _list_of(value, path, CACHE, " ".join(RATES)),
}
IDENTITY: dict[str, Check] = {
    "name": NAME,
    "workload": NAME,
    "variant": SHORT,
    "strategy": STRATEGY,
    "depth": COUNT,
    "workers": COUNT,
}
FAILURE: dict[str, Check] = {**IDENTITY, "round": INDEX, "reason": text, "detail": text}
ABSENCE: dict[str, Check] = {**IDENTITY, "cause": text, "remedy": text}
META: dict[str, Check] = {
    "complete": truth,
    "suite": SHORT,
    "rounds": INDEX,
    "seed": whole,
    "filter": text,
    "started": SHORT,
    "finished": SHORT,
    "failures": lambda value, path: _list_of(value, path, FAILURE),
    "absent": lambda value, path: _list_of(value, path, ABSENCE),
    "declared": lambda value, path: _list_of(value, path, IDENTITY),
}
OURS_IN_CONTEXT: dict[str, Check] = {
    "machine": partial(members, of=MACHINE, optional="hypervisor architecture"),
    "build": partial(members, of=BUILD, optional="git build_type flags libraries"),
    "environment": lambda value, path: _list_of(value, path, FINDING, "remedy"),
    "limits": partial(members, of=LIMITS, optional=" ".join(LIMITS)),
}
CONTEXT: dict[str, Check] = {
    "date": SHORT,
    "host_name": SHORT,
    "waitwork": partial(members, of=OURS_IN_CONTEXT, optional="environment limits"),
}
DOCUMENT: dict[str, Check] = {
    "context": partial(members, of=CONTEXT),
    "benchmarks": array,
    "waitwork": partial(members, of=META, optional="rounds seed filter started finished"),
}


NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
MEASUREMENT: dict[str, Check] = {
    "name": NAME,
    "run_type": partial(one_of, words=("iteration", "aggregate")),
    "family_index": INDEX,
    "per_family_instance_index": INDEX,
    "repetition_index": INDEX,
    "time_unit": partial(one_of, words=tuple(NANOSECONDS)),
    "real_time": partial(number, low=1e-30, zero=False),
    "cpu_time": FIGURE,
    "iterations": partial(whole, low=1),
    "kernel_workers": partial(number, low=1e-30, high=1e6),
}
# What a tool reads of a measurement besides; it may be absent, and is a number if it is there.
FIGURES = frozenset(
    """
    items_per_second p50_ns p90_ns p99_ns p999_ns max_ns mean_ns user_ns_per_unit sys_ns_per_unit
    ctx_switches_per_unit voluntary_switches_per_unit involuntary_switches_per_unit
    minor_faults_per_unit major_faults_per_unit rss_peak_bytes server_cpu_ns_per_unit
    server_enters_per_unit enters_per_unit submissions_per_enter completions_per_enter
    bytes_per_second bytes_per_sleeper time_over_nominal gflops mpixels_per_second share_of_limit
    of_peak of_bandwidth speedup peak_speedup speedup_of_ceiling core_ns_per_task
    """.split()
)
RATIOS = ("time_over_", "own_", "server_cpu_over_", "server_enters_over_", "requests_over_")
# Of a row's parameters those that a chart computes with; others say what the work is.
AMOUNTS = frozenset(
    """
    flops_per_unit flops_are_f64 bytes_read_per_unit bytes_written_per_unit pixels_per_unit
    """.split()
)
OURS: dict[str, Check] = {
    "workload": NAME,
    "variant": SHORT,
    "strategy": STRATEGY,
    "depth": COUNT,
    "workers": COUNT,
    "parameters": lambda value, path: _parameters(value, path),
    "latency_histogram": lambda value, path: _histogram(value, path),
    "limited_by": SHORT,
    "library": SHORT,
    "pressure_cpu_some_percent": FIGURE,
    "steal_percent": FIGURE,
}
OPTIONAL_OF_OURS = (
    "parameters latency_histogram limited_by library pressure_cpu_some_percent steal_percent"
)


def check_document(document: dict[str, Any]) -> None:
    """Damage if a member is missing or not what the tools need."""
    members(document, "", DOCUMENT)


def in_whole_numbers(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    """A checked object in which these are of Python's type for them: 3.0 was let pass for 3."""
    return entry | {name: int(entry[name]) for name in names if name in entry}


def _list_of(value: Any, path: str, of: dict[str, Check], optional: str = "") -> None:
    array(value, path)
    all_of(value, path, partial(members, of=of, optional=optional))


def _parameters(value: Any, path: str) -> None:
    obj(value, path)
    all_of(value, path, SIGNED)
    for name in AMOUNTS & value.keys():
        FIGURE(value[name], f"{path}.{name}")


def _histogram(value: Any, path: str) -> None:
    obj(value, path)
    if "unit" in value:
        one_of(value["unit"], f"{path}.unit", ("ns",))
    buckets = value.get("buckets", [])
    array(buckets, f"{path}.buckets")
    for index, bucket in enumerate(buckets):
        # [lower, upper, units]: a report has a hundred thousand, so the usual case is one look.
        if (
            type(bucket) is list
            and len(bucket) == 3
            and all(type(each) is int and 0 <= each < 1 << 53 for each in bucket)
        ):
            continue
        where = f"{path}.buckets[{index}]"
        array(bucket, where)
        if len(bucket) != 3:
            raise Damage(f"{where} has {len(bucket)} numbers, not 3")
        all_of(bucket, where, partial(whole, high=(1 << 53) - 1))
