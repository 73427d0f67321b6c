// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/echo_server.hpp>

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <workloads/io/echo_message.hpp>
#include <workloads/io/echo_server_process.hpp>

namespace waitwork::bench {
namespace {

constexpr nanoseconds no_delay{0};
constexpr nanoseconds short_delay = std::chrono::milliseconds(2);

void send_bytes(const unique_fd& to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t moved = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(moved, 0) << std::strerror(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(moved));
  }
}

void send_request(const unique_fd& to, std::uint64_t index) {
  const echo_message request = echo_request(index);
  send_bytes(to, std::as_bytes(std::span(request)));
}

void send_requests(const unique_fd& to, std::uint64_t count) {
  std::vector<echo_message> requests;
  for (std::uint64_t index = 0; index < count; ++index) requests.push_back(echo_request(index));
  send_bytes(to, std::as_bytes(std::span(requests)));
}

// Empty once the server has closed the connection, or reset it.
std::optional<echo_message> next_reply(const unique_fd& from) {
  echo_message reply;
  const ssize_t moved = ::recv(from.get(), reply.data(), echo_bytes, MSG_WAITALL);
  if (moved != static_cast<ssize_t>(echo_bytes)) return std::nullopt;
  return reply;
}

void expect_replies(const unique_fd& from, std::uint64_t count) {
  for (std::uint64_t index = 0; index < count; ++index) {
    ASSERT_EQ(next_reply(from), echo_reply(echo_request(index))) << "reply " << index;
  }
}

void expect_round_trip(const unique_fd& connection, std::uint64_t index) {
  send_request(connection, index);
  EXPECT_EQ(next_reply(connection), echo_reply(echo_request(index)));
}

TEST(echo_message, changes_its_digest_with_every_bit_of_the_request) {
  const std::uint64_t right = echo_digest(echo_reply(echo_request(17)));
  for (std::size_t bit = 0; bit < echo_bytes * 8; ++bit) {
    echo_message damaged = echo_request(17);
    damaged[bit / 64] ^= std::uint64_t{1} << (bit % 64);
    EXPECT_NE(echo_digest(echo_reply(damaged)), right) << "bit " << bit;
  }
}

class echo_server : public testing::TestWithParam<nanoseconds> {};

TEST_P(echo_server, answers_many_connections_each_with_its_own_replies) {
  const echo_server_process server(GetParam());
  std::vector<unique_fd> connections(300);
  for (unique_fd& connection : connections) connection = server.connect();
  for (std::uint64_t round = 0; round < 5; ++round) {
    for (std::size_t n = 0; n < connections.size(); ++n) send_request(connections[n], n * 10 + round);
    for (std::size_t n = 0; n < connections.size(); ++n) {
      ASSERT_EQ(next_reply(connections[n]), echo_reply(echo_request(n * 10 + round)));
    }
  }
}

TEST_P(echo_server, puts_a_request_together_that_comes_in_pieces) {
  const echo_server_process server(GetParam());
  const unique_fd connection = server.connect();
  const echo_message request = echo_request(3);
  for (const std::byte& byte : std::as_bytes(std::span(request))) send_bytes(connection, {&byte, 1});
  EXPECT_EQ(next_reply(connection), echo_reply(request));
}

TEST_P(echo_server, answers_requests_sent_in_one_go_in_their_order) {
  const echo_server_process server(GetParam());
  const unique_fd connection = server.connect();
  send_requests(connection, 500);
  expect_replies(connection, 500);
}

// Sends until the peer has not taken anything for a while; gives the number of bytes sent.
std::size_t send_until_stalled(const unique_fd& to, std::span<const std::byte> bytes) {
  std::size_t sent = 0;
  pollfd writable{to.get(), POLLOUT, 0};
  while (sent < bytes.size() && ::poll(&writable, 1, 50) > 0) {
    const ssize_t moved = ::send(to.get(), bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (moved > 0) sent += static_cast<std::size_t>(moved);
  }
  return sent;
}

TEST_P(echo_server, stops_reading_from_a_client_that_does_not_read_and_serves_the_others) {
  const echo_server_process server(GetParam());
  const unique_fd slow = server.connect();
  std::vector<echo_message> requests;  // 16 MB, twice what the sockets of both sides hold
  for (std::uint64_t index = 0; index < 250'000; ++index) requests.push_back(echo_request(index));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(requests));
  const std::size_t sent = send_until_stalled(slow, bytes);
  ASSERT_LT(sent, bytes.size());
  const unique_fd other = server.connect();
  for (std::uint64_t index = 0; index < 20; ++index) expect_round_trip(other, index);
  std::jthread sender([&] { send_bytes(slow, bytes.subspan(sent)); });
  expect_replies(slow, requests.size());
}

TEST_P(echo_server, answers_a_client_that_has_shut_down_its_sending_side) {
  const echo_server_process server(GetParam());
  const unique_fd connection = server.connect();
  send_requests(connection, 100);
  ASSERT_EQ(::shutdown(connection.get(), SHUT_WR), 0);
  expect_replies(connection, 100);
  EXPECT_EQ(next_reply(connection), std::nullopt);
}

TEST_P(echo_server, survives_clients_that_go_away_in_the_middle) {
  const echo_server_process server(GetParam());
  const unique_fd steady = server.connect();
  for (std::uint64_t round = 0; round < 50; ++round) {
    const unique_fd half_a_request = server.connect();
    const echo_message request = echo_request(round);
    send_bytes(half_a_request, std::as_bytes(std::span(request)).first(echo_bytes / 2));
    const unique_fd unread_replies = server.connect();
    send_requests(unread_replies, 20);
    const unique_fd silent = server.connect();
    expect_round_trip(steady, round);
  }
  expect_round_trip(steady, 1);
}

TEST_P(echo_server, refuses_connections_beyond_its_limit_of_files_and_keeps_the_others) {
  const echo_server_process server(GetParam());
  const unique_fd first = server.connect();
  expect_round_trip(first, 1);  // from here on the server has set its own limit
  const rlimit few{16, 16};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<unique_fd> connections(40);
  for (unique_fd& connection : connections) connection = server.connect();
  // A refused connection says so, whenever one finds out, instead of leaving the client waiting.
  std::size_t refused = 0;
  for (const unique_fd& connection : connections) {
    const echo_message request = echo_request(2);
    ::send(connection.get(), request.data(), echo_bytes, MSG_NOSIGNAL);
    refused += next_reply(connection) != echo_reply(request);
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, connections.size());
  expect_round_trip(first, 3);
  connections.clear();
}

TEST_P(echo_server, ends_with_the_object_that_started_it) {
  pid_t pid = -1;
  {
    const echo_server_process server(GetParam());
    pid = server.pid();
    const unique_fd connection = server.connect();
    send_requests(connection, 10);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

INSTANTIATE_TEST_SUITE_P(delays, echo_server, testing::Values(no_delay, short_delay),
                         [](const auto& tested) { return tested.param == no_delay ? "without_delay" : "with_delay"; });

TEST(echo_server_delay, is_never_shorter_than_asked) {
  const echo_server_process server(short_delay);
  std::vector<unique_fd> connections(20);
  for (unique_fd& connection : connections) connection = server.connect();
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int64_t> sent_ns;
    for (const unique_fd& connection : connections) {
      sent_ns.push_back(now_ns());
      send_request(connection, 1);
    }
    for (std::size_t n = 0; n < connections.size(); ++n) {
      ASSERT_TRUE(next_reply(connections[n]));
      ASSERT_GE(now_ns() - sent_ns[n], short_delay.count());
    }
  }
}

TEST(echo_server_options, are_refused_if_they_make_no_sense) {
  for (const std::string_view options : {"", "nonsense", "{}", R"({"delay_ns":-1})", R"({"delay_ns":"1"})"}) {
    EXPECT_EQ(run_echo_server(options), 1) << options;
  }
}

}  // namespace
}  // namespace waitwork::bench
