// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/schedule_for_test.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/io/live_allocations_for_test.hpp>

// Of the sanitizers' runtime, where there is one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace waitwork {
namespace {

// How to repeat what is running now. Written from a signal handler, so no std::string.
std::array<char, 512> repeat_line{};

void say_how_to_repeat() {
  const char head[] = "\nto repeat: ";
  for (const char* part : {head, static_cast<const char*>(repeat_line.data())}) {
    std::size_t bytes = 0;
    while (part[bytes] != '\0') ++bytes;
    if (::write(STDERR_FILENO, part, bytes) < 0) return;
  }
}

void die_by(int signal) {
  say_how_to_repeat();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void announce_deaths() {
  static const bool once = [] {
    std::signal(SIGABRT, die_by);
    if (__sanitizer_set_death_callback != nullptr) {
      __sanitizer_set_death_callback(say_how_to_repeat);
    } else {
      std::signal(SIGSEGV, die_by);
      std::signal(SIGBUS, die_by);
    }
    return true;
  }();
  static_cast<void>(once);
}

void describe(const schedule& chosen) {
  const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
  const auto moment = [](const std::optional<std::uint64_t>& at) { return at ? static_cast<long long>(*at) : -1LL; };
  std::snprintf(repeat_line.data(), repeat_line.size(),
                "WAITWORK_SEED=%llu ctest -R '%s.%s', or that and --gtest_filter=%s.%s\n"
                "program %s, stop at suspension %lld, at request %lld, at submission %lld, failure at submission %lld "
                "(-1: none), failing allocation %lld, rings of %u and %u entries\n",
                static_cast<unsigned long long>(chosen.seed), test->test_suite_name(), test->name(),
                test->test_suite_name(), test->name(), chosen.what->name, moment(chosen.plan.stop_at_suspension),
                moment(chosen.plan.stop_at_request), moment(chosen.plan.stop_at_submission),
                moment(chosen.plan.fail_at_submission), moment(chosen.failing_allocation),
                chosen.options.submission_entries, chosen.options.completion_entries);
}

std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// A ring gives its locked memory back some time after its end, so a user with little of it (8 MiB is usual) may have to
// wait for the rings of the last schedules.
void make_loop(std::optional<loop>& here, const loop_options& options) {
  for (int attempt = 0; !here; ++attempt) {
    try {
      here.emplace(options);
    } catch (const environment_error&) {
      if (attempt == 2000) throw;
      ::usleep(1000);
    }
  }
}

void run_on_loop(const schedule& chosen, script& told, outcome& seen) {
  fault_injector faults(chosen.seed, chosen.rates, chosen.plan);
  faults.on_failure = [](const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); };
  if (std::getenv("WAITWORK_TRACE") != nullptr) faults.log = stderr;
  loop_options options = chosen.options;
  options.seam = &faults;
  std::optional<loop> made;
  const std::uint64_t before = allocations_made();
  if (chosen.failing_allocation) fail_allocation(before + *chosen.failing_allocation);
  try {
    make_loop(made, options);
    faults.attach(*made);
    made->run(chosen.what->run(told));
    seen.returned = true;
  } catch (const std::bad_alloc& error) {
    seen.ended_by = error.what();
    told.require(chosen.failing_allocation.has_value(), "there was memory");
  } catch (const cancelled& stopped) {
    seen.ended_by = stopped.what();
    told.expect(false, "it was cancelled");
  } catch (const std::system_error& error) {
    seen.ended_by = error.what();
    told.expect(false, seen.ended_by.c_str());
  }
  fail_allocation(std::nullopt);
  seen.allocations = allocations_made() - before;
  seen.trace = faults.trace();
  seen.suspensions = faults.suspensions();
  seen.requests = faults.requests();
  seen.submissions = faults.submissions();
  seen.faults = faults.faults();
  seen.stopped = faults.stopped();
  if (made) seen.counters = made->counters();
}

outcome run_unchecked(const schedule& chosen, std::string& wrong) {
  script told(mix64(chosen.seed));
  told.strict = chosen.strict;
  outcome seen;
  run_on_loop(chosen, told, seen);
  wrong = told.wrong;
  return seen;
}

}  // namespace

schedule schedule_from(const program& what, std::uint64_t seed) {
  splitmix64 random(seed ^ 0x5eed);
  schedule chosen(what, seed);
  chosen.rates = fault_rates_from(random);
  // Half of them never end otherwise than well.
  chosen.strict = random.below(2) == 0;
  if (chosen.strict) {
    chosen.rates = chosen.rates.harmless();
  } else if (random.below(2) == 0) {
    chosen.plan.stop_at_suspension = random.below(std::uint64_t{2} << random.below(7));
  }
  chosen.options.submission_entries = 2u << random.below(5);
  chosen.options.completion_entries = chosen.options.submission_entries << random.below(3);
  chosen.options.submission_batch = 1u << random.below(5);
  return chosen;
}

outcome run(const schedule& chosen) {
  announce_deaths();
  describe(chosen);
  static const bool warm = [] {  // what is made once for all
    std::string ignored;
    for (const program& each : programs()) run_unchecked(schedule(each, 1), ignored);
    return true;
  }();
  static_cast<void>(warm);

  std::string wrong;
  wrong.reserve(200);
  outcome seen;
  const std::ptrdiff_t descriptors = open_descriptors();
  const std::ptrdiff_t allocations = live_allocations();
  seen = run_unchecked(chosen, wrong);
  const std::string ended_by = std::move(seen.ended_by);
  const std::ptrdiff_t kept = ended_by.capacity() > 15 ? 1 : 0;
  EXPECT_EQ(live_allocations() - kept, allocations)
      << "frames or other memory leaked\nto repeat: " << repeat_line.data();
  EXPECT_EQ(open_descriptors(), descriptors) << "descriptors leaked\nto repeat: " << repeat_line.data();
  EXPECT_EQ(wrong, "") << "\nto repeat: " << repeat_line.data();
  seen.ended_by = ended_by;
  return seen;
}

std::uint64_t schedules_to_run(std::uint64_t usual) {
  if (number_in("WAITWORK_SEED")) return 1;
  if (const auto wanted = number_in("WAITWORK_SCHEDULES")) return *wanted;
  return __sanitizer_set_death_callback != nullptr ? std::max<std::uint64_t>(usual / 10, 1) : usual;
}

std::uint64_t first_seed(std::uint64_t usual) { return number_in("WAITWORK_SEED").value_or(usual); }

}  // namespace waitwork
