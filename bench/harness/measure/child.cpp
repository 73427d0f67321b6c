// SPDX-License-Identifier: Apache-2.0
#include <harness/measure/child.hpp>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/report/checked_json.hpp>

#include <harness/drive/strategy.hpp>
#include <harness/measure/measurement.hpp>
#include <harness/record/outcome.hpp>
#include <harness/streams/standard_streams.hpp>
#include <harness/suite/registry.hpp>
#include <harness/suite/run_configuration.hpp>
#include <harness/words/parse_value.hpp>

namespace waitwork::bench {
namespace {

using json = nlohmann::ordered_json;

struct request {
  std::string row;
  suite_kind suite = suite_kind::quick;
  unsigned round = 0;
  std::int64_t iterations = 0;  // units to time; 0: as many as min_time_s takes
  double min_time_s = 0.1;
  double min_warmup_time_s = 0;  // Google Benchmark's own warm-up, after ours
  workload_settings settings;
  std::string perf_counters;
  int verbosity = 0;
  bool loop_stats = false;
};

// Throws malformed_json: nobody but the runner should ask, but anybody can.
request parse_request(std::string_view text) {
  const json given = parse_json(text);
  request asked;
  asked.row = text_member(given, "row");
  const std::string suite = text_member(given, "suite");
  if (!suite_from(suite)) throw malformed_json("suite is '" + suite + "', which there is not");
  asked.suite = *suite_from(suite);
  asked.round = static_cast<unsigned>(whole_member(given, "round", 0, most_rounds));
  asked.iterations = static_cast<std::int64_t>(whole_member(given, "iterations", 0, most_iterations));
  asked.min_time_s = number_member(given, "min_time_s", 0, longest_seconds);
  asked.min_warmup_time_s = number_member(given, "min_warmup_time_s", 0, longest_seconds);
  asked.settings.work_directory = text_member(given, "work_directory");
  asked.settings.seed = whole_member(given, "seed", 0, std::numeric_limits<std::uint64_t>::max());
  asked.settings.work_per_us = number_member(given, "work_per_us", least_work_per_us, most_work_per_us);
  asked.settings.smoke = asked.suite == suite_kind::smoke;
  asked.perf_counters = text_member(given, "perf_counters");
  if (!are_perf_counters(asked.perf_counters)) throw malformed_json("perf_counters has more than three names");
  asked.verbosity = static_cast<int>(whole_member(given, "verbosity", 0, 100));
  asked.loop_stats = bool_member(given, "loop_stats");
  return asked;
}

// A connection a lane is many descriptors; the soft limit of 1024 is there for select(2), which nothing here uses.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void require_right_answers(const unit_log& log) {
  if (log.wrong == 0) return;
  throw wrong_answer(std::to_string(log.wrong) + " of " + std::to_string(log.latency.count()) +
                     " units gave a wrong answer, the first was unit " + std::to_string(log.first_wrong_unit));
}

// Units of the warm-up have indices that the measurement never reaches.
constexpr std::uint64_t first_warm_up_unit = std::uint64_t{1} << 40;

// Runs units until 10 ms have passed, at least one for each lane: code, caches, connections and the file system's state
// are then as they will stay. Throws wrong_answer.
void warm_up(strategy& driver, workload& work, unsigned lanes, bool smoke) {
  const std::int64_t enough_ns = smoke ? 0 : 10'000'000;
  const std::int64_t begin_ns = now_ns();
  std::uint64_t first = first_warm_up_unit;
  std::uint64_t count = lanes;
  do {
    require_right_answers(driver.drive(work, first, count));
    first += count;
    count *= 2;
  } while (now_ns() - begin_ns < enough_ns);
}

// Takes what Google Benchmark measured and prints nothing.
class run_collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration) measured_ = run;
    }
  }
  const std::optional<Run>& measured() const { return measured_; }

 private:
  std::optional<Run> measured_;
};

// Google Benchmark's flags have defaults from the environment; all that matter here are set, so that a variable meant
// for the runner does not reach its children.
std::vector<std::string> google_benchmark_arguments(const request& asked) {
  return {"waitwork",
          "--benchmark_filter=.",
          "--benchmark_repetitions=1",
          "--benchmark_enable_random_interleaving=false",
          "--benchmark_report_aggregates_only=false",
          "--benchmark_display_aggregates_only=false",
          "--benchmark_list_tests=false",
          "--benchmark_out=",
          "--benchmark_min_time=" + json(asked.min_time_s).dump(),
          "--benchmark_min_warmup_time=" + json(asked.min_warmup_time_s).dump(),
          "--benchmark_perf_counters=" + asked.perf_counters,
          "--v=" + std::to_string(asked.verbosity)};
}

void initialize_google_benchmark(const request& asked) {
  std::vector<std::string> arguments = google_benchmark_arguments(asked);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  WAITWORK_CHECK(argc == 1, "Google Benchmark knows every flag that it is given");
}

// Has Google Benchmark time `drive`. One iteration is one unit, and all iterations are one batch: so a strategy keeps
// its lanes full from the first unit to the last, however many units it takes.
json measure(const row& chosen, const request& asked, strategy& driver, workload& work) {
  measurement last;
  std::exception_ptr failure;
  const auto body = [&](benchmark::State& state) {
    const auto units = static_cast<std::uint64_t>(state.max_iterations);
    measurement current(driver, work);
    try {
      // Google Benchmark calls this several times until it is satisfied with the duration; every call starts from
      // unit 0, and the last one counts.
      while (state.KeepRunningBatch(state.max_iterations)) {
        current.set_log(driver.drive(work, 0, units));
      }
    } catch (...) {
      failure = std::current_exception();
      state.SkipWithError("a unit failed");
      return;
    }
    current.end(driver, work);
    WAITWORK_CHECK(current.log().latency.count() == units, "a strategy does every unit that it is given");
    if (current.log().wrong > 0) state.SkipWithError("wrong answers");
    last = std::move(current);
  };
  benchmark::internal::Benchmark* registered = benchmark::RegisterBenchmark(chosen.name.c_str(), body);
  registered->Unit(benchmark::kNanosecond)->UseRealTime()->MeasureProcessCPUTime();
  if (asked.iterations > 0) registered->Iterations(asked.iterations);

  run_collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  if (failure) std::rethrow_exception(failure);
  require_right_answers(last.log());
  work.verify();
  WAITWORK_CHECK(collector.measured(), "Google Benchmark reports the one benchmark that is registered");
  return report_row(chosen, asked.round, *collector.measured(), last, asked.loop_stats);
}

json answer_to(const request& asked) {
  const std::vector<row> rows = suite_rows(asked.suite);
  const auto found = std::ranges::find(rows, asked.row, &row::name);
  if (found == rows.end()) {
    return {{"failure", {{"reason", "failed"}, {"detail", "no row is called " + asked.row}}}};
  }
  const row& chosen = *found;
  const workload_definition& definition = *find_workload(chosen.workload);
  try {
    workload_settings settings = asked.settings;
    settings.variant = chosen.variant;
    settings.lanes = chosen.depth;
    settings.workers = chosen.workers;
    const std::unique_ptr<workload> work = definition.make(settings);
    const std::unique_ptr<strategy> driver = make_strategy(chosen, *work);
    warm_up(*driver, *work, chosen.depth, settings.smoke);
    return {{"result", measure(chosen, asked, *driver, *work)}};
  } catch (const unsupported_error& error) {
    return {
        {"absent",
         {{"cause", error.operation() + " " + error.subject() + ": " + error.cause()}, {"remedy", error.remedy()}}}};
  } catch (const wrong_answer& error) {
    return {{"failure", {{"reason", "wrong_answer"}, {"detail", error.what()}}}};
  } catch (const std::bad_alloc&) {
    const environment_error error = call_error("measure", "this row", "mmap", ENOMEM);
    return {{"failure", {{"reason", "failed"}, {"detail", error.what()}}}};
  } catch (const std::exception& error) {
    return {{"failure", {{"reason", "failed"}, {"detail", error.what()}}}};
  }
}

}  // namespace

int run_child(std::string_view request_json) {
  if (::fcntl(child_answer_fd, F_GETFD) < 0) {
    // Started by hand. The next file that is opened would be given this descriptor, and the answer.
    complain("a measuring process is started by `waitwork run`: descriptor 3, which takes its answer, is closed");
    return 2;
  }
  try {
    const request asked = parse_request(request_json);
    raise_file_limit();
    initialize_google_benchmark(asked);
    const std::string text = answer_to(asked).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    return write_whole(child_answer_fd, text) ? 0 : 1;
  } catch (const std::exception& error) {
    complain(std::string("a measuring process failed: ") + error.what());
    return 1;
  }
}

}  // namespace waitwork::bench
