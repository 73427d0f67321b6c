// SPDX-License-Identifier: Apache-2.0
#pragma once
// doctor: what this machine allows and what will disturb a measurement, each finding with what to
// do about it.
//
// Gathering facts and judging them are apart: the judgement is a pure function, so that every
// verdict can be tested without a machine that earns it. `waitwork doctor` prints the findings, and
// every report carries them, because a figure is only as good as the machine was quiet.

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <waitwork/io/probe.hpp>
#include <waitwork/measure/environment.hpp>
#include <waitwork/measure/pressure.hpp>
#include <waitwork/measure/storage.hpp>
#include <waitwork/measure/timing.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/process/sandbox.hpp>

namespace waitwork::bench {

// In ascending order of concern.
enum class doctor_status {
  ok,
  info,  // nothing is wrong, but a reader of the figures should know
  warn,  // figures will be noisier, or say less, than they could
  fail,  // something cannot be measured at all
};

const char* to_string(doctor_status status) noexcept;

struct doctor_item {
  std::string name;  // snake_case, stable
  doctor_status status = doctor_status::ok;
  std::string value;   // what was found, for people
  std::string remedy;  // one sentence; empty exactly if the status is ok
};

// What the findings rest on. The defaults are those of a machine without fault.
struct doctor_facts {
  io_uring_capabilities io_uring;
  std::optional<std::uint64_t> memlock_bytes;  // absent: unlimited
  std::optional<std::uint64_t> open_files;     // the soft limit; absent: unlimited
  std::optional<std::uint64_t> open_files_hard;
  cpu_allowance cpus;
  environment host;
  std::optional<bool> smt_active;  // absent: not published
  std::string hypervisor = "none";
  std::string kernel;
  pressure recent;  // over `recent_ms`
  int recent_ms = 0;
  std::optional<std::int64_t> timer_slack_ns;
  sleep_overshoot overshoot;
  double clock_read_ns = 0;
  std::string clock_source;
  std::filesystem::path work_directory;
  storage work_storage;
  sandbox allowed;
};

// Looks at this machine for about a quarter of a second. `work_directory` is where the workloads
// would keep their files.
doctor_facts gather_facts(const std::filesystem::path& work_directory,
                          std::chrono::milliseconds window = std::chrono::milliseconds(250));

// One finding for everything that is looked at, always in the same order.
std::vector<doctor_item> diagnose(const doctor_facts& facts);

inline std::vector<doctor_item> examine(const std::filesystem::path& work_directory,
                                        std::chrono::milliseconds window = std::chrono::milliseconds(250)) {
  return diagnose(gather_facts(work_directory, window));
}

// A remedy of the library's is a clause; here it stands alone.
std::string as_sentence(std::string clause);

// The gravest status among the items; ok if there are none.
doctor_status worst_of(const std::vector<doctor_item>& items) noexcept;

// Aligned lines "status name value", the remedy below its finding, and a closing line. With colour,
// the status words carry ANSI escapes.
void print_findings(std::ostream& out, const std::vector<doctor_item>& items, bool colour);

// An array of {"name", "status", "value", "remedy"}; "remedy" is left out where there is none.
nlohmann::ordered_json to_json(const std::vector<doctor_item>& items);

}  // namespace waitwork::bench
