// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/progress.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <waitwork/base/plain_text.hpp>

#include <harness/streams/patient_write.hpp>

namespace waitwork::bench {
namespace {

std::size_t terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::string two_digits(long number) { return (number < 10 ? "0" : "") + std::to_string(number); }

}  // namespace

std::string clock_text(double seconds) {
  constexpr double longest = 1e9;  // thirty years; a damaged figure must not reach lround()
  const long whole = std::lround(std::clamp(std::isnan(seconds) ? longest : seconds, 0.0, longest));
  const long hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours == 0) return std::to_string(minutes) + ":" + two_digits(whole % 60);
  return std::to_string(hours) + ":" + two_digits(minutes) + ":" + two_digits(whole % 60);
}

std::string progress_text(const progress_state& state, std::size_t columns) {
  const std::string total = std::to_string(state.total);
  const std::string done = std::to_string(state.done);
  std::string text = "[" + std::string(total.size() - std::min(total.size(), done.size()), ' ') + done + "/" + total +
                     "] " + clock_text(state.elapsed_s) + " elapsed";
  if (state.remaining_s) text += ", about " + clock_text(*state.remaining_s) + " left";
  if (state.failures > 0) text += ", " + std::to_string(state.failures) + " failed";
  if (!state.row.empty()) text += ": " + plain_text(state.row);
  // One column short: a terminal that wraps after the last one would turn one line into two.
  if (columns > 0 && text.size() >= columns) text.resize(columns - 1);
  return text;
}

progress::progress(int fd) : fd_(fd), terminal_(::isatty(fd) == 1) {}

progress::~progress() { clear_line(); }

void progress::show(const progress_state& state) {
  if (!terminal_) return;
  write("\r\x1b[K" + progress_text(state, terminal_columns(fd_)));
  line_shown_ = true;
}

void progress::say(const std::string& sentence, bool alarm) {
  clear_line();
  const bool red = alarm && colour_allowed(fd_);
  const std::string plain = plain_text(sentence);
  write("waitwork: " + (red ? "\x1b[31m" + plain + "\x1b[0m" : plain) + "\n");
}

void progress::clear_line() {
  if (line_shown_) write("\r\x1b[K");
  line_shown_ = false;
}

// Nobody may be reading any more; that is no reason to stop measuring. Nor is a reader who has stopped (Ctrl-S) one not
// to end when a signal asks for it.
void progress::write(const std::string& text) const { static_cast<void>(write_interruptibly(fd_, text)); }

bool colour_allowed(int fd) {
  const char* const terminal = std::getenv("TERM");
  const char* const refused = std::getenv("NO_COLOR");
  return ::isatty(fd) == 1 && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

}  // namespace waitwork::bench
