// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/distribution.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/io/call_on.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

loop_group_options of_loops(unsigned count) {
  loop_group_options options;
  options.count = count;
  return options;
}

// Sends back what it receives, and counts how many connections each loop served.
class echo_server {
 public:
  explicit echo_server(const loop_group& loops) : loops_(loops), served_(loops.count()) {}

  connection_handler handler() {
    return [this](unique_fd connection) { return echo(std::move(connection)); };
  }
  std::vector<int> served() {
    const std::lock_guard lock(mutex_);
    return served_;
  }
  int running() const noexcept { return running_; }

 private:
  task<void> echo(unique_fd connection) {
    count_here();
    ++running_;
    std::array<std::byte, 64> buffer;
    for (;;) {
      const result<std::size_t> received = co_await receive(connection.get(), buffer);
      if (!received || *received == 0) break;
      const result<void> sent = co_await send_all(connection.get(), std::span(buffer).first(*received));
      if (!sent) break;
    }
    --running_;
  }
  void count_here() {
    const std::lock_guard lock(mutex_);
    for (unsigned index = 0; index < loops_.count(); ++index) {
      if (threads_.size() <= index) threads_.emplace_back();
    }
    // The first connection of a thread gives it its place.
    const std::thread::id self = std::this_thread::get_id();
    for (unsigned index = 0; index < loops_.count(); ++index) {
      if (threads_[index] == std::thread::id()) threads_[index] = self;
      if (threads_[index] != self) continue;
      ++served_[index];
      return;
    }
    ADD_FAILURE() << "a connection is served on a loop of the group";
  }

  const loop_group& loops_;
  std::atomic<int> running_{0};
  std::mutex mutex_;
  std::vector<std::thread::id> threads_;
  std::vector<int> served_;
};

// Connects, exchanges one message, and keeps the connection until everybody has got that far.
task<void> exchange(const endpoint& server, int number, std::vector<unique_fd>& kept) {
  unique_fd socket(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const result<void> connected = co_await connect(socket.get(), server);
  EXPECT_TRUE(connected.has_value());
  std::array<std::byte, 4> sent;
  sent.fill(static_cast<std::byte>(number));
  const result<void> asked = co_await send_all(socket.get(), sent);
  EXPECT_TRUE(asked.has_value());
  std::array<std::byte, 4> received{};
  const result<void> answered = co_await receive_exactly(socket.get(), received);
  EXPECT_TRUE(answered.has_value());
  EXPECT_EQ(received, sent);
  kept.push_back(std::move(socket));
}

task<void> exchange_all(const endpoint& server, int connections) {
  std::vector<unique_fd> kept;
  std::vector<task<void>> all;
  for (int i = 0; i < connections; ++i) all.push_back(exchange(server, i, kept));
  co_await when_all(std::move(all));
}

// Runs the server beside its clients and stops it when they are done.
void serve_clients(loop& here, task<void> serving, const endpoint& server, int connections) {
  const auto body = [&]() -> task<void> {
    const auto ended = co_await when_any(exchange_all(server, connections), std::move(serving));
    EXPECT_EQ(ended.index(), 0u);
  };
  here.run(body());
}

TEST(connections, of_a_port_that_each_loop_listens_on_are_all_served) {
  const loop_group loops(of_loops(3));
  echo_server server(loops);
  const connection_handler handle = server.handler();
  const auto listeners = listen_for_each(loops.count(), endpoint::loopback(0));
  ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
  const endpoint port = *endpoint::of_socket(listeners->front().get());
  loop here;
  serve_clients(here, serve_on_each(loops, *listeners, handle), port, 100);
  const std::vector<int> served = server.served();
  EXPECT_EQ(std::accumulate(served.begin(), served.end(), 0), 100);
  EXPECT_EQ(server.running(), 0);
}

class handed_over : public ::testing::TestWithParam<placement> {};

TEST_P(handed_over, connections_are_all_served_and_shared_out_evenly) {
  const loop_group loops(of_loops(3));
  echo_server server(loops);
  const connection_handler handle = server.handler();
  const result<unique_fd> listener = listen(endpoint::loopback(0));
  ASSERT_TRUE(listener.has_value());
  const endpoint port = *endpoint::of_socket(listener->get());
  loop here;
  serve_clients(here, serve_by_hand_over(loops, listener->get(), GetParam(), handle), port, 99);
  EXPECT_EQ(server.served(), (std::vector<int>{33, 33, 33}));
  EXPECT_EQ(server.running(), 0);
}

TEST_P(handed_over, from_a_loop_of_the_group_itself) {
  const loop_group loops(of_loops(2));
  echo_server server(loops);
  const connection_handler handle = server.handler();
  const result<unique_fd> listener = listen(endpoint::loopback(0));
  ASSERT_TRUE(listener.has_value());
  const endpoint port = *endpoint::of_socket(listener->get());
  const auto serving = [&]() -> task<void> {
    co_await call_on(loops.on(0), serve_by_hand_over(loops, listener->get(), GetParam(), handle));
  };
  loop here;
  serve_clients(here, serving(), port, 50);
  EXPECT_EQ(server.served(), (std::vector<int>{25, 25}));
}

INSTANTIATE_TEST_SUITE_P(by, handed_over, ::testing::Values(placement::in_turn, placement::least_loaded),
                         [](const auto& tested) { return tested.param == placement::in_turn ? "turns" : "load"; });

TEST(connections, go_to_the_loop_that_has_the_fewest) {
  const loop_group loops(of_loops(2));
  echo_server server(loops);
  const connection_handler handle = server.handler();
  const result<unique_fd> listener = listen(endpoint::loopback(0));
  ASSERT_TRUE(listener.has_value());
  const endpoint port = *endpoint::of_socket(listener->get());
  loop here;
  const auto clients = [&]() -> task<void> {
    // Every second one goes at once: by turns, one loop would be left with all that stay.
    std::vector<unique_fd> kept;
    for (int i = 0; i < 20; ++i) {
      co_await exchange(port, i, kept);
      if (i % 2 == 0) continue;
      const int before = server.running();
      kept.pop_back();
      while (server.running() == before) co_await sleep_for(10us);
      co_await sleep_for(1ms);
    }
  };
  const auto body = [&]() -> task<void> {
    const auto ended =
        co_await when_any(clients(), serve_by_hand_over(loops, listener->get(), placement::least_loaded, handle));
    EXPECT_EQ(ended.index(), 0u);
  };
  here.run(body());
  const std::vector<int> served = server.served();
  EXPECT_EQ(served[0] + served[1], 20);
  EXPECT_GE(std::min(served[0], served[1]), 5);
}

// A stop in the middle: connections are open, being opened, and on their way to another loop.
TEST(connections, are_joined_when_the_server_is_stopped_at_any_moment) {
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const loop_group loops(of_loops(2));
    echo_server server(loops);
    const connection_handler handle = server.handler();
    const auto listeners = listen_for_each(loops.count(), endpoint::loopback(0));
    ASSERT_TRUE(listeners.has_value());
    const endpoint port = *endpoint::of_socket(listeners->front().get());
    loop here;
    const auto connecting = [&]() -> task<void> {
      std::vector<unique_fd> sockets;
      for (int i = 0; i < 20; ++i) {
        unique_fd socket(::socket(port.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        const result<void> connected = co_await connect(socket.get(), port);
        if (connected) sockets.push_back(std::move(socket));
      }
      co_await sleep_for(1h);
    };
    const auto stopping = [round]() -> task<void> {
      for (int i = 0; i < round * 3; ++i) co_await yield();
    };
    const auto serving = [&]() -> task<void> {
      if (round % 2 == 0) {
        co_await serve_on_each(loops, *listeners, handle);
      } else {
        co_await serve_by_hand_over(loops, listeners->front().get(), placement::least_loaded, handle);
      }
    };
    const auto body = [&]() -> task<void> {
      const auto ended = co_await when_any(serving(), connecting(), stopping());
      EXPECT_EQ(ended.index(), 2u);
    };
    here.run(body());
    EXPECT_EQ(server.running(), 0);
  }
}

TEST(connections, of_a_server_whose_handler_fails_are_ended_and_the_failure_is_thrown) {
  const loop_group loops(of_loops(2));
  std::atomic<int> running{0};
  const auto fail_on_second = [&running](unique_fd connection) -> task<void> {
    if (++running == 2) throw std::runtime_error("second");
    std::array<std::byte, 1> buffer;
    static_cast<void>(co_await receive(connection.get(), buffer));
    --running;
  };
  const connection_handler handle = fail_on_second;
  const result<unique_fd> listener = listen(endpoint::loopback(0));
  ASSERT_TRUE(listener.has_value());
  const endpoint port = *endpoint::of_socket(listener->get());
  loop here;
  const auto connecting = [&]() -> task<void> {
    std::vector<unique_fd> sockets;
    for (int i = 0; i < 2; ++i) {
      sockets.emplace_back(::socket(port.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      static_cast<void>(co_await connect(sockets.back().get(), port));
    }
    co_await sleep_for(1h);
  };
  const auto body = [&]() -> task<void> {
    co_await when_any(serve_by_hand_over(loops, listener->get(), placement::in_turn, handle), connecting());
  };
  EXPECT_THROW(here.run(body()), std::runtime_error);
  EXPECT_EQ(running, 1);
}

}  // namespace
}  // namespace waitwork
