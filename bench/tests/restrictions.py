# SPDX-License-Identifier: Apache-2.0
"""What machines and sandboxes refuse, for a process about to start the program: functions for `preexec_fn`.

Each returns a function without arguments that restricts the process that calls it, and whatever that one starts. Seccomp
filters are those of containers (an error) and of services (death by SIGSYS).
"""

import ctypes
import errno
import os
import platform
import resource
import signal
from collections.abc import Callable

Restriction = Callable[[], None]

KILL = "kill"  # in place of an error: the caller dies of SIGSYS

# The numbers of <asm/unistd_64.h>, and where they differ those of the generic table (aarch64).
_X86_64 = {
    "prctl": 157, "sched_setaffinity": 203, "epoll_pwait2": 441, "signalfd4": 289, "socket": 41, "wait4": 61,
    "mlock": 149, "timerfd_create": 283, "eventfd2": 290, "fsync": 74, "fdatasync": 75, "statx": 332,
    "getrandom": 318, "timer_create": 222, "memfd_create": 319, "waitid": 247, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "pidfd_open": 434, "clone3": 435, "close_range": 436,
    "faccessat2": 439, "clock_nanosleep": 230, "flock": 73, "accept4": 288, "fallocate": 285, "pwrite64": 18, "ftruncate": 77,
}  # fmt: skip
_GENERIC = _X86_64 | {
    "prctl": 167, "sched_setaffinity": 122, "signalfd4": 74, "socket": 198, "wait4": 260, "mlock": 228,
    "timerfd_create": 85, "eventfd2": 19, "fsync": 82, "fdatasync": 83, "statx": 291, "getrandom": 278,
    "timer_create": 107, "memfd_create": 279, "waitid": 95,
    "clock_nanosleep": 115, "flock": 32, "accept4": 242, "fallocate": 47, "pwrite64": 68, "ftruncate": 46,
}  # fmt: skip
SYSTEM_CALLS = {"x86_64": _X86_64, "aarch64": _GENERIC}.get(platform.machine())

_LOAD_NUMBER, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ANSWER_ERROR, _ANSWER_KILL, _ANSWER_ALLOW = 0x00050000, 0x80000000, 0x7FFF0000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction))]


def _check(answer: int, what: str) -> None:
    if answer != 0:
        raise OSError(ctypes.get_errno(), what)


def forbid(call: str, answer: int | str = errno.EPERM) -> Restriction:
    """A seccomp filter by which `call` fails with the error number `answer`, or kills (KILL)."""
    value = _ANSWER_KILL if answer == KILL else _ANSWER_ERROR | int(answer)
    instructions = (_Instruction * 4)(
        _Instruction(_LOAD_NUMBER, 0, 0, 0),
        _Instruction(_JUMP_IF_EQUAL, 0, 1, SYSTEM_CALLS[call]),
        _Instruction(_RETURN, 0, 0, value),
        _Instruction(_RETURN, 0, 0, _ANSWER_ALLOW),
    )
    program = _Program(4, instructions)

    def restrict() -> None:
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
        _check(_libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0), "PR_SET_SECCOMP")

    return restrict


def limit(which: int, soft: int, hard: int | None = None) -> Restriction:
    """A resource limit (resource.RLIMIT_...), soft and hard alike unless `hard` is given."""
    return lambda: resource.setrlimit(which, (soft, soft if hard is None else hard))


def as_nobody() -> None:
    """Another user than root, to whom limits and permissions apply."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def without_loopback() -> None:
    """A network namespace of its own, whose loopback interface is down."""
    _check(_libc.unshare(_CLONE_NEWNET), "unshare")


def hide(*places: str) -> Restriction:
    """An empty, read-only directory over each of these, in a mount namespace of its own."""

    def restrict() -> None:
        _check(_libc.unshare(_CLONE_NEWNS), "unshare")
        _check(_libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None), "mount /")
        for place in places:
            _check(_libc.mount(b"none", place.encode(), b"tmpfs", 1, b"size=4k"), f"mount {place}")

    return restrict


def ignore(*numbers: int) -> Restriction:
    """Signals that are ignored, as a parent may leave them."""

    def restrict() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return restrict


def block_all_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


def all_of(*restrictions: Restriction) -> Restriction:
    """One after the other."""

    def restrict() -> None:
        for each in restrictions:
            each()

    return restrict
