// SPDX-License-Identifier: Apache-2.0
#pragma once
// journal: everything a run has found out so far, on the device.
//
// A file of JSON lines beside the report (journal_lines.hpp). The first line says what is being run, and the second and
// every ninth after it say it again, since nothing could be made of the rest without it; each other line is one
// outcome, written with one write(2) and flushed before the next row starts, so that whatever ends the runner (SIGKILL,
// a power cut) costs at most the row that was being measured. The results live here and not in the runner's memory: a
// child's peak memory, as the kernel counts it, includes what its parent held when it was forked, so a runner that
// grows from round to round would show in the figures.
//
// A line without its newline was being written when the end came: it is ignored, and cut off when the run goes on. A
// damaged line costs itself: the others are used, and how many were not is told.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <waitwork/base/unique_fd.hpp>

#include <harness/record/journal_lines.hpp>

namespace waitwork::bench {

// What could not be used of a journal.
struct journal_damage {
  unsigned lines = 0;
  unsigned first = 0;     // number of the first one, from 1
  std::string why_first;  // a clause
};

// An open journal. Holds a lock on the file: two runs cannot write one journal, nor read one that is being written.
class journal {
 public:
  // A new one. There may be nothing in its place, or a file that holds nothing yet (left by a run that was killed as it
  // began). Throws environment_error.
  static journal begin(const std::filesystem::path& file, const journal_header& header);

  // The one that a run has left, to go on with: locked first, then read. Nothing if there is no file, or if it holds
  // nothing yet. Throws environment_error if it is something else, is in use, or neither of its first two lines can be
  // believed.
  static std::optional<journal> resume(const std::filesystem::path& file);

  const journal_header& header() const noexcept { return header_; }
  const std::filesystem::path& file() const noexcept { return file_; }

  // Calls `visit` with each entry that can be believed, in the order of writing. Throws environment_error if the file
  // cannot be read any more.
  journal_damage read(const std::function<void(journal_entry&&)>& visit) const;

  // Whether the file still has its name: somebody may have moved it away, or put something else there.
  bool has_its_name() const noexcept;

  // Removes it, if it has its name. False if it has not: what is there now is somebody else's.
  bool remove() const;

  // Returns when the entry is on the device. Throws environment_error if it cannot be, with the file as it was before.
  void append(const journal_entry& entry);

 private:
  journal(std::filesystem::path file, unique_fd fd);
  void write_lines(std::string_view lines);

  std::filesystem::path file_;
  unique_fd fd_;
  journal_header header_;
  std::uint64_t bytes_ = 0;    // whole lines
  unsigned since_header_ = 0;  // entries
  bool may_be_torn_ = false;   // what a killed run was writing may stand behind them
};

// Renames a journal that is in the way of a new run to the first free of <file>.1, <file>.2, ... and gives that name;
// "" if there was none, or one that holds nothing. Throws environment_error if a run is still writing it, or if it is
// no journal: that is the user's to move.
std::filesystem::path set_journal_aside(const std::filesystem::path& file);

}  // namespace waitwork::bench
