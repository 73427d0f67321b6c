// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/connection_stream.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/nop.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/stop_for_test.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork {
namespace {

class connection_streams : public ::testing::Test {
 protected:
  connection_streams() : listener_(listen(endpoint::loopback(0)).value()) {
    server_ = endpoint::of_socket(listener_.get()).value();
    descriptors_ = open_descriptors();
  }
  ~connection_streams() override { EXPECT_EQ(open_descriptors(), descriptors_); }

  // Done when the kernel has the connection in the backlog.
  unique_fd client() const {
    unique_fd made = stream_socket(AF_INET).value();
    EXPECT_EQ(::connect(made.get(), server_.address(), server_.address_bytes()), 0) << std::strerror(errno);
    return made;
  }
  std::vector<unique_fd> clients(std::size_t count) const {
    std::vector<unique_fd> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(client());
    return all;
  }

  unique_fd listener_;
  endpoint server_;
  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

TEST_F(connection_streams, give_every_connection_once_and_in_order) {
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    const unique_fd early = client();
    const result<unique_fd> first = co_await incoming.next();
    EXPECT_TRUE(first.has_value());
    const auto call = [this]() -> task<std::vector<unique_fd>> {
      co_await yield();
      co_return clients(100);
    };
    const auto wait = [&]() -> task<result<unique_fd>> { co_return co_await incoming.next(); };
    const auto [calling, next] = co_await when_all(call(), wait());
    EXPECT_EQ(endpoint::of_peer(next.value().get()).value(), endpoint::of_socket(calling[0].get()).value());
    for (std::size_t i = 1; i < calling.size(); ++i) {
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_EQ(endpoint::of_peer(connection.value().get()).value(), endpoint::of_socket(calling[i].get()).value());
    }
  };
  here_.run(body());
  EXPECT_LE(here_.counters().submissions, 20u);  // not one for each connection
}

TEST_F(connection_streams, wait_for_the_next_connection) {
  const auto serve = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    for (int i = 0; i < 20; ++i) {
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_TRUE(connection.has_value());
    }
  };
  const auto call = [this]() -> task<void> {
    for (int i = 0; i < 20; ++i) {
      const result<unique_fd> caller = co_await connect_to(server_);
      EXPECT_TRUE(caller.has_value());
      std::byte none{};
      const result<std::size_t> closed = co_await receive(caller->get(), std::span(&none, 1));
      EXPECT_EQ(closed.value(), 0u);  // accepted, and closed again
    }
  };
  const auto body = [&]() -> task<void> { co_await when_all(serve(), call()); };
  here_.run(body());
}

TEST_F(connection_streams, close_what_nobody_has_taken) {
  std::vector<unique_fd> calling = clients(1);
  const auto body = [&]() -> task<void> {
    connection_stream incoming(listener_.get());
    const result<unique_fd> first = co_await incoming.next();
    EXPECT_TRUE(first.has_value());
    const auto next = [&] { return incoming.next(); };
    const result<unique_fd> none = co_await stopped_while_it_waits(next);
    EXPECT_FALSE(none.has_value());
    for (int i = 0; i < 9; ++i) calling.push_back(client());
    for (int i = 0; i < 5; ++i) co_await yield();
    EXPECT_GT(open_descriptors(), descriptors_ + 11);  // more than the clients and the first: they are accepted
  };
  here_.run(body());
  EXPECT_EQ(open_descriptors(), descriptors_ + 10);
}

TEST_F(connection_streams, leave_the_rest_in_the_backlog_when_many_wait) {
  constexpr std::ptrdiff_t callers = 200;
  const std::vector<unique_fd> calling = clients(callers);
  const auto body = [&]() -> task<void> {
    connection_stream incoming(listener_.get(), 4);
    for (std::ptrdiff_t i = 0; i < callers; ++i) {
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_TRUE(connection.has_value());
      for (int turn = 0; turn < 3; ++turn) co_await yield();
      EXPECT_LE(open_descriptors(), descriptors_ + callers + 2);
    }
  };
  here_.run(body());
}

TEST_F(connection_streams, stop_accepting_when_nobody_takes_what_comes) {
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get(), 4);
    std::vector<unique_fd> calling = clients(1);
    const result<unique_fd> first = co_await incoming.next();
    EXPECT_TRUE(first.has_value());
    const auto next = [&] { return incoming.next(); };
    const result<unique_fd> none = co_await stopped_while_it_waits(next);
    EXPECT_FALSE(none.has_value());
    for (int i = 0; i < 100; ++i) {
      calling.push_back(client());
      for (int turn = 0; turn < 3; ++turn) co_await yield();
    }
    EXPECT_LE(open_descriptors(), descriptors_ + 101 + 1 + 4 + 2);
    for (int i = 0; i < 100; ++i) {
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_EQ(endpoint::of_peer(connection.value().get()).value(),
                endpoint::of_socket(calling[static_cast<std::size_t>(i + 1)].get()).value());
    }
  };
  here_.run(body());
  EXPECT_EQ(here_.counters().cancels, 1u);
}

TEST_F(connection_streams, that_are_stopped_lose_no_connection) {
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    const auto next = [&] { return incoming.next(); };
    const result<unique_fd> past = co_await under_a_past_stop(next);
    EXPECT_EQ(error_of(past), std::errc::operation_canceled);
    const result<unique_fd> stopped = co_await stopped_while_it_waits(next);
    EXPECT_EQ(error_of(stopped), std::errc::operation_canceled);
    const result<unique_fd> late = co_await with_timeout(nanoseconds(1'000'000), incoming.next());
    EXPECT_EQ(error_of(late), std::errc::timed_out);
    const unique_fd caller = client();
    const result<unique_fd> connection = co_await incoming.next();
    EXPECT_EQ(endpoint::of_peer(connection.value().get()).value(), endpoint::of_socket(caller.get()).value());
  };
  here_.run(body());
}

TEST_F(connection_streams, lose_none_to_a_stop_that_comes_with_it) {
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    for (int i = 0; i < 200; ++i) {
      stop_source stop;
      unique_fd caller;
      const auto wait = [&]() -> task<result<unique_fd>> { co_return co_await with_stop(stop, incoming.next()); };
      const auto both = [&]() -> task<void> {
        co_await yield();
        caller = client();
        if (i % 2 == 0) co_await yield();
        stop.request_stop();
      };
      auto [connection, done] = co_await when_all(wait(), both());
      static_cast<void>(done);
      if (!connection) {
        EXPECT_EQ(error_of(connection), std::errc::operation_canceled);
        connection = co_await incoming.next();
      }
      EXPECT_EQ(endpoint::of_peer(connection.value().get()).value(), endpoint::of_socket(caller.get()).value());
    }
  };
  here_.run(body());
}

TEST_F(connection_streams, end_while_a_connection_comes) {
  const auto body = [this]() -> task<void> {
    for (int i = 0; i < 200; ++i) {
      connection_stream incoming(listener_.get());
      unique_fd caller = client();
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_TRUE(connection.has_value());
      caller = client();
    }
  };
  here_.run(body());
}

TEST_F(connection_streams, go_on_after_descriptors_ran_out) {
  const unique_fd first_caller = client();
  const unique_fd second_caller = client();
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    rlimit usual{};
    ::getrlimit(RLIMIT_NOFILE, &usual);
    const rlimit none_left{0, usual.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none_left);
    for (int i = 0; i < 3; ++i) {
      const result<unique_fd> refused = co_await incoming.next();
      EXPECT_EQ(error_of(refused), std::errc::too_many_files_open);
    }
    ::setrlimit(RLIMIT_NOFILE, &usual);
    for (int i = 0; i < 2; ++i) {
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_TRUE(connection.has_value());
    }
  };
  here_.run(body());
}

TEST_F(connection_streams, of_something_else_than_a_listener_say_so) {
  const auto body = []() -> task<void> {
    const unique_fd not_listening = stream_socket(AF_INET).value();
    connection_stream wrong(not_listening.get());
    const result<unique_fd> refused = co_await wrong.next();
    EXPECT_EQ(error_of(refused), std::errc::invalid_argument);
    connection_stream closed(-1);
    const result<unique_fd> bad = co_await closed.next();
    EXPECT_EQ(error_of(bad), std::errc::bad_file_descriptor);
    connection_stream moved(std::move(closed));
    const result<unique_fd> still_bad = co_await moved.next();
    EXPECT_EQ(error_of(still_bad), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(connection_streams, that_nobody_asks_cost_nothing) {
  const auto body = [this]() -> task<void> {
    const connection_stream idle(listener_.get());
    co_return;
  };
  here_.run(body());
  EXPECT_EQ(here_.counters().submissions, 0u);
}

// The kernel goes by numbers, and reads them when it is entered.
TEST_F(connection_streams, that_end_before_the_kernel_has_heard_of_them_take_from_no_stranger) {
  const unique_fd strangers = listen(endpoint::loopback(0)).value();
  const endpoint stranger = endpoint::of_socket(strangers.get()).value();
  const unique_fd caller = stream_socket(AF_INET).value();
  ASSERT_EQ(::connect(caller.get(), stranger.address(), stranger.address_bytes()), 0) << std::strerror(errno);
  const auto body = [&]() -> task<void> {
    co_await nop();  // what follows is inside one turn, after the kernel was entered
    {
      connection_stream incoming(listener_.get());
      const result<unique_fd> late = co_await with_timeout(nanoseconds(1), incoming.next());
      EXPECT_EQ(error_of(late), std::errc::timed_out);
      EXPECT_EQ(here_.counters().submissions, 1u);  // the nop: the stream's request still waits
    }
    EXPECT_EQ(::dup2(strangers.get(), listener_.get()), listener_.get());
  };
  here_.run(body());
  pollfd backlog{strangers.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&backlog, 1, 0), 1) << "the stranger's connection was taken";
}

// Ends the multishot after each connection, as a kernel may.
class forgetful_kernel final : public altered_kernel {
 public:
  void submitting(io_uring_sqe& entry) override {
    if (entry.opcode != IORING_OP_ACCEPT) return;
    entry.ioprio = 0;  // no multishot: one completion, and it is the last
    ++requests_;
  }
  int requests() const noexcept { return requests_; }

 private:
  int requests_ = 0;
};

TEST_F(connection_streams, ask_again_when_the_kernel_has_forgotten_them) {
  forgetful_kernel forgetful;
  loop_options options;
  options.seam = &forgetful;
  loop there(options);
  const std::ptrdiff_t before = open_descriptors();
  const auto body = [this]() -> task<void> {
    connection_stream incoming(listener_.get());
    for (int i = 0; i < 10; ++i) {
      const unique_fd caller = client();
      const result<unique_fd> connection = co_await incoming.next();
      EXPECT_TRUE(connection.has_value());
    }
  };
  there.run(body());
  EXPECT_EQ(forgetful.requests(), 10);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace waitwork
