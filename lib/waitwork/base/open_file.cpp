// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/open_file.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace waitwork {
namespace {

bool nothing_to_flush() { return errno == EINVAL || errno == EOPNOTSUPP; }

}  // namespace

bool write_whole(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable = {fd, POLLOUT, 0};
      if (::poll(&writable, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool synced(int fd) noexcept { return ::fsync(fd) == 0 || nothing_to_flush(); }

bool data_synced(int fd) noexcept { return ::fdatasync(fd) == 0 || nothing_to_flush(); }

bool is_called(int fd, int directory, const char* name) noexcept {
  struct stat named{};
  struct stat opened{};
  return ::fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

}  // namespace waitwork
