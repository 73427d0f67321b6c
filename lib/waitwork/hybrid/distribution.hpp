// SPDX-License-Identifier: Apache-2.0
#pragma once
// distribution: the connections of one server, spread over the loops of a group.
//
// Two ways. Each loop listens for itself on the same port (SO_REUSEPORT): nothing crosses between threads and the
// kernel decides, by a hash over addresses and ports; a few connections can so end up all on one loop, and one whose
// loop is busy waits although another is idle. Or one loop accepts and hands over: it decides by what it knows of the
// others, at the price of one call a connection (call_on.hpp: 1 to 7 us). Few long connections of unequal weight: hand
// over. Many short ones: reuse the port.
//
// All of them serve until they are asked to stop, then end as `cancelled` once every connection has ended. A handler
// deals with its connection's errors; what it throws ends the server (scope.hpp).

#include <functional>
#include <vector>

#include <waitwork/base/result.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/hybrid/loop_group.hpp>
#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/listener.hpp>

namespace waitwork {

// Gives the task that serves a connection and owns it; the task runs on the loop that got the connection, the call is
// made on the loop that accepted it.
using connection_handler = std::function<task<void>(unique_fd connection)>;

// `count` listeners on one endpoint, for as many loops. With port 0 the first gets a port from the kernel and the
// others the same.
result<std::vector<unique_fd>> listen_for_each(unsigned count, const endpoint& local, listen_options options = {});

// On the current loop: accepts the connections of `listener` and serves them here.
task<void> serve_here(int listener, const connection_handler& handle);

// From a coroutine on any loop: every loop of the group serves what its own listener gets. As many listeners as loops;
// they stay open until this ends.
task<void> serve_on_each(const loop_group& loops, const std::vector<unique_fd>& listeners,
                         const connection_handler& handle);

enum class placement {
  in_turn,       // to each loop in its turn
  least_loaded,  // to a loop that has the fewest of these connections
};

// On the current loop, which may be one of the group: accepts the connections of `listener` and hands each to a loop.
task<void> serve_by_hand_over(const loop_group& loops, int listener, placement chosen,
                              const connection_handler& handle);

}  // namespace waitwork
