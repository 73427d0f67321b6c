// SPDX-License-Identifier: Apache-2.0
#include <harness/record/run_ledger.hpp>

#include <algorithm>
#include <numeric>
#include <variant>

namespace waitwork::bench {

run_ledger::run_ledger(std::span<const row> rows, unsigned rounds)
    : rounds_(rounds), states_(rows.size()), estimate_(rows.size()) {
  for (std::size_t position = 0; position < rows.size(); ++position) index_[rows[position].name] = position;
  for (row_state& state : states_) state.done.resize(rounds);
}

bool run_ledger::record(const journal_entry& entry) {
  const auto found = index_.find(entry.row);
  if (found == index_.end() || entry.round >= rounds_ || !wants(found->second, entry.round)) return false;
  row_state& state = states_[found->second];
  if (!std::holds_alternative<absent>(entry.outcome)) estimate_.learn(found->second, entry.took_s);
  if (const auto* const good = std::get_if<measured>(&entry.outcome)) {
    state.done[entry.round] = true;
    if (state.iterations == 0) state.iterations = good->figures.value("iterations", std::uint64_t{0});
  } else {
    state.state = std::holds_alternative<failed>(entry.outcome) ? standing::failed : standing::absent;
  }
  return true;
}

bool run_ledger::wants(std::size_t row, unsigned round) const {
  return states_[row].state == standing::open && !states_[row].done[round];
}

std::vector<unsigned> run_ledger::rounds_left() const {
  std::vector<unsigned> left;
  for (const row_state& state : states_) {
    const auto open_rounds = std::ranges::count(state.done, false);
    left.push_back(state.state == standing::open ? static_cast<unsigned>(open_rounds) : 0);
  }
  return left;
}

std::size_t run_ledger::done() const {
  const std::vector<unsigned> left = rounds_left();
  return total() - std::accumulate(left.begin(), left.end(), std::size_t{0});
}

std::size_t run_ledger::measurements() const {
  std::size_t sum = 0;
  for (const row_state& state : states_) sum += static_cast<std::size_t>(std::ranges::count(state.done, true));
  return sum;
}

std::size_t run_ledger::failures() const { return count(standing::failed); }
std::size_t run_ledger::absences() const { return count(standing::absent); }

std::size_t run_ledger::count(standing wanted) const {
  return static_cast<std::size_t>(std::ranges::count(states_, wanted, &row_state::state));
}

}  // namespace waitwork::bench
