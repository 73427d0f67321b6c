// SPDX-License-Identifier: Apache-2.0
#include <harness/record/report_builder.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <harness/machine/share_of_limit.hpp>
#include <harness/record/run_ledger.hpp>
#include <harness/words/time_of_day.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

row_identity identity_of(const row& row) {
  return {row.name, row.workload, row.variant, std::string(to_string(row.strategy)), row.depth, row.workers};
}

// The figures of a child with what only the runner knows, in Google Benchmark's order, ours last.
ordered_json benchmark_entry(const row& row, const journal_entry& entry, unsigned rounds, ordered_json figures) {
  ordered_json object = {{"name", row.name},
                         {"family_index", row.family_index},
                         {"per_family_instance_index", row.per_family_instance_index},
                         {"run_name", row.name},
                         {"run_type", "iteration"},
                         {"repetitions", rounds},
                         {"repetition_index", entry.round}};
  std::optional<ordered_json> ours;
  for (auto& [field, value] : figures.items()) {
    if (field == "waitwork") {
      ours = std::move(value);
    } else if (!object.contains(field)) {
      object[field] = std::move(value);
    }
  }
  if (ours) object["waitwork"] = std::move(*ours);
  return object;
}

// Threads that compute at the same time.
unsigned computing_threads(const row& row) {
  return row.strategy == strategy_kind::parallel || row.strategy == strategy_kind::hybrid ? row.workers : 1;
}

// Adds to a row's figures how near they come to the machine's limits.
void add_share(const ordered_json& limits, const row& row, ordered_json& figures) {
  const auto ours = figures.find("waitwork");
  if (ours == figures.end() || !ours->contains("parameters") || !figures.contains("real_time")) return;
  const auto parameters = ours->at("parameters").get<std::map<std::string, double>>();
  const std::optional<limit_share> share =
      share_of_limit(limits, parameters, computing_threads(row), figures.at("real_time").get<double>());
  if (!share) return;
  figures["share_of_limit"] = share->share;
  figures["waitwork"]["limited_by"] = share->by;
}

// Collects entries by row and round, because the journal has them in the order of measuring.
class collector {
 public:
  collector(std::span<const row> rows, const ordered_json& limits, report& made)
      : rows_(rows), limits_(limits), made_(made) {
    for (std::size_t position = 0; position < rows.size(); ++position) positions_[rows[position].name] = position;
  }

  void take(const journal_entry& entry, unsigned rounds) {
    const std::size_t position = positions_.at(entry.row);
    const row& row = rows_[position];
    if (const auto* const good = std::get_if<measured>(&entry.outcome)) {
      ordered_json figures = good->figures;
      add_share(limits_, row, figures);
      entries_[{position, entry.round}] = benchmark_entry(row, entry, rounds, std::move(figures));
    } else if (const auto* const bad = std::get_if<failed>(&entry.outcome)) {
      made_.failures.push_back({identity_of(row), entry.round, bad->reason, bad->detail});
    } else {
      const auto& missing = std::get<absent>(entry.outcome);
      made_.absent.push_back({identity_of(row), missing.cause, missing.remedy});
    }
  }

  void finish() {
    for (auto& [place, entry] : entries_) made_.benchmarks.push_back(std::move(entry));
  }

 private:
  std::span<const row> rows_;
  const ordered_json& limits_;
  report& made_;
  std::map<std::string, std::size_t> positions_;
  std::map<std::pair<std::size_t, unsigned>, ordered_json> entries_;
};

}  // namespace

built_report build_report(const journal& results, std::span<const row> rows, ordered_json context, bool complete) {
  const run_configuration& run = results.header().configuration;
  built_report built;
  report& made = built.made;
  made.context = std::move(context);
  for (const row& row : rows) made.declared.push_back(identity_of(row));

  const ordered_json ours = made.context.value("waitwork", ordered_json::object());
  const ordered_json limits = ours.value("limits", ordered_json::object());
  collector collected(rows, limits, made);
  run_ledger once(rows, run.rounds);
  built.damage = results.read([&](journal_entry&& entry) {
    if (!once.record(entry)) return;
    collected.take(entry, run.rounds);
    ++built.outcomes;
  });
  collected.finish();
  made.run = {complete && !made.benchmarks.empty(),
              run.suite,
              run.rounds,
              run.seed,
              run.filter,
              results.header().started,
              utc_time_of_day()};
  return built;
}

}  // namespace waitwork::bench
