// SPDX-License-Identifier: Apache-2.0
#include <harness/record/outcome.hpp>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <waitwork/report/checked_json.hpp>
#include <waitwork/report/json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

failure_reason reason_named(std::string_view word) {
  for (const failure_reason reason :
       {failure_reason::timed_out, failure_reason::crashed, failure_reason::wrong_answer, failure_reason::failed}) {
    if (to_string(reason) == word) return reason;
  }
  throw malformed_json("there is no such reason of a failure: " + std::string(word));
}

std::string with_last_words(std::string sentence, const child_result& child) {
  return child.last_words.empty() ? sentence : std::move(sentence) + ": " + child.last_words;
}

// A crash for want of stack looks like any other, but is the limit's fault.
std::string hint_at_stack() {
  constexpr rlim_t enough_bytes = 1 << 20;
  rlimit stack{};
  if (::getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_max >= enough_bytes) return "";
  return " with a stack of " + std::to_string(stack.rlim_max >> 10) + " KiB at most; raise the hard limit (ulimit -Hs)";
}

failed crash(const child_result& child) {
  std::string sentence;
  if (child.end == child_end::signalled) {
    const char* const name = ::sigabbrev_np(child.code);
    sentence = "killed by " + (name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(child.code));
    if (child.code == SIGSEGV || child.code == SIGBUS) sentence += hint_at_stack();
    if (child.code == SIGSYS) {
      sentence +=
          ": a seccomp filter does not let it call what it needs; start the container or service with a wider "
          "profile (the kernel's log has the call's number: dmesg, ausearch)";
    }
  } else if (child.code != 0) {
    sentence = "exited with code " + std::to_string(child.code);
  } else {
    sentence = "ended without a result";
  }
  return {failure_reason::crashed, with_last_words(std::move(sentence), child)};
}

failed timeout(std::chrono::nanoseconds time_limit) {
  std::ostringstream sentence;
  sentence << "not done after " << std::chrono::duration<double>(time_limit).count()
           << " s and killed; --timeout gives it longer";
  return {failure_reason::timed_out, sentence.str()};
}

constexpr std::uint64_t most_whole = std::uint64_t{1} << 53;  // that a reader with doubles has exactly

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// The members of a row's "waitwork" object that are read again: each if it is there.
void check_ours(const ordered_json& ours) {
  constexpr double most = std::numeric_limits<double>::max();
  for (const auto& [name, value] : ours.items()) {
    if (is_one_of(name, {"class", "workload", "variant", "strategy", "library", "limited_by", "started"})) {
      text_member(ours, name.c_str());
    } else if (is_one_of(name, {"depth", "workers", "round"})) {
      whole_member(ours, name.c_str(), 0, most_whole);
    } else if (name == "parameters") {
      const ordered_json& parameters = object_member(ours, "parameters");
      for (const auto& [parameter, number] : parameters.items())
        number_member(parameters, parameter.c_str(), -most, most);
    } else if (is_one_of(name, {"latency_histogram", "loop"})) {
      object_member(ours, name.c_str());
    } else if (name == "loop_stats" && !value.is_object() && !value.is_array()) {
      throw malformed_json("loop_stats is neither an object nor a list");
    }
  }
}

// What every reader of the report relies on. Throws malformed_json.
void check_figures(const ordered_json& figures) {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double least_time = std::numeric_limits<double>::min();
  if (const auto bad = find_unrepresentable(figures)) throw malformed_json(*bad + " is not a number");
  number_member(figures, "real_time", least_time, most);
  number_member(figures, "cpu_time", 0, most);
  whole_member(figures, "iterations", 1, most_iterations);
  for (const auto& [name, value] : figures.items()) {
    if (is_one_of(name, {"name", "run_name", "run_type", "label"})) {
      text_member(figures, name.c_str());
    } else if (name == "time_unit") {
      if (value != "ns") throw malformed_json("time_unit is not \"ns\"");
    } else if (name == "waitwork") {
      check_ours(object_member(figures, "waitwork"));
    } else if (name == "threads" || name == "rss_peak_bytes") {
      whole_member(figures, name.c_str(), 1, most_whole);
    } else {  // a counter: what is an amount cannot be negative, what a workload calls otherwise can
      const bool amount = name.ends_with("_ns") || name.ends_with("_per_second") || name.ends_with("_per_unit") ||
                          name.ends_with("_bytes");
      number_member(figures, name.c_str(), amount ? 0 : -most, most);
    }
  }
}

}  // namespace

row_outcome outcome_of(const child_result& child, std::chrono::nanoseconds time_limit) {
  if (child.end == child_end::timed_out) return timeout(time_limit);
  if (child.end != child_end::exited || child.code != 0) return crash(child);
  try {
    const ordered_json answer = parse_json(child.answer);
    try {
      row_outcome outcome = outcome_from_json(answer);
      // A workload's server may have said why it is gone.
      if (auto* const bad = std::get_if<failed>(&outcome)) bad->detail = with_last_words(bad->detail, child);
      if (auto* const good = std::get_if<measured>(&outcome)) {
        // Nobody runs without memory: then how it ended was not learned.
        if (child.peak_rss_bytes == 0) {
          return failed{failure_reason::failed,
                        "the system did not say how much memory it used; see that wait4 is allowed"};
        }
        good->figures["rss_peak_bytes"] = child.peak_rss_bytes;
      }
      return outcome;
    } catch (const malformed_json& error) {
      return failed{failure_reason::failed, std::string("its result cannot be used: ") + error.what()};
    }
  } catch (const malformed_json&) {
    return crash(child);
  }
}

ordered_json to_json(const row_outcome& outcome) {
  if (const auto* const good = std::get_if<measured>(&outcome)) return {{"result", good->figures}};
  if (const auto* const bad = std::get_if<failed>(&outcome)) {
    return {{"failure", {{"reason", to_string(bad->reason)}, {"detail", bad->detail}}}};
  }
  const auto& missing = std::get<absent>(outcome);
  return {{"absent", {{"cause", missing.cause}, {"remedy", missing.remedy}}}};
}

row_outcome outcome_from_json(const ordered_json& object) {
  if (object.is_object() && object.contains("result")) {
    const ordered_json& figures = object_member(object, "result");
    check_figures(figures);
    return measured{figures};
  }
  if (object.is_object() && object.contains("failure")) {
    const ordered_json& failure = object_member(object, "failure");
    return failed{reason_named(text_member(failure, "reason")), text_member(failure, "detail")};
  }
  const ordered_json& missing = object_member(object, "absent");
  return absent{text_member(missing, "cause"), text_member(missing, "remedy")};
}

}  // namespace waitwork::bench
