// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <harness/drive/strategy.hpp>
#include <peers/tcp_echo/echo_servers.hpp>
#include <workloads/io/echo_server_process.hpp>
#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

using bytes = std::vector<std::byte>;

bytes some_bytes(std::size_t count, std::uint64_t seed) {
  bytes made(count);
  for (std::size_t n = 0; n < count; ++n) made[n] = static_cast<std::byte>(mix64(seed + n));
  return made;
}

void send_bytes(const unique_fd& to, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t moved = ::send(to.get(), data.data(), data.size(), MSG_NOSIGNAL);
    ASSERT_GT(moved, 0) << std::strerror(errno);
    data = data.subspan(static_cast<std::size_t>(moved));
  }
}

// What comes back, up to `count` bytes; fewer if the server closes before that. Goes on after a short receive:
// MSG_WAITALL gives less when something interrupts it, as a ring does that this process has closed shortly before.
bytes receive_bytes(const unique_fd& from, std::size_t count) {
  bytes received(count);
  std::size_t at = 0;
  while (at < count) {
    const ssize_t moved = ::recv(from.get(), received.data() + at, count - at, MSG_WAITALL);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) break;
    at += static_cast<std::size_t>(moved);
  }
  received.resize(at);
  return received;
}

void expect_echo(const unique_fd& connection, std::size_t count, std::uint64_t seed) {
  const bytes sent = some_bytes(count, seed);
  send_bytes(connection, sent);
  const bytes received = receive_bytes(connection, count);
  EXPECT_EQ(received.size(), count);
  EXPECT_TRUE(received == sent) << "the first difference is at "
                                << std::ranges::mismatch(received, sent).in1 - received.begin();
}

unique_fd page_file() {
  unique_fd file(::memfd_create("tcp-echo-test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), sizeof(server_page)), 0);
  return file;
}

class tcp_echo_server : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string server = GetParam();
    WAITWORK_SKIP_IF_UNSUPPORTED({
      if (server == "asio") {
        require_asio();
      } else {
        loop io_uring_is_there;
      }
    });
    page_ = page_file();
    server_ =
        std::make_unique<echo_server_process>(tcp_echo_server_flag, tcp_echo_server_options(server, -1), page_.get());
  }
  unique_fd connect() const { return server_->connect(); }
  std::uint64_t system_calls() const {
    std::uint64_t count = 0;
    EXPECT_EQ(::pread(page_.get(), &count, sizeof count, 0), static_cast<ssize_t>(sizeof count));
    return count;
  }
  pid_t pid() const { return server_->pid(); }
  void end() { server_.reset(); }

 private:
  unique_fd page_;
  std::unique_ptr<echo_server_process> server_;
};

TEST_P(tcp_echo_server, sends_back_what_it_receives) {
  const unique_fd connection = connect();
  for (std::uint64_t round = 0; round < 100; ++round) expect_echo(connection, 100, round);
}

TEST_P(tcp_echo_server, sends_back_a_request_that_comes_in_pieces) {
  const unique_fd connection = connect();
  const bytes request = some_bytes(100, 3);
  for (const std::byte& piece : request) send_bytes(connection, {&piece, 1});
  EXPECT_EQ(receive_bytes(connection, request.size()), request);
}

TEST_P(tcp_echo_server, sends_back_requests_that_come_together_in_their_order) {
  const unique_fd connection = connect();
  expect_echo(connection, std::size_t{100} * 500, 5);
}

TEST_P(tcp_echo_server, waits_for_a_client_that_reads_later_and_serves_the_others) {
  const unique_fd slow = connect();
  const bytes sent = some_bytes(std::size_t{16} << 20, 7);  // more than the sockets of both sides hold
  std::jthread sender([&] { send_bytes(slow, sent); });
  const unique_fd other = connect();
  for (std::uint64_t round = 0; round < 100; ++round) expect_echo(other, 100, round);
  EXPECT_TRUE(receive_bytes(slow, sent.size()) == sent);
}

TEST_P(tcp_echo_server, serves_many_connections_each_with_its_own_bytes) {
  std::vector<unique_fd> connections(64);
  for (unique_fd& connection : connections) connection = connect();
  for (std::uint64_t round = 0; round < 20; ++round) {
    for (std::size_t n = 0; n < connections.size(); ++n) {
      send_bytes(connections[n], some_bytes(100, n * 1000 + round));
    }
    for (std::size_t n = 0; n < connections.size(); ++n) {
      ASSERT_EQ(receive_bytes(connections[n], 100), some_bytes(100, n * 1000 + round));
    }
  }
}

TEST_P(tcp_echo_server, survives_clients_that_go_away_in_the_middle_of_a_message) {
  const unique_fd steady = connect();
  for (std::uint64_t round = 0; round < 50; ++round) {
    const unique_fd half_a_request = connect();
    send_bytes(half_a_request, some_bytes(50, round));
    const unique_fd unread_replies = connect();
    send_bytes(unread_replies, some_bytes(10'000, round));
    const unique_fd silent = connect();
    expect_echo(steady, 100, round);
  }
  expect_echo(steady, 100, 1);
}

TEST_P(tcp_echo_server, answers_a_client_that_has_shut_down_its_sending_side_and_closes) {
  const unique_fd connection = connect();
  const bytes sent = some_bytes(10'000, 11);
  send_bytes(connection, sent);
  ASSERT_EQ(::shutdown(connection.get(), SHUT_WR), 0);
  EXPECT_EQ(receive_bytes(connection, sent.size() + 1), sent);
}

TEST_P(tcp_echo_server, counts_its_system_calls) {
  const unique_fd connection = connect();
  expect_echo(connection, 100, 1);
  const std::uint64_t before = system_calls();
  for (std::uint64_t round = 0; round < 100; ++round) expect_echo(connection, 100, round);
  // One message at a time: at least one system call each; epoll_wait, receive, look again and send are four. What the
  // server did after its last reply may not be in the page yet.
  const std::uint64_t calls = system_calls() - before;
  EXPECT_GE(calls, 99u);
  EXPECT_LE(calls, 600u);
}

TEST_P(tcp_echo_server, ends_with_the_object_that_started_it_whatever_its_clients_do) {
  const pid_t server = pid();
  const unique_fd connection = connect();
  expect_echo(connection, 100, 1);
  send_bytes(connection, some_bytes(50, 2));
  end();
  EXPECT_EQ(::kill(server, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  // Everything that was sent may come back before the end, and nothing else does.
  EXPECT_LE(receive_bytes(connection, 100).size(), 50u);
}

INSTANTIATE_TEST_SUITE_P(peers, tcp_echo_server, testing::Values("waitwork", "liburing", "asio"),
                         [](const auto& tested) { return std::string(tested.param); });

class tcp_echo_workload : public testing::TestWithParam<const char*> {
 protected:
  static row row_of(unsigned depth) {
    row chosen;
    chosen.depth = depth;
    return chosen;
  }
};

TEST_P(tcp_echo_workload, gets_every_answer_and_says_what_they_cost_the_server) {
  WAITWORK_SKIP_IF_UNSUPPORTED({
    const auto client = make_workload("peers/tcp_echo", smoke_settings(".", GetParam(), 64));
    const auto driver = make_strategy(row_of(64), *client);
    for (const std::uint64_t count : {1u, 63u, 64u, 65u, 10'000u}) {
      const unit_log log = driver->drive(*client, 17, count);
      EXPECT_EQ(log.wrong, 0u);
      EXPECT_EQ(log.latency.count(), count);
    }
    const double calls = client->figures().at("server_enters_per_unit");
    EXPECT_GT(calls, 0);
    EXPECT_LT(calls, 6);
    const std::map<std::string, double> figures = client->figures();
    for (const std::string of : {"server_cpu", "server_enters", "requests"}) {
      const std::string ratio = of + "_over_liburing";
      ASSERT_EQ(figures.contains(ratio), std::string_view(GetParam()) == "waitwork") << ratio;
      if (figures.contains(ratio)) {
        EXPECT_GT(figures.at(ratio), 0) << ratio;
      }
    }
  });
}

TEST_P(tcp_echo_workload, says_so_when_its_server_dies) {
  WAITWORK_SKIP_IF_UNSUPPORTED({
    const auto client = make_workload("peers/tcp_echo", smoke_settings(".", GetParam(), 2));
    const auto driver = make_strategy(row_of(2), *client);
    ASSERT_TRUE(client->server());
    ASSERT_EQ(::kill(*client->server(), SIGKILL), 0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*client->server()), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_THROW(driver->drive(*client, 0, 10), environment_error);
  });
}

INSTANTIATE_TEST_SUITE_P(peers, tcp_echo_workload, testing::Values("waitwork", "liburing", "asio"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace waitwork::bench
