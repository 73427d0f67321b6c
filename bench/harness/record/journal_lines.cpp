// SPDX-License-Identifier: Apache-2.0
#include <harness/record/journal_lines.hpp>

#include <limits>

#include <waitwork/report/checksum.hpp>

#include <harness/machine/stored_limits.hpp>
#include <harness/suite/row_filter.hpp>
#include <harness/suite/suite.hpp>
#include <harness/words/parse_value.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

// In the header, so that another program's file is not taken for ours. Changes when the lines do.
constexpr std::string_view format_name = "waitwork-journal-3";

// A measurement is killed at its time limit, which is a day at most, and then waited for.
constexpr double longest_measurement_s = 2 * longest_seconds;

constexpr std::string_view before_checksum = ",\"crc32\":\"";
constexpr std::string_view after_checksum = "\"}";
constexpr std::size_t checksum_digits = 8;
constexpr std::size_t tail_bytes = before_checksum.size() + checksum_digits + after_checksum.size();

std::string checked_line(const ordered_json& object, std::string_view seed) {
  std::string line = object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  line.pop_back();  // the closing brace comes after the checksum
  const std::string sum = checksum(line, seed);
  return line + std::string(before_checksum) + sum + std::string(after_checksum) + "\n";
}

ordered_json parse_checked(std::string_view line, std::string_view seed) {
  if (line.size() < tail_bytes) throw malformed_json("it was cut off");
  const std::string_view content = line.substr(0, line.size() - tail_bytes);
  const std::string expected = std::string(before_checksum) + checksum(content, seed) + std::string(after_checksum);
  if (line.substr(content.size()) != expected) throw malformed_json("its checksum does not fit");
  return parse_json(line);
}

run_configuration configuration_from(const ordered_json& object) {
  run_configuration run;
  run.suite = text_member(object, "suite");
  if (!suite_from(run.suite)) throw malformed_json("suite is '" + run.suite + "', which there is not");
  run.filter = text_member(object, "filter", longest_filter_bytes);
  try {
    row_filter("filter", run.filter);
  } catch (const usage_error& error) {
    throw malformed_json(error.what());
  }
  run.rounds = static_cast<unsigned>(whole_member(object, "rounds", 1, most_rounds));
  run.seed = whole_member(object, "seed", 0, std::numeric_limits<std::uint64_t>::max());
  run.min_time_s = number_member(object, "min_time_s", 0, longest_seconds);
  run.min_warmup_time_s = number_member(object, "min_warmup_time_s", 0, longest_seconds);
  run.iterations = whole_member(object, "iterations", 0, most_iterations);
  run.perf_counters = text_member(object, "perf_counters");
  if (!are_perf_counters(run.perf_counters)) throw malformed_json("perf_counters has more than three names");
  return run;
}

}  // namespace

std::string line_of(const journal_header& header) {
  const run_configuration& run = header.configuration;
  return checked_line({{"format", format_name},
                       {"suite", run.suite},
                       {"filter", run.filter},
                       {"rounds", run.rounds},
                       {"seed", run.seed},
                       {"min_time_s", run.min_time_s},
                       {"min_warmup_time_s", run.min_warmup_time_s},
                       {"iterations", run.iterations},
                       {"perf_counters", run.perf_counters},
                       {"rows", header.rows},
                       {"environment", header.environment},
                       {"work_per_us", header.work_per_us},
                       {"started", header.started},
                       {"run", header.run},
                       {"limits", header.limits}},
                      {});
}

std::string line_of(const journal_entry& entry, std::string_view run) {
  ordered_json object = {{"row", entry.row}, {"round", entry.round}, {"took_s", entry.took_s}};
  object.update(to_json(entry.outcome));
  return checked_line(object, run);
}

bool is_header(std::string_view line) { return line.starts_with(header_start); }

journal_header parse_header(std::string_view line) {
  if (is_header(line) && !line.starts_with("{\"format\":\"" + std::string(format_name) + "\"")) {
    throw malformed_json("it is of another version of waitwork");
  }
  const ordered_json object = parse_checked(line, {});
  if (text_member(object, "format") != format_name) throw malformed_json("it is of another version of waitwork");
  journal_header header;
  header.configuration = configuration_from(object);
  header.rows = text_member(object, "rows");
  header.environment = text_member(object, "environment");
  header.work_per_us = number_member(object, "work_per_us", least_work_per_us, most_work_per_us);
  header.started = text_member(object, "started", 64);
  header.run = text_member(object, "run", 64);
  header.limits = object_member(object, "limits");
  check_limits(header.limits);
  return header;
}

journal_entry parse_entry(std::string_view line, std::string_view run, unsigned rounds) {
  const ordered_json object = parse_checked(line, run);
  return {text_member(object, "row"), static_cast<unsigned>(whole_member(object, "round", 0, rounds - 1)),
          number_member(object, "took_s", 0, longest_measurement_s), outcome_from_json(object)};
}

}  // namespace waitwork::bench
