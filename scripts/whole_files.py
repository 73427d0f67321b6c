# SPDX-License-Identifier: Apache-2.0
"""Writes files whole or not at all, and several of them all or none.

Each is written under a temporary name in the folder where it goes, synced, and renamed when all of
them are there; until then the old ones stand untouched. A rename that fails takes the earlier ones
back. A link that the user named is followed (its target is replaced, the link stays); one that
merely lies where a chart goes is replaced. What is no regular file (a pipe, /dev/stdout) is written
in place: there is nothing to keep.

A temporary file is locked for as long as its owner lives, and its name is one that only this module
makes: the half of it that is chosen at random decides the other half, so that a name that a user
typed or counted fits by chance once in 2^32 (the program's names are made alike, with another rule:
lib/waitwork/base/own_name.hpp). So what a killed run left is told from what a living one is
writing, and the next run in that folder removes it, and nothing else.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import standard_streams
from destination import Destination, destination, identity
from refusal import Refused

_TEMPORARY = re.compile(r"\.waitwork-([0-9a-f]{8})([0-9a-f]{8})\.tmp")
READER_TIMEOUT_S = 10.0  # for a named pipe: long enough for whoever starts the reader by hand


def write_whole(contents: Mapping[Path, bytes], follow_links: bool = True) -> None:
    """Writes all of these files or changes none. `follow_links`: the paths are exactly what the
    user named. OSError with a filename that is the caller's path, if that is not possible."""
    with ExitStack() as stack:
        destinations = {path: _naming(path, destination, path, follow_links) for path in contents}
        temporaries: dict[Path, Path] = {}  # file -> where it is written
        for folder in {each.file.parent for each in destinations.values() if each.file}:
            remove_leftovers(folder)
        for path, to in destinations.items():
            if to.file is not None:
                made = _naming(path, stack.enter_context, _temporary(to.file, contents[path]))
                temporaries[to.file] = made
        for path, to in destinations.items():
            if to.file is None:
                _naming(path, _write_in_place, to, contents[path])
        with standard_streams.uninterrupted():
            _take_names(temporaries, {to.file: path for path, to in destinations.items()})


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes it and its parents; those that were made are removed again if the body fails."""
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]

    def remove() -> None:
        for each in missing:
            try:
                each.rmdir()
            except OSError:
                break

    standard_streams.undo_on_interrupt.append(remove)
    try:
        _naming(folder, lambda: folder.mkdir(parents=True, exist_ok=True))
        yield
    except BaseException:
        remove()
        raise
    finally:
        standard_streams.undo_on_interrupt.remove(remove)


def is_own_name(name: str) -> bool:
    """Whether it is one that this module gives."""
    found = _TEMPORARY.fullmatch(name)
    return found is not None and found[2] == _second_half(found[1])


def own_name() -> str:
    """Another one each time."""
    first = secrets.token_hex(4)
    return f".waitwork-{first}{_second_half(first)}.tmp"


def _second_half(first: str) -> str:
    return f"{zlib.crc32(b'a temporary file of the tools of waitwork ' + first.encode()):08x}"


def remove_leftovers(folder: Path) -> None:
    """Of runs that were killed while they wrote there; whoever still writes holds a lock."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if is_own_name(entry.name)]
    except OSError:
        return
    for path in found:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if identity(os.lstat(path)) == identity(status):
                    os.unlink(path)
        except OSError:
            pass
        finally:
            os.close(descriptor)


@contextmanager
def _temporary(final: Path, content: bytes) -> Iterator[Path]:
    """A synced file beside `final` with its mode; gone at the end, unless it got another name."""
    name = final.parent / own_name()

    def remove() -> None:
        name.unlink(missing_ok=True)

    try:
        old: os.stat_result | None = os.lstat(final)
    except FileNotFoundError:
        old = None
    replaces = old is not None and stat.S_ISREG(old.st_mode)
    standard_streams.undo_on_interrupt.append(remove)
    descriptor = -1
    try:
        descriptor = _create_locked(name, 0o600 if replaces else 0o666)
        if replaces and old is not None:
            if os.geteuid() == 0 and (old.st_uid, old.st_gid) != (0, 0):
                os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
        standard_streams.write_all(descriptor, content)
        os.fsync(descriptor)
        yield name
    finally:
        try:
            remove()
        finally:
            standard_streams.undo_on_interrupt.remove(remove)
            if descriptor >= 0:
                os.close(descriptor)


def _create_locked(name: Path, mode: int) -> int:
    """Between making a file and locking it another run may take it for a leftover: then again."""
    for _ in range(100):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, mode)
        except FileNotFoundError:
            if not name.parent.is_dir():
                raise
            # As under /proc: there is a folder, and no file can be made in it.
            remedy = "no file can be made there: name a place elsewhere"
            raise Refused(errno.EPERM, remedy) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # no locks there; then nobody removes it either
            return descriptor
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _take_names(temporaries: dict[Path, Path], named: dict[Path | None, Path]) -> None:
    """Renames all of them; on an error those that are done get their old contents back."""
    done: list[tuple[Path, bool, Path | None]] = []  # file, whether it was there, its old content
    locks = ExitStack()
    try:
        for final, temporary in temporaries.items():
            was_there = os.path.lexists(final)
            kept = _second_name(final, locks) if was_there and len(temporaries) > 1 else None
            done.append((final, was_there, kept))
            _naming(named[final], os.rename, temporary, final)
        for folder in {final.parent for final in temporaries}:
            _naming(folder, _sync, folder)
    except BaseException:
        for final, was_there, kept in reversed(done):
            if kept is not None:
                os.rename(kept, final)
            elif not was_there and not temporaries[final].exists():
                final.unlink(missing_ok=True)
        raise
    finally:
        for _, _, kept in done:
            if kept is not None:  # also where it is the same file still: that rename does nothing
                kept.unlink(missing_ok=True)
        locks.close()


def _second_name(final: Path, locks: ExitStack) -> Path | None:
    """Keeps the old content reachable until all is done, and locked, so that no other run takes it
    for a leftover; None where no link can be made."""
    kept = final.parent / own_name()
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(final, flags)
        locks.callback(os.close, descriptor)
        # Shared is enough against who wants it for himself, and waits for no other reader.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # a link, which nobody removes; a file that we may not read; or another's lock
    try:
        os.link(final, kept, follow_symlinks=False)
    except OSError:
        return None
    return kept


def _sync(folder: Path) -> None:
    """Without this the rename may be undone by a power cut. Some file systems cannot: so be it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that one may write to and not list
        return
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)


def _write_in_place(to: Destination, content: bytes) -> None:
    """A reader that has seen enough is no error."""
    descriptor = os.dup(to.descriptor) if to.descriptor is not None else _open_in_place(to.named)
    try:
        standard_streams.write_all(descriptor, content)
    except BrokenPipeError:
        pass
    finally:
        os.close(descriptor)


def _open_in_place(path: Path) -> int:
    """A named pipe waits for its reader, but not for ever."""
    end = time.monotonic() + READER_TIMEOUT_S
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            break
        except OSError as problem:
            waits = problem.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode)
            if not waits or time.monotonic() > end:
                raise
            time.sleep(0.02)
    os.set_blocking(descriptor, True)
    return descriptor


def _naming(path: Path, function, *arguments):  # type: ignore[no-untyped-def]
    """The result; an OSError names `path`, since a temporary name tells a user nothing."""
    try:
        return function(*arguments)
    except Refused as problem:
        raise Refused(problem.errno or 0, problem.remedy, str(path)) from None
    except OSError as problem:
        raise OSError(problem.errno, os.strerror(problem.errno or 0), str(path)) from None
    except ValueError:  # a NUL in the name
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path)) from None
