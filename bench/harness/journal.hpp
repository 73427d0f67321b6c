#pragma once
// journal: everything a run has found out so far, on the device.
//
// A file of JSON lines beside the report. The first line says what is being run; each further line
// is one outcome, written with one write(2) and flushed before the next row starts, so that
// whatever ends the runner (SIGKILL, a power cut) costs at most the row that was being measured.
// The results live here and not in the runner's memory: a child's peak memory, as the kernel counts
// it, includes what its parent held when it was forked, so a runner that grows from round to round
// would show in the figures.
//
// A line without its newline was being written when the end came: it is ignored, and cut off when
// the run goes on.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <waitwork/base/unique_fd.hpp>

#include <harness/outcome.hpp>

namespace waitwork::bench {

// What makes two runs the same run. Rounds taken under different ones cannot be put into one
// report.
struct run_configuration {
  std::string suite;
  std::string filter;
  unsigned rounds = 1;
  std::uint64_t seed = 0;
  double min_time_s = 0;
  double min_warmup_time_s = 0;
  std::string perf_counters;

  bool operator==(const run_configuration&) const = default;
};

struct journal_header {
  run_configuration configuration;
  std::string rows;         // digest of the names of the rows
  std::string environment;  // digest of machine and build
  double work_per_us = 0;   // busy-work steps to a microsecond, measured once a run
  std::string started;      // UTC
  nlohmann::ordered_json limits;  // of the machine, probed once a run; as the report has them
};

struct journal_entry {
  std::string row;
  unsigned round = 0;
  double took_s = 0;  // the whole child, for the estimate of the time that remains
  row_outcome outcome;
};

struct journal_extent {
  journal_header header;
  std::uint64_t valid_bytes = 0;  // up to the end of the last whole line
};

// Reads a journal, one entry at a time. Nothing if there is no such file or not even its first line
// is whole. Throws environment_error if the file is something else or damaged before its last line.
std::optional<journal_extent> read_journal(const std::filesystem::path& file,
                                           const std::function<void(journal_entry&&)>& visit);

// A journal being written. Holds a lock on the file: two runs cannot write one journal.
class journal {
 public:
  // A new one. The file must not exist. Throws environment_error.
  static journal begin(const std::filesystem::path& file, const journal_header& header);

  // Goes on with one that read_journal() has read. Throws environment_error.
  static journal go_on(const std::filesystem::path& file, const journal_extent& extent);

  // Returns when the entry is on the device. Throws environment_error if it cannot be, with the
  // file as it was before.
  void append(const journal_entry& entry);

  const std::filesystem::path& file() const noexcept { return file_; }

 private:
  journal(std::filesystem::path file, unique_fd fd, std::uint64_t bytes);
  void append_line(std::string line);

  std::filesystem::path file_;
  unique_fd fd_;
  std::uint64_t bytes_ = 0;
};

// Renames a journal that is in the way of a new run to the first free of <file>.1, <file>.2, ...
// and gives that name; "" if there was none. Throws environment_error if a run is still writing it.
std::filesystem::path set_journal_aside(const std::filesystem::path& file);

}  // namespace waitwork::bench
