// SPDX-License-Identifier: Apache-2.0
#include <harness/run/run_setup.hpp>

#include <random>
#include <sstream>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/measure/machine.hpp>
#include <waitwork/report/read_file.hpp>
#include <waitwork/report/report_head.hpp>

#include <harness/machine/context.hpp>
#include <harness/streams/output_place.hpp>
#include <harness/suite/row_filter.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

struct suite_defaults {
  unsigned rounds;
  double min_time_s;
};

// Smoke proves that every row works. Five rounds are the fewest from which an interval over rounds
// says anything; a tenth of a second holds thousands of units of all but the slowest workloads, and
// keeps a quick run within minutes.
suite_defaults defaults_of(suite_kind suite) {
  switch (suite) {
    case suite_kind::smoke:
      return {1, 0.01};
    case suite_kind::quick:
      return {5, 0.1};
    case suite_kind::full:
      return {10, 0.5};
    case suite_kind::peers:  // what is compared may differ by a few per cent only
      return {10, 0.2};
  }
  std::unreachable();
}

suite_kind suite_of(const std::string& name) {
  const std::optional<suite_kind> suite = suite_from(name);
  WAITWORK_CHECK(suite, "the name of a suite has been checked before it is used");
  return *suite;
}

run_configuration fresh_configuration(const run_options& options) {
  run_configuration run;
  run.suite = options.rows.suite.value_or("quick");
  const suite_defaults defaults = defaults_of(suite_of(run.suite));
  run.filter = options.rows.filter.value_or("");
  run.rounds = options.rounds.value_or(defaults.rounds);
  run.seed = options.seed.value_or(std::random_device()());  // 32 bits: short enough to be typed again
  run.min_time_s = options.min_time_s.value_or(defaults.min_time_s);
  run.min_warmup_time_s = options.google_benchmark.min_warmup_time_s;
  run.iterations = options.google_benchmark.iterations;
  run.perf_counters = options.google_benchmark.perf_counters;
  return run;
}

template <class Value>
std::string text_of(const Value& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// What the user says again when resuming must be what was said the first time; the rest is the
// journal's.
template <class Given, class Value>
void must_match(const char* flag, const std::optional<Given>& given, const Value& known, const fs::path& source) {
  if (!given || *given == known) return;
  throw usage_error(std::string(flag) + " " + text_of(*given) + ": " + source.string() + " is of a run with '" +
                    text_of(known) + "'; nearest valid: " + flag + "=" + text_of(known));
}

// `known` is a run_configuration or a report_head.
template <class Known>
void must_match(const run_options& options, const Known& known, const fs::path& source) {
  must_match("--suite", options.rows.suite, known.suite, source);
  must_match("--filter", options.rows.filter, known.filter, source);
  must_match("--rounds", options.rounds, known.rounds, source);
  must_match("--seed", options.seed, known.seed, source);
}

void must_match_measuring(const run_options& options, const run_configuration& known, const fs::path& source) {
  must_match("--benchmark_min_time", options.min_time_s, known.min_time_s, source);
  const google_benchmark_flags& flags = options.google_benchmark;
  const auto if_set = [](const auto& value, const auto& unset) {
    return value == unset ? std::nullopt : std::optional(value);
  };
  if (flags.iterations != 0 && flags.iterations != known.iterations) {
    throw usage_error("--benchmark_min_time=" + std::to_string(flags.iterations) + "x: " + source.string() +
                      " is of a run with another number of iterations; nearest valid: leave it out");
  }
  must_match("--benchmark_min_warmup_time", if_set(flags.min_warmup_time_s, 0.0), known.min_warmup_time_s, source);
  must_match("--benchmark_perf_counters", if_set(flags.perf_counters, std::string()), known.perf_counters, source);
}

// Reports are megabytes; what is larger than this is none.
constexpr std::size_t most_report_bytes = std::size_t{1} << 30;

// The report that is already there.
struct existing_report {
  bool exists = false;
  std::optional<report_head> head;  // nothing if it is none of ours
};

existing_report look_at(const fs::path& report) {
  const std::optional<std::string> text = read_regular_file("read report", report, most_report_bytes);
  if (!text) return {};
  return {true, read_report_head(*text)};
}

// --resume without a journal. True if the run is complete; false if there is no report either.
bool already_complete(const run_options& options, const fs::path& journal_file) {
  const existing_report existing = look_at(options.report);
  if (!existing.exists) return false;
  const std::string name = options.report.string();
  if (!existing.head) {
    throw usage_error(
        "--resume: " + name +
        " is no sound report of this version of waitwork, and would be overwritten; nearest valid: another --out");
  }
  must_match(options, *existing.head, options.report);
  if (existing.head->complete && existing.head->measurements > 0) return true;
  throw usage_error("--resume: " + name +
                    (existing.head->measurements > 0
                         ? " is partial and its journal " + journal_file.string() + " is gone"
                         : std::string(" has no measurement that one could go on from")) +
                    "; nearest valid: the same command without --resume");
}

void check_same_run(const journal_header& header, const run_setup& setup) {
  const auto refuse = [&](const char* why) {
    throw usage_error("--resume: " + setup.journal_file.string() + " is of " + why +
                      "; nearest valid: the same command without --resume");
  };
  if (header.rows != digest_of(setup.rows)) refuse("other rows than this program would measure here");
  if (header.environment != environment_digest()) refuse("another machine or another build of the program");
}

}  // namespace

fs::path journal_beside(const fs::path& report) {
  fs::path file = report;
  file += ".journal";
  return file;
}

std::string digest_of(const std::vector<row>& rows) {
  std::string names;
  for (const row& row : rows) names += row.name + "\n";
  return hex_digits(fnv1a(names));
}

run_setup set_up(const run_options& options) {
  run_setup setup;
  const bool beside = output_place(options.report).is_file();
  if (beside) setup.journal_file = journal_beside(options.report);
  if (options.resume && beside) {
    setup.prior = journal::resume(setup.journal_file);
    if (!setup.prior && already_complete(options, setup.journal_file)) {
      setup.already_complete = true;
      return setup;
    }
  }
  if (setup.prior) {
    setup.configuration = setup.prior->header().configuration;
    must_match(options, setup.configuration, setup.journal_file);
    must_match_measuring(options, setup.configuration, setup.journal_file);
  } else {
    setup.configuration = fresh_configuration(options);
  }
  setup.rows = chosen_rows(suite_of(setup.configuration.suite), setup.configuration.filter);
  if (setup.prior) check_same_run(setup.prior->header(), setup);
  return setup;
}

}  // namespace waitwork::bench
