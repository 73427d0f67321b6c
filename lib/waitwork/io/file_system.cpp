// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/file_system.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <waitwork/io/ring.hpp>

namespace waitwork {
namespace {

file_status::system_time time_of(const statx_timestamp& stamp) noexcept {
  return file_status::system_time(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
}

}  // namespace

status_operation status(const char* path) noexcept { return {AT_FDCWD, path, 0}; }
status_operation link_status(const char* path) noexcept { return {AT_FDCWD, path, AT_SYMLINK_NOFOLLOW}; }
status_operation status(int fd) noexcept { return {fd, "", AT_EMPTY_PATH}; }

void status_operation::prepare(io_uring_sqe& entry) noexcept {
  io_uring_prep_statx(&entry, directory_, path_, flags_, STATX_BASIC_STATS, &found_);
}

result<file_status> status_operation::await_resume() const noexcept {
  if (answer() < 0) return errno_error(-answer());
  constexpr std::uint64_t block_bytes = 512;  // of stx_blocks, whatever the file system's own
  file_status status;
  status.size_bytes = found_.stx_size;
  status.allocated_bytes = found_.stx_blocks * block_bytes;
  status.mode = found_.stx_mode;
  status.links = found_.stx_nlink;
  status.owner = found_.stx_uid;
  status.group = found_.stx_gid;
  status.inode = found_.stx_ino;
  status.device = ::makedev(found_.stx_dev_major, found_.stx_dev_minor);
  status.modified = time_of(found_.stx_mtime);
  status.changed = time_of(found_.stx_ctime);
  return status;
}

void rename_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_renameat(&entry, AT_FDCWD, from_, AT_FDCWD, to_, flags_);
}

void unlink_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_unlinkat(&entry, AT_FDCWD, path_, flags_);
}

void make_directory_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_mkdirat(&entry, AT_FDCWD, path_, mode_);
}

unlink_operation remove_directory(const char* path) noexcept { return {path, AT_REMOVEDIR}; }

}  // namespace waitwork
