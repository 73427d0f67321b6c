// SPDX-License-Identifier: Apache-2.0
// peers/tcp_echo: request and reply of 100 bytes over TCP loopback, as many connections as the depth says, each with
// one request on its way.
//
//   waitwork  a coroutine for each connection
//   liburing  the loop by hand
//   asio      Asio over epoll
//
// What differs is the server, a process of its own: server_cpu_ns_per_unit and server_enters_per_unit are what a
// request costs it in CPU time and in system calls. The unit is a round trip, and what is measured and reported as our
// own is the client (request_generator.hpp), the same for all. With two CPUs or more each of the two has one to itself.
//
// The row of waitwork also has the ratios to the others, taken side by side (side_by_side.hpp) before the timed region:
// the rows of one round are seconds apart, in which the machine changes by more than the servers differ.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/environment_error.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/tcp_echo/echo_servers.hpp>
#include <peers/tcp_echo/measured_server.hpp>
#include <peers/tcp_echo/request_generator.hpp>
#include <peers/tcp_echo/side_by_side.hpp>

namespace waitwork::bench {
namespace {

constexpr unsigned pairs_of_slices = 15;
constexpr std::uint64_t requests_of_slice = 4096;

class tcp_echo final : public self_driven {
 public:
  explicit tcp_echo(const workload_settings& settings)
      : where_(choose_cpus()), server_(settings.variant, settings.lanes, where_) {
    if (where_.apart()) pin_this_thread(static_cast<unsigned>(where_.client_cpu));
    if (settings.variant != "waitwork") return;
    for (const std::string peer : {"liburing", "asio"}) compare_with(peer, settings);
  }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::uint64_t before = server_.system_calls();
    unit_log log = server_.run(first, count);
    const std::uint64_t calls = server_.system_calls() - before;
    figures_["server_enters_per_unit"] = static_cast<double>(calls) / static_cast<double>(count);
    return log;
  }

  std::map<std::string, double> parameters() const override {
    std::map<std::string, double> given = {{"message_bytes", static_cast<double>(request_bytes)}};
    if (where_.apart()) {
      given["client_cpu"] = where_.client_cpu;
      given["server_cpu"] = where_.server_cpu;
    }
    return given;
  }
  std::map<std::string, double> figures() const override { return figures_; }
  std::optional<pid_t> server() const override { return server_.pid(); }

 private:
  void compare_with(const std::string& peer, const workload_settings& settings) {
    try {
      if (peer == "asio") require_asio();
      measured_server other(peer, settings.lanes, where_);
      const unsigned pairs = settings.smoke ? 1 : pairs_of_slices;
      const std::uint64_t requests = settings.smoke ? requests_of_slice / 4 : requests_of_slice;
      add_figures(figures_, compare_side_by_side(server_, other, pairs, requests), peer);
    } catch (const unsupported_error&) {
      // Its own row says why it is absent.
    }
  }

  placement where_;
  measured_server server_;
  std::map<std::string, double> figures_;
};

const bool registered = register_workload({
    .name = "peers/tcp_echo",
    .variants = {"waitwork", "liburing", "asio"},
    .waits = true,
    .depths = {64, 512},
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      if (settings.variant == "asio") require_asio();
      return std::make_unique<tcp_echo>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
