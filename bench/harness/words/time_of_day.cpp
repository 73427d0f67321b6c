// SPDX-License-Identifier: Apache-2.0
#include <harness/words/time_of_day.hpp>

#include <time.h>

#include <array>

namespace waitwork::bench {
namespace {

std::string formatted(const char* format, const tm& moment) {
  std::array<char, 64> text{};
  return {text.data(), ::strftime(text.data(), text.size(), format, &moment)};
}

}  // namespace

std::string utc_time_of_day() {
  const time_t now = ::time(nullptr);
  tm moment{};
  ::gmtime_r(&now, &moment);
  return formatted("%Y-%m-%dT%H:%M:%SZ", moment);
}

std::string utc_time_of_day_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm moment{};
  ::gmtime_r(&now.tv_sec, &moment);
  const std::string milliseconds = std::to_string(1000 + now.tv_nsec / 1'000'000).substr(1);
  return formatted("%Y-%m-%dT%H:%M:%S.", moment) + milliseconds + "Z";
}

std::string local_time_of_day() {
  const time_t now = ::time(nullptr);
  tm moment{};
  ::localtime_r(&now, &moment);
  std::string zone = formatted("%z", moment);  // "+0100"
  if (zone.size() == 5) zone.insert(3, ":");
  return formatted("%Y-%m-%dT%H:%M:%S", moment) + zone;
}

}  // namespace waitwork::bench
