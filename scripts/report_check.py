# SPDX-License-Identifier: Apache-2.0
"""Checks that a parsed report is one in every member that the tools rely on, and says which is not.

The schema in reports/schema/ is for whoever writes reports; checking a whole one against it takes
seconds, and it knows nothing of ranges in which figures can be computed with. Here stands what the
tools need: its type, that it is there, and a range that no measurement leaves and no formula
overflows in. A member is named by its path, "benchmarks[12].waitwork.depth". Members that no tool
reads are let pass: a newer minor version of the schema may add some.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from report_text import Damage

Check = Callable[[Any, str], None]  # of a value and its path; Damage if it is wrong

STRATEGIES = ("sequential", "concurrent", "parallel", "hybrid")
LONGEST_NAME = 1_000
LONGEST_TEXT = 100_000
LARGEST_COUNT = 1_000_000  # of workers, units in flight, rounds
LARGEST = 1e30
LEAST_TIME_NS, LARGEST_TIME_NS = 1e-6, 1e18  # of a unit: less than any clock tells, and 30 years


def checked(
    value: dict[str, Any], path: str, members: dict[str, Check], optional: str = ""
) -> None:
    """Every one of `members`; those named in `optional` may be absent."""
    absent = optional.split()
    for name, check in members.items():
        if name in value:
            check(value[name], _join(path, name))
        elif name not in absent:
            raise Damage(f"{_join(path, name)} is missing")


def text(value: Any, path: str, longest: int = LONGEST_TEXT, least: int = 0) -> None:
    if not isinstance(value, str):
        raise Damage(f"{path} is {kind_of(value)}, not text")
    if not least <= len(value) <= longest:
        what = "is empty" if not value else f"has {len(value)} characters, more than {longest}"
        raise Damage(f"{path} {what}")


def number(
    value: Any, path: str, low: float = 0.0, high: float = LARGEST, zero: bool = True
) -> None:
    """A number in a range; `zero`: also 0 where the range begins above."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Damage(f"{path} is {kind_of(value)}, not a number")
    if not (low <= value <= high or (zero and value == 0)):
        raise Damage(f"{path} is {_short(value)}{_beyond(value, low, high)}")


def whole(value: Any, path: str, low: int = 0, high: int = 1 << 64) -> None:
    """A whole number in a range; 3.0, which some programs make of 3, is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise Damage(f"{path} is {kind_of(value)}, not a whole number")
    if not low <= value <= high:
        raise Damage(f"{path} is {_short(value)}{_beyond(value, low, high)}")


def truth(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise Damage(f"{path} is {kind_of(value)}, not true or false")


def one_of(value: Any, path: str, words: tuple[str, ...]) -> None:
    if value not in words:
        said = f'"{value}"' if isinstance(value, str) else kind_of(value)
        raise Damage(f"{path} is {said[:100]}, not one of {', '.join(words)}")


def obj(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise Damage(f"{path} is {kind_of(value)}, not an object")


def array(value: Any, path: str) -> None:
    if not isinstance(value, list):
        raise Damage(f"{path} is {kind_of(value)}, not a list")


def all_of(value: Any, path: str, check: Check) -> None:
    """Every element of a list, or every member of an object."""
    if isinstance(value, dict):
        for name, each in value.items():
            check(each, _join(path, name))
        return
    array(value, path)
    for index, each in enumerate(value):
        check(each, f"{path}[{index}]")


def members(value: Any, path: str, of: dict[str, Check], optional: str = "") -> None:
    obj(value, path)
    checked(value, path, of, optional)


def kind_of(value: Any) -> str:
    """What JSON calls it."""
    if value is None:
        return "null"
    for kind, word in (
        (bool, "true or false"),
        (str, "text"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, kind):
            return word
    return _short(value)


def _beyond(value: float, low: float, high: float) -> str:
    if value > high:
        return f", more than {_short(high)}"
    return ", and negative" if value < 0 <= low else f", less than {_short(low)}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) or abs(value) > 10**20 else str(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name[:100]}" if path else name[:100]


NAME = partial(text, longest=LONGEST_NAME, least=1)
SHORT = partial(text, longest=LONGEST_NAME)
COUNT = partial(whole, low=1, high=LARGEST_COUNT)
INDEX = partial(whole, high=LARGEST_COUNT)
POSITIVE = partial(number, low=1e-30, zero=False)
TIME = partial(number, low=LEAST_TIME_NS, high=LARGEST_TIME_NS, zero=False)
FIGURE = partial(number, low=1e-30)
SIGNED = partial(number, low=-LARGEST)
STRATEGY = partial(one_of, words=STRATEGIES)
