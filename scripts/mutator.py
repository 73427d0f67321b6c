# SPDX-License-Identifier: Apache-2.0
"""Damages reports at random, for the tests that no damage is a traceback or a figure.

A place is chosen by going down from the top, at each level with the same chance for every member;
so the few members at the top are hit as often as the thousands of rows. What is done there is what
happens to files: something is lost, has another type or an absurd value, stands twice, comes from
another file. The same source of chance gives the same damage.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

BIG = "@big@"  # stands for a number that Python's own writer refuses to write
TEXTS = (
    "",
    " ",
    "x",
    "1",
    "ns",
    "\n::error file=a.cpp,line=1::gone\n",
    "::stop-commands::x",
    "##[error]x ##vso[task.complete] ##teamcity[x]",
    "\x1b[2J\x1b]0;title\x07\x00\x7f\x9b31m",
    "<script>alert('1')</script> & ]]> <!-- --> $\\frac{1}{0}$ {{7*7}} {% raw %}",
    "a|b `c` *d* _e_ [f](g) @everyone \\",
    "\u202eoverride\u2066\u2028\u2029\u200f\u061c",
    "\ud800 lone \udfff",
    "%s %d {0} {x!r} %",
    "../../../etc/passwd",
    "é漢字🙂" * 20,
    "long" * 300,
    "longer" * 20_000,
)
NUMBERS = (
    0, -1, 1, 2, 3, 7, 0.5, -0.0, -2.5, 1e-300, 5e-324, 1e-7, 1e17, 1e19, 1e29, 1e31, 1e300, -1e300,
    2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**39, -(10**39), 10**5000, 1_000_000, 1_000_001,
)  # fmt: skip
OTHERS = (None, True, False, [], {}, [1], {"x": 1}, [[]], [None], float("nan"), float("inf"))
FOREIGN = (
    {"name": "BM_memcpy/8", "run_name": "BM_memcpy/8", "run_type": "iteration", "real_time": 1.0,
     "cpu_time": 1.0, "time_unit": "ns", "iterations": 10},
    {"name": "BM_x", "error_occurred": True, "error_message": "no\n::error::device", "real_time": 0.0},
    {"name": "BM_x_mean", "run_name": "BM_x", "run_type": "aggregate", "aggregate_name": "mean"},
)  # fmt: skip


def mutant(document: Any, other: Any, chance: random.Random) -> str:
    """The text of a damaged report; `other` is one whose parts may get into it."""
    made = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        made = _damaged(made, other, chance)
    text = json.dumps(
        _writable(made), ensure_ascii=chance.random() < 0.7, indent=chance.choice((None, 1))
    )
    text = text.replace(f'"{BIG}"', "9" * 10_000)
    if chance.random() < 0.1:
        text = _damaged_text(text, chance)
    return text


def _damaged(document: Any, other: Any, chance: random.Random) -> Any:
    luck = chance.random()
    if luck < 0.08:
        return _merged(document, other, chance)
    if luck < 0.4:
        return _figures_changed(document, chance)
    holder, key = _place(document, chance)
    if holder is None:
        return document
    action = chance.choice(
        ("delete", "replace", "replace", "replace", "scale", "twice", "rename", "swap", "wrap")
    )
    value = holder[key]
    if action == "delete":
        del holder[key]
    elif action == "scale" and _is_number(value):
        holder[key] = value * 10.0 ** chance.randint(-12, 12)
    elif action == "twice" and isinstance(holder, list):
        holder.insert(chance.randint(0, len(holder)), copy.deepcopy(value))
    elif action == "rename" and isinstance(holder, dict):
        holder[chance.choice(("x", *holder))] = holder.pop(key)
    elif action == "swap":
        one = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key], holder[one] = holder[one], holder[key]
    elif action == "wrap":
        holder[key] = [value]
    else:
        holder[key] = _value(value, chance)
    return document


def _value(old: Any, chance: random.Random) -> Any:
    """Often of the type that was there, so that the damage gets past the first check."""
    if chance.random() < 0.6:
        if isinstance(old, str):
            return chance.choice(TEXTS)
        if isinstance(old, (int, float)):
            return chance.choice(NUMBERS)
    return copy.deepcopy(chance.choice((*TEXTS, *NUMBERS, *OTHERS)))


def _place(value: Any, chance: random.Random) -> tuple[Any, Any]:
    """A holder and the key of one of its members."""
    holder, key = None, None
    while isinstance(value, (dict, list)) and value:
        holder = value
        key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = holder[key]
        if chance.random() < 0.15:
            break
    return holder, key


def _figures_changed(document: Any, chance: random.Random) -> Any:
    """Of one row or all, to what a report may hold but no machine measures."""
    rows = document.get("benchmarks") if isinstance(document, dict) else None
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if not rows:
        return document
    if chance.random() < 0.7:
        rows = [chance.choice(rows)]
    ours = chance.random() < 0.2
    holders = [row.get("waitwork") if ours else row for row in rows]
    if ours and chance.random() < 0.5:
        holders = [holder.get("parameters") for holder in holders if isinstance(holder, dict)]
    holders = [holder for holder in holders if isinstance(holder, dict)]
    names = [name for name in (holders[0] if holders else ()) if _is_number(holders[0][name])]
    if not names:
        return document
    name, by = chance.choice(names), 10.0 ** chance.randint(-9, 9)
    to = chance.choice((None, 0, 1e-30, 1e-6, 1, 3, 1e6, 1e17, 1e30))
    for holder in holders:
        if _is_number(holder.get(name)):
            holder[name] = holder[name] * by if to is None else to
    return document


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _merged(document: Any, other: Any, chance: random.Random) -> Any:
    rows = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return document
    kind = chance.randrange(4)
    if kind == 0:
        rows.append(copy.deepcopy(chance.choice(FOREIGN)))
    elif kind == 1:
        rows += copy.deepcopy(other["benchmarks"])
    elif kind == 2:
        document["waitwork"] = copy.deepcopy(other["waitwork"])
    else:
        unit = chance.choice(("ns", "us", "ms", "s", "min", "", None))
        for row in rows:
            if isinstance(row, dict):
                row["time_unit"] = unit
    return document


def _damaged_text(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    kind = chance.randrange(6)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text + text
    if kind == 2:
        return text[:at] + text[at + chance.randint(1, 40) :]
    if kind == 3:
        return (
            text[:at]
            + chance.choice(("\x00", "}", '"', "[" * 100_000, "-", "e9", "\r"))
            + text[at:]
        )
    if kind == 4:
        return "\ufeff" + text
    key = '"real_time": '
    return text.replace(key, key + "1.0, " + key, 1)


def _writable(value: Any) -> Any:
    """Python refuses to write a whole number of thousands of digits."""
    if isinstance(value, dict):
        return {key: _writable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_writable(each) for each in value]
    return BIG if type(value) is int and abs(value) >= 10**100 else value


def as_text(document: Any) -> str:
    """An undamaged one."""
    return json.dumps(document)
