// SPDX-License-Identifier: Apache-2.0
#pragma once
// An echo server and a crowd of clients of every kind, each on a loop of its own, that check every byte and write down
// how many they have sent and received.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/endpoint.hpp>

namespace waitwork::soak {

enum class habit : std::uint8_t {
  chats,          // sends, and waits for the echo, some times
  half_closes,    // sends all, closes its side, and reads to the end meanwhile
  reads_slowly,   // the same, but it takes its time between reads, and gives up single waits early
  falls_asleep,   // says something, and then nothing more until the server hangs up
  does_not_read,  // sends until the server, who cannot get rid of the echo, hangs up
  vanishes,       // closes at some moment, whatever is under way
};
inline constexpr std::size_t habits = 6;

// One side of one connection.
struct account {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  bool opened = false;
  bool wrong = false;  // a byte was not the one that belongs there
  bool timed_out = false;
};

struct ledger {
  std::vector<account> accounts;  // by the number of the connection; written by one thread, read when that has ended
  std::uint64_t unnamed = 0;      // connections that ended before they gave a number
  account& of(std::uint64_t connection);
};

struct options {
  unsigned connections = 1000;  // at a time
  nanoseconds duration{};
  nanoseconds idle{};  // after which the server hangs up
};

// Serves until it is stopped.
task<void> serve(int tcp_listener, int unix_listener, nanoseconds idle, ledger& written);

// Keeps `connections` clients going until the duration is over, and ends when the last of them has.
task<void> visit(endpoint tcp, endpoint unix_socket, options chosen, ledger& written,
                 std::vector<habit>& chosen_habits);

}  // namespace waitwork::soak
