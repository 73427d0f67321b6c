// SPDX-License-Identifier: Apache-2.0
#pragma once
// progress: what a person sees on standard error while a run goes on.
//
// On a terminal one line that is rewritten; anywhere else (a log, CI) only what say() says.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork::bench {

// What the line says.
struct progress_state {
  std::size_t done = 0;   // measurements finished, including those of a resumed run
  std::size_t total = 0;  // measurements in all
  double elapsed_s = 0;
  std::optional<double> remaining_s;
  std::size_t failures = 0;
  std::string_view row;  // the one being measured
};

// "0:07", "12:34", "1:02:03".
std::string clock_text(double seconds);

// "[ 12/985] 0:34 elapsed, about 3:20 left, 1 failed: io/timer/sequential", cut to `columns` (0:
// not at all).
std::string progress_text(const progress_state& state, std::size_t columns);

class progress {
 public:
  // Writes to descriptor `fd`.
  explicit progress(int fd);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  // Shows the state if it is time to: on a terminal always, elsewhere at most every ten seconds.
  void show(const progress_state& state);

  // Prints a sentence on a line of its own, past the progress line. In red if it is an alarm and
  // colour is allowed.
  void say(const std::string& sentence, bool alarm = false);

 private:
  void write(const std::string& text) const;
  void clear_line();

  int fd_;
  bool terminal_;
  bool line_shown_ = false;
};

// Whether colour may be used on `fd`: a terminal that is not dumb, and no NO_COLOR in the
// environment (no-color.org).
bool colour_allowed(int fd);

}  // namespace waitwork::bench
