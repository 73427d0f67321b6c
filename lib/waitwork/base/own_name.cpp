// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/own_name.hpp>

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>

#include <waitwork/base/random.hpp>

namespace waitwork {
namespace {

constexpr std::size_t half_digits = 8;

std::uint32_t random_half() noexcept {
  std::uint32_t half = 0;
  if (::getrandom(&half, sizeof half, GRND_NONBLOCK) == sizeof half) return half;
  // Forbidden by a sandbox, or the pool is not ready: a name has to be new, not secret.
  static std::atomic<std::uint64_t> calls{0};
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto nanoseconds =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  const auto process = static_cast<std::uint64_t>(::getpid());
  return static_cast<std::uint32_t>(
      mix64(mix64(nanoseconds + process) + calls.fetch_add(1, std::memory_order_relaxed)));
}

std::string digits_of(std::uint32_t half) {
  std::array<char, half_digits + 1> digits;
  std::snprintf(digits.data(), digits.size(), "%08x", half);
  return digits.data();
}

// What belongs behind `first`. The constant keeps apart what other programs may derive in a like way.
std::string second_half(std::string_view first, std::string_view purpose) {
  std::uint64_t state = 0x77616974776f726b;  // "waitwork"
  for (const std::string_view part : {purpose, first}) {
    for (const char character : part) state = mix64(state ^ static_cast<unsigned char>(character));
    state = mix64(state + part.size());
  }
  return digits_of(static_cast<std::uint32_t>(state));
}

}  // namespace

std::string new_own_name(std::string_view purpose) {
  const std::string first = digits_of(random_half());
  return first + second_half(first, purpose);
}

bool is_own_name(std::string_view name, std::string_view purpose) noexcept {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == 2 * half_digits && std::ranges::all_of(name, is_digit) &&
         name.substr(half_digits) == second_half(name.substr(0, half_digits), purpose);
}

}  // namespace waitwork
