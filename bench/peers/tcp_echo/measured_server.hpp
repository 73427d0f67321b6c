// SPDX-License-Identifier: Apache-2.0
#pragma once
// measured_server: one of the servers, with its clients connected, and what it has cost so far.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include <waitwork/base/unique_fd.hpp>

#include <harness/drive/strategy.hpp>
#include <peers/tcp_echo/echo_servers.hpp>
#include <peers/tcp_echo/request_generator.hpp>
#include <workloads/io/echo_server_process.hpp>

namespace waitwork::bench {

// Where client and server run: each on a CPU of its own, or, if there are not two, wherever they like (-1).
struct placement {
  int client_cpu = -1;
  int server_cpu = -1;
  bool apart() const noexcept { return server_cpu >= 0; }
};

// The first two CPUs that this thread may use.
placement choose_cpus();

// The memory that a server reports in.
class shared_server_page {
 public:
  shared_server_page();
  ~shared_server_page();
  shared_server_page(const shared_server_page&) = delete;
  shared_server_page& operator=(const shared_server_page&) = delete;

  int fd() const noexcept { return file_.get(); }
  std::uint64_t system_calls() const noexcept { return page_->system_calls.load(std::memory_order_relaxed); }

 private:
  unique_fd file_;
  const server_page* page_;
};

struct server_cost {
  std::int64_t cpu_ns = 0;
  std::uint64_t system_calls = 0;
};

class measured_server {
 public:
  // `server` as in echo_servers.hpp. Throws environment_error.
  measured_server(std::string_view server, unsigned connections, const placement& where);

  // As request_generator::run().
  unit_log run(std::uint64_t first, std::uint64_t count) { return requests_.run(first, count); }

  // Since it began. What it does after its last reply may be missing. Throws std::system_error when it is gone.
  server_cost cost() const;

  // The part of it that costs nothing to ask for.
  std::uint64_t system_calls() const noexcept { return page_.system_calls(); }

  pid_t pid() const noexcept { return process_.pid(); }

 private:
  shared_server_page page_;
  echo_server_process process_;
  request_generator requests_;
};

}  // namespace waitwork::bench
