"""What a report has to have for the tools, in the terms of report_check.py: everything but the
measurements, which are in report_rows.py."""

from __future__ import annotations

from functools import partial
from typing import Any

from report_check import (
    COUNT,
    INDEX,
    NAME,
    POSITIVE,
    SHORT,
    STRATEGY,
    Check,
    all_of,
    array,
    members,
    obj,
    one_of,
    text,
    truth,
    whole,
)

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


def check_document(document: dict[str, Any]) -> None:
    """Damage if a member is missing or not what the tools need."""
    members(document, "", DOCUMENT)


def in_whole_numbers(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    """A checked object in which these are of Python's type for them: 3.0 was let pass for 3."""
    return entry | {name: int(entry[name]) for name in names if name in entry}


def _list_of(value: Any, path: str, of: dict[str, Check], optional: str = "") -> None:
    array(value, path)
    all_of(value, path, partial(members, of=of, optional=optional))


