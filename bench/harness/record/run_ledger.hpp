// SPDX-License-Identifier: Apache-2.0
#pragma once
// run_ledger: which row is done in which round, and what the next round needs to know of the last.
//
// Fed with every outcome once, those that a journal remembers and those that come in. It keeps a
// few bytes a row and no results (journal.hpp says why).

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <harness/record/journal.hpp>
#include <harness/record/time_estimate.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

class run_ledger {
 public:
  run_ledger(std::span<const row> rows, unsigned rounds);

  // Takes note of an outcome. False, and nothing noted, if it is of a row that is not in this run
  // or was already there.
  bool record(const journal_entry& entry);

  // Whether the row is still to be measured in this round: a row that failed or is absent is not
  // tried again.
  bool wants(std::size_t row, unsigned round) const;

  // Rounds of each row that are still to be measured, and how long they will take by what the past
  // ones took.
  std::vector<unsigned> rounds_left() const;
  std::optional<double> remaining_s() const { return estimate_.remaining(rounds_left()); }

  // Units that a measurement of this row took, so that each round does the same work; 0 before the
  // first.
  std::uint64_t iterations(std::size_t row) const { return states_[row].iterations; }
  // Whether some round of this row gave figures.
  bool measured_before(std::size_t row) const { return states_[row].iterations > 0; }

  std::size_t measurements() const;  // that gave figures
  std::size_t outcomes() const { return measurements() + failures() + absences(); }
  std::size_t total() const { return states_.size() * rounds_; }
  std::size_t done() const;  // including what is given up
  std::size_t failures() const;
  std::size_t absences() const;

 private:
  enum class standing : std::uint8_t { open, failed, absent };
  struct row_state {
    std::vector<bool> done;  // by round
    standing state = standing::open;
    std::uint64_t iterations = 0;
  };

  std::size_t count(standing wanted) const;

  unsigned rounds_;
  std::map<std::string, std::size_t> index_;
  std::vector<row_state> states_;
  time_estimate estimate_;
};

}  // namespace waitwork::bench
