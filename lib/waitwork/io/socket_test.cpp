#include <waitwork/io/socket.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork {
namespace {

std::span<std::byte> writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }
std::span<const std::byte> readable(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class sockets : public ::testing::Test {
 protected:
  sockets() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const endpoint any_port = endpoint::loopback(0);
    ::bind(listener_.get(), any_port.address(), any_port.address_bytes());
    ::listen(listener_.get(), 128);
    server_ = endpoint::of_socket(listener_.get()).value();
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
    EXPECT_EQ(exactly.error(), std::errc::connection_reset);
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
    EXPECT_EQ(done.error(), std::errc::connection_refused);
  };
  here_.run(body());
}

}  // namespace
}  // namespace waitwork
