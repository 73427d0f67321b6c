// peers/tcp_echo: request and reply of 100 bytes over TCP loopback, as many connections as the depth says, each with
// one request on its way.
//
//   waitwork  a coroutine for each connection
//   liburing  the loop by hand
//   asio      Asio over epoll
//
// What differs is the server, a process of its own: server_cpu_ns_per_unit and server_enters_per_unit are what a
// request costs it in CPU time and in system calls. The unit is a round trip, and what is measured and reported as our
// own is the client (request_generator.hpp), the same for all. With two CPUs or more each of the two has one to itself.

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <harness/self_driven.hpp>
#include <peers/tcp_echo/echo_servers.hpp>
#include <peers/tcp_echo/request_generator.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/parallel/effective_cpus.hpp>
#include <workloads/io/echo_server_process.hpp>

namespace waitwork::bench {
namespace {

// Where client and server run: -1 both, wherever they like, if there are not two CPUs.
struct placement {
  int client_cpu = -1;
  int server_cpu = -1;
  bool apart() const noexcept { return server_cpu >= 0; }
};

placement place() {
  const std::vector<unsigned> cpus = affinity_cpus();
  if (effective_cpus() < 2 || cpus.size() < 2) return {};
  return {static_cast<int>(cpus[0]), static_cast<int>(cpus[1])};
}

unique_fd new_page() {
  unique_fd memory(::memfd_create("tcp-echo-server", MFD_CLOEXEC));
  if (!memory || ::ftruncate(memory.get(), sizeof(server_page)) != 0) {
    throw environment_error("make", "shared memory", std::generic_category().message(errno),
                            "raise the limits of open files and of memory");
  }
  return memory;
}

class mapped_page {
 public:
  mapped_page() : file_(new_page()) {
    void* const memory = ::mmap(nullptr, sizeof(server_page), PROT_READ, MAP_SHARED, file_.get(), 0);
    if (memory == MAP_FAILED) {
      throw environment_error("map", "shared memory", std::generic_category().message(errno), "free some memory");
    }
    page_ = static_cast<const server_page*>(memory);
  }
  ~mapped_page() { ::munmap(const_cast<server_page*>(page_), sizeof(server_page)); }
  mapped_page(const mapped_page&) = delete;
  mapped_page& operator=(const mapped_page&) = delete;

  int fd() const noexcept { return file_.get(); }
  std::uint64_t system_calls() const noexcept { return page_->system_calls.load(std::memory_order_relaxed); }

 private:
  unique_fd file_;
  const server_page* page_;
};

std::vector<unique_fd> connect_all(const echo_server_process& server, unsigned count) {
  std::vector<unique_fd> connections(count);
  for (unique_fd& connection : connections) connection = server.connect();
  return connections;
}

class tcp_echo final : public self_driven {
 public:
  explicit tcp_echo(const workload_settings& settings)
      : where_(place()),
        server_(tcp_echo_server_flag, tcp_echo_server_options(settings.variant, where_.server_cpu), page_.fd()),
        requests_(connect_all(server_, settings.lanes), where_.apart() ? while_waiting::spin : while_waiting::block) {
    if (where_.apart()) pin_this_thread(static_cast<unsigned>(where_.client_cpu));
  }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::uint64_t begin = page_.system_calls();
    unit_log log = requests_.run(first, count);
    calls_per_request_ = static_cast<double>(page_.system_calls() - begin) / static_cast<double>(count);
    return log;
  }

  std::map<std::string, double> parameters() const override {
    std::map<std::string, double> given = {{"message_bytes", static_cast<double>(request_bytes)}};
    if (where_.apart()) {
      given["client_cpu"] = where_.client_cpu;
      given["server_cpu"] = where_.server_cpu;
    }
    return given;
  }
  std::map<std::string, double> figures() const override { return {{"server_enters_per_unit", calls_per_request_}}; }
  std::optional<pid_t> server() const override { return server_.pid(); }

 private:
  placement where_;
  mapped_page page_;
  echo_server_process server_;
  request_generator requests_;
  double calls_per_request_ = 0;  // of the last drive()
};

const bool registered = register_workload({
    .name = "peers/tcp_echo",
    .variants = {"waitwork", "liburing", "asio"},
    .waits = true,
    .depths = {64, 512},
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      if (settings.variant == "asio") require_asio();
      return std::make_unique<tcp_echo>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
