// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/pressure.hpp>

#include <algorithm>
#include <string>
#include <string_view>

#include <waitwork/base/clock.hpp>
#include <waitwork/measure/system_files.hpp>

namespace waitwork {
namespace {

double percent(double part, double whole) noexcept { return std::clamp(100.0 * part / whole, 0.0, 100.0); }

// Counted since boot: 2^59 microseconds are 18,000 years, and the sum of eight still fits.
constexpr number_range counters{0, std::int64_t{1} << 59};

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

// "some avg10=0.00 avg60=0.36 avg300=0.42 total=9863850", see Documentation/accounting/psi.rst of
// Linux.
std::optional<std::int64_t> some_total_us(std::string_view text) {
  const auto fields = split_fields(first_line(text));
  if (fields.empty() || fields.front() != "some") return std::nullopt;
  for (const std::string_view field : fields) {
    if (field.starts_with("total=")) return parse_number(field.substr(6), counters);
  }
  return std::nullopt;
}

// "cpu user nice system idle iowait irq softirq steal guest guest_nice", see proc_stat(5). Guest
// time is also in user and nice, so the sum stops at steal.
void read_ticks(std::string_view text, pressure_snapshot& snapshot) {
  constexpr std::size_t steal_field = 8;
  const auto fields = split_fields(first_line(text));
  if (fields.size() <= steal_field || fields.front() != "cpu") return;
  std::int64_t all = 0;
  for (std::size_t field = 1; field <= steal_field; ++field) {
    const auto ticks = parse_number(fields[field], counters);
    if (!ticks) return;
    all += *ticks;
  }
  snapshot.all_ticks = all;
  snapshot.steal_ticks = parse_number(fields[steal_field], counters);
}

}  // namespace

pressure_snapshot pressure_now(const std::filesystem::path& root) {
  pressure_snapshot snapshot;
  if (const auto text = read_system_file(root / "proc/pressure/cpu")) {
    snapshot.cpu_some_us = some_total_us(*text);
  }
  if (const auto text = read_system_file(root / "proc/stat")) read_ticks(*text, snapshot);
  snapshot.taken_ns = now_ns();
  return snapshot;
}

pressure operator-(const pressure_snapshot& later, const pressure_snapshot& earlier) noexcept {
  pressure between;
  const std::int64_t elapsed_ns = later.taken_ns - earlier.taken_ns;
  if (later.cpu_some_us && earlier.cpu_some_us && elapsed_ns > 0) {
    const auto some_ns = static_cast<double>(*later.cpu_some_us - *earlier.cpu_some_us) * 1000.0;
    between.cpu_some_percent = percent(some_ns, static_cast<double>(elapsed_ns));
  }
  const std::int64_t ticks = later.all_ticks - earlier.all_ticks;
  if (later.steal_ticks && earlier.steal_ticks && ticks > 0) {
    const auto stolen = static_cast<double>(*later.steal_ticks - *earlier.steal_ticks);
    between.steal_percent = percent(stolen, static_cast<double>(ticks));
  }
  return between;
}

}  // namespace waitwork
