// SPDX-License-Identifier: Apache-2.0
#include <peers/tcp_echo/request_generator.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/measure/histogram.hpp>

#include <harness/drive/self_driven.hpp>

namespace waitwork::bench {
namespace {

// Looks at one socket before it is the next one's turn: about 20 us.
constexpr unsigned patience = 64;

[[noreturn]] void throw_lost(const char* operation, int positive_errno) {
  if (positive_errno != ECONNRESET && positive_errno != EPIPE) {
    throw call_error(operation, "the TCP echo server", "send", positive_errno);
  }
  throw environment_error(operation, "the TCP echo server", "it has closed the connection", "see what it said");
}

// Words that depend on the index and on their place.
void fill(std::array<std::byte, request_bytes>& request, std::uint64_t index) {
  std::array<std::uint32_t, request_bytes / sizeof(std::uint32_t)> words;
  auto word = static_cast<std::uint32_t>(mix64(index));
  for (std::uint32_t& each : words) each = word += 0x9e3779b9u;
  std::memcpy(request.data(), words.data(), request_bytes);
}

}  // namespace

request_generator::request_generator(std::vector<unique_fd> connections, while_waiting waiting)
    : connections_(connections.size()), receive_flags_(waiting == while_waiting::spin ? MSG_DONTWAIT : 0) {
  for (std::size_t n = 0; n < connections.size(); ++n) connections_[n].socket = std::move(connections[n]);
}

void request_generator::send(connection& to, std::uint64_t index) {
  to.index = index;
  to.received = 0;
  fill(to.request, index);
  ssize_t moved = -1;
  do {
    moved = ::send(to.socket.get(), to.request.data(), request_bytes, MSG_NOSIGNAL);
  } while (moved < 0 && errno == EINTR);
  if (moved < 0) throw_lost("send to", errno);
  // One request is on its way, so the socket's buffer has room for it.
  if (moved != static_cast<ssize_t>(request_bytes)) throw_lost("send to", ENOBUFS);
}

// True if the whole reply is there.
bool request_generator::receive(connection& from) {
  const ssize_t moved =
      ::recv(from.socket.get(), from.reply.data() + from.received, request_bytes - from.received, receive_flags_);
  if (moved == 0) throw_lost("receive from", ECONNRESET);
  if (moved < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) throw_lost("receive from", errno);
    return false;
  }
  from.received += static_cast<std::size_t>(moved);
  return from.received == request_bytes;
}

unit_log request_generator::run(std::uint64_t first, std::uint64_t count) {
  std::uint64_t next = first;
  const std::uint64_t end = first + count;
  histogram latency;
  answer sum = 0;
  std::vector<std::size_t> waiting(std::min<std::uint64_t>(connections_.size(), count));
  std::iota(waiting.begin(), waiting.end(), std::size_t{0});
  for (const std::size_t n : waiting) {
    connections_[n].begin_ns = now_ns();
    send(connections_[n], next++);
  }
  std::size_t at = 0;
  unsigned misses = 0;
  while (!waiting.empty()) {
    const std::size_t following = at + 1 < waiting.size() ? at + 1 : 0;
    connection& oldest = connections_[waiting[at]];
    if (!receive(oldest)) {
      if (++misses < patience) continue;
      misses = 0;
      std::swap(waiting[at], waiting[following]);
      continue;
    }
    misses = 0;
    const std::int64_t end_ns = now_ns();
    latency.record(end_ns - oldest.begin_ns);
    oldest.begin_ns = end_ns;
    sum += oldest.reply == oldest.request ? oldest.index : ~oldest.index;
    if (next != end) {
      send(oldest, next++);
      at = following;
    } else {
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
      if (at == waiting.size()) at = 0;
    }
  }
  return batch_log(first, count, latency, sum);
}

}  // namespace waitwork::bench
