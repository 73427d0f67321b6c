// SPDX-License-Identifier: Apache-2.0
#pragma once
// request_generator: many connections, each with exactly one request of 100 bytes on its way, as fast as the server
// answers.
//
// It has to be faster than the servers, or their differences drown in its own; so it has no event loop. It takes the
// replies in the order of the requests, in which they come as a rule, and looks at a socket again and again instead of
// sleeping: a server whose client sleeps pays for waking it. One that keeps it waiting is put behind the next.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <waitwork/base/unique_fd.hpp>

#include <harness/drive/strategy.hpp>

namespace waitwork::bench {

inline constexpr std::size_t request_bytes = 100;

enum class while_waiting {
  spin,   // keep looking: for a CPU of its own
  block,  // sleep until the oldest request is answered: where the server needs this CPU
};

class request_generator {
 public:
  // `connections`: connected, in blocking mode.
  request_generator(std::vector<unique_fd> connections, while_waiting waiting);

  // Sends requests [first, first + count), the next of a connection when the one before has been answered, and gives
  // the log of the round trips. A reply that is not its request, byte for byte, is a wrong answer. Throws
  // environment_error when the server closes a connection.
  unit_log run(std::uint64_t first, std::uint64_t count);

 private:
  struct connection {
    unique_fd socket;
    std::uint64_t index = 0;
    std::int64_t begin_ns = 0;
    std::array<std::byte, request_bytes> request;
    std::array<std::byte, request_bytes> reply;
    std::size_t received = 0;
  };

  void send(connection& to, std::uint64_t index);
  bool receive(connection& from);

  std::vector<connection> connections_;
  int receive_flags_;
};

}  // namespace waitwork::bench
