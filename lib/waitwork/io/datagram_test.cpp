// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/datagram.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/stop_for_test.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork {
namespace {

class datagrams : public ::testing::Test {
 protected:
  datagrams() { descriptors_ = open_descriptors(); }
  ~datagrams() override { EXPECT_EQ(open_descriptors(), descriptors_); }

  static std::span<const std::byte> readable(const std::string& text) { return std::as_bytes(std::span(text)); }

  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

TEST_F(datagrams, arrive_with_their_contents_and_sender) {
  const std::string name = "waitwork-datagram-test-" + std::to_string(::getpid());
  const auto exchange = [](endpoint near_end, endpoint far_end) -> task<void> {
    const unique_fd near = datagram_socket(near_end).value();
    const unique_fd far = datagram_socket(far_end).value();
    const endpoint near_address = endpoint::of_socket(near.get()).value();
    const endpoint far_address = endpoint::of_socket(far.get()).value();
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{1472}, std::size_t{9000}}) {
      const std::string text(bytes, 'd');
      std::string into(bytes + 1, ' ');
      const result<std::size_t> sent = co_await send_to(near.get(), readable(text), far_address);
      EXPECT_EQ(sent.value(), bytes);
      const result<received_datagram> got = co_await receive_from(far.get(), std::as_writable_bytes(std::span(into)));
      EXPECT_EQ(got.value().bytes, bytes);
      EXPECT_FALSE(got->truncated);
      EXPECT_EQ(got->sender, near_address) << got->sender.text();
      EXPECT_EQ(into, text + " ");
      const result<std::size_t> replied = co_await send_to(far.get(), readable(text), got->sender);
      EXPECT_EQ(replied.value(), bytes);
      const result<received_datagram> reply =
          co_await receive_from(near.get(), std::as_writable_bytes(std::span(into)));
      EXPECT_EQ(reply.value().sender, far_address);
    }
  };
  here_.run(exchange(endpoint::loopback(0), endpoint::loopback(0)));
  here_.run(exchange(endpoint::loopback_v6(0), endpoint::loopback_v6(0)));
  here_.run(exchange(endpoint::unix_abstract(name + "-a").value(), endpoint::unix_abstract(name + "-b").value()));
}

TEST_F(datagrams, that_do_not_fit_say_so) {
  const auto body = []() -> task<void> {
    const unique_fd here = datagram_socket(endpoint::loopback(0)).value();
    const endpoint address = endpoint::of_socket(here.get()).value();
    const result<std::size_t> sent = co_await send_to(here.get(), readable("0123456789"), address);
    EXPECT_EQ(sent.value(), 10u);
    std::string into(4, ' ');
    const result<received_datagram> got = co_await receive_from(here.get(), std::as_writable_bytes(std::span(into)));
    EXPECT_EQ(got.value().bytes, 4u);
    EXPECT_TRUE(got->truncated);
    EXPECT_EQ(into, "0123");
    const std::string too_long(70'000, 'x');
    const result<std::size_t> refused = co_await send_to(here.get(), readable(too_long), address);
    EXPECT_EQ(error_of(refused), std::errc::message_size);
  };
  here_.run(body());
}

TEST_F(datagrams, to_the_wrong_family_or_from_no_socket_fail) {
  const auto body = []() -> task<void> {
    const unique_fd here = datagram_socket(endpoint::loopback(0)).value();
    const endpoint other = endpoint::loopback_v6(9);
    const result<std::size_t> sent = co_await send_to(here.get(), readable("x"), other);
    EXPECT_EQ(error_of(sent), std::errc::address_family_not_supported);
    std::array<std::byte, 4> into{};
    const result<received_datagram> got = co_await receive_from(-1, std::span(into));
    EXPECT_EQ(error_of(got), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(datagrams, are_waited_for_until_a_stop) {
  const auto body = []() -> task<void> {
    const unique_fd here = datagram_socket(endpoint::loopback(0)).value();
    const endpoint address = endpoint::of_socket(here.get()).value();
    std::array<std::byte, 4> into{};
    const std::string text = "x";
    const auto get = [&] { return receive_from(here.get(), std::span(into)); };
    const auto put = [&] { return send_to(here.get(), readable(text), address); };
    const result<received_datagram> past = co_await under_a_past_stop(get);
    EXPECT_EQ(error_of(past), std::errc::operation_canceled);
    const result<std::size_t> unsent = co_await under_a_past_stop(put);
    EXPECT_EQ(error_of(unsent), std::errc::operation_canceled);
    const result<received_datagram> stopped = co_await stopped_while_it_waits(get);
    EXPECT_EQ(error_of(stopped), std::errc::operation_canceled);
    const result<received_datagram> late =
        co_await with_timeout(nanoseconds(1'000'000), receive_from(here.get(), std::span(into)));
    EXPECT_EQ(error_of(late), std::errc::timed_out);
  };
  here_.run(body());
}

TEST_F(datagrams, of_a_connected_socket_need_no_address) {
  const auto body = []() -> task<void> {
    const unique_fd near = datagram_socket(endpoint::loopback(0)).value();
    const unique_fd far = datagram_socket(endpoint::loopback(0)).value();
    const endpoint far_address = endpoint::of_socket(far.get()).value();
    const result<void> connected = co_await connect(near.get(), far_address);
    EXPECT_TRUE(connected.has_value());
    const result<std::size_t> sent = co_await send(near.get(), readable("hello"));
    EXPECT_EQ(sent.value(), 5u);
    std::array<std::byte, 16> into{};
    const result<std::size_t> got = co_await receive(far.get(), std::span(into));
    EXPECT_EQ(got.value(), 5u);
  };
  here_.run(body());
}

TEST_F(datagrams, go_to_one_of_those_who_share_a_port) {
  const unique_fd first = datagram_socket(endpoint::loopback(0), true).value();
  const endpoint shared = endpoint::of_socket(first.get()).value();
  EXPECT_TRUE(datagram_socket(shared, true).has_value());
  EXPECT_EQ(error_of(datagram_socket(shared)), std::errc::address_in_use);
}

}  // namespace
}  // namespace waitwork
