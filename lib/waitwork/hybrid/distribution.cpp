// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/distribution.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/io/call_on.hpp>
#include <waitwork/io/connection_stream.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

// Whether accepting may succeed again when something else has been closed.
bool runs_out(const std::error_code& error) {
  return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
         error == std::errc::no_buffer_space || error == std::errc::not_enough_memory;
}

// Calls take(connection) for each connection of `listener` until a stop.
template <class Take>
task<void> accept_each(int listener, Take& take) {
  connection_stream incoming(listener);
  for (;;) {
    result<unique_fd> accepted = co_await incoming.next();
    if (accepted) {
      take(std::move(*accepted));
    } else if (runs_out(accepted.error())) {
      co_await sleep_for(10ms);  // rather than ask again at once, in vain, while those who could close something wait
    } else if (accepted.error() == std::errc::operation_canceled) {
      throw cancelled();
    } else {
      throw std::system_error(accepted.error(), "accepting a connection");
    }
  }
}

// How many connections each loop has, as the accepting loop knows it.
class loads {
 public:
  loads(unsigned loops, placement chosen) : chosen_(chosen), connections_(loops) {}

  unsigned next_loop() {
    const auto count = static_cast<unsigned>(connections_.size());
    const unsigned turn = turn_++ % count;
    if (chosen_ == placement::in_turn) return turn;
    // From the one whose turn it is, so that equals share.
    unsigned best = turn;
    for (unsigned step = 1; step < count; ++step) {
      const unsigned candidate = (turn + step) % count;
      if (connections_[candidate] < connections_[best]) best = candidate;
    }
    return best;
  }

  // One connection's part in it.
  class share {
   public:
    share(loads& all, unsigned loop) : connections_(all.connections_[loop]) { ++connections_; }
    ~share() { --connections_; }
    share(const share&) = delete;
    share& operator=(const share&) = delete;

   private:
    std::size_t& connections_;
  };

 private:
  placement chosen_;
  unsigned turn_ = 0;
  std::vector<std::size_t> connections_;
};

task<void> serve_there(const remote& there, loads& all, unsigned loop, task<void> serving) {
  const loads::share counted(all, loop);
  co_await call_on(there, std::move(serving));
}

}  // namespace

result<std::vector<unique_fd>> listen_for_each(unsigned count, const endpoint& local, listen_options options) {
  options.reuse_port = true;
  std::vector<unique_fd> listeners;
  endpoint chosen = local;
  for (unsigned index = 0; index < count; ++index) {
    result<unique_fd> listener = listen(chosen, options);
    if (!listener) return std::unexpected(listener.error());
    if (index == 0) {
      const result<endpoint> bound = endpoint::of_socket(listener->get());
      if (!bound) return std::unexpected(bound.error());
      chosen = *bound;
    }
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

task<void> serve_here(int listener, const connection_handler& handle) {
  auto body = [&](scope& connections) -> task<void> {
    auto serve = [&](unique_fd connection) { connections.spawn(handle(std::move(connection))); };
    co_await accept_each(listener, serve);
  };
  co_await with_scope(body);
}

task<void> serve_on_each(const loop_group& loops, const std::vector<unique_fd>& listeners,
                         const connection_handler& handle) {
  WAITWORK_CHECK(listeners.size() == loops.count(), "each loop has a listener of its own");
  const auto serve = [&](unsigned loop) -> task<void> {
    co_await call_on(loops.on(loop), serve_here(listeners[loop].get(), handle));
  };
  auto body = [&](scope& servers) -> task<void> {
    for (unsigned loop = 0; loop < loops.count(); ++loop) servers.spawn(serve(loop));
    co_return;
  };
  co_await with_scope(body);
}

task<void> serve_by_hand_over(const loop_group& loops, int listener, placement chosen,
                              const connection_handler& handle) {
  loads all(loops.count(), chosen);
  auto body = [&](scope& connections) -> task<void> {
    auto hand_over = [&](unique_fd connection) {
      const unsigned loop = all.next_loop();
      connections.spawn(serve_there(loops.on(loop), all, loop, handle(std::move(connection))));
    };
    co_await accept_each(listener, hand_over);
  };
  co_await with_scope(body);
}

}  // namespace waitwork
