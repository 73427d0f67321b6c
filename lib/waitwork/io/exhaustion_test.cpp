// SPDX-License-Identifier: Apache-2.0
// What the runtime does when the machine gives no more: descriptors, locked memory, a ring. It says the cause and the
// remedy, and the program goes on. Each case runs in a child process, whose limits are its own.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/confined_for_test.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/io/buffer_ring.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/registered.hpp>
#include <waitwork/io/remote.hpp>

#include <examples/echo_server.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

// No descriptor above those that are open now, but `more`. The ones in use are assumed to be the lowest.
void leave_descriptors(int more) {
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  set_limit(RLIMIT_NOFILE, static_cast<rlim_t>(next + more));
}

// What making a loop throws, with its kind before it.
std::string refusal_of_a_loop() {
  try {
    const loop refused;
    return "a loop all the same";
  } catch (const unsupported_error& error) {
    return std::string("unsupported: ") + error.what();
  } catch (const environment_error& error) {
    return std::string("environment: ") + error.what();
  }
}

task<int> four() {
  co_await yield();
  co_return 4;
}

TEST(exhaustion, of_descriptors_stops_no_accept_for_good) {
  const std::string said = in_child([]() -> std::string {
    const unique_fd listener = value_or_throw(listen(endpoint::loopback(0)), "listen");
    const endpoint address = value_or_throw(endpoint::of_socket(listener.get()), "address");
    loop here;
    return here.run([](int at, endpoint peer) -> task<std::string> {
      unique_fd first = value_or_throw(co_await connect_to(peer), "connect");
      const unique_fd second = value_or_throw(co_await connect_to(peer), "connect");
      leave_descriptors(0);
      const result<unique_fd> none = co_await accept(at);
      std::string told = none ? "accepted" : none.error().message();
      first.reset();
      const result<unique_fd> one = co_await accept(at);
      told += one ? ", then accepted" : ", then " + one.error().message();
      co_return told;
    }(listener.get(), address));
  });
  EXPECT_EQ(said, "Too many open files, then accepted");
}

TEST(exhaustion, of_descriptors_is_an_outcome_of_opening_and_connecting) {
  const std::string said = in_child([]() -> std::string {
    loop here;
    return here.run([]() -> task<std::string> {
      leave_descriptors(0);
      const result<unique_fd> file = co_await open_file("/dev/null", O_RDONLY);
      const result<unique_fd> connection = co_await connect_to(endpoint::loopback(1));
      co_return (file ? "opened" : file.error().message()) + ", " +
          (connection ? "connected" : connection.error().message());
    }());
  });
  EXPECT_EQ(said, "Too many open files, Too many open files");
}

// Ten clients and descriptors for three connections: the others are served when those have gone.
TEST(exhaustion, of_descriptors_delays_the_clients_of_a_server) {
  const std::string said = in_child([]() -> std::string {
    const unique_fd listener = value_or_throw(listen(endpoint::loopback(0)), "listen");
    const endpoint address = value_or_throw(endpoint::of_socket(listener.get()), "address");
    loop here;
    return here.run([](int at, endpoint peer) -> task<std::string> {
      buffer_ring buffers(8, 64);
      std::vector<unique_fd> clients;
      for (int i = 0; i < 10; ++i) clients.push_back(value_or_throw(co_await connect_to(peer), "connect"));
      leave_descriptors(3);
      int served = 0;
      auto client = [&served](unique_fd socket) -> task<void> {
        std::array<std::byte, 5> words{};
        value_or_throw(co_await send_all(socket.get(), words), "send");
        value_or_throw(co_await receive_exactly(socket.get(), words), "receive");
        ++served;
      };
      auto serving = [&](scope& running) -> task<void> {
        running.spawn(examples::serve_echo(at, buffers, 10s));
        auto crowd = [&](scope& all) -> task<void> {
          for (unique_fd& each : clients) all.spawn(client(std::move(each)));
          co_return;
        };
        co_await with_scope(crowd);
        running.request_stop();
      };
      co_await with_scope(serving);
      co_return std::to_string(served) + " served";
    }(listener.get(), address));
  });
  EXPECT_EQ(said, "10 served");
}

TEST(exhaustion, of_descriptors_refuses_a_second_loop_and_leaves_the_first) {
  const std::string said = in_child([]() -> std::string {
    loop here;
    leave_descriptors(0);
    const std::string refused = refusal_of_a_loop();
    return refused + "; " + std::to_string(here.run(four()));
  });
  EXPECT_THAT(said, AllOf(HasSubstr("environment: set up io_uring"), HasSubstr("ulimit -n"), HasSubstr("; 4")));
}

TEST(exhaustion, of_the_table_of_registered_files_is_told_from_a_missing_one) {
  const std::string said = in_child([]() -> std::string {
    loop here;
    std::vector<registered_file> files;
    std::string told;
    leave_descriptors(2);  // the table is not longer than that limit
    try {
      for (;;) files.emplace_back(0, here);
    } catch (const environment_error& error) {
      told = error.what();
    }
    files.pop_back();
    files.emplace_back(0, here);
    return told;
  });
  EXPECT_THAT(said, AllOf(HasSubstr("register file descriptor 0"), HasSubstr("slots")));
}

// With this limit, and without the capability that lifts it. What is locked is counted for a user's processes together.
// (A ring gives its memory back some time after its end.)
std::string with_locked_memory(rlim_t bytes_most, const std::function<std::string()>& work) {
  return in_child([&]() -> std::string {
    if (::geteuid() == 0 && !become_nobody_else()) return "skip";
    set_limit(RLIMIT_MEMLOCK, bytes_most);
    return work();
  });
}

TEST(exhaustion, of_locked_memory_refuses_a_buffer_and_names_the_limit) {
  const std::string said = with_locked_memory(1 << 20, []() -> std::string {
    loop here;
    std::string told;
    try {
      const registered_buffer large(4 << 20, here);
      return "skip";
    } catch (const unsupported_error& error) {
      told = error.what();
    }
    const registered_buffer small(4096, here);
    return told + "; " + std::to_string(here.run(four()));
  });
  if (said == "skip") GTEST_SKIP() << "no limit of locked memory applies here";
  EXPECT_THAT(said, AllOf(HasSubstr("register a buffer of 4194304 bytes"), HasSubstr("memlock limit of 1024 KiB"),
                          HasSubstr("ulimit -l"), HasSubstr("; 4")));
}

TEST(exhaustion, of_locked_memory_refuses_a_ring_and_takes_a_smaller_one) {
  const std::string said = with_locked_memory(64 << 10, []() -> std::string {
    const std::string refused = refusal_of_a_loop();
    if (refused == "a loop all the same") return "skip";
    loop_options small;
    small.submission_entries = 16;
    small.completion_entries = 64;
    loop here(small);
    return refused + "; " + std::to_string(here.run(four()));
  });
  if (said == "skip") GTEST_SKIP() << "no limit of locked memory applies to rings here";
  EXPECT_THAT(said, AllOf(HasSubstr("unsupported: set up io_uring"), HasSubstr("memlock"), HasSubstr("ulimit -l"),
                          HasSubstr("; 4")));
}

class refused_ring : public testing::TestWithParam<int> {};

TEST_P(refused_ring, is_unsupported_with_cause_and_remedy_and_the_program_goes_on) {
  const std::string said = in_child([]() -> std::string {
    loop before;
    forbid(SYS_io_uring_setup, GetParam());
    const std::string refused = refusal_of_a_loop();
    return refused + "; " + std::to_string(before.run(four()));
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("unsupported: set up io_uring"), HasSubstr("seccomp"), HasSubstr("; 4")));
}

INSTANTIATE_TEST_SUITE_P(exhaustion, refused_ring, testing::Values(EPERM, ENOSYS));

// Like the memlock limit, which answers the same: a machine that is set up so cannot have the ring.
TEST(exhaustion, of_memory_for_a_ring_is_unsupported) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_io_uring_setup, ENOMEM);
    return refusal_of_a_loop();
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("unsupported: set up io_uring"), HasSubstr("memlock")));
}

class refused_enter : public testing::TestWithParam<int> {};

// A ring can be made and cannot be used: found out by using it, before anything depends on it.
TEST_P(refused_enter, is_a_refusal_of_the_ring_that_names_the_call) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_io_uring_enter, GetParam());
    return refusal_of_a_loop();
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("set up io_uring: "), HasSubstr("io_uring_enter")));
}

INSTANTIATE_TEST_SUITE_P(exhaustion, refused_enter, testing::Values(EPERM, EACCES, ENOSYS, EAGAIN, EINTR));

TEST(exhaustion, of_registering_leaves_the_loop_and_takes_what_is_registered) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_io_uring_register, EPERM);
    loop here;
    const auto kind_of = [](const auto& make) -> std::string {
      try {
        make();
        return "made";
      } catch (const unsupported_error& error) {
        return error.what();
      }
    };
    const auto body = [&]() -> task<std::string> {
      std::string told = kind_of([&] { registered_file(0, here); }) + "; ";
      told += kind_of([&] { registered_buffer(4096, here); }) + "; ";
      told += kind_of([&] { buffer_ring(4, 64); });
      co_return told;
    };
    return here.run(body()) + "; " + std::to_string(here.run(four()));
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("register file descriptor 0: this process may not call io_uring_register"),
                          HasSubstr("register a buffer of 4096 bytes: this process may not call io_uring_register"),
                          HasSubstr("register a ring of receive buffers: this process may not call io_uring_register"),
                          HasSubstr("; 4")));
}

constexpr unsigned register_send_msg_ring = 31;

TEST(exhaustion, of_every_bell_is_unsupported_where_a_sandbox_refuses_it) {
  const std::string said = in_child([]() -> std::string {
    loop before;
    forbid(SYS_io_uring_register, EINVAL, register_send_msg_ring);
    forbid(SYS_eventfd2, EPERM);
    return refusal_of_a_loop() + "; " + std::to_string(before.run(four()));
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("unsupported: create an eventfd: "), HasSubstr("profile that allows eventfd"),
                          HasSubstr("; 4")));
}

TEST(exhaustion, of_descriptors_for_a_bell_is_a_shortage) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_io_uring_register, EINVAL, register_send_msg_ring);
    leave_descriptors(1);  // for the ring
    return refusal_of_a_loop();
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(HasSubstr("environment: create an eventfd: "), HasSubstr("ulimit -n")));
}

// As on kernels before 6.13: the bell is then an eventfd.
TEST(exhaustion, of_ring_messages_leaves_another_bell) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_io_uring_register, EINVAL, register_send_msg_ring);
    loop here;
    int calls = 0;
    event called;
    auto call = [&]() -> task<void> {
      ++calls;
      called.set();
      co_return;
    };
    std::thread caller([&call, outside = here.remote()] {
      for (int made = 0; made < 20;) {
        spawned<void> pending = outside.spawn(call());
        try {
          pending.get();
          ++made;
        } catch (const cancelled&) {  // the loop does not run yet
        }
      }
    });
    auto waiting = [&]() -> task<void> {
      while (calls < 20) {
        co_await called.wait();
        called.reset();
      }
    };
    here.run(waiting());
    caller.join();
    return std::to_string(calls) + " calls, " + (here.counters().wakes_received > 0 ? "some" : "none") + " woke it";
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_EQ(said, "20 calls, some woke it");
}

}  // namespace
}  // namespace waitwork
