// SPDX-License-Identifier: Apache-2.0
#include <peers/tcp_echo/echo_servers.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include <waitwork/base/affinity.hpp>
#include <waitwork/bench/helper_process.hpp>
#include <waitwork/report/checked_json.hpp>

#include <workloads/io/echo_server.hpp>

namespace waitwork::bench {
namespace {

std::system_error failure(const char* operation) { return {errno, std::generic_category(), operation}; }

void prepare_process(int cpu) {
  ::prctl(PR_SET_NAME, "tcp-echo-server");
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // besides the control pipe: also when this process is stuck
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  if (cpu >= 0) pin_this_thread(static_cast<unsigned>(cpu));
  // The connections inherit it: replies leave at once.
  const int at_once = 1;
  if (::setsockopt(echo_listener_fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once) != 0) {
    throw failure("setsockopt");
  }
}

server_page& shared_page() {
  void* const memory = ::mmap(nullptr, sizeof(server_page), PROT_READ | PROT_WRITE, MAP_SHARED, echo_shared_fd, 0);
  if (memory == MAP_FAILED) throw failure("mmap");
  return *static_cast<server_page*>(memory);
}

void serve(const std::string& server) {
  if (server == "waitwork") return serve_with_waitwork(shared_page());
  if (server == "liburing") return serve_with_liburing(shared_page());
  if (server == "asio") return serve_with_asio(shared_page());
  throw std::invalid_argument("no server is called " + server);
}

int run_tcp_echo_server(std::string_view options_json) {
  try {
    const nlohmann::ordered_json options = parse_json(options_json);
    const std::string server = text_member(options, "server");
    prepare_process(static_cast<int>(number_member(options, "cpu", -1, std::numeric_limits<int>::max())));  // -1: any
    serve(server);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waitwork: TCP echo server: %s\n", error.what());
    return 1;
  }
}

const bool registered = register_helper_process(tcp_echo_server_flag, run_tcp_echo_server);

}  // namespace

std::string tcp_echo_server_options(std::string_view server, int cpu) {
  return nlohmann::json{{"server", server}, {"cpu", cpu}}.dump();
}

}  // namespace waitwork::bench
