// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/open_descriptor.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace waitwork {

unique_fd above_standard_streams(unique_fd fd) noexcept {
  if (!fd || fd.get() > STDERR_FILENO) return fd;
  unique_fd higher(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  const int error = errno;
  fd.reset();
  errno = error;
  return higher;
}

unique_fd open_descriptor(int directory, const char* path, int flags, mode_t mode) noexcept {
  int fd = -1;
  do {
    fd = ::openat(directory, path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return above_standard_streams(unique_fd(fd));
}

}  // namespace waitwork
