"""Text from a report made safe for where it is shown.

Names and details come from whoever registered a workload and from the last words of a crashed
process: they may hold escape sequences, pipes, mentions, or bytes that XML forbids.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_MARKUP = re.compile(r"([\\`*_\[\]|~#!])")


def plain(text: str) -> str:
    """One line without control characters, for a terminal and for XML, which forbids most."""
    return _CONTROL.sub(" ", text)


def markdown(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no HTML, no one notified."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", text).replace("@", "&#64;")
