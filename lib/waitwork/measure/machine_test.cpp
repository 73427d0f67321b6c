// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/machine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

using ::testing::MatchesRegex;

machine example() {
  return {.cpu_model = "Example CPU, family 6 model 1",
          .cpus = {.effective = 2, .affinity = 4, .quota = 1.5},
          .memory_bytes = std::int64_t{24} << 30,
          .kernel = "6.18",
          .hypervisor = "kvm",
          .architecture = "x86_64"};
}

TEST(fnv1a, has_the_published_test_vectors) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325u);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8u);
}

TEST(machine, has_a_canonical_text_that_must_not_change_between_versions) {
  EXPECT_EQ(example().canonical_text(),
            "architecture=x86_64\ncpu_model=Example CPU, family 6 model 1\ncpu_quota=1.5\n"
            "cpus_affinity=4\ncpus_effective=2\nhypervisor=kvm\nkernel=6.18\n"
            "memory_bytes=25769803776\n");
}

TEST(machine, has_a_fingerprint_of_sixteen_hex_digits) {
  EXPECT_THAT(example().fingerprint(), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(example().fingerprint(), example().fingerprint());
}

TEST(machine, differs_in_fingerprint_when_anything_differs) {
  const std::string original = example().fingerprint();
  machine other = example();
  other.cpu_model += "x";
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.cpus.effective = 1;
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.cpus.affinity = 3;
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.cpus.quota.reset();
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.memory_bytes /= 2;
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.kernel = "6.1";
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.hypervisor = "none";
  EXPECT_NE(other.fingerprint(), original);
  other = example();
  other.architecture = "aarch64";
  EXPECT_NE(other.fingerprint(), original);
}

TEST(machine, is_read_from_what_the_kernel_publishes) {
  fixture_root root;
  root.write("proc/cpuinfo",
             "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Intel(R) Xeon(R)\n"
             "flags\t\t: fpu sse2 avx2\n")
      .write("proc/meminfo", "MemTotal:       24684092 kB\nMemFree: 1 kB\n")
      .write("proc/sys/kernel/osrelease", "6.18.44-fc-v657\n");
  const machine found = read_machine({.effective = 2, .affinity = 2, .quota = {}}, root.path());
  EXPECT_EQ(found.cpu_model, "Intel(R) Xeon(R), family 6 model 207");
  EXPECT_EQ(found.memory_bytes, std::int64_t{24} << 30);
  EXPECT_EQ(found.kernel, "6.18");
  EXPECT_EQ(found.hypervisor, "none");
  EXPECT_EQ(found.cpus.effective, 2u);
  EXPECT_EQ(kernel_release(root.path()), "6.18.44-fc-v657");
}

TEST(machine, of_arm_is_named_by_its_numbers_and_its_board) {
  fixture_root root;
  root.write("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n")
      .write("proc/device-tree/model", std::string_view("Example Board\0", 14));
  EXPECT_EQ(read_machine({}, root.path()).cpu_model, "Example Board, implementer 0x41 part 0xd0c");
}

TEST(machine, names_its_hypervisor_from_any_of_the_places_that_tell) {
  fixture_root xen;
  xen.write("sys/hypervisor/type", "xen\n");
  EXPECT_EQ(read_machine({}, xen.path()).hypervisor, "xen");
  fixture_root tree;
  tree.write("proc/device-tree/hypervisor/compatible", "linux,kvm");
  EXPECT_EQ(read_machine({}, tree.path()).hypervisor, "kvm");
  fixture_root cloud;
  cloud.write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n").write("sys/class/dmi/id/product_name", "m7g.large\n");
  EXPECT_EQ(read_machine({}, cloud.path()).hypervisor, "amazon");
  fixture_root metal;
  metal.write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n").write("sys/class/dmi/id/product_name", "m7g.metal\n");
  EXPECT_EQ(read_machine({}, metal.path()).hypervisor, "none");
}

TEST(machine, that_publishes_nothing_is_unknown_and_not_an_error) {
  const fixture_root root;
  const machine found = read_machine({}, root.path());
  EXPECT_EQ(found.cpu_model, "unknown");
  EXPECT_EQ(found.memory_bytes, 0);
  EXPECT_EQ(found.kernel, "unknown");
  EXPECT_EQ(found.hypervisor, "none");
  EXPECT_THAT(found.fingerprint(), MatchesRegex("[0-9a-f]{16}"));
}

TEST(machine, has_at_least_a_gib_of_memory_if_it_has_any) {
  fixture_root root;
  root.write("proc/meminfo", "MemTotal: 262144 kB\n");
  EXPECT_EQ(read_machine({}, root.path()).memory_bytes, std::int64_t{1} << 30);
}

TEST(machine, that_we_run_on_has_the_same_fingerprint_twice) {
  EXPECT_EQ(read_machine({}).fingerprint(), read_machine({}).fingerprint());
  EXPECT_NE(read_machine({}).kernel, "unknown");
}

}  // namespace
}  // namespace waitwork
