// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/standard_streams.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <waitwork/base/plain_text.hpp>

namespace waitwork::bench {
namespace {

// 0 or the error. A descriptor that somebody has made non-blocking is waited for.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable = {fd, POLLOUT, 0};
      if (::poll(&writable, 1, -1) < 0 && errno != EINTR) return errno;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void write_or_throw(int fd, const std::string& name, std::string_view text) {
  const int error = write_all(fd, text);
  if (error == 0) return;
  if (error == EPIPE) throw output_lost("");
  throw output_lost("write " + name + ": " + std::generic_category().message(error) +
                    "; everything else was done, only what was to be printed is lost");
}

// Readable end, writing to which is EBADF; nothing can be read from it.
int dead_end() {
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) return null;
  std::array<int, 2> ends{};  // no /dev here
  if (::pipe(ends.data()) != 0) return -1;
  ::close(ends[1]);
  return ends[0];
}

}  // namespace

void bind_standard_streams() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes then fails a write(2), which is reported
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    const int end = dead_end();  // the lowest free descriptor: usually fd itself
    if (end < 0 || end == fd) continue;
    ::dup2(end, fd);
    ::close(end);
  }
}

void print(std::string_view text) { write_or_throw(STDOUT_FILENO, "standard output", text); }
void print_to_standard_error(std::string_view text) { write_or_throw(STDERR_FILENO, "standard error", text); }

void complain(std::string_view sentence) {
  if (sentence.empty()) return;
  [[maybe_unused]] const int error = write_all(STDERR_FILENO, "waitwork: " + plain_text(sentence) + "\n");
}

}  // namespace waitwork::bench
