# SPDX-License-Identifier: Apache-2.0
"""Text that came from a file, a name or another process, made safe where it leaves.

Names and details come from whoever registered a workload, wrote a report or crashed: they may hold
escape sequences that repaint a terminal, a newline before "::error" or a "##[" that a CI system
obeys, characters that turn the direction of what follows, markup, mentions, or what XML forbids.
Every writer calls one of these, once; standard output and standard error go through lines() besides
(standard_streams.py). The rule is that of lib/waitwork/base/plain_text.hpp; keep the two alike.
"""

from __future__ import annotations

import json
import re
from typing import Any

REPLACEMENT = "\ufffd"

_BREAKS = re.compile(r"[\t\n\r]+")
# C0, DEL, C1; marks, embeddings and isolates of direction; separators of lines and paragraphs;
# halves of surrogate pairs, and the two that XML forbids.
_UNSEEN_SET = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
)
_UNSEEN = re.compile(f"[{_UNSEEN_SET}]")
_UNSEEN_IN_JSON = re.compile(f"(?!\n)[{_UNSEEN_SET}]|(?<=#)#")
_MARKUP = re.compile(r"([\\`*_\[\]|~#!])")
_COMMAND = re.compile(r"#(?=#\w*\[)")  # Azure's "##vso[", GitHub's "##[", TeamCity's "##teamcity["


def visible(text: str) -> str:
    """One line: tabs and newlines become one space, what cannot be shown becomes U+FFFD."""
    return _UNSEEN.sub(REPLACEMENT, _BREAKS.sub(" ", text))


def plain(text: str) -> str:
    """The same for a terminal, a log and XML: no "##", with which commands of CI systems begin."""
    return re.sub("#(?=#)", "# ", visible(text))


def lines(text: str) -> str:
    """A whole output, whose newlines are ours: no line of it is a command of a CI system."""
    return "\n".join(_line(line) for line in text.split("\n"))


def markdown(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no HTML, no one notified."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", text).replace("@", "&#64;")


def json_text(document: Any) -> str:
    """JSON in which all of that is escaped, so that a reader has the text as it was."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _UNSEEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _line(line: str) -> str:
    line = _COMMAND.sub("# ", visible(line))
    bare = line.lstrip()
    # A space between the colons: what is shown stays readable, and is no command.
    return line[: len(line) - len(bare)] + ": " + bare[1:] if bare.startswith("::") else line
