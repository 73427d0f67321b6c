// SPDX-License-Identifier: Apache-2.0
// peers/distribution: short connections to a server of two loops or more: connect, one message of 100 bytes there and
// back, close. What it costs to bring a connection to the loop that serves it.
//
//   waitwork    each loop listens on the port for itself (SO_REUSEPORT), and the kernel chooses
//   hand_over   one loop accepts and hands each connection to a loop in its turn, by message
//
// Clients and server share the process and its CPUs; the clients are a loop of their own and the same in both variants.
// A client resets its connection at the end, or some thousand connections a second would use up the ports.

#include <waitwork/hybrid/distribution.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/lanes.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t message_bytes = 100;

std::vector<unique_fd> listeners_for(unsigned count) {
  result<std::vector<unique_fd>> made = listen_for_each(count, endpoint::loopback(0));
  if (!made) {
    throw_call_error("listen on", "a port of 127.0.0.1", "bind", made.error().value());
  }
  return std::move(*made);
}

task<void> echo_once(unique_fd connection) {
  std::array<std::byte, message_bytes> buffer;
  const result<void> received = co_await receive_exactly(connection.get(), buffer);
  if (!received) co_return;
  const result<void> sent = co_await send_all(connection.get(), buffer);
  if (!sent) co_return;
  static_cast<void>(co_await receive(connection.get(), buffer));  // until the client goes
}

void reset_when_closed(int socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// One unit; its answer is what came back. Throws std::system_error.
task<answer> exchange(const endpoint& server, std::uint64_t index) {
  const unique_fd socket(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  reset_when_closed(socket.get());
  std::array<std::byte, message_bytes> message{};
  std::memcpy(message.data(), &index, sizeof index);
  result<void> done = co_await connect(socket.get(), server);
  if (done) done = co_await send_all(socket.get(), message);
  message.fill(std::byte{0});
  if (done) done = co_await receive_exactly(socket.get(), message);
  if (!done) throw std::system_error(done.error(), "a connection to the server");
  answer received = 0;
  std::memcpy(&received, message.data(), sizeof received);
  co_return received;
}

class distributed final : public self_driven {
 public:
  explicit distributed(const workload_settings& settings)
      : lanes_(settings.lanes),
        servers_(server_options()),
        listeners_(listeners_for(settings.variant == "waitwork" ? servers_.count() : 1)),
        server_(*endpoint::of_socket(listeners_.front().get())),
        handle_(echo_once),
        serving_(servers_.on(0).spawn(serve(settings.variant))) {}
  ~distributed() override {
    serving_.request_stop();
    serving_.wait();
  }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    clients_.run(exchange_all(first, count, sum));
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }
  std::vector<loop_counters> loops() const override {
    std::vector<loop_counters> counted{clients_.counters()};
    for (unsigned index = 0; index < servers_.count(); ++index) counted.push_back(servers_.counters(index));
    return counted;
  }
  unsigned loop_setup_flags() const override { return clients_.setup_flags(); }
  std::map<std::string, double> parameters() const override {
    return {{"message_bytes", static_cast<double>(message_bytes)}, {"server_loops", servers_.count()}};
  }

 private:
  // Two at the least: with one there is nothing to distribute. The clients need the CPUs too.
  static loop_group_options server_options() {
    loop_group_options options;
    options.count = std::max(effective_cpus(), 2u);
    options.pinned = false;
    return options;
  }

  task<void> serve(std::string variant) {
    if (variant == "waitwork") {
      co_await serve_on_each(servers_, listeners_, handle_);
    } else {
      co_await serve_by_hand_over(servers_, listeners_.front().get(), placement::in_turn, handle_);
    }
  }

  task<void> exchange_all(std::uint64_t first, std::uint64_t count, answer& sum) {
    std::uint64_t left = count;
    auto next = [&]() -> std::optional<std::uint64_t> {
      if (left == 0) return std::nullopt;
      return first + count - left--;
    };
    auto one = [&](std::uint64_t index, unsigned) { return add(index, sum); };
    co_await lanes(0, lanes_, next, one);
  }
  task<void> add(std::uint64_t index, answer& sum) {
    const answer received = co_await exchange(server_, index);
    sum += received;
  }

  unsigned lanes_;
  loop clients_;
  loop_group servers_;
  std::vector<unique_fd> listeners_;
  endpoint server_;
  connection_handler handle_;
  spawned<void> serving_;
};

const bool registered = register_workload({
    .name = "peers/distribution",
    .variants = {"waitwork", "hand_over"},
    .waits = true,
    .depths = {64},
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<distributed>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
