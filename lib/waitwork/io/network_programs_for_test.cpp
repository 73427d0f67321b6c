// SPDX-License-Identifier: Apache-2.0
// The programs that use IP: TCP with replies that are not copied, and datagrams. Over the loopback device the kernel
// delivers within the system call that sends, on the sending thread, so here too nothing but the seed decides.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <waitwork/coro/scope.hpp>
#include <waitwork/io/call_on.hpp>
#include <waitwork/io/connection_stream.hpp>
#include <waitwork/io/datagram.hpp>
#include <waitwork/io/listener.hpp>
#include <waitwork/io/program_parts_for_test.hpp>
#include <waitwork/io/registered.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

// --- request and reply -------------------------------------------------------------------------------------------

// A question is the number of a page, its answer the page. Some pages take longer than a client has patience.
constexpr nanoseconds patience = 20ms;
std::size_t page_bytes(std::uint64_t page) { return 1 + mix64(page) % 900; }
bool takes_long(std::uint64_t page) { return page % 8 == 0; }

// Where it is counted how often each page was asked for; on a loop of its own, as far as the servers know.
struct page_counts {
  remote home;
  std::array<std::uint64_t, 100> asked{};
};

task<std::uint64_t> count_page(page_counts& counts, std::uint64_t page) {
  co_await yield();
  co_return ++counts.asked[page];
}

task<result<void>> send_all_zero_copy(int socket, std::span<const std::byte> left) {
  while (!left.empty()) {
    result<std::size_t> sent = co_await send_zero_copy(socket, left);
    if (!sent && sent.error() == std::errc::invalid_argument) sent = co_await send(socket, left);  // before Linux 6.0
    if (!sent && sent.error() == std::errc::interrupted) continue;
    if (!sent) co_return std::unexpected(sent.error());
    left = left.subspan(*sent);
  }
  co_return result<void>();
}

task<void> serve_pages(unique_fd connection, page_counts& counts) {
  for (;;) {
    std::uint64_t page = 0;
    const result<void> asked =
        co_await with_timeout(100ms, receive_exactly(connection.get(), std::as_writable_bytes(std::span(&page, 1))));
    if (!asked) co_return;
    co_await call_on(counts.home, count_page(counts, page));
    if (takes_long(page)) co_await sleep_for(patience * 2);
    const std::vector<std::byte> contents = expected_bytes(page, 0, page_bytes(page));
    const result<void> sent = co_await with_timeout(100ms, send_all_zero_copy(connection.get(), contents));
    if (!sent) co_return;
  }
}

task<void> serve_clients(int listener, page_counts& counts) {
  auto accepting = [&, listener](scope& connections) -> task<void> {
    connection_stream incoming(listener);
    for (;;) {
      result<unique_fd> connection = co_await incoming.next();
      if (connection) {
        connections.spawn(serve_pages(std::move(*connection), counts));
      } else if (connection.error() == std::errc::operation_canceled) {
        co_return;
      } else {
        co_await sleep_for(1ms);
      }
    }
  };
  co_await with_scope(accepting);
}

// Leaves no connection behind that waits a minute for its last packets: tens of thousands would use up the ports.
void end_without_waiting(int socket) {
  const linger at_once{1, 0};
  if (::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) std::abort();
}

// What comes is acknowledged when it comes, not up to 40 ms later: a reply that is not copied waits for that.
void acknowledge_at_once(int socket) {
  const int on = 1;
  if (::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) != 0) std::abort();
}

task<void> read_pages(script& told, endpoint server, std::uint64_t& replies) {
  const result<unique_fd> connection = co_await with_timeout(1s, connect_to(server));
  if (!connection) co_return told.expect(false, "a reader cannot connect");
  const int socket = connection->get();
  end_without_waiting(socket);
  for (auto pages = told.random.below(5); pages > 0; --pages) {
    const std::uint64_t page = told.random.below(100);
    const result<void> sent = co_await send_all(socket, std::as_bytes(std::span(&page, 1)));
    if (!sent) co_return told.expect(false, "a reader cannot ask");
    acknowledge_at_once(socket);
    std::vector<std::byte> contents(page_bytes(page));
    const result<void> replied = co_await with_timeout(patience, receive_exactly(socket, contents));
    told.expect(replied.has_value() == !takes_long(page), "the reply comes in time unless it takes long");
    if (!replied) co_return;
    ++replies;
    told.require(contents == expected_bytes(page, 0, contents.size()), "a wrong page");
    if (told.random.below(3) == 0) co_await sleep_for(some_time(told, 60ms));
  }
}

}  // namespace

task<void> run_request_reply(script& told) {
  const unique_fd listener = value_or_throw(listen(endpoint::loopback(0)), "listen");
  const endpoint server = value_or_throw(endpoint::of_socket(listener.get()), "ask for the port");
  page_counts counts{loop::current().remote()};
  std::uint64_t replies = 0;
  auto readers = [&]() -> task<void> {
    auto all = [&](scope& running) -> task<void> {
      for (int i = 0; i < 3; ++i) running.spawn(read_pages(told, server, replies));
      co_return;
    };
    co_await with_scope(all);
  };
  co_await beside(told, serve_clients(listener.get(), counts), readers());
  std::uint64_t counted = 0;
  for (const std::uint64_t asked : counts.asked) counted += asked;
  told.require(counted >= replies, "every page that was sent was counted");
}

// --- datagrams ---------------------------------------------------------------------------------------------------

namespace {

struct exchange {
  std::uint64_t question;
  std::uint64_t answer;
};

// Loses some questions, and thinks about others for longer than it is given.
task<void> answer_datagrams(script& told, descriptor socket) {
  for (;;) {
    exchange words{};
    const auto question = std::as_writable_bytes(std::span(&words.question, 1));
    const result<received_datagram> came = co_await receive_from(socket, question);
    if (!came && came.error() == std::errc::operation_canceled) throw cancelled();
    if (!came) {
      co_await sleep_for(1ms);
      continue;
    }
    told.require(came->bytes == question.size() && !came->truncated, "a datagram is whole");
    if (told.random.below(3) == 0) continue;
    if (told.random.below(4) == 0) co_await sleep_for(some_time(told, 30ms));
    words.answer = right_answer(words.question);
    const result<std::size_t> sent = co_await send_to(socket, std::as_bytes(std::span(&words, 1)), came->sender);
    told.require(!sent || *sent == sizeof words, "a datagram is sent whole");
  }
}

// The answer to this question; older ones are passed over.
task<result<std::uint64_t>> receive_answer(script& told, int socket, std::uint64_t question) {
  for (;;) {
    exchange words{};
    const result<received_datagram> came = co_await receive_from(socket, std::as_writable_bytes(std::span(&words, 1)));
    if (!came) co_return std::unexpected(came.error());
    told.require(came->bytes == sizeof words, "a datagram is whole");
    told.require(words.answer == right_answer(words.question), "a wrong answer");
    if (words.question == question) co_return words.answer;
  }
}

task<void> ask_again_and_again(script& told, const endpoint& server) {
  const unique_fd socket = value_or_throw(datagram_socket(endpoint::loopback(0)), "open a socket");
  for (auto questions = told.random.below(4); questions > 0; --questions) {
    const std::uint64_t question = told.random();
    bool answered = false;
    for (int attempts = 0; attempts < 60 && !answered; ++attempts) {
      const result<std::size_t> sent = co_await send_to(socket.get(), std::as_bytes(std::span(&question, 1)), server);
      if (!sent && sent.error() == std::errc::operation_canceled) throw cancelled();
      const auto answer = co_await with_timeout(10ms, receive_answer(told, socket.get(), question));
      if (!answer && answer.error() == std::errc::operation_canceled) throw cancelled();
      answered = answer.has_value();
    }
    told.expect(answered, "a question that is asked often enough is answered");
  }
}

}  // namespace

task<void> run_datagrams(script& told) {
  const unique_fd socket = value_or_throw(datagram_socket(endpoint::loopback(0)), "open a socket");
  const endpoint server = value_or_throw(endpoint::of_socket(socket.get()), "ask for the port");
  const registered_file known(socket.get());
  auto asking = [&]() -> task<void> {
    auto all = [&](scope& running) -> task<void> {
      for (int i = 0; i < 3; ++i) running.spawn(ask_again_and_again(told, server));
      co_return;
    };
    co_await with_scope(all);
  };
  co_await beside(told, answer_datagrams(told, known), asking());
}

}  // namespace waitwork
