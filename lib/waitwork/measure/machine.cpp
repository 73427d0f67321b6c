// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/machine.hpp>

#include <sys/utsname.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

constexpr const char* unknown = "unknown";

// The shortest decimal that reads back as the same number, in every locale.
std::string decimal(double value) {
  std::array<char, 32> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), written.ptr};
}

// x86 has a name and numbers; Arm has numbers only, and the board's name elsewhere.
std::string read_cpu_model(const std::filesystem::path& root) {
  const std::string info = read_system_file(root / "proc/cpuinfo").value_or("");
  const auto named = [&info](std::string_view key) -> std::optional<std::string> {
    const auto value = value_of(info, key);
    return value ? believable_name(*value) : std::nullopt;
  };
  const auto name = named("model name");
  const auto family = named("cpu family");
  const auto model = named("model");
  if (name && family && model) return *name + ", family " + *family + " model " + *model;
  if (name) return *name;
  const auto implementer = named("CPU implementer");
  const auto part = named("CPU part");
  const std::string tree = read_system_file(root / "proc/device-tree/model").value_or("");
  const std::string board = believable_name(tree.substr(0, tree.find('\0'))).value_or("");
  if (implementer && part) {
    return (board.empty() ? "" : board + ", ") + "implementer " + *implementer + " part " + *part;
  }
  return board.empty() ? unknown : board;
}

std::int64_t read_memory_bytes(const std::filesystem::path& root) {
  const std::string info = read_system_file(root / "proc/meminfo").value_or("");
  const std::string total = value_of(info, "MemTotal").value_or("");  // "24684092 kB"
  const std::int64_t kib = parse_number(total, {1, memory_most_kib}).value_or(0);
  if (kib == 0) return 0;
  constexpr std::int64_t kib_per_gib = 1 << 20;
  const std::int64_t gib = std::max<std::int64_t>((kib + kib_per_gib / 2) / kib_per_gib, 1);
  return gib << 30;
}

struct vendor {
  std::string_view signature;
  const char* name;
};

// What hypervisors answer to CPUID leaf 0x40000000; names as systemd-detect-virt has them.
constexpr std::array vendors{
    vendor{"KVMKVMKVM", "kvm"},       vendor{"Linux KVM Hv", "kvm"},       vendor{"TCGTCGTCGTCG", "qemu"},
    vendor{"VMwareVMware", "vmware"}, vendor{"Microsoft Hv", "microsoft"}, vendor{"XenVMMXenVMM", "xen"},
    vendor{"bhyve bhyve ", "bhyve"},  vendor{"VBoxVBoxVBox", "oracle"},    vendor{"QNXQVMBSQG", "qnx"},
    vendor{"ACRNACRNACRN", "acrn"},   vendor{" prl hyperv ", "parallels"}, vendor{" lrpepyh  vr", "parallels"},
};

std::string hypervisor_of_cpuid() {
#if defined(__x86_64__) || defined(__i386__)
  unsigned leaf = 0;
  std::array<unsigned, 3> words{};
  __cpuid(0x40000000, leaf, words[0], words[1], words[2]);
  std::array<char, sizeof words> text;
  std::memcpy(text.data(), words.data(), sizeof words);
  const std::string_view signature(text.data(), text.size());
  for (const vendor& each : vendors) {
    if (signature.starts_with(each.signature)) return each.name;
  }
#endif
  return unknown;
}

std::string read_hypervisor(const std::filesystem::path& root) {
  // Xen says so itself, on all architectures.
  if (const auto type = read_system_name(root / "sys/hypervisor/type")) return *type;
  const std::string info = read_system_file(root / "proc/cpuinfo").value_or("");
  const std::string flags = value_of(info, "flags").value_or("");
  const auto all_flags = split_fields(flags);
  if (std::ranges::find(all_flags, "hypervisor") != all_flags.end()) return hypervisor_of_cpuid();
  // Arm: KVM and others announce themselves in the device tree, or else in the firmware's tables.
  const std::string tree = read_system_file(root / "proc/device-tree/hypervisor/compatible").value_or("");
  if (tree.find("xen") != std::string::npos) return "xen";
  if (tree.find("kvm") != std::string::npos) return "kvm";
  const std::string product = read_system_file(root / "sys/class/dmi/id/product_name").value_or("");
  const std::string maker = read_system_file(root / "sys/class/dmi/id/sys_vendor").value_or("");
  if (product.find("KVM") != std::string::npos || maker == "QEMU") return "kvm";
  if (maker == "Amazon EC2" && product.find("metal") == std::string::npos) return "amazon";
  if (maker == "Google" && product == "Google Compute Engine") return "google";
  return "none";
}

std::string read_architecture() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : unknown;
}

// "6.18.44-fc" -> "6.18"
std::string major_and_minor(const std::string& release) {
  const std::size_t first = release.find('.');
  if (first == std::string::npos) return release;
  const std::size_t end = release.find_first_not_of("0123456789", first + 1);
  return release.substr(0, end);
}

}  // namespace

std::string kernel_release(const std::filesystem::path& root) {
  return read_system_name(root / "proc/sys/kernel/osrelease").value_or(unknown);
}

machine read_machine(const cpu_share& cpus, const std::filesystem::path& root) {
  return {.cpu_model = read_cpu_model(root),
          .cpus = cpus,
          .memory_bytes = read_memory_bytes(root),
          .kernel = major_and_minor(kernel_release(root)),
          .hypervisor = read_hypervisor(root),
          .architecture = read_architecture()};
}

std::string machine::canonical_text() const {
  std::string text;
  const auto add = [&text](const char* name, const std::string& value) {
    text += name;
    text += '=';
    text += value;
    text += '\n';
  };
  add("architecture", architecture);
  add("cpu_model", cpu_model);
  if (cpus.quota) add("cpu_quota", decimal(*cpus.quota));
  add("cpus_affinity", std::to_string(cpus.affinity));
  add("cpus_effective", std::to_string(cpus.effective));
  add("hypervisor", hypervisor);
  add("kernel", kernel);
  add("memory_bytes", std::to_string(memory_bytes));
  return text;
}

std::string hex_digits(std::uint64_t value) {
  std::array<char, 16> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value, 16);
  std::string digits(text.data(), written.ptr);
  return std::string(text.size() - digits.size(), '0') + digits;
}

std::string machine::fingerprint() const { return hex_digits(fnv1a(canonical_text())); }

}  // namespace waitwork
