// SPDX-License-Identifier: Apache-2.0
// Ten thousand damaged states of /proc and /sys for each reader: what it says can be true, or it says nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <waitwork/base/mutated_files_for_test.hpp>
#include <waitwork/base/plain_text.hpp>
#include <waitwork/measure/environment.hpp>
#include <waitwork/measure/machine.hpp>
#include <waitwork/measure/memory_allowance.hpp>
#include <waitwork/measure/pressure.hpp>
#include <waitwork/measure/storage.hpp>

namespace waitwork {
namespace {

constexpr std::uint64_t rounds = 10'000;

constexpr const char* cpuinfo =
    "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Intel(R) Xeon(R) Platinum\ncpu MHz\t\t: 2700.000\n"
    "flags\t\t: fpu sse2 avx2 hypervisor\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\nprocessor\t: 1\n";
constexpr const char* meminfo =
    "MemTotal:       24684092 kB\nMemFree:        20000000 kB\nMemAvailable:   23000000 kB\n";
constexpr const char* mountinfo =
    "23 1 0:22 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
    "32 31 0:29 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n42 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

// One line that a terminal does not obey, of a length that a person reads.
bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 1000 && text == plain_text(text) && text.find('\n') == std::string::npos;
}

TEST(machine_of_damaged_files, is_believable_or_unknown) {
  mutated_files files({{"proc/cpuinfo", cpuinfo},
                       {"proc/meminfo", meminfo},
                       {"proc/sys/kernel/osrelease", "6.18.44-fc\n"},
                       {"proc/device-tree/model", "Example Board"},
                       {"proc/device-tree/hypervisor/compatible", "linux,kvm"},
                       {"sys/hypervisor/type", "xen\n"},
                       {"sys/class/dmi/id/product_name", "m7g.large\n"},
                       {"sys/class/dmi/id/sys_vendor", "Amazon EC2\n"}});
  files.each(rounds, [&](std::uint64_t seed) {
    const machine found = read_machine({.effective = 2, .affinity = 2, .quota = {}}, files.root());
    ASSERT_GE(found.memory_bytes, 0) << seed;
    ASSERT_LE(found.memory_bytes, std::int64_t{1} << 52) << seed;
    for (const std::string* text : {&found.cpu_model, &found.kernel, &found.hypervisor}) {
      ASSERT_TRUE(is_name(*text)) << seed << " " << text->substr(0, 100);
    }
    ASSERT_EQ(found.fingerprint().size(), 16u) << seed;
  });
}

TEST(environment_of_damaged_files, is_believable_or_absent) {
  const std::string cpus = "sys/devices/system/cpu/";
  mutated_files files({{cpus + "online", "0-3,8\n"},
                       {cpus + "cpu0/cache/index0/type", "Data\n"},
                       {cpus + "cpu0/cache/index0/level", "1\n"},
                       {cpus + "cpu0/cache/index0/size", "48K\n"},
                       {cpus + "cpu0/cache/index0/shared_cpu_map", "00000000,00000003\n"},
                       {cpus + "cpu0/cpufreq/scaling_governor", "powersave\n"},
                       {cpus + "cpu0/cpufreq/cpuinfo_max_freq", "3500000\n"},
                       {"proc/cpuinfo", cpuinfo},
                       {"proc/loadavg", "0.50 0.25 0.10 1/123 4567\n"}});
  files.each(rounds, [&](std::uint64_t seed) {
    const environment found = read_environment(files.root());
    ASSERT_GE(found.cpus_online, 1u) << seed;
    ASSERT_LE(found.cpus_online, 1u << 20) << seed;
    ASSERT_TRUE(found.mhz >= 0 && found.mhz <= 1e5) << seed << " " << found.mhz;
    ASSERT_TRUE(found.load_average.empty() || found.load_average.size() == 3) << seed;
    for (const double each : found.load_average) ASSERT_TRUE(each >= 0 && each <= 1e6) << seed << " " << each;
    for (const std::string& each : found.governors) ASSERT_TRUE(is_name(each)) << seed;
    for (const cpu_cache& each : found.caches) {
      ASSERT_TRUE(is_name(each.type)) << seed;
      ASSERT_TRUE(each.level >= 1 && each.level <= 9) << seed << " " << each.level;
      ASSERT_TRUE(each.size_bytes > 0 && each.size_bytes <= std::int64_t{1} << 40) << seed << " " << each.size_bytes;
      ASSERT_LE(each.sharing, 1u << 20) << seed;
    }
  });
}

TEST(pressure_of_damaged_files, is_a_share_or_absent) {
  mutated_files files(
      {{"proc/pressure/cpu", "some avg10=0.00 avg60=0.36 avg300=0.42 total=9863850\nfull avg10=0.00 total=0\n"},
       {"proc/stat", "cpu  100 0 50 10000 5 0 3 7 0 0\ncpu0 50 0 25 5000 2 0 1 3 0 0\n"}});
  pressure_snapshot before = pressure_now(files.root());
  const auto is_share = [](const std::optional<double>& percent) {
    return !percent || (*percent >= 0 && *percent <= 100);
  };
  files.each(rounds, [&](std::uint64_t seed) {
    const pressure_snapshot now = pressure_now(files.root());
    ASSERT_GE(now.cpu_some_us.value_or(0), 0) << seed;
    ASSERT_GE(now.steal_ticks.value_or(0), 0) << seed;
    ASSERT_GE(now.all_ticks, now.steal_ticks.value_or(0)) << seed;
    for (const pressure& between : {now - before, before - now}) {
      ASSERT_TRUE(is_share(between.cpu_some_percent) && is_share(between.steal_percent)) << seed;
    }
    before = now;
  });
}

TEST(memory_allowance_of_damaged_files, is_believable_or_absent) {
  mutated_files files({{"proc/meminfo", meminfo},
                       {"proc/self/cgroup", "4:memory:/docker/1\n0::/slice/unit\n"},
                       {"proc/self/mountinfo", mountinfo},
                       {"sys/fs/cgroup/slice/unit/memory.max", "2000000000\n"},
                       {"sys/fs/cgroup/slice/memory.max", "max\n"},
                       {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}});
  files.each(rounds,
             [&](std::uint64_t seed) { ASSERT_GT(memory_allowance_bytes(files.root()).value_or(1), 0) << seed; });
}

TEST(type_of_mount, of_a_damaged_table_is_a_name_or_absent) {
  ASSERT_EQ(type_of_mount(mountinfo, 42).value_or("none"), "ext4");
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    splitmix64 random(seed);
    const auto found = type_of_mount(damaged(mountinfo, random), 42);
    ASSERT_TRUE(!found || is_name(*found)) << seed;
  }
}

}  // namespace
}  // namespace waitwork
