// SPDX-License-Identifier: Apache-2.0
#include <harness/run/runner.hpp>

#include <poll.h>

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/random.hpp>

#include <harness/process/child_process.hpp>

namespace waitwork::bench {
namespace {

class rows_runner {
 public:
  rows_runner(const run_plan& plan, journal& results, run_ledger& ledger, progress& shown, int interrupt_fd)
      : plan_(plan), results_(results), ledger_(ledger), shown_(shown), interrupt_fd_(interrupt_fd) {}

  run_end run() {
    record_absences();
    for (unsigned round = 0; round < plan_.configuration.rounds; ++round) {
      for (const std::size_t row : round_order(plan_.rows, plan_.configuration.seed, round)) {
        if (!ledger_.wants(row, round)) continue;
        if (interrupted() || !measure(row, round)) return run_end::interrupted;
      }
    }
    show("");
    return run_end::finished;
  }

 private:
  // Rows that no process could measure are not tried.
  void record_absences() {
    if (!plan_.io_uring) return;
    for (std::size_t row = 0; row < plan_.rows.size(); ++row) {
      if (plan_.rows[row].needs_io_uring && !ledger_.measured_before(row) && ledger_.wants(row, 0)) {
        record({plan_.rows[row].name, 0, 0, *plan_.io_uring});
      }
    }
  }

  // False if the run was interrupted meanwhile.
  bool measure(std::size_t row, unsigned round) {
    const std::string& name = plan_.rows[row].name;
    show(name);
    child_options options;
    options.executable = plan_.executable;
    options.arguments = {"--waitwork-child", request(row, round)};
    options.time_limit = plan_.time_limit;
    options.interrupt_fd = interrupt_fd_;
    options.forward_errors = plan_.verbosity > 0;
    options.tick = [this, &name] { show(name); };
    const child_result child = run_child_process(options);
    if (child.end == child_end::interrupted) return false;
    row_outcome outcome = outcome_of(child, plan_.time_limit);
    if (ledger_.measured_before(row)) outcome = failure_if_absent(std::move(outcome));
    const double took_s = std::chrono::duration<double>(child.elapsed).count();
    record({name, round, took_s, std::move(outcome)});
    return true;
  }

  std::string request(std::size_t row, unsigned round) const {
    const run_configuration& run = plan_.configuration;
    const nlohmann::ordered_json object = {
        {"row", plan_.rows[row].name},
        {"suite", run.suite},
        {"round", round},
        {"iterations", run.iterations > 0 ? run.iterations : ledger_.iterations(row)},
        {"min_time_s", run.min_time_s},
        {"min_warmup_time_s", run.min_warmup_time_s},
        {"work_directory", plan_.work_directory.string()},
        {"seed", run.seed},
        {"work_per_us", plan_.work_per_us},
        {"perf_counters", run.perf_counters},
        {"verbosity", plan_.verbosity},
        {"loop_stats", plan_.loop_stats}};
    return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  // A machine that could measure the row a moment ago does not lack anything: something broke.
  static row_outcome failure_if_absent(row_outcome outcome) {
    const auto* const missing = std::get_if<absent>(&outcome);
    if (missing == nullptr) return outcome;
    return failed{failure_reason::failed, missing->cause + "; " + missing->remedy};
  }

  void record(const journal_entry& entry) {
    results_.append(entry);
    ledger_.record(entry);
    if (const auto* const bad = std::get_if<failed>(&entry.outcome)) {
      shown_.say(entry.row + ", round " + std::to_string(entry.round) + ": " + bad->detail, true);
    }
  }

  void show(std::string_view row) {
    shown_.show({.done = ledger_.done(),
                 .total = ledger_.total(),
                 .elapsed_s = static_cast<double>(now_ns() - started_ns_) / 1e9,
                 .remaining_s = ledger_.remaining_s(),
                 .failures = ledger_.failures(),
                 .row = row});
  }

  bool interrupted() const {
    pollfd event = {interrupt_fd_, POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
  }

  const run_plan& plan_;
  journal& results_;
  run_ledger& ledger_;
  progress& shown_;
  int interrupt_fd_;
  std::int64_t started_ns_ = now_ns();
};

}  // namespace

run_end run_rows(const run_plan& plan, journal& results, run_ledger& ledger, progress& shown, int interrupt_fd) {
  return rows_runner(plan, results, ledger, shown, interrupt_fd).run();
}

namespace {

// Fisher and Yates, written out: std::shuffle differs between standard libraries.
template <class Element>
void shuffle(std::vector<Element>& elements, splitmix64& random) {
  for (std::size_t left = elements.size(); left > 1; --left) {
    std::swap(elements[left - 1], elements[random.below(left)]);
  }
}

}  // namespace

std::vector<std::size_t> round_order(const std::vector<row>& rows, std::uint64_t seed, unsigned round) {
  std::map<std::string, std::vector<std::size_t>> subjects;
  for (std::size_t index = 0; index < rows.size(); ++index) subjects[rows[index].subject].push_back(index);
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [name, members] : subjects) groups.push_back(std::move(members));
  splitmix64 random(mix64(seed) + round);
  shuffle(groups, random);
  std::vector<std::size_t> order;
  for (std::vector<std::size_t>& members : groups) {
    shuffle(members, random);
    order.insert(order.end(), members.begin(), members.end());
  }
  return order;
}

}  // namespace waitwork::bench
