// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/loop_stats.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <harness/words/text.hpp>

namespace waitwork::bench {
namespace {

using json = nlohmann::ordered_json;

using counter = std::uint64_t loop_counters::*;
constexpr std::array<std::pair<const char*, counter>, 12> counter_names = {{
    {"turns", &loop_counters::turns},
    {"enters", &loop_counters::enters},
    {"waits", &loop_counters::waits},
    {"submissions", &loop_counters::submissions},
    {"completions", &loop_counters::completions},
    {"queue_full", &loop_counters::queue_full},
    {"overflows", &loop_counters::overflows},
    {"timers_expired", &loop_counters::timers_expired},
    {"posts_taken", &loop_counters::posts_taken},
    {"wakes_received", &loop_counters::wakes_received},
    {"cancels", &loop_counters::cancels},
    {"in_flight_peak", &loop_counters::in_flight_peak},
}};

double share(std::uint64_t part, double whole) { return whole > 0 ? static_cast<double>(part) / whole : 0.0; }

// Posts that found the loop awake. A bell that was rung in the warm-up may be heard after it.
std::uint64_t wakes_elided(const loop_counters& loops) {
  return loops.posts_taken - std::min(loops.posts_taken, loops.wakes_received);
}

loop_counters counters_from(const json& object) {
  loop_counters counters;
  for (const auto& [name, member] : counter_names) counters.*member = object.at(name).get<std::uint64_t>();
  return counters;
}

// One row over its rounds.
struct row_stats {
  unsigned rounds = 0;
  double units = 0;
  unsigned kernel_workers = 0;  // at most
  std::vector<loop_counters> loops;

  void add(const json& entry, const json& block) {
    ++rounds;
    units += entry.at("iterations").get<double>();
    kernel_workers = std::max(kernel_workers, block.value("kernel_workers", 0U));
    const json& each = block.at("loops");
    loops.resize(std::max(loops.size(), each.size()));
    for (std::size_t index = 0; index < each.size(); ++index) loops[index] += counters_from(each[index]);
  }
};

unsigned long long number(std::uint64_t value) { return value; }  // as printf wants it

std::string paragraph(const std::string& name, const row_stats& row) {
  const loop_counters sum = sum_of(row.loops);
  const auto enters = static_cast<double>(sum.enters);
  std::string text = name + "\n";
  text +=
      formatted("  kernel  %.3f enters a unit, %.2f SQEs and %.2f CQEs an enter, %.0f %% of the enters could sleep\n",
                share(sum.enters, row.units), share(sum.submissions, enters), share(sum.completions, enters),
                100 * share(sum.waits, enters));
  text += formatted(
      "  queues  at most %llu requests in flight, %llu times full, %llu overflows, %u kernel worker threads\n",
      number(sum.in_flight_peak), number(sum.queue_full), number(sum.overflows), row.kernel_workers);
  text += formatted("  wakes   %llu posts from other threads: %llu rang the bell, %llu found the loop awake\n",
                    number(sum.posts_taken), number(sum.wakes_received), number(wakes_elided(sum)));
  text += formatted("  turns   %llu turns, %llu timers expired, %llu requests cancelled\n", number(sum.turns),
                    number(sum.timers_expired), number(sum.cancels));
  if (row.loops.size() < 2) return text;
  for (std::size_t index = 0; index < row.loops.size(); ++index) {
    const loop_counters& one = row.loops[index];
    text +=
        formatted("  loop %-2zu %llu turns, %llu enters, %llu SQEs, %llu CQEs, %llu posts\n", index, number(one.turns),
                  number(one.enters), number(one.submissions), number(one.completions), number(one.posts_taken));
  }
  return text;
}

}  // namespace

json counters_json(const loop_counters& counters) {
  json object = json::object();
  for (const auto& [name, member] : counter_names) object[name] = counters.*member;
  return object;
}

loop_counters sum_of(std::span<const loop_counters> loops) {
  loop_counters sum;
  for (const loop_counters& one : loops) sum += one;
  return sum;
}

json loop_stats_json(std::span<const loop_counters> loops, double units, std::optional<unsigned> kernel_workers) {
  const loop_counters sum = sum_of(loops);
  const auto enters = static_cast<double>(sum.enters);
  json block = {{"enters_per_unit", share(sum.enters, units)},
                {"submissions_per_enter", share(sum.submissions, enters)},
                {"completions_per_enter", share(sum.completions, enters)},
                {"wakes_elided", wakes_elided(sum)}};
  if (kernel_workers) block["kernel_workers"] = *kernel_workers;
  block["loops"] = json::array();
  for (const loop_counters& one : loops) block["loops"].push_back(counters_json(one));
  return block;
}

std::string loop_stats_text(const report& finished) {
  std::map<std::string, row_stats> rows;
  for (const json& entry : finished.benchmarks) {
    const auto ours = entry.find("waitwork");
    if (ours == entry.end() || !ours->contains("loop_stats")) continue;
    rows[entry.at("name")].add(entry, ours->at("loop_stats"));
  }
  if (rows.empty()) return "";
  std::string text = "\nThe loops of each row, over all its rounds:\n";
  for (const row_identity& declared : finished.declared) {
    const auto found = rows.find(declared.name);
    if (found != rows.end()) text += paragraph(declared.name, found->second);
  }
  return text;
}

}  // namespace waitwork::bench
