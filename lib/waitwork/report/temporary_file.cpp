// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/temporary_file.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/own_name.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {
namespace {

// Names are random: a second attempt is rare, a tenth means that something else is wrong.
constexpr int attempts = 10;

// A name may have 255 bytes; ours adds 27 to that of the file.
constexpr std::size_t most_stem_bytes = 255 - 27;

[[noreturn]] void refuse(const destination& target, int error) {
  throw file_error("write", target.given.string(), error);
}

std::string stem_of(const destination& target) { return target.file.filename().string().substr(0, most_stem_bytes); }

std::string prefix_of(const destination& target) { return "." + stem_of(target) + ".waitwork-"; }

// One that may only be entered and written to cannot be listed or synced, but files can be made in it.
unique_fd open_directory(const destination& target) {
  const std::filesystem::path path = directory_of(target.file);
  unique_fd directory = open_descriptor(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory && errno == EACCES) directory = open_descriptor(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY);
  return directory;
}

bool is_the_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool is_left_behind(int directory, const char* name, struct stat& status) {
  return ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == ::geteuid() && status.st_nlink == 1;
}

void remove_if_stale(int directory, const char* name) {
  struct stat named{};
  if (!is_left_behind(directory, name, named)) return;
  // For writing, because network file systems want that for an exclusive lock.
  const unique_fd file = open_descriptor(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  struct stat opened{};
  if (!file || ::fstat(file.get(), &opened) != 0 || !is_the_same(named, opened)) return;
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return;
  // It may have got its final name, and another file this one, before the lock was ours.
  if (is_left_behind(directory, name, named) && is_the_same(named, opened)) ::unlinkat(directory, name, 0);
}

}  // namespace

temporary_file::temporary_file(const destination& target) : target_(target), directory_(open_directory(target)) {
  if (!directory_) refuse(target_, errno);
  open();
}

temporary_file::~temporary_file() {
  if (!name_.empty()) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

void temporary_file::open() {
  // The kernel takes the umask off the mode of a new file: reading it would mean setting it, for all threads. A file
  // that replaces another is kept from everyone until it has that one's mode.
  const mode_t mode = target_.existing ? 0600 : 0666;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::string name = prefix_of(target_) + new_own_name(stem_of(target_));
    unique_fd fd = open_descriptor(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (!fd && errno == EEXIST) continue;
    if (!fd) refuse(target_, errno);
    // Before the lock is ours, another run may take the file for a dead one's. Where there are no locks, none removes
    // it.
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;
    struct stat status{};
    if (::fstat(fd.get(), &status) == 0 && status.st_nlink == 0) continue;
    name_ = name;
    fd_ = std::move(fd);
    return;
  }
  refuse(target_, EEXIST);
}

void temporary_file::take_over_owner_and_mode() {
  if (!target_.existing) return;
  const struct stat& old = *target_.existing;
  struct stat mine{};
  if (::fstat(fd(), &mine) != 0) refuse(target_, errno);
  mode_t mode = old.st_mode & 07777;
  if (mine.st_uid != old.st_uid || mine.st_gid != old.st_gid) {
    const bool owner = ::fchown(fd(), old.st_uid, old.st_gid) == 0;
    const bool group = owner || ::fchown(fd(), static_cast<uid_t>(-1), old.st_gid) == 0;
    if (!owner) mode &= 0777;                                // set-user-ID would now mean us
    if (!group) mode = (mode & ~070u) | ((mode & 07) << 3);  // our group gets what others have
  }
  // A file system without permissions (vfat) refuses to change them.
  if (::fchmod(fd(), mode) != 0 && errno != EPERM && errno != EOPNOTSUPP) refuse(target_, errno);
}

void temporary_file::take_final_name() {
  take_over_owner_and_mode();
  if (!synced(fd())) refuse(target_, errno);
  const std::string final_name = target_.file.filename().string();
  if (::renameat(directory_.get(), name_.c_str(), directory_.get(), final_name.c_str()) != 0) refuse(target_, errno);
  name_.clear();
  // Without this the rename may be undone by a power cut. A directory that cannot be opened for reading cannot be
  // synced by itself; then all of the file system is.
  if (!synced(directory_.get()) && (errno != EBADF || ::syncfs(fd()) != 0)) refuse(target_, errno);
}

void remove_stale_temporaries(const destination& target) noexcept try {
  unique_fd directory = open_descriptor(AT_FDCWD, directory_of(target.file).c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(directory.get()), &::closedir);
  if (!entries) return;
  const int opened = directory.release();  // closedir() closes it
  const std::string prefix = prefix_of(target);
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(prefix) && is_own_name(name.substr(prefix.size()), stem_of(target))) {
      remove_if_stale(opened, entry->d_name);
    }
  }
} catch (const std::exception&) {
  // No memory for a name: they stay for the next run.
}

}  // namespace waitwork
