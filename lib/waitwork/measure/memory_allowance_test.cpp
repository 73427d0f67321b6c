// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/memory_allowance.hpp>

#include <gtest/gtest.h>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

constexpr const char* unified_mount = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

TEST(memory_allowance, is_not_known_where_nothing_is_published) {
  const fixture_root root;
  EXPECT_FALSE(memory_allowance_bytes(root.path()));
}

TEST(memory_allowance, is_what_the_machine_has_available_if_nothing_limits_it) {
  fixture_root root;
  root.write("proc/meminfo", "MemTotal: 8000 kB\nMemAvailable:    4000 kB\n")
      .write("proc/self/cgroup", "0::/\n")
      .write("proc/self/mountinfo", unified_mount)
      .write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(memory_allowance_bytes(root.path()), 4000 << 10);
}

TEST(memory_allowance, is_the_least_limit_of_the_cgroup_and_those_above_it) {
  fixture_root root;
  root.write("proc/meminfo", "MemAvailable:    4000 kB\n")
      .write("proc/self/cgroup", "4:cpu:/elsewhere\n0::/slice/unit\n")
      .write("proc/self/mountinfo", unified_mount)
      .write("sys/fs/cgroup/slice/unit/memory.max", "2000000\n")
      .write("sys/fs/cgroup/slice/memory.max", "1000000\n");
  EXPECT_EQ(memory_allowance_bytes(root.path()), 1'000'000);
}

TEST(memory_allowance, knows_the_limit_of_a_container_under_the_first_version) {
  fixture_root root;
  root.write("proc/meminfo", "MemAvailable:    4000 kB\n")
      .write("proc/self/cgroup", "4:memory:/docker/1\n")
      .write("proc/self/mountinfo", "35 31 0:30 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n")
      .write("sys/fs/cgroup/memory/memory.limit_in_bytes", "500000\n");
  EXPECT_EQ(memory_allowance_bytes(root.path()), 500'000);
}

}  // namespace
}  // namespace waitwork
