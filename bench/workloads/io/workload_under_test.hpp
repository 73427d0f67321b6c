// SPDX-License-Identifier: Apache-2.0
#pragma once
// workload_under_test: a registered workload, made in a directory of its own and driven without the
// harness.
//
// For tests only. The directory is made in the current one, which ctest sets to the build
// directory: a temporary directory of the system is often tmpfs, where direct I/O has no device to
// reach.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/coro/lanes.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork::bench {

class scratch_directory {
 public:
  scratch_directory() {
    std::string name = (std::filesystem::current_path() / "workload_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<workload> make_workload(std::string_view name, const workload_settings& settings) {
  for (const workload_definition& definition : registered_workloads()) {
    if (definition.name == name) return definition.make(settings);
  }
  throw std::invalid_argument("no workload is called " + std::string(name));
}

inline workload_settings smoke_settings(const std::filesystem::path& directory, std::string variant = "",
                                        unsigned lanes = 1) {
  workload_settings settings;
  settings.variant = std::move(variant);
  settings.lanes = lanes;
  settings.work_directory = directory;
  settings.seed = 42;
  settings.smoke = true;
  return settings;
}

// Each of these does units [0, count) and gives the number of wrong answers.

inline std::uint64_t wrong_when_blocking(workload& tested, std::uint64_t count) {
  std::uint64_t wrong = 0;
  for (std::uint64_t index = 0; index < count; ++index) {
    wrong += tested.run({index, 0}) != tested.expected(index);
  }
  return wrong;
}

inline std::uint64_t wrong_on_threads(workload& tested, std::uint64_t count, unsigned lanes) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::jthread> threads;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] {
      for (std::uint64_t index = next++; index < count; index = next++) {
        if (tested.run({index, lane}) != tested.expected(index)) ++wrong;
      }
    });
  }
  threads.clear();
  return wrong;
}

inline std::uint64_t wrong_on_loop(workload& tested, std::uint64_t count, unsigned lane_count) {
  std::uint64_t next = 0;
  std::uint64_t wrong = 0;
  async_context context(nullptr);
  auto next_unit = [&]() -> std::optional<std::uint64_t> {
    return next < count ? std::optional(next++) : std::nullopt;
  };
  auto run_unit = [&](std::uint64_t index, unsigned lane) -> task<void> {
    const answer got = co_await tested.run(context, unit{index, lane});
    wrong += got != tested.expected(index);
  };
  loop driver;
  driver.run(lanes(0, lane_count, next_unit, run_unit));
  return wrong;
}

// Skips a test on a machine that lacks what it needs: io_uring, or direct I/O in the current
// directory.
#define WAITWORK_SKIP_IF_UNSUPPORTED(...)                  \
  try {                                                    \
    __VA_ARGS__;                                           \
  } catch (const ::waitwork::unsupported_error& missing) { \
    GTEST_SKIP() << missing.what();                        \
  }                                                        \
  static_assert(true)

}  // namespace waitwork::bench
