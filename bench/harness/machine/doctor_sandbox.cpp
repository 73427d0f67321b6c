// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/doctor_sandbox.hpp>

#include <algorithm>
#include <string>

#include <harness/words/text.hpp>

namespace waitwork::bench {
namespace {

using enum doctor_status;

// With 64 KiB a measuring process was seen to crash, with 256 not.
constexpr std::uint64_t stack_needed_bytes = 256 << 10;
constexpr std::uint64_t stack_wanted_bytes = 1 << 20;
// The largest row holds some hundred MiB; threads reserve 8 MiB of addresses each, and 64 of
// malloc's.
constexpr std::uint64_t memory_needed_bytes = std::uint64_t{1} << 30;
constexpr std::uint64_t memory_wanted_bytes = std::uint64_t{32} << 30;
// The file that is read at random.
constexpr std::uint64_t file_needed_bytes = std::uint64_t{256} << 20;

doctor_item system_calls_item(const std::vector<refused_call>& refused) {
  if (refused.empty()) return {"system_calls", ok, "all that a run uses are allowed", ""};
  doctor_item item{"system_calls", warn, "", ""};
  std::string names;
  for (const refused_call& call : refused) {
    item.value += (item.value.empty() ? "" : "; ") + call.name + " is refused (" + call.how + ")";
    item.value += call.instead.empty() ? ", which a run cannot do without" : ": " + call.instead;
    names += (names.empty() ? "" : ", ") + call.name;
    if (call.instead.empty()) item.status = fail;
  }
  item.remedy = "Start the container or service with a profile that allows " + names + ".";
  return item;
}

doctor_item proc_item(bool mounted) {
  if (mounted) return {"proc", ok, "mounted", ""};
  return {"proc", warn, "/proc is not mounted",
          "Mount it (mount -t proc proc /proc): without it pressure, steal and the cause of a "
          "refusal stay unknown."};
}

doctor_item loopback_item(const std::optional<refusal>& refused) {
  if (!refused) return {"loopback", ok, "connects over 127.0.0.1", ""};
  return {"loopback", fail, refused->cause, as_sentence(refused->remedy)};
}

doctor_item threads_item(unsigned granted, unsigned wanted) {
  const std::string value = formatted("%u of %u at once", granted, wanted);
  if (granted >= wanted) return {"threads", ok, value, ""};
  return {"threads", granted < 16 ? fail : warn, value,
          "Raise the limits on processes and memory (ulimit -u, ulimit -v, the container's pids "
          "limit): rows with more "
          "workers cannot run."};
}

// A limit that is too low for all (fail), or for some (warn).
doctor_item limit_item(const char* name, std::optional<std::uint64_t> limit, std::uint64_t needed, std::uint64_t wanted,
                       const char* remedy) {
  if (!limit) return {name, ok, "unlimited", ""};
  const std::string value = bytes_text(*limit);
  if (*limit >= wanted) return {name, ok, value, ""};
  return {name, *limit < needed ? fail : warn, value, remedy};
}

doctor_item cpu_time_item(std::optional<std::uint64_t> seconds) {
  if (!seconds) return {"cpu_time", ok, "unlimited", ""};
  return {"cpu_time", warn, std::to_string(*seconds) + " s",
          "Run `ulimit -t unlimited`: a process that has used so much is killed in the middle of "
          "its measurement."};
}

doctor_item inherited_item(const inherited_state& found) {
  std::string value = found.child_signal_ignored ? "SIGCHLD was ignored" : "";
  if (!found.blocked_signals.empty()) {
    value += std::string(value.empty() ? "" : ", ") + std::to_string(found.blocked_signals.size()) +
             " signals were blocked, " + found.blocked_signals.front() + " the first";
  }
  if (value.empty()) return {"inherited", ok, "nothing unusual", ""};
  return {"inherited", info, value + "; set right for the run",
          "Nothing to do here; the program that starts this one leaves others the same trap."};
}

doctor_item nice_item(int nice) {
  if (nice == 0) return {"nice", ok, "0", ""};
  return {"nice", warn, std::to_string(nice),
          "Start without nice: others on this machine get more or less of the CPUs than they would "
          "usually."};
}

}  // namespace

std::vector<doctor_item> judge_sandbox(const sandbox& facts) {
  return {
      system_calls_item(facts.calls),
      proc_item(facts.proc),
      loopback_item(facts.no_loopback),
      threads_item(facts.threads, facts.threads_wanted),
      limit_item("stack", facts.stack_bytes, stack_needed_bytes, stack_wanted_bytes,
                 "Run `ulimit -s 8192`, or as root raise the hard limit: libraries expect 8 MiB."),
      limit_item("memory", facts.memory_bytes, memory_needed_bytes, memory_wanted_bytes,
                 "Run `ulimit -v unlimited; ulimit -d unlimited`: threads and large inputs reserve "
                 "many addresses."),
      limit_item("file_size", facts.file_bytes, file_needed_bytes, file_needed_bytes,
                 "Run `ulimit -f unlimited`: the file rows need 256 MiB in one file."),
      cpu_time_item(facts.cpu_seconds),
      inherited_item(facts.inherited),
      nice_item(facts.nice),
  };
}

}  // namespace waitwork::bench
