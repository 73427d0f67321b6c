#include <harness/run_command.hpp>

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/io/probe.hpp>
#include <waitwork/report/atomic_write.hpp>
#include <waitwork/report/json.hpp>

#include <harness/busy_work.hpp>
#include <harness/console_output.hpp>
#include <harness/context.hpp>
#include <harness/interrupts.hpp>
#include <harness/limits.hpp>
#include <harness/progress.hpp>
#include <harness/report_builder.hpp>
#include <harness/run_setup.hpp>
#include <harness/runner.hpp>
#include <harness/time_of_day.hpp>
#include <harness/usage_error.hpp>
#include <harness/work_directory.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

std::string counted(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

void print(const std::string& text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) {
    throw environment_error("write", "standard output", std::generic_category().message(errno),
                            "the report is complete; only what was to be printed is lost");
  }
}

exit_code nothing_matches(const run_configuration& run, progress& shown) {
  shown.say("no row of suite " + run.suite + " matches --filter '" + run.filter +
            "'; `waitwork list --suite " + run.suite + "` shows what there is");
  return exit_code::rows_failed;
}

exit_code list_names(const std::vector<row>& rows) {
  std::string names;
  for (const row& row : rows) names += row.name + "\n";
  print(names);
  return exit_code::done;
}

// A place that cannot be written to is the user's to change, and found before anything is measured.
template <class Attempt>
auto before_measuring(Attempt attempt) {
  try {
    return attempt();
  } catch (const environment_error& error) {
    throw usage_error(error.what());
  }
}

std::unique_ptr<work_directory> claim_places(const run_options& options) {
  return before_measuring([&] {
    check_writable(options.report);
    if (!options.google_benchmark.out.empty()) check_writable(options.google_benchmark.out);
    return std::make_unique<work_directory>(options.work_place);
  });
}

output_options shape_of_output(const google_benchmark_flags& flags) {
  output_options output;
  output.format = flags.format;
  output.aggregates_only = flags.report_aggregates_only || flags.display_aggregates_only;
  output.colour = flags.color == "yes" || (flags.color == "auto" && colour_allowed(STDOUT_FILENO));
  output.tabular_counters = flags.counters_tabular;
  output.time_unit = flags.time_unit;
  return output;
}

output_options shape_of_file(const google_benchmark_flags& flags) {
  output_options output;
  output.format = flags.out_format;
  output.aggregates_only = flags.report_aggregates_only;
  output.time_unit = flags.time_unit;
  return output;
}

std::optional<absent> why_no_io_uring() {
  const io_uring_capabilities found = probe_io_uring();
  if (!found.refused) return std::nullopt;
  return absent{"io_uring is not available: " + found.refused->cause, found.refused->remedy};
}

// One sentence for each different cause, not for each row.
void say_what_is_absent(const report& finished, progress& shown) {
  std::map<std::pair<std::string, std::string>, std::size_t> rows;
  for (const row_absence& missing : finished.absent) ++rows[{missing.cause, missing.remedy}];
  for (const auto& [reason, count] : rows) {
    shown.say(counted(count, "row") + " cannot be measured here: " + reason.first + "; " +
              reason.second);
  }
}

// One run with everything decided and every place claimed.
class run_in_progress {
 public:
  run_in_progress(const run_options& options, run_setup setup, progress& shown)
      : options_(options),
        setup_(std::move(setup)),
        shown_(shown),
        directory_(claim_places(options)) {
    if (setup_.journal_file.empty()) setup_.journal_file = directory_->path() / "journal";
  }

  exit_code run(const std::string& program) {
    interrupts signals;
    context_ = report_context(program, directory_->path(), options_.google_benchmark.context);
    journal results = open_journal();
    context_["waitwork"]["limits"] = header_.limits;
    run_ledger ledger = ledger_so_far();
    announce(ledger);
    const run_end end = run_rows(plan(), results, ledger, shown_, signals.fd());
    if (end == run_end::finished) {
      // What ran beside the first probe may have ended since.
      context_["waitwork"]["limits"] = better_of(header_.limits, to_json(probe_this_machine()));
    }
    const report finished = write_reports(end == run_end::finished);
    if (end == run_end::interrupted) {
      shown_.say("interrupted after " + std::to_string(ledger.done()) + " of " +
                 counted(ledger.total(), "measurement") + "; the partial report is " +
                 options_.report.string() + ", --resume goes on");
      return exit_code::interrupted;
    }
    // All of the journal is in the report. It goes last: whatever is left to do until then, a
    // --resume does.
    directory_.reset();
    fs::remove(setup_.journal_file);
    output_options shape = shape_of_output(options_.google_benchmark);
    shape.loop_stats = options_.loop_stats;
    output_ = output_text(finished, shape);
    say_what_is_absent(finished, shown_);
    say_end(ledger);
    return ledger.failures() > 0   ? exit_code::rows_failed
           : ledger.absences() > 0 ? exit_code::unmeasurable
                                   : exit_code::done;
  }

  // What goes to standard output; empty after an interrupt.
  std::string take_output() { return std::move(output_); }

 private:
  journal open_journal() {
    return before_measuring([this] {
      if (setup_.prior) {
        header_ = setup_.prior->header;
        return journal::go_on(setup_.journal_file, *setup_.prior);
      }
      const fs::path aside = set_journal_aside(setup_.journal_file);
      if (!aside.empty()) shown_.say("an unfinished run's journal was kept as " + aside.string());
      header_ = {setup_.configuration, digest_of(setup_.rows), environment_digest(),
                 measure_busy_work_per_us(), utc_time_of_day(),
                 to_json(probe_this_machine())};
      return journal::begin(setup_.journal_file, header_);
    });
  }

  run_ledger ledger_so_far() const {
    run_ledger ledger(setup_.rows, setup_.configuration.rounds);
    read_journal(setup_.journal_file, [&ledger](journal_entry&& entry) { ledger.record(entry); });
    return ledger;
  }

  run_plan plan() const {
    run_plan plan;
    plan.configuration = setup_.configuration;
    plan.rows = setup_.rows;
    plan.work_per_us = header_.work_per_us;
    plan.work_directory = directory_->path();
    plan.time_limit = nanoseconds(static_cast<std::int64_t>(options_.timeout_s * 1e9));
    plan.verbosity = options_.google_benchmark.verbosity;
    plan.loop_stats = options_.loop_stats;
    plan.io_uring = why_no_io_uring();
    return plan;
  }

  void announce(const run_ledger& ledger) const {
    const run_configuration& run = setup_.configuration;
    std::string sentence = "suite " + run.suite + ", " + counted(setup_.rows.size(), "row") +
                           " in " + counted(run.rounds, "round") + ", seed " +
                           std::to_string(run.seed);
    if (setup_.prior) sentence += ", resumed after " + counted(ledger.done(), "measurement");
    shown_.say(sentence);
  }

  report write_reports(bool complete) const {
    const report finished = build_report(setup_.journal_file, setup_.rows, context_, complete);
    const google_benchmark_flags& flags = options_.google_benchmark;
    if (!flags.out.empty())
      write_file_atomically(flags.out, output_text(finished, shape_of_file(flags)));
    if (!options_.report_is_google_benchmarks)
      write_file_atomically(options_.report, report_text(finished));
    return finished;
  }

  void say_end(const run_ledger& ledger) const {
    std::string sentence = counted(ledger.total(), "measurement") + " in " +
                           clock_text(static_cast<double>(now_ns() - started_ns_) / 1e9);
    if (ledger.failures() > 0) sentence += ", " + counted(ledger.failures(), "row") + " failed";
    shown_.say(sentence + "; the report is " + options_.report.string());
  }

  const run_options& options_;
  run_setup setup_;
  progress& shown_;
  std::unique_ptr<work_directory> directory_;
  nlohmann::ordered_json context_;
  journal_header header_;
  std::string output_;
  std::int64_t started_ns_ = now_ns();
};

}  // namespace

exit_code run(const run_options& options, const std::string& program) {
  // A limit on file sizes then fails a write(2), which is reported, and kills nobody; nor is it a
  // reason to stop measuring that nobody reads our progress.
  ::signal(SIGXFSZ, SIG_IGN);
  const auto broken_pipe_before = ::signal(SIGPIPE, SIG_IGN);
  progress shown(STDERR_FILENO);
  run_setup setup = before_measuring([&] { return set_up(options); });
  if (setup.already_complete) {
    shown.say(options.report.string() + " is complete; there is nothing to resume");
    return exit_code::done;
  }
  if (setup.rows.empty()) return nothing_matches(setup.configuration, shown);
  if (options.google_benchmark.list_tests) return list_names(setup.rows);
  if (options.resume && !setup.prior) shown.say("there is nothing to resume; starting anew");
  exit_code code = exit_code::done;
  std::string output;
  {
    run_in_progress now(options, std::move(setup), shown);
    code = now.run(program);
    output = now.take_output();
  }
  // Last, with nothing left to clean up: whoever reads it may stop reading at any time.
  ::signal(SIGPIPE, broken_pipe_before);
  print(output);
  return code;
}

}  // namespace waitwork::bench
