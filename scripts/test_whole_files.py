# SPDX-License-Identifier: Apache-2.0
"""Files come whole or not at all, several of them all or none, and nothing else is touched."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import advise
import chart
import check_regression
import pytest
import whole_files
from charts.mark import HTML_HEAD, WORDS
from conftest import assert_one_line
from destination import same_file
from whole_files import is_own_name, own_name, remove_leftovers, write_whole

NEW = b"new" * 50_000
OLD = f"{HTML_HEAD}old"  # as chart.py may have drawn it


@pytest.fixture
def old(in_directory: Path) -> dict[Path, bytes]:
    """Three files that are to be replaced, and one that stands beside them."""
    contents = {Path(name): f"old {name}".encode() for name in ("a", "b", "c")}
    for path, content in contents.items():
        path.write_bytes(content)
    Path("other").write_bytes(b"other")
    return contents


def assert_untouched(old: dict[Path, bytes]) -> None:
    found = {path: path.read_bytes() for path in Path().iterdir()}
    assert found == old | {Path("other"): b"other"}


def failing(function: Callable[..., Any], at: int, error: int) -> Callable[..., Any]:
    """The function, but its call number `at` fails."""
    calls = iter(range(1_000))

    def call(*arguments: Any, **more: Any) -> Any:
        if next(calls) == at:
            raise OSError(error, os.strerror(error))
        return function(*arguments, **more)

    return call


def test_all_files_are_replaced(old: dict[Path, bytes]) -> None:
    write_whole(dict.fromkeys(old, NEW))
    assert_untouched(dict.fromkeys(old, NEW))


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("call", "error"),
    [("open", errno.EMFILE), ("write", errno.ENOSPC), ("fsync", errno.EIO), ("fchmod", errno.EPERM),
     ("rename", errno.EACCES)],
)  # fmt: skip
def test_an_error_at_any_place_leaves_every_old_file(
    call: str, error: int, at: int, old: dict[Path, bytes], monkeypatch: Any
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing(getattr(os, call), at, error))
        with pytest.raises(OSError) as caught:
            write_whole(dict.fromkeys(old, NEW))
    assert caught.value.errno == error and caught.value.filename in {str(path) for path in old}
    assert_untouched(old)


@pytest.mark.parametrize("at", [1, 2])
def test_an_error_while_renaming_removes_files_that_were_not_there(
    at: int, in_directory: Path, monkeypatch: Any
) -> None:
    Path("other").write_bytes(b"other")
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", failing(os.rename, at, errno.EIO))
        with pytest.raises(OSError):
            write_whole(dict.fromkeys((Path("a"), Path("b"), Path("c")), NEW))
    assert_untouched({})


def test_a_folder_that_cannot_be_synced_is_said(old: dict[Path, bytes], monkeypatch: Any) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(os.fsync, 3, errno.EIO))
        with pytest.raises(OSError) as caught:
            write_whole(dict.fromkeys(old, NEW))
    assert caught.value.errno == errno.EIO
    assert_untouched(old)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o4755])
def test_the_mode_of_a_file_that_is_replaced_is_kept(mode: int, in_directory: Path) -> None:
    Path("a").write_bytes(b"old")
    Path("a").chmod(mode)
    write_whole({Path("a"): NEW})
    assert Path("a").stat().st_mode & 0o7777 == mode and Path("a").read_bytes() == NEW


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_what_the_umask_leaves(mask: int, in_directory: Path) -> None:
    before = os.umask(mask)
    try:
        write_whole({Path("a"): NEW})
    finally:
        os.umask(before)
    assert Path("a").stat().st_mode & 0o7777 == 0o666 & ~mask


def test_a_link_that_was_named_stays_and_its_target_is_replaced(old: dict[Path, bytes]) -> None:
    Path("folder").mkdir()
    for name, to in (("link", "../a"), ("dangling", "../fresh"), ("chain", "link")):
        Path("folder", name).symlink_to(to)
    write_whole({Path("folder/chain"): b"through"})
    write_whole({Path("folder/dangling"): b"fresh"})
    assert Path("a").read_bytes() == b"through" and Path("fresh").read_bytes() == b"fresh"
    assert os.readlink("folder/chain") == "link" and os.readlink("folder/link") == "../a"
    assert Path("folder/dangling").is_symlink()


def test_a_link_that_was_not_named_is_not_followed(old: dict[Path, bytes]) -> None:
    Path("a").unlink()
    Path("a").symlink_to("other")
    write_whole({Path("a"): NEW}, follow_links=False)
    assert Path("other").read_bytes() == b"other"
    assert not Path("a").is_symlink() and Path("a").read_bytes() == NEW


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: path.mkdir(), errno.EISDIR),
        (lambda path: path.symlink_to(path.name), errno.ELOOP),
        (lambda path: (path.write_bytes(b""), path.parent / "x")[1], errno.ENOTDIR),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(
    make: Any, error: int, old: dict[Path, bytes]
) -> None:
    inside = Path("in")
    inside.mkdir()
    made = make(inside / "way")
    path = inside / "way" / "x" if isinstance(made, Path) else inside / "way"
    with pytest.raises(OSError) as caught:
        write_whole({Path("a"): NEW, path: NEW})
    assert caught.value.errno == error and caught.value.filename == str(path)
    assert Path("a").read_bytes() == old[Path("a")]


def test_a_very_long_name_can_be_replaced_and_a_longer_one_is_refused(in_directory: Path) -> None:
    write_whole({Path("x" * 255): NEW})
    with pytest.raises(OSError) as caught:
        write_whole({Path("x" * 256): NEW})
    assert caught.value.errno == errno.ENAMETOOLONG


# ---- what killed runs leave


def leftover(name: str = "") -> Path:
    name = name or own_name()
    Path(name).write_bytes(b"half")
    return Path(name)


def test_leftovers_are_removed_and_nothing_else(in_directory: Path) -> None:
    dead = leftover()
    ours = own_name()
    kept = [
        leftover(f"{ours}.old"),
        leftover(ours.upper()),
        leftover(ours[1:]),
        leftover(".waitwork-0123.tmp"),
        # What a user may have called a file of his own.
        leftover(".waitwork-0123456789abcdef.tmp"),
        leftover(".waitwork-0000000000000000.tmp"),
        leftover(".waitwork-2026112820261128.tmp"),
    ]
    folder, link, pipe = own_name(), own_name(), own_name()
    Path(folder).mkdir()
    Path(link).symlink_to("a")
    os.mkfifo(pipe)
    write_whole({Path("a"): NEW})
    assert not dead.exists() and all(path.exists() for path in kept)
    assert Path(folder).is_dir() and Path(link).is_symlink() and Path(pipe).is_fifo()


def test_names_of_ours_are_told_by_their_second_half() -> None:
    names = {own_name() for _ in range(1_000)}
    assert len(names) == 1_000 and all(map(is_own_name, names))
    for name in names:
        at = 10 + len(names) % 16
        other = name[:at] + ("0" if name[at] != "0" else "1") + name[at + 1 :]
        assert not is_own_name(other)


def test_what_a_rollback_needs_is_no_leftover_to_another_run(
    old: dict[Path, bytes], monkeypatch: Any
) -> None:
    rename, calls = os.rename, iter(range(100))

    def beside_another_run(*names: Any) -> None:
        remove_leftovers(Path())
        if next(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(*names)

    monkeypatch.setattr(os, "rename", beside_another_run)
    with pytest.raises(OSError):
        write_whole(dict.fromkeys(old, NEW))
    assert_untouched(old)


def test_folders_that_were_made_go_with_an_interrupt(in_directory: Path) -> None:
    Path("there").mkdir()
    program = (
        f"import sys; sys.path.insert(0, {str(Path(whole_files.__file__).parent)!r})\n"
        "import standard_streams; standard_streams.prepare()\n"
        "import os, signal, whole_files; from pathlib import Path\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGINT)\n"
        "folder = Path('there/a/b')\n"
        "with whole_files.made_folder(folder):\n"
        "    whole_files.write_whole({folder / 'x': b'new'})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")
    assert list(Path("there").iterdir()) == []


def test_what_a_living_run_writes_is_left_alone(in_directory: Path) -> None:
    alive = leftover()
    with alive.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_leftovers(Path())
        assert alive.exists()
    remove_leftovers(Path())
    assert not alive.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_while_it_writes_changes_nothing(
    number: int, old: dict[Path, bytes]
) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(whole_files.__file__).parent)!r})\n"
        "import standard_streams; standard_streams.prepare()\n"
        "import os, time, whole_files; from pathlib import Path\n"
        "calls = iter((lambda: None, lambda: (print('here', flush=True), time.sleep(60))))\n"
        "os.fsync = lambda descriptor: next(calls)()\n"
        "whole_files.write_whole({Path('a'): b'x', Path('b'): b'x'})\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"here\n"
    during = [path.name for path in Path().iterdir() if is_own_name(path.name)]
    assert len(during) == 2
    write_whole({Path("c"): old[Path("c")]})  # another run does not take them for leftovers
    assert all(Path(name).exists() for name in during)
    child.send_signal(number)
    code = child.wait(timeout=60)
    if number == signal.SIGINT:
        assert code == 130
        assert_untouched(old)  # at once; what the others left, the next run removes
    write_whole({Path("c"): old[Path("c")]})
    assert_untouched(old)


def test_an_interrupt_between_two_files_comes_after_both(old: dict[Path, bytes]) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(whole_files.__file__).parent)!r})\n"
        "import standard_streams; standard_streams.prepare()\n"
        "import os, signal, whole_files; from pathlib import Path\n"
        "rename = os.rename\n"
        "def interrupted(*names):\n"
        "    rename(*names); os.kill(os.getpid(), signal.SIGINT)\n"
        "os.rename = interrupted\n"
        "whole_files.write_whole({Path(name): b'new' for name in 'abc'})\n"
        "print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    assert_untouched(dict.fromkeys(old, b"new"))


# ---- the tools


@pytest.fixture
def reports(written: Callable[..., Path]) -> tuple[str, str]:
    only = "io/timer/(seq|conc)"
    slow = written("b.json", only=only, rounds=5, seed=2, slower={"": 3.0})
    return str(written("a.json", only=only, rounds=5)), str(slow)


@pytest.mark.parametrize("other", ["o.md", "./o.md", "link", "hard", "sub/../o.md"])
def test_one_file_for_both_outputs_is_refused_before_anything_is_done(
    other: str, reports: tuple[str, str], capsys: Any
) -> None:
    Path("sub").mkdir()
    Path("o.md").write_text("old")
    Path("link").symlink_to("o.md")
    os.link("o.md", "hard")
    with pytest.raises(SystemExit) as caught:
        check_regression.main([*reports, "--markdown", "o.md", "--junit", other])
    assert caught.value.code == 2 and Path("o.md").read_text() == "old"
    assert_one_line(capsys.readouterr().err, "are one file")


def test_so_is_one_file_that_is_not_there_yet(reports: tuple[str, str], capsys: Any) -> None:
    Path("link").symlink_to("fresh.md")
    with pytest.raises(SystemExit):
        check_regression.main([*reports, "--markdown", "fresh.md", "--junit", "link"])
    assert not Path("fresh.md").exists()


@pytest.mark.parametrize("flag", ["--markdown", "--junit"])
def test_a_report_is_not_replaced_by_what_is_said_of_it(
    flag: str, reports: tuple[str, str], capsys: Any
) -> None:
    before = [Path(path).read_bytes() for path in reports]
    for path in reports:
        with pytest.raises(SystemExit):
            check_regression.main([*reports, flag, f"./{path}"])
        assert_one_line(capsys.readouterr().err, flag, "would replace the report")
    assert [Path(path).read_bytes() for path in reports] == before


@pytest.mark.parametrize("flag", ["--markdown", "--junit"])
@pytest.mark.parametrize(
    "name", ["-", "/dev/stdin", "/dev/fd/0", "//dev/stdin", "/proc/thread-self/fd/0"]
)
def test_nor_is_one_that_came_through_a_descriptor(
    name: str, flag: str, reports: tuple[str, str]
) -> None:
    before = Path("a.json").read_bytes()
    os.link("a.json", "hard")
    gate = [sys.executable, check_regression.__file__]
    for target in ("a.json", "hard", "/dev/fd/0"):
        with open("a.json", "r+b") as stream:
            done = subprocess.run(
                [*gate, name, "b.json", flag, target],
                stdin=stream, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 2
        assert_one_line(done.stderr, flag, "would replace the report BASE")
    assert Path("a.json").read_bytes() == before


@pytest.mark.parametrize("name", ["x.md/", "x.md/.", "./x.md//"])
def test_a_name_of_a_folder_is_no_file(name: str, reports: tuple[str, str], capsys: Any) -> None:
    with pytest.raises(SystemExit):
        check_regression.main([*reports, "--markdown", name])
    assert_one_line(capsys.readouterr().err, "is the name of a folder")
    assert not Path("x.md").exists()


def test_where_no_file_can_be_made_is_said(reports: tuple[str, str], capsys: Any) -> None:
    assert check_regression.main([*reports, "--markdown", "/proc/version"]) == 2
    assert_one_line(capsys.readouterr().err, "/proc/version", "no file can be made there")


def test_null_is_no_file_to_lose(reports: tuple[str, str]) -> None:
    assert not same_file(Path("/dev/null"), Path("/dev/null"))
    arguments = [*reports, "--markdown", "/dev/null", "--junit", "/dev/null"]
    assert check_regression.main(arguments) == 1
    assert Path("/dev/null").is_char_device()


def test_two_outputs_are_written_both_or_none(reports: tuple[str, str], capsys: Any) -> None:
    Path("o.md").write_text("old")
    for bad in ("/dev/full", "no/such/o.xml", "."):
        assert check_regression.main([*reports, "--markdown", "o.md", "--junit", bad]) == 2
        assert_one_line(capsys.readouterr().err, f"{bad}: cannot be written: ")
        assert Path("o.md").read_text() == "old"


@pytest.mark.parametrize("value", ["--junit", "--junit=o.xml", "-x", ""])
def test_an_option_that_took_the_next_one_for_a_name_is_refused(
    value: str, reports: tuple[str, str], capsys: Any
) -> None:
    for arguments in (["--markdown", value], [f"--markdown={value}"]):
        with pytest.raises(SystemExit) as caught:
            check_regression.main([*reports, *arguments])
        assert caught.value.code == 2
        assert_one_line(capsys.readouterr().err, "--markdown")
    assert {path.name for path in Path().iterdir()} == {"a.json", "b.json"}


@pytest.fixture
def pictures(in_directory: Path, monkeypatch: Any) -> dict[str, bytes]:
    """Charts without the seconds that drawing takes."""
    files = {name: NEW for name in ("matrix.svg", "matrix.png", "index.html")}
    monkeypatch.setattr(chart, "draw", lambda report: files)
    return files


def test_charts_on_a_full_disk_leave_the_old_ones(
    reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    for name in pictures:
        Path(name).write_text(OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        assert chart.main([reports[0], "-o", "."]) == 2
        assert chart.main([reports[0], "-o", "fresh/folder"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "cannot be written: File too large" in capsys.readouterr().err
    assert [Path(name).read_text() for name in pictures] == [OLD] * 3
    assert {path.name for path in Path().iterdir()} == {*pictures, "a.json", "b.json"}


def test_charts_replace_a_link_and_not_what_it_points_to(
    reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    Path("victim").write_text(OLD)
    Path("index.html").symlink_to("victim")
    assert chart.main([reports[0]]) == 0
    assert Path("victim").read_text() == OLD and Path("index.html").read_bytes() == NEW


@pytest.mark.parametrize("how", [[], ["-o", "."], ["-o", "sub/.."]])
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("<!doctype html><p>mine"),
        lambda path: path.write_text(""),
        lambda path: path.write_text(f"<p>about {WORDS}: {OLD}"),
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\nIHDR"),
        lambda path: (Path("victim").write_text("precious"), path.symlink_to("victim")),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: os.mkfifo(path),
    ],
)
def test_a_file_that_is_not_ours_is_never_replaced_by_a_chart(
    make: Any, how: list[str], reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    Path("sub").mkdir()
    for name in ("index.html", "matrix.png"):
        make(Path(name))
        before = os.lstat(name)
        content = Path(name).read_bytes() if Path(name).is_file() else b""
        assert chart.main([reports[0], *how]) == 2
        assert_one_line(capsys.readouterr().err, name, "not drawn by chart.py", "move it", "-o")
        assert os.lstat(name) == before or Path(name).read_bytes() == content
        assert not Path("matrix.svg").exists()
        Path(name).unlink()
        Path("victim").unlink(missing_ok=True)


def test_charts_that_the_new_report_has_none_of_are_removed(
    reports: tuple[str, str], pictures: dict[str, bytes]
) -> None:
    for name in ("roofline.svg", "latency.png", "other.svg", "gain.svg"):
        Path(name).write_text("mine" if name == "gain.svg" else OLD)
    assert chart.main([reports[0]]) == 0
    left = {path.name for path in Path().iterdir()} - {*pictures, "a.json", "b.json"}
    assert left == {"other.svg", "gain.svg"}


@pytest.mark.parametrize("place", ["/dev/null", "a.json", "a.json/"])
def test_what_is_no_folder_is_not_one_to_remove(
    place: str, reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    with pytest.raises(SystemExit):
        chart.main([reports[0], "-o", place])
    assert_one_line(capsys.readouterr().err, "is no folder: name a folder with -o")


def test_a_folder_where_a_chart_goes_is_said(
    reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    Path("out/matrix.png").mkdir(parents=True)
    assert chart.main([reports[0], "-o", "out"]) == 2
    assert_one_line(capsys.readouterr().err, "out/matrix.png: a folder is where a chart goes")


def test_a_report_that_cannot_be_read_has_one_sentence_in_every_tool(
    pictures: dict[str, bytes], capsys: Any, in_directory: Path
) -> None:
    Path("file").write_text("")
    for path in ("none.json", "file/x.json", "x" * 300, "no/such.json"):
        said = []
        for tool in (chart, advise):
            assert tool.main([path]) == 2
            said.append(capsys.readouterr().err.split(": ", 1)[1])
        assert said[0] == said[1] and "cannot be read" in said[0]


def test_a_chart_does_not_replace_the_report(
    reports: tuple[str, str], pictures: dict[str, bytes], capsys: Any
) -> None:
    Path("index.html").write_bytes(Path(reports[0]).read_bytes())
    assert chart.main(["index.html"]) == 2
    assert_one_line(capsys.readouterr().err, "index.html", "this is the report")
    assert not Path("matrix.svg").exists()


def test_charts_of_standard_input_want_a_place(pictures: dict[str, bytes], capsys: Any) -> None:
    Path("link").symlink_to("/dev")
    Path("fd").symlink_to("/dev/fd")
    for path in (
        "-", "/dev/stdin", "/dev/null", "//dev/stdin", "/dev/./fd/0", "/dev/fd/0", "/dev/fd/99",
        "/proc/self/fd/0", f"/proc/{os.getpid()}/fd/0", f"/proc/self/task/{os.getpid()}/fd/0",
        "link/stdin", "fd/0", "/dev/shm/../stdin",
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            chart.main([path])
        assert_one_line(capsys.readouterr().err, "has no folder: name one with -o")


def test_a_named_pipe_that_nobody_reads_ends_with_a_sentence(
    reports: tuple[str, str], capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(whole_files, "READER_TIMEOUT_S", 0.2)
    os.mkfifo("pipe")
    started = time.monotonic()
    assert check_regression.main([*reports, "--markdown", "pipe"]) == 2
    assert time.monotonic() - started < 60
    assert_one_line(capsys.readouterr().err, "pipe: cannot be written", "somebody reads")
