#include <waitwork/measure/memory_allowance.hpp>

#include <algorithm>
#include <string>
#include <string_view>

#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

// The path of this process's cgroup of version 2, without its leading slash: the line "0::/path" of proc/self/cgroup.
std::filesystem::path unified_cgroup(const std::filesystem::path& root) {
  const std::string text = read_system_file(root / "proc/self/cgroup").value_or("");
  constexpr std::string_view prefix = "0::/";
  const std::size_t begin = text.starts_with(prefix) ? 0 : text.find(std::string("\n") += prefix) + 1;
  if (begin == 0 && !text.starts_with(prefix)) return {};  // npos + 1
  const std::string_view line = std::string_view(text).substr(begin, text.find('\n', begin) - begin);
  return line.substr(prefix.size());
}

}  // namespace

std::optional<std::int64_t> memory_allowance_bytes(const std::filesystem::path& root) {
  std::optional<std::int64_t> least;
  const auto limit = [&least](std::optional<std::int64_t> bytes) {
    if (bytes) least = std::min(least.value_or(*bytes), *bytes);
  };
  const std::string info = read_system_file(root / "proc/meminfo").value_or("");
  if (const auto kib = parse_number(value_of(info, "MemAvailable").value_or(""))) limit(*kib << 10);
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  std::filesystem::path group = unified_cgroup(root);
  // "max" is not a number, and so no limit.
  for (; !group.empty(); group = group.parent_path()) limit(read_system_number(mount / group / "memory.max"));
  limit(read_system_number(mount / "memory.max"));
  limit(read_system_number(mount / "memory/memory.limit_in_bytes"));
  return least;
}

}  // namespace waitwork
