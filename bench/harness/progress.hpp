#pragma once
// progress: what a person sees on standard error while a run goes on.
//
// On a terminal one line that is rewritten; anywhere else (a log, CI) only what say() says.
// The remaining time is learned: a row's next round takes what its last one took, a row not yet
// seen what the seen ones took on average, and before the first row is done nothing is claimed.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waitwork::bench {

// Seconds that remain, from the rows that are done.
class time_estimate {
 public:
  explicit time_estimate(std::size_t rows) : seconds_of_row_(rows) {}

  // A round of this row took so long.
  void learn(std::size_t row, double seconds);

  // The sum over rows of rounds_left[row] times what a round of it takes; nothing if no row is
  // known.
  std::optional<double> remaining(const std::vector<unsigned>& rounds_left) const;

 private:
  std::vector<std::optional<double>> seconds_of_row_;
};

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
