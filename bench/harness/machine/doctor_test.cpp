// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/doctor.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace waitwork::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// A machine with nothing to complain about.
doctor_facts healthy() {
  doctor_facts facts;
  facts.io_uring.features = 0x3ffff;
  facts.io_uring.setup_flags = {"SUBMIT_ALL", "SINGLE_ISSUER", "DEFER_TASKRUN"};
  facts.io_uring.operations = {"read", "write"};
  facts.open_files = 65536;
  facts.cpus.affinity = 4;
  facts.host.cpus_online = 4;
  facts.host.cpu_scaling_enabled = false;
  facts.host.governors = {"performance"};
  facts.host.load_average = {0.1, 0.1, 0.1};
  facts.smt_active = false;
  facts.kernel = "6.18.1";
  facts.recent = {.cpu_some_percent = 0.0, .steal_percent = 0.0};
  facts.recent_ms = 250;
  facts.timer_slack_ns = 50'000;
  facts.overshoot = {.asked_ns = 200'000, .median_ns = 60'000, .worst_ns = 90'000};
  facts.clock_read_ns = 25;
  facts.clock_source = "tsc";
  facts.work_directory = "/var/tmp";
  facts.work_storage.file_system = "ext4";
  facts.work_storage.free_bytes = std::int64_t{100} << 30;
  return facts;
}

doctor_item finding(const doctor_facts& facts, std::string_view name) {
  for (const doctor_item& item : diagnose(facts)) {
    if (item.name == name) return item;
  }
  throw std::logic_error("no item is called " + std::string(name));
}

TEST(doctor, finds_nothing_wrong_with_a_healthy_machine) {
  for (const doctor_item& item : diagnose(healthy())) {
    EXPECT_EQ(item.status, doctor_status::ok) << item.name << ": " << item.value;
    EXPECT_FALSE(item.value.empty()) << item.name;
  }
}

// One thing that may be wrong, and what is to be said about it.
struct complaint {
  const char* name;
  const char* item;
  doctor_status status;
  void (*spoil)(doctor_facts&);
  const char* value;   // part of it
  const char* remedy;  // part of it
};

class doctor_complaint : public ::testing::TestWithParam<complaint> {};

TEST_P(doctor_complaint, names_the_finding_and_the_remedy) {
  doctor_facts facts = healthy();
  GetParam().spoil(facts);
  const doctor_item item = finding(facts, GetParam().item);
  EXPECT_EQ(item.status, GetParam().status);
  EXPECT_THAT(item.value, HasSubstr(GetParam().value));
  EXPECT_THAT(item.remedy, HasSubstr(GetParam().remedy));
  // Nothing else is blamed for it.
  for (const doctor_item& other : diagnose(facts)) {
    EXPECT_TRUE(other.name == item.name || other.status == doctor_status::ok) << other.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , doctor_complaint,
    ::testing::Values(
        complaint{
            "io_uring_refused", "io_uring", doctor_status::fail,
            [](doctor_facts& facts) {
              facts.io_uring = {};
              facts.io_uring.refused = refusal{"a filter forbids it", "start without the filter"};
            },
            "not available: a filter forbids it", "Start without the filter."},
        complaint{"io_uring_without_an_operation", "io_uring", doctor_status::warn,
                  [](doctor_facts& facts) { facts.io_uring.operations_missing = {"send_zc"}; },
                  "lacks send_zc", "newer kernel"},
        complaint{"io_uring_without_deferred_work", "io_uring", doctor_status::warn,
                  [](doctor_facts& facts) { facts.io_uring.setup_flags = {"COOP_TASKRUN"}; },
                  "COOP_TASKRUN", "Linux 6.1"},
        complaint{"memlock_with_room_for_one", "memlock", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.memlock_bytes = 128 << 10;
                    facts.io_uring.rings = 1;
                    facts.io_uring.rings_refused = refusal{"no memory", "raise it"};
                  },
                  "128 KiB: room for the rings of 1 of 4 loops", "ulimit -l"},
        complaint{"call_with_another_way", "system_calls", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.allowed.calls = {{"pidfd_open", "Operation not permitted", "looked at often"}};
                  },
                  "pidfd_open is refused (Operation not permitted): looked at often", "allows pidfd_open"},
        complaint{"call_without_another_way", "system_calls", doctor_status::fail,
                  [](doctor_facts& facts) {
                    facts.allowed.calls = {{"prctl", "kills the caller", "a pipe"}, {"fork", "kills the caller", ""}};
                  },
                  "fork is refused (kills the caller), which a run cannot do without", "allows prctl, fork"},
        complaint{"no_proc", "proc", doctor_status::warn, [](doctor_facts& facts) { facts.allowed.proc = false; },
                  "not mounted", "mount -t proc"},
        complaint{"no_loopback", "loopback", doctor_status::fail,
                  [](doctor_facts& facts) { facts.allowed.no_loopback = refusal{"network is down", "bring lo up"}; },
                  "network is down", "Bring lo up."},
        complaint{"few_threads", "threads", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.allowed.threads_wanted = 256;
                    facts.allowed.threads = 20;
                  },
                  "20 of 256", "ulimit -u"},
        complaint{"hardly_any_thread", "threads", doctor_status::fail,
                  [](doctor_facts& facts) { facts.allowed.threads_wanted = 256; }, "0 of 256", "ulimit -u"},
        complaint{"small_stack", "stack", doctor_status::fail,
                  [](doctor_facts& facts) { facts.allowed.stack_bytes = 64 << 10; }, "64 KiB", "ulimit -s"},
        complaint{"small_address_space", "memory", doctor_status::warn,
                  [](doctor_facts& facts) { facts.allowed.memory_bytes = std::uint64_t{4} << 30; }, "4.0 GiB",
                  "ulimit -v"},
        complaint{"small_files", "file_size", doctor_status::fail,
                  [](doctor_facts& facts) { facts.allowed.file_bytes = 64 << 10; }, "64 KiB", "ulimit -f"},
        complaint{"limited_cpu_time", "cpu_time", doctor_status::warn,
                  [](doctor_facts& facts) { facts.allowed.cpu_seconds = 60; }, "60 s", "ulimit -t"},
        complaint{"ignored_children", "inherited", doctor_status::info,
                  [](doctor_facts& facts) {
                    facts.allowed.inherited = {.child_signal_ignored = true, .blocked_signals = {"SIGHUP", "SIGINT"}};
                  },
                  "SIGCHLD was ignored, 2 signals were blocked, SIGHUP the first", "Nothing to do"},
        complaint{"nice", "nice", doctor_status::warn, [](doctor_facts& facts) { facts.allowed.nice = 10; }, "10",
                  "without nice"},
        complaint{"few_open_files", "open_files", doctor_status::warn,
                  [](doctor_facts& facts) { facts.open_files = 1024; }, "1024", "Run `ulimit -n"},
        complaint{"few_open_files_and_no_right_to_more", "open_files", doctor_status::fail,
                  [](doctor_facts& facts) { facts.open_files = facts.open_files_hard = 100; },
                  "100", "As root"},
        complaint{"one_cpu", "cpus", doctor_status::warn,
                  [](doctor_facts& facts) { facts.cpus.affinity = 1; }, "1 usable", "two CPUs"},
        complaint{"part_of_the_cpus_by_quota", "cpu_quota", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.cpus.quota = 2.5;
                    facts.cpus.quota_source = "/sys/fs/cgroup/cpu.max";
                  },
                  "2.50 CPUs, set by /sys/fs/cgroup/cpu.max", "--cpuset-cpus"},
        complaint{"powersaving", "cpu_governor", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.host.cpu_scaling_enabled = true;
                    facts.host.governors = {"performance", "powersave"};
                  },
                  "performance, powersave", "cpupower"},
        complaint{"invisible_governor", "cpu_governor", doctor_status::info,
                  [](doctor_facts& facts) { facts.host.cpu_scaling_enabled.reset(); },
                  "not visible", "host"},
        complaint{"smt", "smt", doctor_status::info,
                  [](doctor_facts& facts) { facts.smt_active = true; }, "on", "core"},
        complaint{"hypervisor", "hypervisor", doctor_status::info,
                  [](doctor_facts& facts) { facts.hypervisor = "kvm"; }, "kvm", "steal"},
        complaint{"load", "load", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.host.load_average = {3.5, 0, 0};
                  },
                  "3.50 over the last minute on 4 CPUs", "Stop"},
        complaint{"steal", "steal", doctor_status::warn,
                  [](doctor_facts& facts) { facts.recent.steal_percent = 8.0; },
                  "8.0 % over 250 ms", "neighbours"},
        complaint{"steal_not_published", "steal", doctor_status::info,
                  [](doctor_facts& facts) { facts.recent.steal_percent.reset(); }, "not published",
                  "Nothing"},
        complaint{"pressure", "pressure", doctor_status::warn,
                  [](doctor_facts& facts) { facts.recent.cpu_some_percent = 40.0; }, "40.0 %",
                  "Stop"},
        complaint{"slow_clock", "clock", doctor_status::warn,
                  [](doctor_facts& facts) {
                    facts.clock_read_ns = 900;
                    facts.clock_source = "hpet";
                  },
                  "900 ns a reading, source hpet", "clock source"},
        complaint{"wide_timer_slack", "timer_slack", doctor_status::warn,
                  [](doctor_facts& facts) { facts.timer_slack_ns = 4'000'000; }, "4000.0 us",
                  "TimerSlackNSec"},
        complaint{"late_timers", "timer_overshoot", doctor_status::warn,
                  [](doctor_facts& facts) { facts.overshoot.median_ns = 900'000; }, "900 us longer",
                  "care"},
        complaint{"work_directory_read_only", "work_directory", doctor_status::fail,
                  [](doctor_facts& facts) {
                    facts.work_storage.not_writable = "cannot make a file: Read-only file system";
                  },
                  "/var/tmp on ext4: cannot make a file: Read-only file system", "--work-dir"},
        complaint{"work_directory_in_memory", "work_directory", doctor_status::warn,
                  [](doctor_facts& facts) { facts.work_storage.file_system = "tmpfs"; }, "tmpfs",
                  "on a disk"},
        complaint{"no_direct_io", "direct_io", doctor_status::fail,
                  [](doctor_facts& facts) {
                    facts.work_storage.no_direct_io = "cannot open with O_DIRECT: Invalid argument";
                  },
                  "Invalid argument", "ext4 or xfs"},
        complaint{
            "little_space", "free_space", doctor_status::warn,
            [](doctor_facts& facts) { facts.work_storage.free_bytes = std::int64_t{1} << 30; },
            "1.0 GiB", "Free 2 GiB"},
        complaint{"no_space", "free_space", doctor_status::fail,
                  [](doctor_facts& facts) { facts.work_storage.free_bytes = 0; }, "0 B",
                  "Free 2 GiB"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(doctor, does_not_complain_about_a_quota_that_does_not_bind) {
  doctor_facts facts = healthy();
  facts.cpus.quota = 8.0;
  EXPECT_EQ(finding(facts, "cpu_quota").status, doctor_status::ok);
}

TEST(doctor, judges_the_whole_by_the_gravest_finding) {
  EXPECT_EQ(worst_of({}), doctor_status::ok);
  doctor_facts facts = healthy();
  EXPECT_EQ(worst_of(diagnose(facts)), doctor_status::ok);
  facts.hypervisor = "kvm";
  EXPECT_EQ(worst_of(diagnose(facts)), doctor_status::info);
  facts.work_storage.free_bytes = 0;
  EXPECT_EQ(worst_of(diagnose(facts)), doctor_status::fail);
}

std::string printed(const std::vector<doctor_item>& items, bool colour) {
  std::ostringstream out;
  print_findings(out, items, colour);
  return out.str();
}

const std::vector<doctor_item> three_items{{"kernel", doctor_status::ok, "6.18", ""},
                                           {"steal", doctor_status::warn, "8 %", "Move away."},
                                           {"free_space", doctor_status::fail, "0 B", "Free some."}};

TEST(doctor, prints_aligned_lines_with_remedies_below) {
  EXPECT_EQ(printed(three_items, false),
            "ok    kernel      6.18\n"
            "warn  steal       8 %\n"
            "                  -> Move away.\n"
            "fail  free_space  0 B\n"
            "                  -> Free some.\n"
            "1 thing will disturb a measurement, 1 prevents part of it.\n");
}

TEST(doctor, uses_colour_only_when_asked) {
  EXPECT_THAT(printed(three_items, false), Not(HasSubstr("\033")));
  EXPECT_THAT(printed(three_items, true), HasSubstr("\033[31mfail\033[0m  free_space"));
}

TEST(doctor, says_so_when_there_is_nothing_to_say) {
  EXPECT_THAT(printed(diagnose(healthy()), false), HasSubstr("Nothing found that would disturb"));
}

TEST(doctor, writes_json_with_a_remedy_only_where_there_is_one) {
  EXPECT_EQ(to_json(three_items).dump(),
            R"([{"name":"kernel","status":"ok","value":"6.18"},)"
            R"({"name":"steal","status":"warn","value":"8 %","remedy":"Move away."},)"
            R"({"name":"free_space","status":"fail","value":"0 B","remedy":"Free some."}])");
}

TEST(doctor, writes_valid_json_for_a_directory_whose_name_is_not_text) {
  doctor_facts facts = healthy();
  facts.work_directory = "/var/\xff/t\u00e4st";
  EXPECT_THAT(to_json(diagnose(facts)).dump(), HasSubstr("/var/\uFFFD/t\u00e4st on ext4"));
}

TEST(doctor, has_one_cause_for_a_directory_that_cannot_be_written) {
  doctor_facts facts = healthy();
  facts.work_storage.not_writable = facts.work_storage.no_direct_io = "cannot make a file";
  EXPECT_EQ(finding(facts, "direct_io").status, doctor_status::fail);
  EXPECT_THAT(finding(facts, "direct_io").remedy, Not(HasSubstr("ext4")));
}

TEST(doctor, has_a_remedy_exactly_for_what_is_not_ok_on_this_machine) {
  const auto items = examine(std::filesystem::temp_directory_path());
  EXPECT_GE(items.size(), 15u);
  for (const doctor_item& item : items) {
    EXPECT_EQ(item.remedy.empty(), item.status == doctor_status::ok) << item.name;
    EXPECT_THAT(item.name, MatchesRegex("[a-z0-9_]+"));
    EXPECT_FALSE(item.value.empty()) << item.name;
    EXPECT_TRUE(item.remedy.empty() || item.remedy.back() == '.') << item.remedy;
  }
}

TEST(doctor, survives_a_work_directory_that_does_not_exist) {
  const auto facts = gather_facts("/nonexistent/directory");
  EXPECT_EQ(finding(facts, "work_directory").status, doctor_status::fail);
  EXPECT_EQ(finding(facts, "direct_io").status, doctor_status::fail);
}

}  // namespace
}  // namespace waitwork::bench
