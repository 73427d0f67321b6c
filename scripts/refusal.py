# SPDX-License-Identifier: Apache-2.0
"""What the error of a system call on a file means to a person: the cause, and what to do about it.

Chosen by the error and not by the place where it struck. The words are those of the program
(lib/waitwork/base/refusal.hpp); keep the two alike.
"""

from __future__ import annotations

import errno
import os

_ELSEWHERE = "name a place elsewhere"
_OF_REPORT = "name a report that `waitwork run` wrote"
_REMEDIES = {
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENOMEM: "free memory, or raise the limits on it (ulimit -v, the container's limit)",
    errno.EIO: "look at the kernel's log (dmesg) for errors of the device, or use another device",
    errno.ENOSPC: "make room there (df, df -i), or name a place on another file system",
    errno.EDQUOT: "make room within your quota, or name a place on another file system",
    errno.EFBIG: (
        "raise the limit on the size of files (ulimit -f), or name a place on another file system"
    ),
    errno.EACCES: "name a place that you may write to, or change its permissions",
    errno.EPERM: "name a place that you may write to, or change its permissions",
    errno.EROFS: "name a place on a file system that is mounted for writing",
    errno.ENOENT: "make the directory first, or name another",
    errno.ENOTDIR: "name a place whose every parent is a directory",
    errno.EISDIR: "name a file, not a directory",
    errno.EEXIST: "remove or rename what is there, or name another place",
    errno.ELOOP: "name a place that is no symbolic link, or mend the link",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ETXTBSY: "end what is using it, or name another place",
    errno.EBUSY: "end what is using it, or name another place",
    errno.ENXIO: "name a file, or a pipe that somebody reads",
    errno.ENODEV: "name a file, or a pipe that somebody reads",
    errno.EBADF: "leave it open: it was closed before the program started",
}

# Where it is a report that cannot be read; errors that are not here mean the same for both.
_READING = {
    errno.ENOENT: _OF_REPORT,
    errno.ENOTDIR: _OF_REPORT,
    errno.EISDIR: _OF_REPORT,
    errno.EACCES: "name a report that you may read, or change its permissions",
    errno.EPERM: "name a report that you may read, or change its permissions",
    errno.ELOOP: "name a report that is no symbolic link, or mend the link",
    errno.ENXIO: _OF_REPORT,
    errno.ENODEV: _OF_REPORT,
    errno.EINVAL: _OF_REPORT,
}


class Refused(OSError):
    """An error whose remedy its number does not tell."""

    def __init__(self, number: int, remedy: str, filename: str = "") -> None:
        super().__init__(number, os.strerror(number), *([filename] if filename else []))
        self.remedy = remedy


def cause(problem: OSError) -> str:
    """ "No space left on device"."""
    return os.strerror(problem.errno) if problem.errno else "it was refused"


def remedy(problem: OSError) -> str:
    """A clause without a full stop."""
    if isinstance(problem, Refused):
        return problem.remedy
    return _REMEDIES.get(problem.errno or 0, _ELSEWHERE)


def reading_remedy(problem: OSError) -> str:
    """The same where a report was to be read."""
    if isinstance(problem, Refused):
        return problem.remedy
    number = problem.errno or 0
    return _READING.get(number) or _REMEDIES.get(number, _OF_REPORT)
