// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/in_place.hpp>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {
namespace {

constexpr int wait_ms = 100;

[[noreturn]] void refuse(const destination& target, int error) {
  throw file_error("write", target.given.string(), error);
}

void stop_if_unwanted(const destination& target, const std::function<bool()>& give_up) {
  if (!give_up || !give_up()) return;
  throw environment_error("write", target.given.string(), "nobody reads it", "start its reader first, or name a file");
}

unique_fd open_target(const destination& target, const std::function<bool()>& give_up) {
  if (target.descriptor) return unique_fd(::fcntl(*target.descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  const bool pipe = S_ISFIFO(target.existing->st_mode);
  for (;;) {
    unique_fd fd = open_descriptor(AT_FDCWD, target.given.c_str(), O_WRONLY | O_NOCTTY | (pipe ? O_NONBLOCK : 0));
    if (fd || !pipe || errno != ENXIO) return fd;
    stop_if_unwanted(target, give_up);  // ENXIO: no reader yet
    ::poll(nullptr, 0, wait_ms);
  }
}

}  // namespace

void write_in_place(const destination& target, std::string_view content, const std::function<bool()>& give_up) {
  const unique_fd fd = open_target(target, give_up);
  if (!fd) refuse(target, errno);
  const bool regular = S_ISREG(target.existing->st_mode);
  // A pipe that is ready takes PIPE_BUF bytes without blocking, whether or not it is set to: that setting belongs to
  // all who share the open file, so it is not ours to change.
  const std::size_t most_bytes = regular ? SSIZE_MAX : PIPE_BUF;
  for (std::string_view rest = content; !rest.empty();) {
    pollfd ready{fd.get(), POLLOUT, 0};
    const int answer = ::poll(&ready, 1, wait_ms);
    if (answer < 0 && errno != EINTR) refuse(target, errno);
    if (answer <= 0) {
      stop_if_unwanted(target, give_up);
      continue;
    }
    const ssize_t written = ::write(fd.get(), rest.data(), std::min(rest.size(), most_bytes));
    if (written < 0 && errno != EINTR && errno != EAGAIN) refuse(target, errno);
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!regular) return;
  // Of an older, longer content. Behind a descriptor lies what its owner wants there.
  if (!target.descriptor && ::ftruncate(fd.get(), static_cast<off_t>(content.size())) != 0) refuse(target, errno);
  if (!synced(fd.get())) refuse(target, errno);
}

void check_in_place(const destination& target) {
  if (target.descriptor) {
    const int flags = ::fcntl(*target.descriptor, F_GETFL);
    if (flags < 0) refuse(target, errno);
    if ((flags & O_ACCMODE) == O_RDONLY) refuse(target, EACCES);
    return;
  }
  if (S_ISFIFO(target.existing->st_mode)) {
    // EPERM: a filter that does not know faccessat2. Opening it would end its reader, so this waits to be seen.
    const bool allowed = ::faccessat(AT_FDCWD, target.given.c_str(), W_OK, AT_EACCESS) == 0;
    if (!allowed && errno != EPERM && errno != ENOSYS) refuse(target, errno);
    return;
  }
  if (!open_descriptor(AT_FDCWD, target.given.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK)) refuse(target, errno);
}

}  // namespace waitwork
