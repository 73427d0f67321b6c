// SPDX-License-Identifier: Apache-2.0
#include <harness/command/benchmark_environment.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace waitwork::bench {
namespace {

constexpr std::string_view prefix = "BENCHMARK_";

// "NAME=value", as the kernel put them on the stack; they stay there. More than there are flags.
std::array<const char*, 128> taken{};
std::size_t taken_count = 0;

// Nothing is initialised when this runs, not even a sanitizer: no library may be called and nothing instrumented be
// used.
__attribute__((no_sanitize("address", "undefined", "thread"))) void take(int, char**, char** environment) {
  char** kept = environment;
  for (char** variable = environment; *variable != nullptr; ++variable) {
    std::size_t same = 0;
    while (same < prefix.size() && (*variable)[same] == prefix[same]) ++same;
    if (same == prefix.size() && taken_count < taken.size()) {
      taken[taken_count++] = *variable;
    } else {
      *kept++ = *variable;
    }
  }
  *kept = nullptr;
}

__attribute__((section(".preinit_array"), used)) void (*const take_first)(int, char**, char**) = take;

}  // namespace

std::optional<std::string> benchmark_variable(std::string_view name) {
  for (std::size_t index = 0; index < taken_count; ++index) {
    const std::string_view variable = taken[index];
    if (variable.starts_with(name) && variable.substr(name.size()).starts_with('=')) {
      return std::string(variable.substr(name.size() + 1));
    }
  }
  const char* const now = std::getenv(std::string(name).c_str());
  return now != nullptr ? std::optional<std::string>(now) : std::nullopt;
}

}  // namespace waitwork::bench
