// SPDX-License-Identifier: Apache-2.0
#include <harness/run/run_command.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/io/probe.hpp>
#include <waitwork/measure/machine.hpp>
#include <waitwork/report/json.hpp>

#include <harness/drive/busy_work.hpp>
#include <harness/machine/context.hpp>
#include <harness/machine/limits.hpp>
#include <harness/record/console_output.hpp>
#include <harness/record/report_builder.hpp>
#include <harness/run/output_places.hpp>
#include <harness/run/run_setup.hpp>
#include <harness/run/runner.hpp>
#include <harness/run/work_directory.hpp>
#include <harness/streams/interrupts.hpp>
#include <harness/streams/progress.hpp>
#include <harness/streams/rescue.hpp>
#include <harness/streams/standard_streams.hpp>
#include <harness/words/time_of_day.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

std::string counted(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

exit_code nothing_matches(const run_configuration& run, progress& shown) {
  shown.say("no row of suite " + run.suite + " matches --filter '" + run.filter + "'; `waitwork list --suite " +
            run.suite + "` shows what there is");
  return exit_code::rows_failed;
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
    shown.say(counted(count, "row") + " cannot be measured here: " + reason.first + "; " + reason.second);
  }
}

// One run with everything decided and every place claimed.
class run_in_progress {
 public:
  run_in_progress(const run_options& options, const output_places& places, run_setup setup, progress& shown)
      : options_(options),
        setup_(std::move(setup)),
        shown_(shown),
        places_(places),
        directory_(before_measuring([&] { return std::make_unique<work_directory>(options.work_place); })) {
    beside_ = !setup_.journal_file.empty();
    if (!beside_) setup_.journal_file = directory_->path() / "journal";
  }

  exit_code run(const std::string& program) {
    const interrupts signals;
    context_ = report_context(program, directory_->path(), options_.google_benchmark.context, effort());
    std::optional<journal> opened = signals.come() ? std::nullopt : open_journal(signals);
    if (!opened) return interrupted_before_measuring();
    journal& results = *opened;
    try {
      return run(results, signals);
    } catch (...) {
      remove_if_empty(results);
      throw;
    }
  }

  // What goes to standard output, and to standard error because the report has standard output; empty after an
  // interrupt.
  std::string take_output() { return std::move(output_); }
  std::string take_table() { return std::move(table_); }

 private:
  exit_code run(journal& results, const interrupts& signals) {
    context_["waitwork"]["limits"] = results.header().limits;
    run_ledger ledger = ledger_of(results);
    announce(ledger);
    const bool finished = run_rows(plan(results), results, ledger, shown_, signals.fd()) == run_end::finished;
    if (finished) {
      // What ran beside the first probe may have ended since.
      context_["waitwork"]["limits"] = better_of(results.header().limits, to_json(probe_this_machine(effort())));
    }
    const built_report built = build_report(results, setup_.rows, context_, finished);
    const bool whole = tell_losses(built, ledger);
    const bool written = write_reports(built.made, results);
    // All of the journal is in the report. It goes last: whatever is left to do until then, a --resume does.
    directory_.reset();
    if (finished && whole && (written || !beside_)) remove(results);
    if (!finished) return interrupted(ledger, results);
    const bool shown = prepare_output(built.made);
    say_what_is_absent(built.made, shown_);
    if (written) say_end(ledger, built.made);
    return ledger.failures() > 0 || !whole ? exit_code::rows_failed
           : ledger.absences() > 0         ? exit_code::unmeasurable
           : written && shown              ? exit_code::done
                                           : exit_code::output_lost;
  }

  // A smoke run proves that everything works, and has no figures to hold against limits.
  probe_effort effort() const {
    return setup_.configuration.suite == to_string(suite_kind::smoke) ? probe_effort::brief : probe_effort::usual;
  }

  // With --resume the one that there is. Nothing if a signal came while the machine was looked at.
  std::optional<journal> open_journal(const interrupts& signals) {
    if (setup_.prior) return std::exchange(setup_.prior, std::nullopt);
    const journal_header header = new_header();
    if (signals.come()) return std::nullopt;
    return before_measuring([&] {
      const fs::path aside = set_journal_aside(setup_.journal_file);
      if (!aside.empty()) shown_.say("an unfinished run's journal was kept as " + aside.string());
      return journal::begin(setup_.journal_file, header);
    });
  }

  journal_header new_header() const {
    return {setup_.configuration,
            digest_of(setup_.rows),
            environment_digest(),
            measure_busy_work_per_us(),
            utc_time_of_day(),
            to_json(probe_this_machine(effort())),
            hex_digits(mix64(static_cast<std::uint64_t>(started_ns_) ^ std::random_device()()))};
  }

  // What was begun and holds nothing is no use to anybody.
  void remove_if_empty(const journal& results) const noexcept {
    try {
      bool empty = true;
      results.read([&empty](journal_entry&&) { empty = false; });
      if (empty && beside_) results.remove();
    } catch (const std::exception&) {
    }
  }

  run_ledger ledger_of(const journal& results) {
    run_ledger ledger(setup_.rows, setup_.configuration.rounds);
    damage_ = results.read([&ledger](journal_entry&& entry) { ledger.record(entry); });
    if (damage_.lines > 0) {
      shown_.say(results.file().string() + ": " + counted(damage_.lines, "line") +
                     " of it cannot be believed and will be left out, the first is line " +
                     std::to_string(damage_.first) + ": " + damage_.why_first,
                 true);
    }
    return ledger;
  }

  run_plan plan(const journal& results) const {
    run_plan plan;
    plan.configuration = setup_.configuration;
    plan.rows = setup_.rows;
    plan.work_per_us = results.header().work_per_us;
    plan.work_directory = directory_->path();
    plan.time_limit = nanoseconds(static_cast<std::int64_t>(options_.timeout_s * 1e9));
    plan.verbosity = options_.google_benchmark.verbosity;
    plan.loop_stats = options_.loop_stats;
    plan.io_uring = why_no_io_uring();
    return plan;
  }

  void announce(const run_ledger& ledger) const {
    const run_configuration& run = setup_.configuration;
    std::string sentence = "suite " + run.suite + ", " + counted(setup_.rows.size(), "row") + " in " +
                           counted(run.rounds, "round") + ", seed " + std::to_string(run.seed);
    if (ledger.done() > 0) sentence += ", resumed after " + counted(ledger.done(), "measurement");
    shown_.say(sentence);
  }

  // What was on the device and is there no more. True if nothing is missing.
  bool tell_losses(const built_report& built, const run_ledger& ledger) {
    if (built.damage.lines <= damage_.lines) return true;
    shown_.say(setup_.journal_file.string() + " was damaged while the run went on: " +
                   counted(ledger.outcomes() - std::min(built.outcomes, ledger.outcomes()), "measurement") +
                   " of it cannot be believed any more; --resume measures them again",
               true);
    return false;
  }

  // False if something could not be written where it was wanted; it is said then, and nothing is lost.
  bool write_reports(const report& finished, const journal& results) const {
    bool written = true;
    if (places_.google_benchmark()) {
      const std::string text = output_text(finished, shape_of_file(options_.google_benchmark));
      written = write_to(*places_.google_benchmark(), text, results) && written;
    }
    if (!options_.report_is_google_benchmarks) {
      written = write_to(places_.report(), report_text(finished), results) && written;
    }
    return written;
  }

  bool write_to(const output_place& place, const std::string& text, const journal& results) const {
    try {
      place.write(text, [&] { shown_.say("waiting for somebody to read " + place.name().string()); });
      return true;
    } catch (const environment_error& error) {
      shown_.say(error.what() + (". " + where_it_is_kept(text, results)), true);
      return false;
    }
  }

  std::string where_it_is_kept(const std::string& text, const journal& results) const {
    if (beside_ && results.has_its_name())
      return "Everything measured is in " + setup_.journal_file.string() + "; --resume writes the report";
    const std::optional<fs::path> kept = rescue(text, options_.work_place);
    return kept ? "It was written to " + kept->string() + " instead" : "Nor could it be written anywhere else";
  }

  std::string where_it_went() const {
    return places_.report_is_on_standard_output() ? "on standard output" : options_.report.string();
  }

  void remove(const journal& results) const {
    if (!beside_) return;
    try {
      if (results.remove()) return;
      shown_.say(results.file().string() + " is not the journal of this run any more, and is left as it is");
    } catch (const environment_error& error) {
      shown_.say(error.what());
    }
  }

  exit_code interrupted(const run_ledger& ledger, const journal& results) const {
    const bool can_go_on = beside_ && results.has_its_name();
    shown_.say("interrupted after " + std::to_string(ledger.done()) + " of " + counted(ledger.total(), "measurement") +
               "; the partial report is " + where_it_went() + (can_go_on ? ", --resume goes on" : ""));
    return exit_code::interrupted;
  }

  exit_code interrupted_before_measuring() const {
    shown_.say("interrupted before anything was measured; nothing was written");
    return exit_code::interrupted;
  }

  // False if the figures make no table; the report has them as they are.
  bool prepare_output(const report& finished) {
    output_options shape = shape_of_output(options_.google_benchmark);
    shape.loop_stats = options_.loop_stats;
    std::string& stream = places_.take_standard_output() ? table_ : output_;
    try {
      stream = output_text(finished, shape);
      return true;
    } catch (const nlohmann::json::exception&) {
      shown_.say("no table can be made of these figures; the report has them as they are", true);
      return false;
    }
  }

  void say_end(const run_ledger& ledger, const report& finished) const {
    std::string sentence = counted(ledger.measurements(), "measurement") + " in " +
                           clock_text(static_cast<double>(now_ns() - started_ns_) / 1e9);
    if (ledger.failures() > 0) sentence += ", " + counted(ledger.failures(), "row") + " failed";
    if (finished.benchmarks.empty()) sentence += "; nothing could be measured";
    shown_.say(sentence + "; the report is " + where_it_went());
  }

  const run_options& options_;
  run_setup setup_;
  progress& shown_;
  const output_places& places_;
  std::unique_ptr<work_directory> directory_;
  bool beside_ = false;  // the journal lies beside the report, and outlives a failure
  nlohmann::ordered_json context_;
  journal_damage damage_;  // what of a resumed journal could not be used
  std::string output_;
  std::string table_;
  std::int64_t started_ns_ = now_ns();
};

}  // namespace

exit_code run(const run_options& options, const std::string& program) {
  progress shown(STDERR_FILENO);
  std::optional<output_places> places;
  if (!options.google_benchmark.list_tests) before_measuring([&] { places.emplace(options); });
  run_setup setup = before_measuring([&] { return set_up(options); });
  if (setup.already_complete) {
    shown.say(options.report.string() + " is complete; there is nothing to resume");
    return exit_code::done;
  }
  if (setup.rows.empty()) return nothing_matches(setup.configuration, shown);
  if (options.google_benchmark.list_tests) {
    print(listing(setup.rows));
    return exit_code::done;
  }
  if (options.resume && !setup.prior) shown.say("there is nothing to resume; starting anew");
  exit_code code = exit_code::done;
  std::string output, table;
  {
    run_in_progress now(options, *places, std::move(setup), shown);
    code = now.run(program);
    output = now.take_output();
    table = now.take_table();
  }
  // Last, with nothing left to clean up: whoever reads it may stop reading at any time.
  try {
    if (!table.empty()) print_to_standard_error(table);
    print(output);
  } catch (const output_lost& error) {
    if (code == exit_code::done) throw;
    complain(error.what());
  }
  return code;
}

}  // namespace waitwork::bench
