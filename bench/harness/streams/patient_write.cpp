// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/patient_write.hpp>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <harness/streams/interrupts.hpp>

namespace waitwork::bench {
namespace {

// A pipe that poll(2) calls writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t piece_bytes = 4096;
// What is said on the way out gets this long to be taken.
constexpr int parting_ms = 100;

bool asked_to_end() {
  const interrupts* const signals = living_interrupts();
  return signals != nullptr && signals->come();
}

// Until `fd` takes something, or has an error that write(2) will tell. False: a signal has come,
// and it does not.
bool wait_for_room(int fd) {
  const interrupts* const signals = living_interrupts();
  for (;;) {
    const bool ending = asked_to_end();
    std::array<pollfd, 2> events = {{{fd, POLLOUT, 0}, {ending || signals == nullptr ? -1 : signals->fd(), POLLIN, 0}}};
    const int ready = ::poll(events.data(), events.size(), ending ? parting_ms : -1);
    if (events[0].revents != 0 && ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // poll itself is refused: let write(2) decide
    if (ending) return false;
  }
}

}  // namespace

result<void> write_interruptibly(int fd, std::string_view text) {
  if (fd < 0) return errno_error(EBADF);  // poll(2) would leave it out and wait
  const waking_now_and_then alert;
  while (!text.empty()) {
    if (!wait_for_room(fd)) return errno_error(ECANCELED);
    const ssize_t written = ::write(fd, text.data(), std::min(text.size(), piece_bytes));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return errno_error(errno);
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace waitwork::bench
