// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/doctor.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <string_view>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include <waitwork/measure/machine.hpp>
#include <waitwork/measure/system_files.hpp>

#include <harness/machine/doctor_sandbox.hpp>
#include <harness/words/text.hpp>

namespace waitwork::bench {
namespace {

using enum doctor_status;

// The widest row of a suite holds a connection for each unit in flight, and a few descriptors
// besides.
constexpr std::uint64_t open_files_quick = 256 + 64;
constexpr std::uint64_t open_files_full = 1024 + 64;
// The largest input of a workload is a file larger than the queue can hide; twice that leaves room
// for the others.
constexpr std::int64_t free_bytes_needed = std::int64_t{512} << 20;
constexpr std::int64_t free_bytes_wanted = std::int64_t{2} << 30;
// Half a CPU's worth of other work for each CPU is a coin toss for who gets one.
constexpr double load_per_cpu_tolerated = 0.5;
// Steal comes in ticks of 2 % over the quarter second on two CPUs: one tick is chance, two are a
// neighbour.
constexpr double steal_percent_tolerated = 3.0;
constexpr double pressure_percent_tolerated = 5.0;
// The slack itself is 50 us; a quiet virtual machine wakes up 60 to 90 us late, a quiet real one 55
// us.
constexpr std::int64_t overshoot_tolerated_ns = 150'000;
// Through the vDSO 20 to 50 ns; a clock that needs a system call or a device takes 200 to 2000.
constexpr double clock_read_tolerated_ns = 100.0;

std::string joined(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  return list;
}

doctor_item io_uring_item(const io_uring_capabilities& found) {
  if (found.refused) {
    return {"io_uring", fail, "not available: " + found.refused->cause, as_sentence(found.refused->remedy)};
  }
  const std::string value = formatted("available: features 0x%x, flags ", found.features) + joined(found.setup_flags);
  if (!found.operations_missing.empty()) {
    return {"io_uring", warn, value + "; lacks " + joined(found.operations_missing),
            "Use a newer kernel (6.1 or later has all that is used here)."};
  }
  if (!found.deferred_task_work()) {
    return {"io_uring", warn, value, "Use Linux 6.1 or later, whose DEFER_TASKRUN lets a loop batch its completions."};
  }
  return {"io_uring", ok, value, ""};
}

// Rings are charged as locked memory, though not to root. Whether the limit has room for them is not computed but
// tried: for each CPU's loop at the same time, as hybrid has them.
doctor_item memlock_item(const doctor_facts& facts) {
  const std::string value = facts.memlock_bytes ? bytes_text(*facts.memlock_bytes) : "unlimited";
  if (!facts.io_uring.rings_refused) return {"memlock", ok, value, ""};
  return {"memlock", facts.io_uring.rings == 0 ? fail : warn,
          value + formatted(": room for the rings of %u of %u loops", facts.io_uring.rings, facts.cpus.effective()),
          "Run `ulimit -l unlimited`, or give a container --ulimit memlock=-1: rows with more loops are absent."};
}

doctor_item open_files_item(const doctor_facts& facts) {
  if (!facts.open_files) return {"open_files", ok, "unlimited", ""};
  const std::string value = std::to_string(*facts.open_files);
  if (*facts.open_files >= open_files_full) return {"open_files", ok, value, ""};
  const bool may_raise = !facts.open_files_hard || *facts.open_files_hard >= open_files_full;
  const std::string how =
      may_raise ? "Run `ulimit -n 4096`" : "As root, raise the hard limit (LimitNOFILE, limits.conf, --ulimit nofile)";
  if (*facts.open_files >= open_files_quick) {
    return {"open_files", warn, value, how + ": the rows of the full suite at depth 1024 need that many connections."};
  }
  return {"open_files", fail, value, how + ": rows with 256 connections cannot run."};
}

doctor_item cpus_item(const cpu_allowance& cpus, unsigned online) {
  const std::string value =
      formatted("%u usable: affinity mask has %u of %u online", cpus.effective(), cpus.affinity, online);
  if (cpus.effective() >= 2) return {"cpus", ok, value, ""};
  return {"cpus", warn, value,
          "Allow this process two CPUs or more: on one, parallel work cannot be told from "
          "concurrent work."};
}

doctor_item cpu_quota_item(const cpu_allowance& cpus) {
  if (!cpus.quota) return {"cpu_quota", ok, "none", ""};
  const std::string value = formatted("%.2f CPUs, set by ", *cpus.quota) + cpus.quota_source;
  if (*cpus.quota >= cpus.affinity) return {"cpu_quota", ok, value, ""};
  return {"cpu_quota", warn, value,
          "Give the container whole CPUs (--cpuset-cpus) in place of a share of time (--cpus): "
          "past its quota it "
          "is stopped for up to 100 ms."};
}

doctor_item governor_item(const environment& host) {
  if (!host.cpu_scaling_enabled) {
    return {"cpu_governor", info, "not visible",
            "Nothing to do here: the host of a virtual machine decides the frequency."};
  }
  const std::string value = joined(host.governors);
  if (!*host.cpu_scaling_enabled) return {"cpu_governor", ok, value, ""};
  return {"cpu_governor", warn, value,
          "As root, run `cpupower frequency-set -g performance`: otherwise short rows run at a "
          "lower frequency "
          "than long ones."};
}

doctor_item smt_item(std::optional<bool> active) {
  if (!active) return {"smt", ok, "not published", ""};
  if (!*active) return {"smt", ok, "off", ""};
  return {"smt", info, "on",
          "Expect less than double from two workers that share a core, or pin with taskset to one "
          "CPU of each core."};
}

doctor_item hypervisor_item(const std::string& hypervisor) {
  if (hypervisor == "none") return {"hypervisor", ok, hypervisor, ""};
  return {"hypervisor", info, hypervisor, "Compare figures only with others of this machine, and look at steal."};
}

doctor_item load_item(const environment& host) {
  if (host.load_average.empty()) return {"load", ok, "not published", ""};
  const double recent = host.load_average.front();
  const std::string value = formatted("%.2f over the last minute on %u CPUs", recent, host.cpus_online);
  if (recent <= load_per_cpu_tolerated * host.cpus_online) return {"load", ok, value, ""};
  return {"load", warn, value, "Stop what else is running, or wait until it is done."};
}

doctor_item share_item(const char* name, std::optional<double> percent, double tolerated, int window_ms,
                       const char* remedy) {
  if (!percent) return {name, info, "not published", "Nothing to do: the report will not have it."};
  std::string value = formatted("%.1f %% over %d ms", *percent, window_ms);
  if (*percent <= tolerated) return {name, ok, std::move(value), ""};
  return {name, warn, std::move(value), remedy};
}

doctor_item clock_item(const doctor_facts& facts) {
  std::string value = formatted("%.0f ns a reading", facts.clock_read_ns);
  if (!facts.clock_source.empty()) value += ", source " + facts.clock_source;
  if (facts.clock_read_ns <= clock_read_tolerated_ns) return {"clock", ok, value, ""};
  return {"clock", warn, value,
          "Select a clock source that needs no system call (tsc, kvm-clock) in "
          "/sys/devices/system/clocksource/clocksource0/current_clocksource."};
}

doctor_item timer_slack_item(std::optional<std::int64_t> slack_ns) {
  // 50 us is what every process has, what users' programs will have, and so what is to be measured.
  constexpr std::int64_t usual_ns = 50'000;
  if (!slack_ns) return {"timer_slack", ok, "not published", ""};
  const std::string value = formatted("%.1f us", static_cast<double>(*slack_ns) / 1000.0);
  if (*slack_ns <= usual_ns) return {"timer_slack", ok, value, ""};
  return {"timer_slack", warn, value,
          "Start from a shell or service with the usual 50 us (TimerSlackNSec= of systemd): timers "
          "come this much later."};
}

doctor_item overshoot_item(const sleep_overshoot& measured) {
  const std::string value =
      formatted("sleeping %.0f us takes %.0f us longer, at worst %.0f", static_cast<double>(measured.asked_ns) / 1e3,
                static_cast<double>(measured.median_ns) / 1e3, static_cast<double>(measured.worst_ns) / 1e3);
  if (measured.median_ns <= overshoot_tolerated_ns) return {"timer_overshoot", ok, value, ""};
  return {"timer_overshoot", warn, value,
          "Read waits below a millisecond with care here; other load or deep idle states of the "
          "CPU cause this."};
}

doctor_item work_directory_item(const doctor_facts& facts) {
  const storage& found = facts.work_storage;
  const std::string value = facts.work_directory.string() + " on " + found.file_system;
  if (found.not_writable) {
    return {"work_directory", fail, value + ": " + *found.not_writable,
            "Name a directory that exists and that you may write to with --work-dir."};
  }
  if (found.in_memory()) {
    return {"work_directory", warn, value,
            "Name a directory on a disk with --work-dir: this one is memory, so file rows would "
            "measure copies."};
  }
  return {"work_directory", ok, value, ""};
}

doctor_item direct_io_item(const storage& found) {
  if (!found.no_direct_io) {
    return {"direct_io", ok, "4096 aligned bytes written and read back", ""};
  }
  if (found.not_writable) {
    return {"direct_io", fail, "not tried, for want of a file",
            "Name a work directory that you may write to with --work-dir."};
  }
  return {"direct_io", fail, *found.no_direct_io,
          "Name a directory on ext4 or xfs with --work-dir: the rows that go past the page cache "
          "cannot run here."};
}

doctor_item free_space_item(const storage& found) {
  if (!found.free_bytes) {
    return {"free_space", info, "not known", "See with `df` that 2 GiB are free in the work directory."};
  }
  const std::string value = bytes_text(static_cast<std::uint64_t>(*found.free_bytes));
  if (*found.free_bytes >= free_bytes_wanted) return {"free_space", ok, value, ""};
  return {"free_space", *found.free_bytes >= free_bytes_needed ? warn : fail, value,
          "Free 2 GiB, or name a directory on a file system that has them with --work-dir."};
}

// A directory's name may be any bytes; JSON is UTF-8, and the library throws on anything else.
std::string as_utf8(const std::string& bytes) {
  using nlohmann::json;
  return json::parse(json(bytes).dump(-1, ' ', false, json::error_handler_t::replace));
}

std::optional<std::uint64_t> limit_value(rlim_t limit) {
  return limit == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(limit);
}

}  // namespace

std::string as_sentence(std::string clause) {
  if (clause.empty()) return clause;
  if (clause.front() >= 'a' && clause.front() <= 'z') clause.front() = static_cast<char>(clause.front() - 32);
  return clause + '.';
}

const char* to_string(doctor_status status) noexcept {
  switch (status) {
    case ok:
      return "ok";
    case info:
      return "info";
    case warn:
      return "warn";
    case fail:
      return "fail";
  }
  return "fail";
}

doctor_facts gather_facts(const std::filesystem::path& work_directory, std::chrono::milliseconds window) {
  using clock = std::chrono::steady_clock;
  const clock::time_point start = clock::now();
  // Load and pressure first: what follows would show in them.
  const pressure_snapshot before = pressure_now();
  doctor_facts facts;
  facts.host = read_environment();
  facts.overshoot = measure_sleep_overshoot();
  std::this_thread::sleep_until(start + window);
  facts.recent = pressure_now() - before;
  facts.recent_ms = static_cast<int>(window.count());

  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) facts.memlock_bytes = limit_value(limit.rlim_cur);
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.open_files = limit_value(limit.rlim_cur);
    facts.open_files_hard = limit_value(limit.rlim_max);
  }
  facts.cpus = read_cpu_allowance();
  facts.io_uring = probe_io_uring(facts.cpus.effective());
  if (const auto active = read_system_number("/sys/devices/system/cpu/smt/active")) {
    facts.smt_active = *active != 0;
  }
  facts.hypervisor = read_machine(cpu_share()).hypervisor;
  facts.kernel = kernel_release();
  facts.timer_slack_ns = timer_slack_ns();
  facts.clock_read_ns = measure_clock_read_ns();
  facts.clock_source = clock_source();
  facts.work_directory = work_directory;
  facts.work_storage = examine_storage(work_directory);
  facts.allowed = look_at_sandbox();
  return facts;
}

std::vector<doctor_item> diagnose(const doctor_facts& facts) {
  std::vector<doctor_item> items = {
      {"kernel", ok, facts.kernel, ""},
      io_uring_item(facts.io_uring),
      memlock_item(facts),
      open_files_item(facts),
      cpus_item(facts.cpus, facts.host.cpus_online),
      cpu_quota_item(facts.cpus),
      governor_item(facts.host),
      smt_item(facts.smt_active),
      hypervisor_item(facts.hypervisor),
      load_item(facts.host),
      share_item("steal", facts.recent.steal_percent, steal_percent_tolerated, facts.recent_ms,
                 "Measure at another time or on another host: neighbours of this virtual machine "
                 "take its CPUs."),
      share_item("pressure", facts.recent.cpu_some_percent, pressure_percent_tolerated, facts.recent_ms,
                 "Stop what else is running: tasks were waiting for a CPU."),
      clock_item(facts),
      timer_slack_item(facts.timer_slack_ns),
      overshoot_item(facts.overshoot),
      work_directory_item(facts),
      direct_io_item(facts.work_storage),
      free_space_item(facts.work_storage),
  };
  for (doctor_item& item : judge_sandbox(facts.allowed)) items.push_back(std::move(item));
  return items;
}

doctor_status worst_of(const std::vector<doctor_item>& items) noexcept {
  doctor_status worst = ok;
  for (const doctor_item& item : items) worst = std::max(worst, item.status);
  return worst;
}

void print_findings(std::ostream& out, const std::vector<doctor_item>& items, bool colour) {
  constexpr std::array escapes{"\033[32m", "\033[36m", "\033[33m", "\033[31m"};  // indexed by status
  std::size_t name_width = 0;
  for (const doctor_item& item : items) name_width = std::max(name_width, item.name.size());
  std::array<int, 4> count{};
  for (const doctor_item& item : items) {
    const auto status = static_cast<std::size_t>(item.status);
    ++count[status];
    const std::string_view word = to_string(item.status);
    if (colour) out << escapes[status];
    out << word;
    if (colour) out << "\033[0m";
    out << std::string(6 - word.size(), ' ') << item.name << std::string(name_width + 2 - item.name.size(), ' ')
        << item.value << '\n';
    if (!item.remedy.empty()) out << std::string(6 + name_width + 2, ' ') << "-> " << item.remedy << '\n';
  }
  const int warnings = count[static_cast<std::size_t>(warn)];
  const int failures = count[static_cast<std::size_t>(fail)];
  if (warnings + failures == 0) {
    out << "Nothing found that would disturb a measurement.\n";
  } else {
    out << warnings << (warnings == 1 ? " thing" : " things") << " will disturb a measurement, " << failures
        << (failures == 1 ? " prevents" : " prevent") << " part of it.\n";
  }
}

nlohmann::ordered_json to_json(const std::vector<doctor_item>& items) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const doctor_item& item : items) {
    nlohmann::ordered_json object{
        {"name", item.name}, {"status", to_string(item.status)}, {"value", as_utf8(item.value)}};
    if (!item.remedy.empty()) object["remedy"] = as_utf8(item.remedy);
    array.push_back(std::move(object));
  }
  return array;
}

}  // namespace waitwork::bench
