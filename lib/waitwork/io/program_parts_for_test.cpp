// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/program_parts_for_test.hpp>

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include <waitwork/coro/scope.hpp>

namespace waitwork {

void script::require(bool holds, const char* what) {
  if (!holds && wrong.empty()) wrong = what;
}

nanoseconds some_time(script& told, nanoseconds most) {
  return nanoseconds(told.random.below(static_cast<std::uint64_t>(most.count())));
}

std::byte expected_byte(std::uint64_t stream, std::size_t position) {
  return static_cast<std::byte>(mix64(stream ^ (position / 8)) >> (position % 8 * 8));
}

std::vector<std::byte> expected_bytes(std::uint64_t stream, std::size_t from, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = expected_byte(stream, from + i);
  return bytes;
}

std::uint64_t right_answer(std::uint64_t question) { return question * 3 + 1; }

task<void> beside(script& told, task<void> service, task<void> work) {
  stop_source done((co_await this_task::token()).source());
  auto both = [&](scope& running) -> task<void> {
    auto serve = [&]() -> task<void> {
      try {
        co_await with_stop(done, std::move(service));
      } catch (const cancelled&) {
      }
      if (done.stop_requested()) co_return;
      told.expect(false, "a service ended before it was asked to");
      throw std::system_error(ESRCH, std::generic_category(), "a service");
    };
    auto finish = [&]() -> task<void> {
      std::exception_ptr failure;
      try {
        co_await std::move(work);
      } catch (...) {
        failure = std::current_exception();
      }
      done.request_stop();
      if (failure) std::rethrow_exception(failure);
    };
    task<void> serving = serve();
    task<void> finishing = finish();  // both are there before one runs
    running.spawn(std::move(serving));
    running.spawn(std::move(finishing));
    co_await running.join();
  };
  co_await with_scope(both);
}

}  // namespace waitwork
