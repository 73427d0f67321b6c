// SPDX-License-Identifier: Apache-2.0
#pragma once
// machine: what identifies the machine that figures come from, so that figures of different ones
// are never compared unnoticed. Only what is the same from run to run belongs here; what changes
// (load, frequency) is in environment.hpp.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork {

// What this process may use of the CPUs. Given by the caller: the layer that knows is not below
// this one.
struct cpu_share {
  unsigned effective = 1;       // CPUs that can compute for us at the same time
  unsigned affinity = 1;        // CPUs in the affinity mask
  std::optional<double> quota;  // CPUs' worth of time that the cgroup grants; absent if it does not limit
};

struct machine {
  // The name that the CPU gives, with family and model, because hypervisors blank the name:
  // "Intel(R) Xeon(R) Processor" may be any of ten years.
  std::string cpu_model;
  cpu_share cpus;
  std::int64_t memory_bytes = 0;  // rounded to whole GiB: what firmware and kernel reserve differs from boot to boot
  std::string kernel;             // "6.18": a patch release is no other machine
  std::string hypervisor;         // "kvm", "vmware", ...; "none" on bare metal; "unknown" if it does not say
  std::string architecture;       // "x86_64", "aarch64"

  // 16 hex digits: FNV-1a of canonical_text(). Equal for equal machines, on every build and
  // platform.
  std::string fingerprint() const;

  // One line "name=value" for each of the above, in alphabetical order.
  std::string canonical_text() const;
};

// Reads `root`/proc and `root`/sys; `root` is "/" except in tests. What cannot be found is
// "unknown" or 0.
machine read_machine(const cpu_share& cpus, const std::filesystem::path& root = "/");

// The kernel's full release, e.g. "6.1.0-28-amd64".
std::string kernel_release(const std::filesystem::path& root = "/");

// 64-bit FNV-1a (Fowler, Noll, Vo, http://www.isthe.com/chongo/tech/comp/fnv/): stable, short, not
// for secrets.
constexpr std::uint64_t fnv1a(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char each : text) {
    hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3u;
  }
  return hash;
}

// 16 hexadecimal digits, zeros in front.
std::string hex_digits(std::uint64_t value);

}  // namespace waitwork
