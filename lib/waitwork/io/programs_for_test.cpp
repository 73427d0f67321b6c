// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/programs_for_test.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <waitwork/io/listener.hpp>
#include <waitwork/io/program_parts_for_test.hpp>
#include <waitwork/io/registered.hpp>

#include <examples/echo_server.hpp>
#include <examples/fan_out.hpp>
#include <examples/file_copy.hpp>
#include <examples/nested_scopes.hpp>

namespace waitwork {

namespace {

using namespace std::chrono_literals;

// An address that no other process uses.
endpoint some_address(unsigned number) {
  const std::string name = "waitwork-" + std::to_string(::getpid()) + "-" + std::to_string(number);
  return value_or_throw(endpoint::unix_abstract(name), "name a socket");
}

// --- echo server -------------------------------------------------------------------------------------------------

// Receives up to the end, or `most` bytes; gives how many. What comes must be what the stream has there.
task<std::size_t> receive_checked(script& told, int socket, std::uint64_t stream, std::size_t from, std::size_t most) {
  std::array<std::byte, 100> buffer;
  std::size_t total = 0;
  while (total < most) {
    const auto room = std::span(buffer).first(std::min(buffer.size(), most - total));
    const result<std::size_t> count = co_await receive(socket, room);
    if (!count && count.error() == std::errc::interrupted) continue;
    if (!count || *count == 0) break;
    for (std::size_t i = 0; i < *count; ++i) {
      told.require(buffer[i] == expected_byte(stream, from + total + i), "the echo is not what was said");
    }
    total += *count;
  }
  co_return total;
}

task<void> talk(script& told, int socket, std::uint64_t stream) {
  std::size_t said = 0;
  for (auto rounds = told.random.below(4); rounds > 0; --rounds) {
    const std::vector<std::byte> words = expected_bytes(stream, said, 1 + told.random.below(300));
    const result<void> sent = co_await send_all(socket, words);
    if (!sent) co_return told.expect(false, "a client cannot send");
    const std::size_t heard = co_await receive_checked(told, socket, stream, said, words.size());
    told.expect(heard == words.size(), "an echo is missing");
    if (heard < words.size()) co_return;
    said += words.size();
    if (told.random.below(2) == 0) co_await sleep_for(some_time(told, 90ms));
  }
}

// Says all, then reads all: what comes back waits in the meantime.
task<void> talk_first(script& told, int socket, std::uint64_t stream) {
  const std::vector<std::byte> words = expected_bytes(stream, 0, 1 + told.random.below(3000));
  const result<void> sent = co_await send_all(socket, words);
  if (!sent) co_return told.expect(false, "a client cannot send");
  co_await shutdown(socket, socket_side::sending);
  if (told.random.below(2) == 0) co_await sleep_for(some_time(told, 60ms));
  const std::size_t heard = co_await receive_checked(told, socket, stream, 0, words.size() + 1);
  told.require(heard <= words.size(), "more comes back than was said");
  told.expect(heard == words.size(), "the end of an echo is missing");
}

task<void> stay_silent(script& told, int socket) {
  std::array<std::byte, 8> buffer;
  result<std::size_t> count = co_await receive(socket, buffer);
  while (!count && count.error() == std::errc::interrupted) count = co_await receive(socket, buffer);
  told.require(!count || *count == 0, "an echo of nothing");
  told.expect(count.has_value(), "a silent client is not shown the door");
}

task<void> say_and_leave(script& told, int socket, std::uint64_t stream) {
  const std::vector<std::byte> words = expected_bytes(stream, 0, 1 + told.random.below(500));
  const result<std::size_t> sent = co_await send(socket, words);
  told.expect(sent.has_value() || sent.error() == std::errc::interrupted, "a client cannot send");
}

task<void> one_client(script& told, endpoint server, std::uint64_t stream) {
  if (told.random.below(2) == 0) co_await sleep_for(some_time(told, 20ms));
  const result<unique_fd> connection = co_await connect_to(server);
  if (!connection) co_return told.expect(false, "a client cannot connect");
  const int socket = connection->get();
  switch (told.random.below(4)) {
    case 0:
      co_return co_await talk(told, socket, stream);
    case 1:
      co_return co_await talk_first(told, socket, stream);
    case 2:
      co_return co_await stay_silent(told, socket);
    default:
      co_return co_await say_and_leave(told, socket, stream);
  }
}

// Until every buffer is the kernel's again. Those of the last connections come back with their last completions.
task<void> wait_for_buffers(script& told, const buffer_ring& buffers) {
  for (int turn = 0; turn < 2000; ++turn) {
    if (buffers.available() == buffers.count()) co_return;
    co_await yield();
  }
  told.require(false, "a buffer was not given back");
}

task<void> run_echo_server(script& told) {
  const endpoint address = some_address(0);
  const unique_fd listener = value_or_throw(listen(address), "listen");
  buffer_ring buffers(4, 64);
  auto clients = [&]() -> task<void> {
    auto crowd = [&](scope& running) -> task<void> {
      for (std::uint64_t client = 0; client < 4; ++client) running.spawn(one_client(told, address, mix64(client)));
      co_return;
    };
    co_await with_scope(crowd);
  };
  std::exception_ptr failure;
  try {
    co_await beside(told, examples::serve_echo(listener.get(), buffers, 100ms), clients());
  } catch (...) {
    failure = std::current_exception();
  }
  co_await shielded(wait_for_buffers(told, buffers));
  if (failure) std::rethrow_exception(failure);
}

// --- servers that answer questions -------------------------------------------------------------------------------

enum class manner { prompt, slow, silent, rude };

task<void> answer_one(unique_fd connection, manner how, nanoseconds time) {
  std::uint64_t number = 0;
  const result<void> asked = co_await receive_exactly(connection.get(), std::as_writable_bytes(std::span(&number, 1)));
  if (!asked || how == manner::rude) co_return;
  if (how == manner::slow) co_await sleep_for(time);
  if (how == manner::silent) {  // until the other side has had enough
    std::byte more;
    co_await receive_exactly(connection.get(), std::span(&more, 1));
    co_return;
  }
  number = right_answer(number);
  co_await send_all(connection.get(), std::as_bytes(std::span(&number, 1)));
}

task<void> answer_questions(int listener, manner how, nanoseconds time) {
  auto accepting = [&](scope& connections) -> task<void> {
    for (;;) {
      result<unique_fd> connection = co_await accept(listener);
      if (!connection && connection.error() == std::errc::operation_canceled) throw cancelled();
      if (connection) {
        connections.spawn(answer_one(std::move(*connection), how, time));
      } else {
        co_await sleep_for(1ms);
      }
    }
  };
  co_await with_scope(accepting);
}

// --- fan-out -----------------------------------------------------------------------------------------------------

task<void> run_fan_out(script& told) {
  static constexpr manner manners[] = {manner::prompt, manner::slow, manner::silent, manner::rude};
  std::vector<endpoint> servers;
  std::vector<unique_fd> listeners;
  for (unsigned i = 0; i < 4; ++i) {
    servers.push_back(some_address(i));
    listeners.push_back(value_or_throw(listen(servers.back()), "listen"));
  }
  servers.push_back(some_address(99));  // where nobody listens
  const nanoseconds pause = told.random.below(2) == 0 ? 5ms : 80ms;
  auto service = [&]() -> task<void> {
    auto all = [&](scope& running) -> task<void> {
      for (std::size_t i = 0; i < 4; ++i) running.spawn(answer_questions(listeners[i].get(), manners[i], pause));
      co_return;
    };
    co_await with_scope(all);
  };
  auto asking = [&]() -> task<void> {
    const std::uint64_t question = told.random();
    const bool in_time = told.random.below(2) == 0;
    const auto answers = co_await examples::ask_all(servers, question, 50ms, in_time ? 10s : 20ms);
    told.require(answers.size() == servers.size(), "an outcome for every server");
    for (const auto& answer : answers) told.require(!answer || *answer == right_answer(question), "a wrong answer");
    told.expect(answers[0].has_value(), "the prompt server did answer");
    told.expect(answers[1].has_value() == (pause == 5ms), "the slow server answers if there is time");
    const std::errc late = in_time ? std::errc::timed_out : std::errc::operation_canceled;
    told.expect(!answers[2] && answers[2].error() == late, "the silent server takes too long");
    told.expect(!answers[3] && answers[3].error() == std::errc::connection_reset, "the rude server hangs up");
    told.expect(!answers[4] && answers[4].error() == std::errc::connection_refused, "nobody listens at the last");

    const std::size_t first = told.random.below(5);
    const auto either = co_await examples::ask_either(servers[first], servers[0], question, 10ms);
    told.require(!either || *either == right_answer(question), "a wrong answer of a mirror");
    told.expect(either.has_value(), "one of two mirrors answers");
  };
  co_await beside(told, service(), asking());
}

// --- file copy ---------------------------------------------------------------------------------------------------

// A folder in memory, if there is one, for the length of the process.
class scratch_folder {
 public:
  scratch_folder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool has_memory = ::access(memory.c_str(), W_OK) == 0;
    std::string name = (has_memory ? memory : std::filesystem::temp_directory_path()) / "waitwork-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// What copies are made in.
const scratch_folder& scratch() {
  static const scratch_folder folder;
  return folder;
}

constexpr std::uint64_t contents_stream = 17;

std::vector<std::byte> contents(const std::string& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::byte> bytes(8192);
  const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return bytes;
}

void write_contents(const std::string& path, std::span<const std::byte> bytes) {
  const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
}

task<void> run_file_copy(script& told) {
  const std::string from = scratch().file("from");
  const std::string to = scratch().file("to");
  ::unlink(to.c_str());
  const std::vector<std::byte> bytes = expected_bytes(contents_stream, 0, told.random.below(3000));
  write_contents(from, bytes);
  std::exception_ptr failure;
  try {
    const std::uint64_t copied = co_await examples::copy_file(from, to, 256, 3);
    told.require(copied == bytes.size(), "the number of bytes copied");
  } catch (...) {
    failure = std::current_exception();
  }
  const bool exists = ::access(to.c_str(), F_OK) == 0;
  told.require(exists == !failure, "there is a copy if it went well");
  told.require(::access((to + ".part").c_str(), F_OK) != 0, "nothing unfinished is left behind");
  if (exists) told.require(contents(to) == bytes, "the copy is what was copied");
  if (failure) std::rethrow_exception(failure);
}

// --- registered copy ---------------------------------------------------------------------------------------------

// Every lane has its part of one registered buffer; both files are known to the kernel by their slots.
task<void> copy_registered(int from, int to, std::uint64_t bytes, std::size_t block_bytes, unsigned depth) {
  const registered_file source(from);
  const registered_file copy(to);
  registered_buffer memory(depth * block_bytes);
  std::uint64_t next = 0;  // where the first block begins that nobody copies yet
  auto lane = [&](unsigned number) -> task<result<void>> {
    while (next < bytes) {
      const std::uint64_t offset = std::exchange(next, next + block_bytes);
      const std::size_t count = std::min<std::uint64_t>(block_bytes, bytes - offset);
      const registered_span block = memory.part(number * block_bytes, count);
      result<void> outcome = co_await read_exactly_at(source, block, offset);
      if (outcome) outcome = co_await write_all_at(copy, block, offset);
      if (!outcome) co_return outcome;
    }
    co_return result<void>();
  };
  auto copying = [&](scope& lanes) -> task<void> {
    for (unsigned i = 0; i < depth; ++i) lanes.spawn(lane(i));
    co_return;
  };
  co_await with_scope(copying);
  value_or_throw(co_await sync_all(copy), "make the copy durable");
}

task<void> run_registered_copy(script& told) {
  const std::string from = scratch().file("registered-from");
  const std::string to = scratch().file("registered-to");
  const std::vector<std::byte> bytes = expected_bytes(contents_stream, 0, told.random.below(3000));
  write_contents(from, bytes);
  unique_fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  unique_fd copy(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const auto depth = static_cast<unsigned>(1 + told.random.below(4));
  co_await copy_registered(source.get(), copy.get(), bytes.size(), 256, depth);
  told.require(contents(to) == bytes, "the copy is what was copied");
}

// --- nested scopes -----------------------------------------------------------------------------------------------

task<void> visit(script& told, endpoint front, bool stock_fails, std::uint64_t& replies) {
  const result<unique_fd> connection = co_await connect_to(front);
  if (!connection) co_return told.expect(false, "a visitor cannot connect");
  for (auto requests = told.random.below(4); requests > 0; --requests) {
    const std::uint64_t article = told.random.below(1000);
    const result<void> sent = co_await send_all(connection->get(), std::as_bytes(std::span(&article, 1)));
    if (!sent) co_return told.expect(false, "a visitor cannot ask");
    std::uint64_t value = 0;
    const result<void> replied =
        co_await receive_exactly(connection->get(), std::as_writable_bytes(std::span(&value, 1)));
    told.expect(replied.has_value() == !stock_fails, "there is a reply unless a server has failed");
    if (!replied) co_return;
    ++replies;
    told.require(value == right_answer(article) * right_answer(article), "a wrong reply");
    if (told.random.below(3) == 0) co_await sleep_for(some_time(told, 5ms));
  }
}

task<void> run_nested_scopes(script& told) {
  const endpoint front = some_address(0);
  const unique_fd door = value_or_throw(listen(front), "listen");
  const unique_fd journal(::memfd_create("journal", MFD_CLOEXEC));
  examples::shop shop{some_address(1), some_address(2), journal.get()};
  const unique_fd prices = value_or_throw(listen(shop.prices), "listen");
  const unique_fd stock = value_or_throw(listen(shop.stock), "listen");
  const bool stock_fails = told.random.below(4) == 0;
  std::uint64_t replies = 0;
  auto service = [&]() -> task<void> {
    auto all = [&](scope& running) -> task<void> {
      running.spawn(answer_questions(prices.get(), stock_fails ? manner::silent : manner::slow, 2ms));
      running.spawn(answer_questions(stock.get(), stock_fails ? manner::rude : manner::prompt, 0ms));
      running.spawn(examples::serve_shop(door.get(), shop));
      co_return;
    };
    co_await with_scope(all);
  };
  auto visiting = [&]() -> task<void> {
    auto all = [&](scope& running) -> task<void> {
      for (int i = 0; i < 3; ++i) running.spawn(visit(told, front, stock_fails, replies));
      co_return;
    };
    co_await with_scope(all);
  };
  std::exception_ptr failure;
  try {
    co_await beside(told, service(), visiting());
  } catch (...) {
    failure = std::current_exception();
  }
  const auto entries = static_cast<std::uint64_t>(::lseek(journal.get(), 0, SEEK_END)) / sizeof(std::uint64_t);
  told.expect(entries == replies, "what was replied is in the journal");
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

std::span<const program> programs() {
  static constexpr program all[] = {
      {"echo_server", run_echo_server},
      {"file_copy", run_file_copy},
      {"fan_out", run_fan_out},
      {"nested_scopes", run_nested_scopes},
      {"registered_copy", run_registered_copy},
      {"request_reply", run_request_reply},
      {"datagrams", run_datagrams},
  };
  return all;
}

}  // namespace waitwork
