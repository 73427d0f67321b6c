// SPDX-License-Identifier: Apache-2.0
#pragma once
// echo_servers: the servers that peers/tcp_echo compares. Each sends back what it receives, byte for byte, in one
// thread, and each is written as one writes it with what it is made of.
//
// A server is a helper process of this binary (waitwork/bench/helper_process.hpp) and finds its descriptors where
// workloads/io/echo_server.hpp says. It serves until the control pipe closes.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace waitwork::bench {

inline constexpr std::string_view tcp_echo_server_flag = "--waitwork-tcp-echo-server";

// What the server tells the process that started it, in memory that both see (echo_shared_fd). A server stores its
// count after each request; nothing else is passed through here, so relaxed order will do.
struct server_page {
  std::atomic<std::uint64_t> system_calls;
};

// What the helper process is given as its argument: which server, and the CPU to keep to; -1: any.
std::string tcp_echo_server_options(std::string_view server, int cpu);

// The three. Return when the control pipe has closed and every connection has ended. Throw where something is refused.
void serve_with_waitwork(server_page& page);
void serve_with_liburing(server_page& page);
void serve_with_asio(server_page& page);

// Throws unsupported_error if this program was built without Asio.
void require_asio();

}  // namespace waitwork::bench
