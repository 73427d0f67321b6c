# SPDX-License-Identifier: Apache-2.0
"""A matrix of what sandboxes, limits and parents restrict: for each what becomes of the rows, what is said, the exit code.

The classes: rows that need what is refused are absent with a cause that names it; what is only convenience changes
nothing; and no restriction ends the program without a sentence, or leaves a figure that is wrong.
"""

import dataclasses
import errno
import os
import resource
import signal
import subprocess

import pytest

from restrictions import (
    KILL,
    SYSTEM_CALLS,
    Restriction,
    all_of,
    as_nobody,
    block_all_signals,
    forbid,
    hide,
    ignore,
    limit,
    without_loopback,
)
from waitwork_process import load_report, one_line, waitwork

pytestmark = pytest.mark.skipif(SYSTEM_CALLS is None, reason="the filters are written for others")

TIMERS = "^io/timer/(sequential|parallel/workers:2|concurrent/depth:16|hybrid/depth:16/)"
ECHO = "^io/net_echo/delay1ms/(sequential|concurrent/depth:16)"
FILES = "^io/file_(write|read/cached)/sequential"

ON_RINGS = {"concurrent", "hybrid"}
ALL = {"sequential", "parallel", "concurrent", "hybrid"}


@dataclasses.dataclass
class Case:
    name: str
    restrict: Restriction
    code: int = 0
    rows: str = TIMERS
    absent: set[str] | None = None  # strategies, exactly; None: none
    failed: set[str] | None = None
    says: str = ""  # part of standard error
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    root: bool = False  # only root may set it up


def refused(call: str, **expected) -> list[Case]:
    """The same for the error of a profile that forbids and of one (or a kernel) that does not know."""
    return [
        Case(f"{call}_{errno.errorcode[error]}", forbid(call, error), **expected)
        for error in (errno.EPERM, errno.ENOSYS)
    ]


def locked(kibibytes: int) -> Restriction:
    return all_of(limit(resource.RLIMIT_MEMLOCK, kibibytes << 10), as_nobody)


# Calls that there is another way for, or that nothing depends on.
CONVENIENCES = [
    "pidfd_open", "signalfd4", "close_range", "prctl", "timer_create", "epoll_pwait2", "timerfd_create", "eventfd2",
    "statx", "getrandom", "sched_setaffinity", "mlock", "faccessat2", "flock", "fallocate",
]  # fmt: skip


def conveniences(error: int) -> Restriction:
    return all_of(
        *(forbid(call, error) for call in sorted(CONVENIENCES, key=lambda call: call == "prctl"))
    )


def odd_parent() -> None:
    os.umask(0)
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


ODD_ENVIRONMENT = {
    "LC_ALL": "de_DE.UTF-8", "LANG": "ar_EG", "OMP_NUM_THREADS": "none", "TBB_NUM_THREADS": "0", "TERM": "",
    "MALLOC_PERTURB_": "42", "OPENBLAS_CORETYPE": "none",
}  # fmt: skip

MATRIX = [
    # What only some rows need.
    *refused("io_uring_setup", code=5, absent=ON_RINGS, says="io_uring_setup"),
    Case(
        "io_uring_setup_kills",
        forbid("io_uring_setup", KILL),
        5,
        absent=ON_RINGS,
        says="kills whoever calls io_uring_setup",
    ),
    Case(
        "io_uring_enter_EPERM", forbid("io_uring_enter"), 5, absent=ON_RINGS, says="io_uring_enter"
    ),
    Case(
        "io_uring_enter_kills",
        forbid("io_uring_enter", KILL),
        5,
        absent=ON_RINGS,
        says="kills whoever calls io_uring_enter",
    ),
    *refused(
        "clock_nanosleep",
        code=5,
        rows="^io/timer/(sequential|concurrent/depth:16)",
        absent={"sequential"},
        says="clock_nanosleep",
    ),
    Case(
        "accept4_EPERM",
        forbid("accept4"),
        3,
        ECHO,
        failed={"sequential", "concurrent"},
        says="may not call accept4",
    ),
    Case(
        "socket_EPERM",
        forbid("socket"),
        5,
        ECHO,
        absent={"sequential", "concurrent"},
        says="may not call socket",
    ),
    Case(
        "no_loopback",
        without_loopback,
        5,
        ECHO,
        absent={"sequential", "concurrent"},
        says="ip link set lo up",
        root=True,
    ),
    # What there is another way for.
    Case("conveniences_EPERM", conveniences(errno.EPERM), rows=f"{TIMERS}|{ECHO}|{FILES}"),
    Case("conveniences_ENOSYS", conveniences(errno.ENOSYS), rows=f"{TIMERS}|{ECHO}"),
    Case("epoll_pwait2_ENOSYS", forbid("epoll_pwait2", errno.ENOSYS), rows=ECHO),
    Case("no_messages_no_wait4", all_of(forbid("io_uring_register"), forbid("wait4"))),
    Case("pidfd_open_kills", forbid("pidfd_open", KILL)),
    Case("clone3_ENOSYS", forbid("clone3", errno.ENOSYS)),
    # Limits.
    Case("stack_of_64_KiB", limit(resource.RLIMIT_STACK, 64 << 10, resource.RLIM_INFINITY)),
    Case("open_files_12", limit(resource.RLIMIT_NOFILE, 12, 4096)),
    Case("open_files_40", limit(resource.RLIMIT_NOFILE, 40)),
    Case(
        "file_size_64_KiB",
        limit(resource.RLIMIT_FSIZE, 64 << 10),
        3,
        FILES,
        failed={"sequential"},
        says="ulimit -f",
    ),
    # Places.
    Case("no_proc", hide("/proc"), rows=ECHO, root=True),
    Case("no_sys", hide("/sys"), root=True),
    Case("another_user", as_nobody, root=True),
    # What a parent leaves.
    Case("sigchld_ignored", ignore(signal.SIGCHLD)),
    Case("all_signals_blocked", block_all_signals),
    Case(
        "all_signals_ignored", ignore(*(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
    ),
    Case("odd_parent", odd_parent, environment=ODD_ENVIRONMENT),
]


def names_with(report: dict, key: str) -> set[str]:
    return {row["strategy"] for row in report["waitwork"][key]}


@pytest.mark.parametrize("case", MATRIX, ids=lambda case: case.name)
def test_a_restriction_has_its_class_and_its_sentence(tmp_path, case):
    if case.root and os.geteuid() != 0:
        pytest.skip("only root may set this up")
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:  # for another user; pytest makes them for its own only
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith("pytest-"):
            parent.chmod(parent.stat().st_mode | 0o055)
    try:
        done = waitwork(
            "--suite=smoke",
            f"--filter={case.rows}",
            cwd=tmp_path,
            preexec_fn=case.restrict,
            **case.environment,
        )
    except subprocess.SubprocessError:
        pytest.skip("this machine does not let us restrict so")
    assert done.returncode == case.code, done.stderr
    report = load_report(tmp_path / "waitwork-report.json")
    assert report["waitwork"]["complete"] == bool(report["benchmarks"])
    assert names_with(report, "absent") == (case.absent or set()), done.stderr
    assert names_with(report, "failures") == (case.failed or set()), done.stderr
    assert case.says in done.stderr
    given_up = {row["name"] for key in ("absent", "failures") for row in report["waitwork"][key]}
    measured = {row["name"] for row in report["benchmarks"]}
    assert measured | given_up == {row["name"] for row in report["waitwork"]["declared"]}
    assert [path.name for path in tmp_path.iterdir()] == [
        "waitwork-report.json"
    ], "nothing is left behind"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("kibibytes", [0, 64, 128, 256, 512])
def test_want_of_locked_memory_never_fails_a_row(tmp_path, kibibytes):
    """At each size of the limit some rows have room and others have not, which is absence."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:
        if parent.stat().st_uid == 0 and parent.name.startswith("pytest-"):
            parent.chmod(parent.stat().st_mode | 0o055)
    done = waitwork(
        "--suite=smoke", "--filter=^io/timer/", cwd=tmp_path, preexec_fn=locked(kibibytes)
    )
    report = load_report(tmp_path / "waitwork-report.json")
    assert report["waitwork"]["failures"] == [], done.stderr
    assert done.returncode == (5 if report["waitwork"]["absent"] else 0)
    for row in report["waitwork"]["absent"]:
        assert (
            row["strategy"] in ON_RINGS
            and "memlock" in row["cause"]
            and "ulimit -l" in row["remedy"]
        )


def test_without_any_way_to_learn_how_a_process_ended_there_are_no_figures(tmp_path):
    done = waitwork(
        "--suite=smoke",
        "--filter=^io/timer/sequential",
        cwd=tmp_path,
        preexec_fn=all_of(forbid("wait4"), forbid("waitid")),
    )
    assert done.returncode == 5 and "wait4" in done.stderr.splitlines()[-1], done.stderr
    assert not (tmp_path / "waitwork-report.json").exists()


@pytest.mark.parametrize(
    "case", [case for case in MATRIX if case.absent and not case.root], ids=lambda case: case.name
)
def test_doctor_finds_what_a_run_would(tmp_path, case):
    done = waitwork("doctor", cwd=tmp_path, preexec_fn=case.restrict)
    assert done.returncode == 0, done.stderr
    failing = [line for line in done.stdout.splitlines() if line.startswith("fail ")]
    assert any(case.says.split()[-1] in line for line in failing), done.stdout


@pytest.mark.parametrize(
    "call", ["statx", "wait4", "timer_create", "prctl", "faccessat2", "flock", "clock_nanosleep"]
)
@pytest.mark.parametrize("subcommand", ["run", "doctor"])
def test_who_would_be_killed_says_by_what(tmp_path, call, subcommand):
    done = waitwork(subcommand, cwd=tmp_path, preexec_fn=forbid(call, KILL))
    assert done.returncode == 5
    assert f"kills whoever calls {call}" in one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate"])
def test_a_call_that_a_run_cannot_do_without_is_named_before_anything_is_measured(tmp_path, call):
    """Not with a sentence about the permissions of a file that is open already."""
    done = waitwork("--suite=smoke", f"--filter={TIMERS}", cwd=tmp_path, preexec_fn=forbid(call))
    if call == "ftruncate" and done.returncode == 0:
        return  # a run that nothing interrupted needs none
    assert done.returncode == 2, done.stderr
    assert "profile that allows" in done.stderr and "permissions" not in done.stderr
    assert list(tmp_path.iterdir()) == []
