// SPDX-License-Identifier: Apache-2.0
// The echo server written by hand against liburing, the fastest of those that were tried.
//
// One enter a turn, a plain receive into the connection's own buffer, and when it has completed: the send, and the next
// receive linked behind it. The send has no completion if it went out whole; if it did not, it has one and the receive
// has none. So each message is two requests and exactly one completion.
//
// Server CPU over this one, 64 and 512 connections, this message (median of 50 rounds of 20 ms in random order, all
// servers alive at once, Xeon with two CPUs, Linux 6.18):
//   receive submitted when the send has completed, no link   0.96-1.02, 1.00-1.10
//   the same with IORING_RECVSEND_POLL_FIRST                 1.04-1.13, 1.0-1.08: under load the next message is there
//                                                            already, and a poll is armed and woken for nothing
//   receive right behind the send, not linked                1.11-1.17, 1.04-1.1: tried too early, in vain
//   multishot receive into a buffer ring, with and without bundles  1.08-1.2, 0.97-1.06
//   registered files; every completion of a send; COOP_TASKRUN      0.97-1.03
//   each request submitted by itself                         1.1
//   min-wait batching (20 to 100 us)                         0.97-1.1: saves CPU where the machine is disturbed
// Plain epoll is at 1.0 to 1.15.

#include <liburing.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <waitwork/base/unique_fd.hpp>

#include <peers/raw_ring.hpp>
#include <peers/tcp_echo/echo_servers.hpp>
#include <workloads/io/echo_server.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t receive_bytes = 4096;
constexpr unsigned submission_entries = 1024;
constexpr unsigned completion_entries = 8192;  // a receive for each connection, and then some

struct connection {
  unique_fd socket;
  std::array<std::byte, receive_bytes> buffer;
};

// What a completion belongs to: a connection's receive, by its address; a send that failed, by the same with the lowest
// bit set; or one of these.
constexpr std::uint64_t failed_send_mark = 1;
constexpr std::uint64_t accept_data = 2;
constexpr std::uint64_t control_data = 4;

std::uint64_t data_of(const connection& client) { return reinterpret_cast<std::uintptr_t>(&client); }
connection* connection_of(std::uint64_t data) { return reinterpret_cast<connection*>(data & ~failed_send_mark); }

class server {
 public:
  explicit server(server_page& page) : page_(page), ring_(submission_entries, completion_entries) {}

  void run() {
    accept();
    io_uring_sqe& told = ring_.entry();
    io_uring_prep_read(&told, echo_control_fd, &control_byte_, sizeof control_byte_, 0);
    told.user_data = control_data;
    while (!stopping_ || !connections_.empty()) {
      ring_.submit_and_wait();
      ring_.reap([this](const io_uring_cqe& completion) { take(completion); });
      page_.system_calls.store(ring_.counters().enters, std::memory_order_relaxed);
    }
  }

 private:
  void take(const io_uring_cqe& completion) {
    const std::uint64_t data = completion.user_data;
    if (data == accept_data) {
      accepted(completion.res, (completion.flags & IORING_CQE_F_MORE) != 0);
    } else if (data == control_data) {
      stop();
    } else if ((data & failed_send_mark) != 0 || completion.res <= 0 || stopping_) {
      connections_.erase(connection_of(data));
    } else {
      received(*connection_of(data), static_cast<std::size_t>(completion.res));
    }
  }

  void accept() {
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_multishot_accept(&entry, echo_listener_fd, nullptr, nullptr, SOCK_CLOEXEC);
    entry.user_data = accept_data;
  }

  void accepted(int answer, bool more) {
    if (answer < 0 && answer != -ECONNABORTED && answer != -EINTR) {
      throw std::system_error(-answer, std::generic_category(), "accept");
    }
    make_room(2);
    if (!more && !stopping_) accept();
    if (answer < 0) return;
    auto client = std::make_unique<connection>();
    client->socket.reset(answer);
    if (stopping_) return;
    receive(*client);
    connection* const key = client.get();
    connections_.emplace(key, std::move(client));
  }

  void received(connection& client, std::size_t bytes) {
    make_room(2);  // a chain is submitted in one piece
    io_uring_sqe& reply = ring_.entry();
    io_uring_prep_send(&reply, client.socket.get(), client.buffer.data(), bytes, MSG_NOSIGNAL | MSG_WAITALL);
    reply.flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    reply.user_data = data_of(client) | failed_send_mark;
    receive(client);
  }

  void receive(connection& client) {
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_recv(&entry, client.socket.get(), client.buffer.data(), client.buffer.size(), 0);
    entry.user_data = data_of(client);
  }

  void make_room(unsigned entries) {
    if (ring_.prepared() + entries > submission_entries) ring_.submit();
  }

  // Every connection has a send or a receive in the kernel, which completes now.
  void stop() {
    stopping_ = true;
    for (const auto& [client, owner] : connections_) ::shutdown(client->socket.get(), SHUT_RDWR);
  }

  server_page& page_;
  bool stopping_ = false;
  std::byte control_byte_{};
  std::unordered_map<connection*, std::unique_ptr<connection>> connections_;
  raw_ring ring_;  // ends before the buffers do
};

}  // namespace

void serve_with_liburing(server_page& page) { server(page).run(); }

}  // namespace waitwork::bench
