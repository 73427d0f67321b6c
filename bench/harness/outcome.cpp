#include <harness/outcome.hpp>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <cmath>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <waitwork/report/json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

failure_reason reason_named(std::string_view word) {
  for (const failure_reason reason : {failure_reason::timed_out, failure_reason::crashed,
                                      failure_reason::wrong_answer, failure_reason::failed}) {
    if (to_string(reason) == word) return reason;
  }
  throw std::invalid_argument("no such failure reason: " + std::string(word));
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
    sentence = "killed by " + (name != nullptr ? "SIG" + std::string(name)
                                               : "signal " + std::to_string(child.code));
    if (child.code == SIGSEGV || child.code == SIGBUS) sentence += hint_at_stack();
    if (child.code == SIGSYS) {
      sentence += ": a seccomp filter does not let it call what it needs; start the container or service with a wider "
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

// What every reader of the report relies on.
std::optional<std::string> fault_in(const ordered_json& figures) {
  if (!figures.is_object()) return "its result is not an object";
  if (const auto bad = find_unrepresentable(figures))
    return "its figure " + *bad + " is not a number";
  for (const char* const field : {"real_time", "cpu_time", "iterations"}) {
    if (!figures.contains(field) || !figures[field].is_number())
      return std::string("its result has no ") + field;
  }
  return std::nullopt;
}

}  // namespace

row_outcome outcome_of(const child_result& child, std::chrono::nanoseconds time_limit) {
  if (child.end == child_end::timed_out) return timeout(time_limit);
  if (child.end != child_end::exited || child.code != 0) return crash(child);
  try {
    row_outcome outcome = outcome_from_json(ordered_json::parse(child.answer));
    // A workload's server may have said why it is gone.
    if (auto* const bad = std::get_if<failed>(&outcome)) bad->detail = with_last_words(bad->detail, child);
    if (auto* const good = std::get_if<measured>(&outcome)) {
      // Nobody runs without memory: then how it ended was not learned.
      if (child.peak_rss_bytes == 0) {
        return failed{failure_reason::failed, "the system did not say how much memory it used; see that wait4 is allowed"};
      }
      if (const auto fault = fault_in(good->figures)) return failed{failure_reason::failed, *fault};
      good->figures["rss_peak_bytes"] = child.peak_rss_bytes;
    }
    return outcome;
  } catch (const std::exception&) {
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
  if (object.contains("result")) return measured{object.at("result")};
  if (object.contains("failure")) {
    const ordered_json& failure = object.at("failure");
    return failed{reason_named(failure.at("reason").get<std::string>()),
                  failure.at("detail").get<std::string>()};
  }
  const ordered_json& missing = object.at("absent");
  return absent{missing.at("cause").get<std::string>(), missing.at("remedy").get<std::string>()};
}

}  // namespace waitwork::bench
