// SPDX-License-Identifier: Apache-2.0
// io/net_echo: request and reply over TCP loopback, one connection a lane.
//
//   delay0    the server answers at once: what a request costs
//   delay1ms  the server answers 1 ms after the request came in, as a remote service does
//
// The server is a process of its own (echo_server.hpp). Its answer depends on every bit of the
// request, so a right one proves the round trip.

#include <errno.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/bench/helper_process.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/io/socket.hpp>

#include <workloads/io/echo_message.hpp>
#include <workloads/io/echo_server.hpp>
#include <workloads/io/echo_server_process.hpp>

namespace waitwork::bench {
namespace {

nanoseconds delay_of(std::string_view variant) {
  return variant == "delay1ms" ? std::chrono::milliseconds(1) : nanoseconds(0);
}

// A cache line for what is sent, one for what is received.
struct alignas(64) line {
  echo_message request;
  echo_message reply;
  unique_fd socket;
};

// The server is a process of its own, so what became of it has to be told by its own words; they are kept with ours.
[[noreturn]] void throw_lost(const char* operation, int positive_errno) {
  if (positive_errno == ECONNRESET || positive_errno == EPIPE) {
    throw environment_error(operation, "the echo server", "it has closed the connection",
                            "see what it said, and raise the limit of open files (ulimit -n 4096) if it had too few");
  }
  const bool sends = std::string_view(operation).starts_with("send");
  throw_call_error(operation, "the echo server", sends ? "sendto" : "recvfrom", positive_errno);
}

// One message is 64 bytes and the receive asks for all of it, so fewer bytes than that mean that
// the server has closed the connection, not that the rest is on its way.
void require_whole_message(const char* operation, ssize_t moved) {
  if (moved < 0) throw_lost(operation, errno);
  if (moved != static_cast<ssize_t>(echo_bytes)) throw_lost(operation, ECONNRESET);
}
void require_whole_message(const char* operation, const result<std::size_t>& moved) {
  if (!moved) throw_lost(operation, moved.error().value());
  if (*moved != echo_bytes) throw_lost(operation, ECONNRESET);
}

void send_blocking(line& to, std::uint64_t index) {
  to.request = echo_request(index);
  ssize_t moved = -1;
  do {
    moved = ::send(to.socket.get(), to.request.data(), echo_bytes, MSG_NOSIGNAL);
  } while (moved < 0 && errno == EINTR);
  require_whole_message("send to", moved);
}

answer receive_blocking(line& from) {
  ssize_t moved = -1;
  do {
    moved = ::recv(from.socket.get(), from.reply.data(), echo_bytes, MSG_WAITALL);
  } while (moved < 0 && errno == EINTR);
  require_whole_message("receive from", moved);
  return echo_digest(from.reply);
}

class net_echo_workload final : public workload {
 public:
  explicit net_echo_workload(const workload_settings& settings)
      : delay_(delay_of(settings.variant)),
        server_(delay_),
        first_index_(mix64(settings.seed)),
        lines_(settings.lanes) {
    for (line& lane : lines_) lane.socket = server_.connect();
    // A first round trip on every connection, all at the same time: a server that cannot take that
    // many is found out here, and the timed region begins with warm connections.
    for (std::size_t lane = 0; lane < lines_.size(); ++lane) send_blocking(lines_[lane], lane);
    for (std::size_t lane = 0; lane < lines_.size(); ++lane) {
      if (receive_blocking(lines_[lane]) != echo_digest(echo_reply(echo_request(lane)))) {
        throw wrong_answer("the echo server's first reply on connection " + std::to_string(lane) +
                           " is not the answer to its request");
      }
    }
  }

  answer run(unit work) override {
    line& lane = lines_[work.lane];
    send_blocking(lane, first_index_ + work.index);
    return receive_blocking(lane);
  }

  task<answer> run(async_context&, unit work) override {
    line& lane = lines_[work.lane];
    lane.request = echo_request(first_index_ + work.index);
    const result<std::size_t> sent =
        co_await waitwork::send(lane.socket.get(), std::as_bytes(std::span(lane.request)), MSG_WAITALL);
    require_whole_message("send to", sent);
    const result<std::size_t> received =
        co_await waitwork::receive(lane.socket.get(), std::as_writable_bytes(std::span(lane.reply)), MSG_WAITALL);
    require_whole_message("receive from", received);
    co_return echo_digest(lane.reply);
  }

  std::map<std::string, double> parameters() const override {
    return {{"message_bytes", static_cast<double>(echo_bytes)},
            {"delay_us", static_cast<double>(delay_.count()) / 1e3}};
  }

  answer expected(std::uint64_t index) const override {
    return echo_digest(echo_reply(echo_request(first_index_ + index)));
  }

  std::optional<pid_t> server() const override { return server_.pid(); }

 private:
  nanoseconds delay_;
  echo_server_process server_;
  std::uint64_t first_index_;
  std::vector<line> lines_;
};

const bool server_registered = register_helper_process(echo_server_flag, run_echo_server);

const bool registered = register_workload({
    .name = "io/net_echo",
    .variants = {"delay0", "delay1ms"},
    .waits = true,
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<net_echo_workload>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
