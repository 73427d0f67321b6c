// SPDX-License-Identifier: Apache-2.0
// A server under a crowd that behaves badly, for as long as one likes: memory and descriptors stay flat, and every byte
// is accounted for.
//
//   WAITWORK_SOAK_SECONDS=n      3 if not set
//   WAITWORK_SOAK_CONNECTIONS=n  at a time; 1000 if not set

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>

#include <waitwork/io/listener.hpp>
#include <waitwork/io/live_allocations_for_test.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>
#include <waitwork/io/soak_for_test.hpp>

namespace waitwork::soak {
namespace {

using namespace std::chrono_literals;

unsigned number_in(const char* variable, unsigned otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// What of memory or descriptors was in use, over time.
struct samples {
  std::vector<double> values;
  // The largest in a part of the time, given in sixths.
  double largest(std::size_t from, std::size_t to) const {
    const std::size_t count = values.size();
    return *std::max_element(
        values.begin() + static_cast<std::ptrdiff_t>(count * from / 6),
        values.begin() + static_cast<std::ptrdiff_t>(std::max(count * to / 6, count * from / 6 + 1)));
  }
};

double resident_mib() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<double>(std::distance(begin(all), end(all)));
}

// Room for both ends of every connection and for some that are closing; as many as the machine allows.
unsigned affordable(unsigned connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<unsigned>(std::min<rlim_t>(connections, (limit.rlim_cur - 100) / 3));
}

TEST(soak, keeps_memory_and_descriptors_flat_and_accounts_for_every_byte) {
  options chosen;
  chosen.connections = affordable(number_in("WAITWORK_SOAK_CONNECTIONS", 1000));
  chosen.duration = std::chrono::seconds(number_in("WAITWORK_SOAK_SECONDS", 3));
  chosen.idle = 300ms;
  const double descriptors_before = open_descriptors();
  const std::ptrdiff_t allocations_before = live_allocations();
  double resident_early = 0, resident_late = 0, descriptors_peak = 0;
  {
    ledger of_server, of_clients;
    std::vector<habit> kinds;
    samples resident, descriptors;
    loop_counters counters;
    {
      const unique_fd tcp_listener = value_or_throw(listen(endpoint::loopback(0)), "listen");
      const endpoint tcp = value_or_throw(endpoint::of_socket(tcp_listener.get()), "address");
      const endpoint local =
          value_or_throw(endpoint::unix_abstract("waitwork-soak-" + std::to_string(::getpid())), "name");
      const unique_fd unix_listener = value_or_throw(listen(local), "listen");
      std::promise<remote> server_is_up;
      std::thread server([&] {
        loop here;
        server_is_up.set_value(here.remote());
        here.run(serve(tcp_listener.get(), unix_listener.get(), chosen.idle, of_server));
        counters = here.counters();
      });
      const remote outside = server_is_up.get_future().get();
      std::atomic<bool> over{false};
      std::thread crowd([&] {
        loop here;
        here.run(visit(tcp, local, chosen, of_clients, kinds));
        over.store(true, std::memory_order_release);
      });
      while (!over.load(std::memory_order_acquire)) {
        resident.values.push_back(resident_mib());
        descriptors.values.push_back(open_descriptors());
        std::this_thread::sleep_for(20ms);
      }
      crowd.join();
      outside.request_stop();
      server.join();
    }

    std::uint64_t connections = 0, sent = 0, received = 0, cut_short = 0, timed_out = 0;
    std::array<std::uint64_t, habits> by_habit{};
    for (std::uint64_t number = 1; number < kinds.size(); ++number) {
      const account& client = of_clients.of(number);
      const account& server = of_server.of(number);
      ++connections;
      ++by_habit[static_cast<std::size_t>(kinds[number])];
      sent += client.sent;
      received += client.received;
      timed_out += server.timed_out;
      ASSERT_FALSE(client.wrong || server.wrong) << "connection " << number;
      ASSERT_LE(server.received, client.sent) << "connection " << number;
      ASSERT_LE(server.sent, server.received) << "connection " << number;
      ASSERT_LE(client.received, server.sent) << "connection " << number;
      const bool may_be_cut_short = kinds[number] == habit::does_not_read || kinds[number] == habit::vanishes;
      if (client.received == client.sent) continue;
      ++cut_short;
      if (!server.opened) {
        ASSERT_GT(of_server.unnamed, 0u) << "connection " << number << " never came to the server";
        --of_server.unnamed;
        continue;
      }
      ASSERT_TRUE(may_be_cut_short || server.timed_out)
          << "connection " << number << ", habit " << static_cast<int>(kinds[number]) << ": sent " << client.sent
          << ", of which the server received " << server.received << " and sent back " << server.sent
          << ", of which came back " << client.received;
    }
    resident_early = resident.largest(1, 2);
    resident_late = resident.largest(5, 6);
    descriptors_peak = descriptors.largest(0, 6);
    std::printf(
        "%llu connections (%llu cut short, %llu timed out), %.1f MiB there and %.1f MiB back; %.1f MiB resident early, "
        "%.1f late; %.0f descriptors at most; %llu turns with overflow, %llu cancellations\n",
        static_cast<unsigned long long>(connections), static_cast<unsigned long long>(cut_short),
        static_cast<unsigned long long>(timed_out), static_cast<double>(sent) / (1 << 20),
        static_cast<double>(received) / (1 << 20), resident_early, resident_late, descriptors_peak,
        static_cast<unsigned long long>(counters.overflows), static_cast<unsigned long long>(counters.cancels));
    EXPECT_GT(connections, chosen.connections / 2);
    for (const std::uint64_t each : by_habit) EXPECT_GT(each, 0u) << "every habit occurs";
  }
  // Both ends of each, and the server's of those whose client has gone and been replaced already.
  EXPECT_LE(descriptors_peak, descriptors_before + 3 * chosen.connections + 100) << "descriptors pile up";
  EXPECT_EQ(open_descriptors(), descriptors_before) << "descriptors leaked";
  EXPECT_EQ(live_allocations(), allocations_before) << "memory leaked";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The ledger's 32 bytes a connection are the test's own.
  EXPECT_LE(resident_late, resident_early * 1.25 + 16) << "memory grows";
#endif
}

}  // namespace
}  // namespace waitwork::soak
