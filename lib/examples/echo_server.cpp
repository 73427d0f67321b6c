// SPDX-License-Identifier: Apache-2.0
// echo_server [PORT]: serves until it is interrupted; without a port, for a tenth of a second.

#include <examples/echo_server.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>

namespace {

using namespace waitwork;
using namespace std::chrono_literals;

task<void> serve(std::uint16_t port) {
  const unique_fd listener = value_or_throw(listen(endpoint::loopback(port)), "listen");
  const endpoint here = value_or_throw(endpoint::of_socket(listener.get()), "ask for the port");
  std::cout << "echoing on " << here.text() << std::endl;
  buffer_ring buffers(256, 4096);
  co_await examples::serve_echo(listener.get(), buffers, 30s);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const auto port = static_cast<std::uint16_t>(argument_count > 1 ? std::atoi(arguments[1]) : 0);
  // Signals are taken by a thread that waits for nothing else, and that asks the loop to stop.
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigaddset(&interrupts, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &interrupts, nullptr);

  loop here;
  const std::jthread interrupter([outside = here.remote(), interrupts, port] {
    const timespec a_moment{0, 100'000'000};
    siginfo_t received;
    sigtimedwait(&interrupts, &received, port == 0 ? &a_moment : nullptr);
    outside.request_stop();
  });
  here.run(serve(port));
  std::cout << "stopped\n";
}
