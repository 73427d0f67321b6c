// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/effective_cpus.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include <waitwork/base/cgroup.hpp>
#include <waitwork/base/mutated_files_for_test.hpp>

namespace waitwork {
namespace {

// A directory that stands for "/" and disappears with the test.
class cpu_quota : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "waitwork-cpus-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  cpu_allowance read() const {
    cpu_allowance allowance;
    read_cpu_quota(root_, allowance);
    return allowance;
  }

  static constexpr const char* unified_mount =
      "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  std::filesystem::path root_;
};

TEST_F(cpu_quota, is_absent_without_cgroups) { EXPECT_FALSE(read().quota); }

TEST_F(cpu_quota, is_absent_when_the_file_says_max) {
  write("proc/self/cgroup", "0::/app\n");
  write("proc/self/mountinfo", unified_mount);
  write("sys/fs/cgroup/app/cpu.max", "max 100000\n");
  EXPECT_FALSE(read().quota);
}

TEST_F(cpu_quota, is_read_from_version_2) {
  write("proc/self/cgroup", "0::/app\n");
  write("proc/self/mountinfo", unified_mount);
  write("sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  const cpu_allowance allowance = read();
  ASSERT_TRUE(allowance.quota);
  EXPECT_DOUBLE_EQ(*allowance.quota, 1.5);
  EXPECT_EQ(allowance.quota_source, (root_ / "sys/fs/cgroup/app/cpu.max").string());
}

TEST_F(cpu_quota, is_the_least_on_the_way_up) {
  write("proc/self/cgroup", "0::/slice/pod/app\n");
  write("proc/self/mountinfo", unified_mount);
  write("sys/fs/cgroup/slice/pod/app/cpu.max", "400000 100000\n");
  write("sys/fs/cgroup/slice/pod/cpu.max", "100000 50000\n");
  write("sys/fs/cgroup/slice/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(read().quota.value_or(0), 2.0);
}

TEST_F(cpu_quota, of_a_sibling_does_not_count) {
  write("proc/self/cgroup", "0::/app\n");
  write("proc/self/mountinfo", unified_mount);
  write("sys/fs/cgroup/other/cpu.max", "50000 100000\n");
  EXPECT_FALSE(read().quota);
}

TEST_F(cpu_quota, is_read_from_version_1_beside_an_unused_version_2) {
  write("proc/self/cgroup", "3:cpuset:/x\n2:cpu,cpuacct:/job\n0::/\n");
  write("proc/self/mountinfo",
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(read().quota.value_or(0), 2.5);
}

TEST_F(cpu_quota, is_found_where_a_container_mounts_its_own_cgroup_as_the_top) {
  write("proc/self/cgroup", "4:cpu:/docker/1f3a\n");
  write("proc/self/mountinfo", "32 31 0:29 /docker/1f3a /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(read().quota.value_or(0), 0.5);
}

TEST_F(cpu_quota, is_taken_from_the_mount_point_for_a_cgroup_outside_the_namespace) {
  write("proc/self/cgroup", "0::/../../other\n");
  write("proc/self/mountinfo", unified_mount);
  write("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_DOUBLE_EQ(read().quota.value_or(0), 1.0);
}

TEST_F(cpu_quota, follows_a_mount_point_with_a_space) {
  write("proc/self/cgroup", "0::/\n");
  write("proc/self/mountinfo", "31 23 0:28 / /my\\040cgroups rw - cgroup2 cgroup2 rw\n");
  write("my cgroups/cpu.max", "100000 100000\n");
  EXPECT_DOUBLE_EQ(read().quota.value_or(0), 1.0);
}

TEST_F(cpu_quota, ignores_what_it_cannot_understand) {
  write("proc/self/cgroup", "nonsense\n:\n0::/app\n");
  write("proc/self/mountinfo", std::string("\n1 2 3\n") + unified_mount);
  write("sys/fs/cgroup/app/cpu.max", "garbage\n");
  write("sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_FALSE(read().quota);
}

TEST_F(cpu_quota, that_cannot_be_is_none) {
  write("proc/self/cgroup", "0::/\n");
  write("proc/self/mountinfo", unified_mount);
  for (const char* text : {"-1 100000", "150000 -100000", "nan 100000", "inf 1", "1e300 1", "9223372036854775807 1",
                           "150000", "150000 9999999999", "0x10 100000", "150000 100000 7", "150000  100000"}) {
    write("sys/fs/cgroup/cpu.max", text);
    EXPECT_FALSE(read().quota) << text;
  }
}

// Ten thousand damaged states of what it is read from.
TEST_F(cpu_quota, of_damaged_files_is_believable_or_absent) {
  mutated_files files(
      {{"proc/self/cgroup", "2:cpu,cpuacct:/job\n0::/slice/pod/app\n"},
       {"proc/self/mountinfo",
        std::string(unified_mount) + "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"},
       {"sys/fs/cgroup/slice/pod/app/cpu.max", "400000 100000\n"},
       {"sys/fs/cgroup/slice/cpu.max", "max 100000\n"},
       {"sys/fs/cgroup/cpu.max", "300000 100000\n"},
       {"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n"},
       {"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n"}});
  files.each(10'000, [&](std::uint64_t seed) {
    cpu_allowance found;
    found.affinity = 8;
    read_cpu_quota(files.root(), found);
    if (found.quota) {
      ASSERT_TRUE(*found.quota > 0 && *found.quota <= 1 << 20) << seed << " " << *found.quota;
      ASSERT_TRUE(found.quota_source.starts_with(files.root().string())) << seed << " " << found.quota_source;
    }
    ASSERT_TRUE(found.effective() >= 1 && found.effective() <= 8) << seed;
    ASSERT_LE(cgroup_directories(files.root(), "cpu").size(), 4096u) << seed;
  });
}

cpu_allowance allowance(unsigned affinity, std::optional<double> quota) {
  cpu_allowance made;
  made.affinity = affinity;
  made.quota = quota;
  return made;
}

TEST(effective_cpus, is_the_affinity_without_a_quota) { EXPECT_EQ(allowance(8, std::nullopt).effective(), 8u); }

TEST(effective_cpus, rounds_a_quota_up_and_never_exceeds_the_affinity) {
  EXPECT_EQ(allowance(8, 1.5).effective(), 2u);
  EXPECT_EQ(allowance(8, 3.0).effective(), 3u);
  EXPECT_EQ(allowance(2, 1.5).effective(), 2u);
  EXPECT_EQ(allowance(2, 64.0).effective(), 2u);
}

TEST(effective_cpus, is_at_least_one) {
  EXPECT_EQ(allowance(4, 0.05).effective(), 1u);
  EXPECT_EQ(allowance(4, -3.0).effective(), 1u);
  EXPECT_EQ(allowance(0, std::nullopt).effective(), 1u);
}

TEST(effective_cpus, of_a_quota_that_is_no_number_is_the_affinity) {
  EXPECT_EQ(allowance(4, std::numeric_limits<double>::quiet_NaN()).effective(), 4u);
  EXPECT_EQ(allowance(4, std::numeric_limits<double>::infinity()).effective(), 4u);
}

TEST(effective_cpus, follows_the_affinity_mask_of_the_calling_thread) {
  // In a thread of its own, so that the mask of the other tests stays as it is.
  std::thread([] {
    cpu_set_t mask;
    ASSERT_EQ(::sched_getaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(read_cpu_allowance().affinity, static_cast<unsigned>(CPU_COUNT(&mask)));
    const auto cpu = static_cast<std::size_t>(::sched_getcpu());
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    ASSERT_EQ(::sched_setaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(effective_cpus(), 1u);
  }).join();
}

}  // namespace
}  // namespace waitwork
