// SPDX-License-Identifier: Apache-2.0
#include <peers/tcp_echo/measured_server.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/measure/resource_usage.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

namespace waitwork::bench {
namespace {

[[noreturn]] void refuse(const char* operation, const char* call) {
  throw_call_error(operation, "memory to share with a server", call, errno);
}

std::vector<unique_fd> connect_all(const echo_server_process& server, unsigned count) {
  std::vector<unique_fd> connections(count);
  for (unique_fd& connection : connections) connection = server.connect();
  return connections;
}

}  // namespace

placement choose_cpus() {
  const std::vector<unsigned> cpus = affinity_cpus();
  if (cpus.size() < 2 || effective_cpus() < 2) return {};
  return {static_cast<int>(cpus[0]), static_cast<int>(cpus[1])};
}

shared_server_page::shared_server_page() : file_(::memfd_create("tcp-echo-server", MFD_CLOEXEC)) {
  if (!file_) refuse("make", "memfd_create");
  if (::ftruncate(file_.get(), sizeof(server_page)) != 0) refuse("make", "ftruncate");
  void* const memory = ::mmap(nullptr, sizeof(server_page), PROT_READ, MAP_SHARED, file_.get(), 0);
  if (memory == MAP_FAILED) refuse("map", "mmap");
  page_ = static_cast<const server_page*>(memory);
}

shared_server_page::~shared_server_page() { ::munmap(const_cast<server_page*>(page_), sizeof(server_page)); }

measured_server::measured_server(std::string_view server, unsigned connections, const placement& where)
    : process_(tcp_echo_server_flag, tcp_echo_server_options(server, where.server_cpu), page_.fd()),
      requests_(connect_all(process_, connections), where.apart() ? while_waiting::spin : while_waiting::block) {}

server_cost measured_server::cost() const {
  const result<std::int64_t> cpu_ns = process_cpu_ns(process_.pid());
  if (!cpu_ns) throw std::system_error(cpu_ns.error(), "reading the CPU time of a TCP echo server");
  return {*cpu_ns, page_.system_calls()};
}

}  // namespace waitwork::bench
