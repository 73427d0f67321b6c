// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/soak_for_test.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

#include <waitwork/base/random.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/connection_stream.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/receive_stream.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork::soak {

account& ledger::of(std::uint64_t connection) {
  if (connection >= accounts.size()) accounts.resize(connection * 2 + 64);
  return accounts[connection];
}

namespace {

using namespace std::chrono_literals;

// The bytes of a connection, from `position` on. The server gives them back, so both directions carry the same.
void fill(std::span<std::byte> bytes, std::uint64_t connection, std::uint64_t position) {
  std::uint64_t word = mix64(connection << 32 ^ position / 8);
  for (std::byte& each : bytes) {
    if (position % 8 == 0) word = mix64(connection << 32 ^ position / 8);
    each = static_cast<std::byte>(word >> (position % 8 * 8));
    ++position;
  }
}

bool is_right(std::span<const std::byte> bytes, std::uint64_t connection, std::uint64_t position) {
  std::array<std::byte, 512> expected;
  for (std::size_t from = 0; from < bytes.size(); from += expected.size()) {
    const auto part = bytes.subspan(from, std::min(expected.size(), bytes.size() - from));
    fill(std::span(expected).first(part.size()), connection, position + from);
    if (!std::equal(part.begin(), part.end(), expected.begin())) return false;
  }
  return true;
}

// Sends all, and notes after each step how far it has come. An account is looked up again after every wait: the ledger
// grows.
task<bool> send_noted(int socket, std::span<const std::byte> bytes, ledger& written, std::uint64_t connection) {
  while (!bytes.empty()) {
    const result<std::size_t> count = co_await send(socket, bytes);
    if (!count) co_return false;
    written.of(connection).sent += *count;
    bytes = bytes.subspan(*count);
  }
  co_return true;
}

void note_received(std::span<const std::byte> bytes, ledger& written, std::uint64_t connection) {
  account& noted = written.of(connection);
  if (!is_right(bytes, connection, noted.received)) noted.wrong = true;
  noted.received += bytes.size();
}

// --- server ------------------------------------------------------------------------------------------------------

// A connection begins with its number. Even ones are received by a stream, odd ones one by one.
task<void> echo(unique_fd socket, buffer_ring& buffers, nanoseconds idle, ledger& written) {
  std::uint64_t connection = 0;
  const result<void> named =
      co_await with_timeout(10s, receive_exactly(socket.get(), std::as_writable_bytes(std::span(&connection, 1))));
  if (!named) {
    ++written.unnamed;
    co_return;
  }
  written.of(connection).opened = true;
  const auto give_back = [&](std::span<const std::byte> bytes) -> task<bool> {
    note_received(bytes, written, connection);
    const result<bool> sent = co_await with_timeout(idle, send_noted(socket.get(), bytes, written, connection));
    if (!sent) written.of(connection).timed_out = true;
    co_return sent && *sent;
  };
  if (connection % 2 == 0) {
    receive_stream incoming(socket.get(), buffers);
    for (;;) {
      const result<received> chunk = co_await with_timeout(idle, incoming.next());
      if (!chunk && chunk.error() == std::errc::timed_out) written.of(connection).timed_out = true;
      if (!chunk || chunk->empty()) co_return;
      const bool went_on = co_await give_back(chunk->bytes());
      if (!went_on) co_return;
    }
  }
  std::array<std::byte, 1500> buffer;
  for (;;) {
    const result<std::size_t> count = co_await with_timeout(idle, receive(socket.get(), buffer));
    if (!count && count.error() == std::errc::timed_out) written.of(connection).timed_out = true;
    if (!count || *count == 0) co_return;
    const bool went_on = co_await give_back(std::span(buffer).first(*count));
    if (!went_on) co_return;
  }
}

// --- clients -----------------------------------------------------------------------------------------------------

struct client {
  client(unique_fd connected, std::uint64_t number, ledger& noted, std::uint64_t seed)
      : socket(std::move(connected)), connection(number), written(noted), random(seed) {}

  unique_fd socket;
  std::uint64_t connection;
  ledger& written;
  splitmix64 random;

  task<bool> say(std::size_t bytes) {
    std::vector<std::byte> words(bytes);
    fill(words, connection, written.of(connection).sent);
    co_return co_await send_noted(socket.get(), words, written, connection);
  }

  // Up to `most` bytes, or to the end. False: the end has come.
  task<result<bool>> hear(std::uint64_t most) {
    std::array<std::byte, 1024> buffer;
    while (most > 0) {
      const auto room = std::span(buffer).first(std::min<std::uint64_t>(most, buffer.size()));
      const result<std::size_t> count = co_await receive(socket.get(), room);
      if (!count) co_return std::unexpected(count.error());
      if (*count == 0) co_return false;
      note_received(std::span(buffer).first(*count), written, connection);
      most -= *count;
    }
    co_return true;
  }

  task<void> chat() {
    for (auto rounds = 1 + random.below(8); rounds > 0; --rounds) {
      const std::size_t bytes = 1 + random.below(random.below(4) == 0 ? 8000 : 200);
      auto [said, heard] = co_await when_all(say(bytes), hear(bytes));
      if (!said || !heard || !*heard) co_return;
    }
  }

  task<void> say_all_and_close(std::size_t bytes) {
    while (bytes > 0) {
      const std::size_t piece = std::min<std::size_t>(bytes, 4096);
      const bool said = co_await say(piece);
      if (!said) co_return;
      bytes -= piece;
    }
    co_await shutdown(socket.get(), socket_side::sending);
  }

  task<void> hear_all() { co_await hear(~std::uint64_t{0}); }

  task<void> hear_slowly() {
    for (;;) {
      const result<bool> heard = co_await with_timeout(nanoseconds(random.below(2'000'000)), hear(5000));
      if (heard ? !*heard : heard.error() != std::errc::timed_out) co_return;
      co_await sleep_for(nanoseconds(random.below(5'000'000)));
    }
  }

  task<void> fall_asleep() {
    const std::size_t bytes = 1 + random.below(500);
    const bool said = co_await say(bytes);
    if (said) co_await hear_all();
  }

  task<void> not_read() {
    for (;;) {
      const bool said = co_await say(16 << 10);
      if (!said) co_return;
    }
  }

  task<void> vanish() {
    const auto talk = [this]() -> task<void> {
      co_await when_all(say_all_and_close(random.below(60'000)), hear_all());
    };
    co_await with_timeout(nanoseconds(random.below(10'000'000)), talk());
  }

  task<void> behave(habit kind) {
    const std::uint64_t number = connection;
    const bool named = (co_await send(socket.get(), std::as_bytes(std::span(&number, 1)))).value_or(0) == sizeof number;
    if (!named) co_return;
    switch (kind) {
      case habit::chats:
        co_return co_await chat();
      case habit::half_closes: {
        co_await when_all(say_all_and_close(random.below(60'000)), hear_all());
        co_return;
      }
      case habit::reads_slowly: {
        co_await when_all(say_all_and_close(random.below(30'000)), hear_slowly());
        co_return;
      }
      case habit::falls_asleep:
        co_return co_await fall_asleep();
      case habit::does_not_read:
        co_return co_await not_read();
      case habit::vanishes:
        co_return co_await vanish();
    }
  }
};

habit some_habit(splitmix64& random) {
  const std::uint64_t dice = random.below(100);
  if (dice < 50) return habit::chats;
  if (dice < 65) return habit::half_closes;
  if (dice < 80) return habit::reads_slowly;
  if (dice < 85) return habit::falls_asleep;
  if (dice < 87) return habit::does_not_read;
  return habit::vanishes;
}

}  // namespace

task<void> serve(int tcp_listener, int unix_listener, nanoseconds idle, ledger& written) {
  buffer_ring buffers(512, 1024);
  auto serving = [&](scope& connections) -> task<void> {
    auto accepting = [&](int listener) -> task<void> {
      connection_stream incoming(listener);
      for (;;) {
        unique_fd connection = value_or_throw(co_await incoming.next(), "accept");
        connections.spawn(echo(std::move(connection), buffers, idle, written));
      }
    };
    co_await when_all(accepting(tcp_listener), accepting(unix_listener));
  };
  std::exception_ptr failure;
  try {
    co_await with_scope(serving);
  } catch (const cancelled&) {
  } catch (...) {
    failure = std::current_exception();
  }
  // The streams of the last connections still wait for the kernel to let go of them.
  const auto settle = [&]() -> task<void> {
    while (buffers.available() < buffers.count()) co_await sleep_for(1ms);
  };
  const result<void> settled = co_await shielded(with_timeout(5s, settle()));
  WAITWORK_CHECK(settled.has_value(), "every buffer of a server is given back");
  if (failure) std::rethrow_exception(failure);
}

task<void> visit(endpoint tcp, endpoint unix_socket, options chosen, ledger& written,
                 std::vector<habit>& chosen_habits) {
  const std::int64_t end_ns = loop::current().now_ns() + chosen.duration.count();
  std::uint64_t next = 1;
  auto lane = [&](std::uint64_t number) -> task<void> {
    splitmix64 random(number);
    while (loop::current().now_ns() < end_ns) {
      result<unique_fd> socket = co_await connect_to(random.below(2) == 0 ? tcp : unix_socket);
      if (!socket) {  // too many have just closed: no port is left for a moment
        co_await sleep_for(5ms);
        continue;
      }
      const std::uint64_t connection = next++;
      const habit kind = some_habit(random);
      chosen_habits.resize(std::max<std::size_t>(chosen_habits.size(), connection + 1));
      chosen_habits[connection] = kind;
      written.of(connection).opened = true;
      client one(std::move(*socket), connection, written, random());
      co_await one.behave(kind);
    }
  };
  auto all = [&](scope& running) -> task<void> {
    for (unsigned i = 0; i < chosen.connections; ++i) running.spawn(lane(i));
    co_return;
  };
  co_await with_scope(all);
}

}  // namespace waitwork::soak
