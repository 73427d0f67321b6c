// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/standard_streams.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <waitwork/base/open_file.hpp>
#include <waitwork/base/plain_text.hpp>

namespace waitwork::bench {
namespace {

void write_or_throw(int fd, const std::string& name, std::string_view text) {
  if (write_whole(fd, text)) return;
  const int error = errno;
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
  [[maybe_unused]] const bool written = write_whole(STDERR_FILENO, "waitwork: " + plain_text(sentence) + "\n");
}

}  // namespace waitwork::bench
