// SPDX-License-Identifier: Apache-2.0
// fan_out: asks four servers of its own, of which the last is slow and the first has a mirror.

#include <examples/fan_out.hpp>

#include <chrono>
#include <iostream>

#include <waitwork/coro/scope.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>

namespace {

using namespace waitwork;
using namespace std::chrono_literals;

// Takes its time, and answers with the square.
task<void> serve(int listener, nanoseconds time) {
  for (;;) {
    const unique_fd connection = value_or_throw(co_await accept(listener), "accept");
    std::uint64_t number = 0;
    value_or_throw(co_await receive_exactly(connection.get(), std::as_writable_bytes(std::span(&number, 1))), "read");
    co_await sleep_for(time);
    number *= number;
    value_or_throw(co_await send_all(connection.get(), std::as_bytes(std::span(&number, 1))), "send");
  }
}

task<void> tolerate(task<void> server) {
  try {
    co_await std::move(server);
  } catch (const std::system_error&) {  // whoever asked has gone away
  }
}

task<void> ask_them() {
  std::vector<unique_fd> listeners;
  std::vector<endpoint> servers;
  for (int i = 0; i < 4; ++i) {
    listeners.push_back(value_or_throw(listen(endpoint::loopback(0)), "listen"));
    servers.push_back(value_or_throw(endpoint::of_socket(listeners.back().get()), "ask for the port"));
  }
  auto asking = [&](scope& running) -> task<void> {
    nanoseconds time = 1ms;
    for (const unique_fd& listener : listeners) running.spawn(tolerate(serve(listener.get(), time *= 5)));
    const auto answers = co_await examples::ask_all(servers, 12, 200ms, 5s);
    for (const result<std::uint64_t>& each : answers) {
      std::cout << (each ? std::to_string(*each) : each.error().message()) << '\n';
    }
    running.request_stop();
  };
  co_await with_scope(asking);
}

}  // namespace

int main() {
  loop here;
  here.run(ask_them());
}
