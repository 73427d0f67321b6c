// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/socket.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/stop_for_test.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork {
namespace {

std::span<std::byte> writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }
std::span<const std::byte> readable(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class sockets : public ::testing::Test {
 protected:
  sockets() : listener_(listen(endpoint::loopback(0)).value()) {
    server_ = endpoint::of_socket(listener_.get()).value();
    descriptors_ = open_descriptors();
  }
  ~sockets() override {
    if (listener_) {
      EXPECT_EQ(open_descriptors(), descriptors_);
    }
  }

  task<unique_fd> connected() {
    unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const result<void> done = co_await connect(client.get(), server_);
    EXPECT_TRUE(done.has_value());
    co_return client;
  }

  task<unique_fd> accepted() {
    result<unique_fd> server = co_await accept(listener_.get());
    EXPECT_TRUE(server.has_value());
    co_return std::move(*server);
  }

  task<std::pair<unique_fd, unique_fd>> pair() {
    auto [client, server] = co_await when_all(connected(), accepted());
    co_return std::pair(std::move(client), std::move(server));
  }

  unique_fd listener_;
  endpoint server_;
  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

TEST_F(sockets, carry_a_request_and_its_reply) {
  const auto server = [](int fd) -> task<void> {
    std::string request(4, ' ');
    const result<void> received = co_await receive_exactly(fd, writable(request));
    EXPECT_TRUE(received.has_value());
    EXPECT_EQ(request, "ping");
    const std::string reply = "pong!";
    const result<void> sent = co_await send_all(fd, readable(reply));
    EXPECT_TRUE(sent.has_value());
  };
  const auto client = [](int fd) -> task<void> {
    const std::string request = "ping";
    const result<void> sent = co_await send_all(fd, readable(request));
    EXPECT_TRUE(sent.has_value());
    std::string reply(5, ' ');
    const result<void> received = co_await receive_exactly(fd, writable(reply));
    EXPECT_TRUE(received.has_value());
    EXPECT_EQ(reply, "pong!");
  };
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    co_await when_all(client(near.get()), server(far.get()));
  };
  here_.run(body());
}

TEST_F(sockets, move_more_than_their_buffers_hold) {
  constexpr std::size_t bytes = 8u << 20;
  const auto sender = [](int fd) -> task<void> {
    std::string data(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<char>(i * 7 % 251);
    const result<void> sent = co_await send_all(fd, readable(data));
    EXPECT_TRUE(sent.has_value());
  };
  const auto receiver = [](int fd) -> task<void> {
    std::string data(bytes, '\0');
    const result<void> received = co_await receive_exactly(fd, writable(data));
    EXPECT_TRUE(received.has_value());
    bool right = true;
    for (std::size_t i = 0; i < bytes; ++i) right &= data[i] == static_cast<char>(i * 7 % 251);
    EXPECT_TRUE(right);
  };
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    co_await when_all(sender(near.get()), receiver(far.get()));
  };
  here_.run(body());
}

TEST_F(sockets, of_a_peer_that_has_closed_receive_nothing) {
  const auto body = [&]() -> task<void> {
    auto [near, far] = co_await pair();
    far.reset();
    std::string data(8, ' ');
    const result<std::size_t> received = co_await receive(near.get(), writable(data));
    EXPECT_EQ(received.value(), 0u);
    const result<void> exactly = co_await receive_exactly(near.get(), writable(data));
    EXPECT_EQ(error_of(exactly), std::errc::connection_reset);
  };
  here_.run(body());
}

TEST_F(sockets, of_a_peer_that_has_gone_refuse_to_send_and_raise_no_signal) {
  const auto body = [&]() -> task<void> {
    auto [near, far] = co_await pair();
    far.reset();
    const std::string data(1 << 16, 'x');
    result<void> sent = co_await send_all(near.get(), readable(data));
    for (int attempt = 0; sent && attempt < 10; ++attempt) {
      sent = co_await send_all(near.get(), readable(data));
    }
    EXPECT_FALSE(sent.has_value());
  };
  here_.run(body());
}

TEST_F(sockets, that_nobody_listens_on_refuse_a_connection) {
  listener_.reset();
  const auto body = [&]() -> task<void> {
    const unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const result<void> done = co_await connect(client.get(), server_);
    EXPECT_EQ(error_of(done), std::errc::connection_refused);
  };
  here_.run(body());
}

TEST_F(sockets, that_wait_first_receive_the_same) {
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    const std::string data = "here already";
    const result<void> sent = co_await send_all(near.get(), readable(data));
    EXPECT_TRUE(sent.has_value());
    std::string back(data.size(), ' ');
    const result<std::size_t> received = co_await receive(far.get(), writable(back), 0, receive_start::wait_first);
    EXPECT_EQ(received.value(), data.size());
    EXPECT_EQ(back, data);
    const auto wait = [&, fd = far.get()] { return receive(fd, writable(back), 0, receive_start::wait_first); };
    const result<std::size_t> stopped = co_await stopped_while_it_waits(wait);
    EXPECT_EQ(error_of(stopped), std::errc::operation_canceled);
  };
  here_.run(body());
}

TEST_F(sockets, send_without_copying) {
  constexpr std::size_t bytes = 4u << 20;
  const std::string data(bytes, 'z');
  const auto sender = [&](int fd) -> task<void> {
    std::span<const std::byte> left = readable(data);
    while (!left.empty()) {
      const result<std::size_t> sent = co_await send_zero_copy(fd, left);
      EXPECT_TRUE(sent.has_value());
      if (!sent) co_return;
      left = left.subspan(*sent);
    }
  };
  const auto receiver = [&](int fd) -> task<void> {
    std::string back(bytes, ' ');
    const result<void> received = co_await receive_exactly(fd, writable(back));
    EXPECT_TRUE(received.has_value());
    EXPECT_EQ(back, data);
  };
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    co_await when_all(sender(near.get()), receiver(far.get()));
  };
  here_.run(body());
}

TEST_F(sockets, that_cannot_send_without_copying_say_so) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const unique_fd near(ends[0]);
  const unique_fd far(ends[1]);
  const auto body = [&]() -> task<void> {
    const std::string data(1 << 16, 'z');
    const result<std::size_t> sent = co_await send_zero_copy(near.get(), readable(data));
    EXPECT_EQ(error_of(sent), std::errc::operation_not_supported);
    const result<std::size_t> nowhere = co_await send_zero_copy(-1, readable(data));
    EXPECT_EQ(error_of(nowhere), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(sockets, end_one_direction_and_keep_the_other) {
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    const result<void> said = co_await shutdown(near.get(), socket_side::sending);
    EXPECT_TRUE(said.has_value());
    std::string data(4, ' ');
    const result<std::size_t> received = co_await receive(far.get(), writable(data));
    EXPECT_EQ(received.value(), 0u);
    const std::string reply = "over";
    const result<void> replied = co_await send_all(far.get(), readable(reply));
    EXPECT_TRUE(replied.has_value());
    const result<void> back = co_await receive_exactly(near.get(), writable(data));
    EXPECT_TRUE(back.has_value());
    EXPECT_EQ(data, reply);
    const unique_fd lonely = stream_socket(AF_INET).value();
    const result<void> unconnected = co_await shutdown(lonely.get(), socket_side::sending);
    EXPECT_EQ(error_of(unconnected), std::errc::not_connected);
  };
  here_.run(body());
}

TEST_F(sockets, that_are_shut_down_wake_who_receives) {
  const auto wait = [](int fd) -> task<void> {
    std::string data(4, ' ');
    const result<std::size_t> received = co_await receive(fd, writable(data));
    EXPECT_EQ(received.value(), 0u);
  };
  const auto end = [](int fd) -> task<void> {
    co_await yield();
    const result<void> said = co_await shutdown(fd, socket_side::both);
    EXPECT_TRUE(said.has_value());
  };
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    co_await when_all(wait(near.get()), end(near.get()));
  };
  here_.run(body());
}

TEST_F(sockets, are_shut_down_and_closed_under_a_past_stop) {
  const auto body = [&]() -> task<void> {
    auto [near, far] = co_await pair();
    const auto goodbye = [&, fd = near.get()] { return shutdown(fd, socket_side::sending); };
    const result<void> said = co_await under_a_past_stop(goodbye);
    EXPECT_TRUE(said.has_value());
    const result<void> closed = co_await close(std::move(near));
    EXPECT_TRUE(closed.has_value());
    std::string data(4, ' ');
    const result<std::size_t> received = co_await receive(far.get(), writable(data));
    EXPECT_EQ(received.value(), 0u);
  };
  here_.run(body());
}

TEST_F(sockets, are_waited_for_until_a_stop) {
  const auto body = [&]() -> task<void> {
    const auto [near, far] = co_await pair();
    std::string data(4, ' ');
    const std::string much(16u << 20, 'x');
    const int fd = near.get();
    const auto take = [&] { return accept(listener_.get()); };
    const auto get = [&] { return receive(fd, writable(data)); };
    const auto get_all = [&] { return receive_exactly(fd, writable(data)); };
    const auto put_all = [&] { return send_all(fd, readable(much)); };
    const auto expect_canceled = [](auto& make) -> task<void> {
      const auto past = co_await under_a_past_stop(make);
      EXPECT_EQ(error_of(past), std::errc::operation_canceled);
      const auto stopped = co_await stopped_while_it_waits(make);
      EXPECT_EQ(error_of(stopped), std::errc::operation_canceled);
    };
    co_await expect_canceled(take);
    co_await expect_canceled(get);
    co_await expect_canceled(get_all);
    co_await expect_canceled(put_all);
    const auto put_zero_copy = [&] { return send_zero_copy(fd, readable(much)); };  // the buffers are full by now
    const auto unsent = co_await stopped_while_it_waits(put_zero_copy);
    EXPECT_EQ(error_of(unsent), std::errc::operation_canceled);
    const result<std::size_t> late = co_await with_timeout(nanoseconds(1'000'000), receive(fd, writable(data)));
    EXPECT_EQ(error_of(late), std::errc::timed_out);
  };
  here_.run(body());
}

TEST_F(sockets, that_nobody_answers_are_connected_until_a_stop) {
  // A backlog of one that is full: further attempts are ignored and retried.
  listen_options options;
  options.backlog = 0;
  const unique_fd busy = listen(endpoint::loopback(0), options).value();
  const endpoint where = endpoint::of_socket(busy.get()).value();
  const auto body = [&]() -> task<void> {
    const result<unique_fd> first = co_await connect_to(where);
    EXPECT_TRUE(first.has_value());
    const auto attempt = [&] { return connect_to(where); };
    const result<unique_fd> second = co_await stopped_while_it_waits(attempt);
    EXPECT_EQ(error_of(second), std::errc::operation_canceled);
    const result<unique_fd> third = co_await with_timeout(nanoseconds(1'000'000), connect_to(where));
    EXPECT_EQ(error_of(third), std::errc::timed_out);
  };
  here_.run(body());
}

TEST_F(sockets, that_were_accepted_although_they_were_to_be_given_up_are_not_lost) {
  const auto connection = [this]() -> task<result<unique_fd>> { co_return co_await accept(listener_.get()); };
  const auto body = [&]() -> task<void> {
    for (int i = 0; i < 200; ++i) {
      // Two wait and two call: who loses has often accepted already, or is about to.
      const auto call = [this]() -> task<result<unique_fd>> { co_return co_await connect_to(server_); };
      const auto both = [&]() -> task<void> {
        const auto won = co_await when_any(connection(), connection());
        EXPECT_TRUE(won.index() == 0 ? std::get<0>(won).has_value() : std::get<1>(won).has_value());
      };
      co_await when_all(both(), call(), call());
      const result<unique_fd> in_no_time = co_await with_timeout(nanoseconds(i * 100), accept(listener_.get()));
      EXPECT_TRUE(in_no_time.has_value() || in_no_time.error() == std::errc::timed_out);
      if (!in_no_time) {
        const auto at_hand = co_await with_timeout(nanoseconds(50'000), accept(listener_.get()));
        EXPECT_TRUE(at_hand.has_value() || at_hand.error() == std::errc::timed_out);
      }
    }
  };
  here_.run(body());
}

TEST_F(sockets, that_are_accepted_in_spite_of_a_stop_are_given) {
  deaf_kernel deaf;
  loop_options options;
  options.seam = &deaf;
  loop there(options);
  const std::ptrdiff_t before = open_descriptors();
  const auto take = [this]() -> task<result<unique_fd>> {
    stop_source stop;
    const auto wait = [&]() -> task<result<unique_fd>> { co_return co_await with_stop(stop, accept(listener_.get())); };
    const auto stop_then_connect = [&]() -> task<result<unique_fd>> {
      co_await yield();
      stop.request_stop();
      co_await yield();
      co_return co_await connect_to(server_);
    };
    auto [accepted_one, client] = co_await when_all(wait(), stop_then_connect());
    EXPECT_TRUE(client.has_value());
    co_return std::move(accepted_one);
  };
  const auto body = [&]() -> task<void> {
    const result<unique_fd> given = co_await take();
    EXPECT_TRUE(given.has_value());
    // The same when nobody wants it any more: a timeout gives it, a when_any closes it.
    const auto late = [this]() -> task<result<unique_fd>> {
      co_return co_await with_timeout(nanoseconds(1), accept(listener_.get()));
    };
    const auto call = [this]() -> task<result<unique_fd>> {
      for (int i = 0; i < 5; ++i) co_await yield();
      co_return co_await connect_to(server_);
    };
    const auto [came_late, caller] = co_await when_all(late(), call());
    EXPECT_TRUE(came_late.has_value());
    const auto loser = [this]() -> task<result<unique_fd>> { co_return co_await accept(listener_.get()); };
    const auto winner = []() -> task<int> {
      co_await yield();
      co_return 1;
    };
    const auto race = [&]() -> task<void> {
      const auto won = co_await when_any(loser(), winner());
      EXPECT_EQ(won.index(), 1u);
    };
    const auto [raced, second_caller] = co_await when_all(race(), call());
    static_cast<void>(raced);
    EXPECT_TRUE(second_caller.has_value());
  };
  there.run(body());
  EXPECT_EQ(deaf.unheard(), 3);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(sockets, that_are_none_say_so) {
  const auto body = [&]() -> task<void> {
    std::string data(4, ' ');
    const result<unique_fd> accepted_one = co_await accept(-1);
    EXPECT_EQ(error_of(accepted_one), std::errc::bad_file_descriptor);
    const result<std::size_t> received = co_await receive(-1, writable(data));
    EXPECT_EQ(error_of(received), std::errc::bad_file_descriptor);
    const result<void> sent = co_await send_all(-1, readable(data));
    EXPECT_EQ(error_of(sent), std::errc::bad_file_descriptor);
    const result<void> connected = co_await connect(-1, server_);
    EXPECT_EQ(error_of(connected), std::errc::bad_file_descriptor);
    const result<void> said = co_await shutdown(-1, socket_side::both);
    EXPECT_EQ(error_of(said), std::errc::bad_file_descriptor);
    const unique_fd unconnected = stream_socket(AF_INET).value();
    const result<std::size_t> nothing = co_await receive(unconnected.get(), writable(data));
    EXPECT_EQ(error_of(nothing), std::errc::not_connected);
    const result<unique_fd> not_listening = co_await accept(unconnected.get());
    EXPECT_EQ(error_of(not_listening), std::errc::invalid_argument);
  };
  here_.run(body());
}

}  // namespace
}  // namespace waitwork
