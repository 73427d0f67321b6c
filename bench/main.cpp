// SPDX-License-Identifier: Apache-2.0
// waitwork: does this work wait, or does it compute?
//
// The program measures and reports; what follows from the figures is for scripts/advise.py and its
// siblings. It is also its own measuring process: the runner starts it again for every row in every
// round.

#include <unistd.h>

#include <exception>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <waitwork/base/refusal.hpp>
#include <waitwork/bench/helper_process.hpp>

#include <harness/command/command_line.hpp>
#include <harness/machine/doctor.hpp>
#include <harness/machine/limits.hpp>
#include <harness/measure/child.hpp>
#include <harness/process/process_state.hpp>
#include <harness/process/sandbox.hpp>
#include <harness/run/run_command.hpp>
#include <harness/streams/progress.hpp>
#include <harness/streams/standard_streams.hpp>
#include <harness/suite/registry.hpp>
#include <harness/words/exit_code.hpp>
#include <harness/words/usage_error.hpp>

namespace {

using namespace waitwork::bench;

nlohmann::ordered_json to_json(const row& row) {
  return {{"name", row.name},       {"workload", row.workload},
          {"variant", row.variant}, {"strategy", to_string(row.strategy)},
          {"depth", row.depth},     {"workers", row.workers}};
}

exit_code list(const list_options& options) {
  const suite_kind suite = suite_from(options.rows.suite.value_or("quick")).value();
  const std::vector<row> rows = chosen_rows(suite, options.rows.filter.value_or(""));
  if (options.json) {
    nlohmann::ordered_json objects = nlohmann::ordered_json::array();
    for (const row& row : rows) objects.push_back(to_json(row));
    print(objects.dump(2) + "\n");
  } else {
    print(listing(rows));
  }
  if (!rows.empty()) return exit_code::done;
  complain("no row matches the filter");
  return exit_code::rows_failed;
}

exit_code doctor(const doctor_options& options) {
  std::vector<doctor_item> findings = examine(options.work_place);
  for (doctor_item& item : describe(probe_this_machine())) findings.push_back(std::move(item));
  std::ostringstream text;
  if (options.json) {
    text << to_json(findings).dump(2) << '\n';
  } else {
    print_findings(text, findings, colour_allowed(STDOUT_FILENO));
  }
  print(text.str());
  return exit_code::done;
}

exit_code answer(const print_text& wanted) {
  print(wanted.text);
  return exit_code::done;
}

// Who would die in the middle of it says so first. A measuring process may die: its runner tells.
void require_survival() {
  if (const std::optional<waitwork::refusal> why = deadly_call()) {
    throw waitwork::unsupported_error("run", "here", why->cause, why->remedy);
  }
}

int carry_out(const command& wanted, const std::string& program) {
  if (const auto* const child = std::get_if<child_request>(&wanted)) return run_child(child->request);
  if (std::holds_alternative<run_options>(wanted) || std::holds_alternative<doctor_options>(wanted)) require_survival();
  exit_code code = exit_code::done;
  if (const auto* const options = std::get_if<run_options>(&wanted)) code = run(*options, program);
  if (const auto* const options = std::get_if<list_options>(&wanted)) code = list(*options);
  if (const auto* const options = std::get_if<doctor_options>(&wanted)) code = doctor(*options);
  if (const auto* const text = std::get_if<print_text>(&wanted)) code = answer(*text);
  return static_cast<int>(code);
}

int give_up(const std::exception& error, exit_code code) {
  complain(error.what());
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  bind_standard_streams();
  settle_process_state();
  try {
    if (const std::optional<int> code = run_helper_process(argc, argv)) return *code;
    return carry_out(parse_command_line({argv + 1, argv + argc}), argv[0]);
  } catch (const usage_error& error) {
    return give_up(error, exit_code::usage);
  } catch (const output_lost& error) {
    return give_up(error, exit_code::output_lost);
  } catch (const std::exception& error) {
    return give_up(error, exit_code::unmeasurable);
  }
}
