// SPDX-License-Identifier: Apache-2.0
#include <harness/record/console_output.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <waitwork/base/plain_text.hpp>
#include <waitwork/report/json.hpp>

#include <harness/drive/loop_stats.hpp>
#include <harness/record/aggregates.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;
using run = benchmark::BenchmarkReporter::Run;

// What the table shows of the counters: how much gets done, how long a unit takes, why.
constexpr std::array<std::string_view, 4> shown_counters = {"items_per_second", "p50_ns", "p99_ns",
                                                            "ctx_switches_per_unit"};

// One row of the suite with all that there is to print of it.
struct output_row {
  std::vector<ordered_json> entries;
  std::vector<const row_failure*> failures;
};

benchmark::TimeUnit unit_named(const std::string& name) {
  if (name == "s") return benchmark::kSecond;
  if (name == "ms") return benchmark::kMillisecond;
  return name == "us" ? benchmark::kMicrosecond : benchmark::kNanosecond;
}

bool is_percentage(const ordered_json& entry) { return entry.value("aggregate_unit", "") == "percentage"; }

// From the report's nanoseconds to the unit that was asked for.
void convert_times(ordered_json& entry, const std::string& time_unit) {
  if (time_unit == "ns") return;
  entry["time_unit"] = time_unit;
  if (is_percentage(entry)) return;
  const double factor = benchmark::GetTimeUnitMultiplier(unit_named(time_unit)) / 1e9;
  for (const char* const time : {"real_time", "cpu_time"}) entry[time] = entry[time].get<double>() * factor;
}

std::vector<output_row> rows_of(const report& finished, const output_options& options) {
  std::map<std::string, std::vector<ordered_json>> rounds;
  for (const ordered_json& entry : finished.benchmarks) rounds[entry.at("name")].push_back(entry);
  std::vector<output_row> rows;
  for (const row_identity& declared : finished.declared) {
    output_row row;
    row.entries = std::move(rounds[declared.name]);
    const std::vector<ordered_json> aggregates = aggregates_of(row.entries);
    if (options.aggregates_only && !aggregates.empty()) row.entries.clear();
    row.entries.insert(row.entries.end(), aggregates.begin(), aggregates.end());
    for (ordered_json& entry : row.entries) convert_times(entry, options.time_unit);
    for (const row_failure& failure : finished.failures) {
      if (failure.row.name == declared.name) row.failures.push_back(&failure);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string error_message(const row_failure& failure) {
  return std::string(to_string(failure.reason)) + " in round " + std::to_string(failure.round) + ": " +
         plain_text(failure.detail);
}

// ---- the table

run run_of(const ordered_json& entry) {
  run made;
  made.statistics = nullptr;  // its constructor leaves it unset
  made.run_name.function_name = plain_text(entry.value("run_name", entry.at("name").get<std::string>()));
  made.family_index = entry.value("family_index", 0);
  made.per_family_instance_index = entry.value("per_family_instance_index", 0);
  made.repetitions = entry.value("repetitions", 1);
  made.repetition_index = entry.value("repetition_index", std::int64_t{run::no_repetition_index});
  made.threads = entry.value("threads", 1);
  made.iterations = entry.at("iterations");
  made.time_unit = unit_named(entry.value("time_unit", "ns"));
  if (entry.value("run_type", "") == "aggregate") {
    made.run_type = run::RT_Aggregate;
    made.aggregate_name = entry.at("aggregate_name");
    made.aggregate_unit = is_percentage(entry) ? benchmark::kPercentage : benchmark::kTime;
  }
  // The reporter divides by the iterations and multiplies by the unit, except for a percentage.
  const double scale = is_percentage(entry)
                           ? 1.0
                           : static_cast<double>(made.iterations) / benchmark::GetTimeUnitMultiplier(made.time_unit);
  made.real_accumulated_time = entry.at("real_time").get<double>() * scale;
  made.cpu_accumulated_time = entry.at("cpu_time").get<double>() * scale;
  for (const std::string_view counter : shown_counters) {
    const auto found = entry.find(counter);
    if (found == entry.end()) continue;
    const auto flags = counter.ends_with("_per_second") ? benchmark::Counter::kIsRate : benchmark::Counter::kDefaults;
    made.counters.emplace(counter, benchmark::Counter(found->get<double>(), flags));
  }
  return made;
}

run failed_run_of(const row_failure& failure) {
  run made;
  made.statistics = nullptr;
  made.run_name.function_name = plain_text(failure.row.name);
  made.repetition_index = failure.round;
  made.error_occurred = true;
  made.error_message = error_message(failure);
  return made;
}

std::string console_text(const std::vector<output_row>& rows, const report& finished, const output_options& options) {
  const int colour = options.colour ? benchmark::ConsoleReporter::OO_Color : 0;
  const int tabular = options.tabular_counters ? benchmark::ConsoleReporter::OO_Tabular : 0;
  benchmark::ConsoleReporter reporter(static_cast<benchmark::ConsoleReporter::OutputOptions>(colour | tabular));
  std::ostringstream text;
  std::ostringstream unheard;  // its context speaks of how the distribution built Google Benchmark, not of us
  reporter.SetOutputStream(&text);
  reporter.SetErrorStream(&unheard);
  benchmark::BenchmarkReporter::Context context;
  context.name_field_width = std::string_view("Benchmark").size();  // left unset by its constructor
  for (const row_identity& row : finished.declared) {
    context.name_field_width = std::max(context.name_field_width, row.name.size() + std::string_view("_median").size());
  }
  reporter.ReportContext(context);
  for (const output_row& row : rows) {
    std::vector<run> runs;
    for (const ordered_json& entry : row.entries) runs.push_back(run_of(entry));
    for (const row_failure* const failure : row.failures) runs.push_back(failed_run_of(*failure));
    if (!runs.empty()) reporter.ReportRuns(runs);
  }
  reporter.Finalize();
  return text.str();
}

// ---- CSV

// Google Benchmark's columns that come before the counters, and its order.
constexpr std::array<std::string_view, 10> leading_columns = {
    "name",  "iterations",     "real_time",    "cpu_time", "time_unit", "bytes_per_second", "items_per_second",
    "label", "error_occurred", "error_message"};

std::string csv_quoted(std::string_view text) {
  std::string cell = "\"";
  for (const char character : text) cell += character == '"' ? "\"\"" : std::string(1, character);
  return cell + "\"";
}

std::string cell_of(const ordered_json& entry, std::string_view column) {
  const auto found = entry.find(column);
  if (found == entry.end()) return "";
  if (!found->is_string()) return found->dump();
  return column == "time_unit" ? found->get<std::string>() : csv_quoted(found->get<std::string>());
}

std::string csv_text(const std::vector<output_row>& rows) {
  std::vector<std::string> columns(leading_columns.begin(), leading_columns.end());
  std::set<std::string> counters;
  for (const output_row& row : rows) {
    for (const ordered_json& entry : row.entries) {
      for (std::string& name : counter_names(entry)) counters.insert(std::move(name));
    }
  }
  for (const std::string_view known : leading_columns) counters.erase(std::string(known));
  columns.insert(columns.end(), counters.begin(), counters.end());

  std::string text;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    text +=
        (column == 0 ? "" : ",") + (column < leading_columns.size() ? columns[column] : csv_quoted(columns[column]));
  }
  text += "\n";
  const auto add_line = [&](const ordered_json& entry) {
    const char* separator = "";
    for (const std::string& column : columns) {
      text += separator + cell_of(entry, column);
      separator = ",";
    }
    text += "\n";
  };
  for (const output_row& row : rows) {
    for (const ordered_json& entry : row.entries) add_line(entry);
    for (const row_failure* const failure : row.failures) {
      add_line({{"name", failure->row.name}, {"error_occurred", true}, {"error_message", error_message(*failure)}});
    }
  }
  return text;
}

std::string json_text(std::vector<output_row> rows, report finished) {
  finished.benchmarks.clear();
  for (output_row& row : rows) {
    for (ordered_json& entry : row.entries) finished.benchmarks.push_back(std::move(entry));
  }
  return report_text(finished);
}

}  // namespace

std::string output_text(const report& finished, const output_options& options) {
  std::vector<output_row> rows = rows_of(finished, options);
  switch (options.format) {
    case output_format::json:
      return json_text(std::move(rows), finished);
    case output_format::csv:
      return csv_text(rows);
    case output_format::console:
      break;
  }
  return console_text(rows, finished, options) + (options.loop_stats ? loop_stats_text(finished) : "");
}

}  // namespace waitwork::bench
