// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/environment.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <thread>

#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

// What is more has not been built (100 GHz), or has never been waited for (a million runnable tasks).
constexpr double mhz_most = 1e5;
constexpr double load_most = 1e6;

// Nothing for what is no number (also "nan"), negative, or beyond `most`.
std::optional<double> parse_decimal(std::string_view text, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value >= 0 && value <= most ? std::optional(value) : std::nullopt;
}

constexpr std::int64_t cache_most_bytes = std::int64_t{1} << 40;
constexpr int cache_levels_most = 9;
constexpr int caches_most = 64;

// "48K", "2048K", "260M"; absent if it is none of them.
std::optional<std::int64_t> parse_cache_size(std::string_view text) {
  std::int64_t unit = 1;
  if (text.ends_with('K')) unit = std::int64_t{1} << 10;
  if (text.ends_with('M')) unit = std::int64_t{1} << 20;
  if (text.ends_with('G')) unit = std::int64_t{1} << 30;
  if (unit != 1) text.remove_suffix(1);
  const auto number = parse_number(text, {1, cache_most_bytes / unit});
  return number ? std::optional(*number * unit) : std::nullopt;
}

std::vector<cpu_cache> read_caches(const std::filesystem::path& cpus) {
  std::vector<cpu_cache> caches;
  for (int index = 0; index < caches_most; ++index) {
    const std::filesystem::path directory = cpus / "cpu0/cache" / ("index" + std::to_string(index));
    const auto type = read_system_name(directory / "type");
    const auto level = parse_number(read_system_file(directory / "level").value_or(""), {1, cache_levels_most});
    const auto size = parse_cache_size(read_system_file(directory / "size").value_or(""));
    if (!type || !level || !size) break;
    const auto map = read_system_file(directory / "shared_cpu_map").value_or("");
    caches.push_back({.type = *type,
                      .level = static_cast<int>(*level),
                      .size_bytes = *size,
                      .sharing = count_cpu_mask(map).value_or(0)});
  }
  return caches;
}

// CPUs may be missing from the middle (offline), so the directory is listed rather than counted.
std::vector<std::string> read_governors(const std::filesystem::path& cpus) {
  std::vector<std::string> governors;
  std::error_code ignored;
  std::filesystem::directory_iterator entry(cpus, ignored);
  for (; entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
    const auto governor = read_system_name(entry->path() / "cpufreq/scaling_governor");
    if (governor && std::ranges::find(governors, *governor) == governors.end()) {
      governors.push_back(*governor);
    }
  }
  std::ranges::sort(governors);
  return governors;
}

double read_mhz(const std::filesystem::path& root, const std::filesystem::path& cpus) {
  const std::string highest = read_system_file(cpus / "cpu0/cpufreq/cpuinfo_max_freq").value_or("");
  if (const auto khz = parse_number(highest, {1, static_cast<std::int64_t>(mhz_most) * 1000})) {
    return static_cast<double>(*khz) / 1000.0;
  }
  const std::string info = read_system_file(root / "proc/cpuinfo").value_or("");
  return parse_decimal(value_of(info, "cpu MHz").value_or(""), mhz_most).value_or(0.0);
}

std::vector<double> read_load_average(const std::filesystem::path& root) {
  const std::string text = read_system_file(root / "proc/loadavg").value_or("");
  std::vector<double> averages;
  for (const std::string_view field : split_fields(text)) {
    const auto average = parse_decimal(field, load_most);
    if (!average || averages.size() == 3) break;
    averages.push_back(*average);
  }
  if (averages.size() != 3) averages.clear();
  return averages;
}

std::string read_host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

environment read_environment(const std::filesystem::path& root) {
  const std::filesystem::path cpus = root / "sys/devices/system/cpu";
  environment found;
  found.host_name = read_host_name();
  const auto online = count_cpu_list(read_system_file(cpus / "online").value_or(""));
  found.cpus_online = std::max(online.value_or(0) > 0 ? *online : std::thread::hardware_concurrency(), 1u);
  found.mhz = read_mhz(root, cpus);
  found.governors = read_governors(cpus);
  if (!found.governors.empty()) {
    found.cpu_scaling_enabled = found.governors != std::vector<std::string>{"performance"};
  }
  found.caches = read_caches(cpus);
  found.load_average = read_load_average(root);
  return found;
}

}  // namespace waitwork
