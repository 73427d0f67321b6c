// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/receive_stream.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/nop.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timeout.hpp>
#include <waitwork/io/timer.hpp>

namespace waitwork {
namespace {

using namespace std::chrono_literals;

struct pair {
  pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    here.reset(ends[0]);
    there.reset(ends[1]);
  }
  void say(std::string_view text) { ASSERT_EQ(::send(there.get(), text.data(), text.size(), 0), ssize_t(text.size())); }
  unique_fd here, there;
};

std::string text_of(const received& chunk) {
  return {reinterpret_cast<const char*>(chunk.bytes().data()), chunk.size()};
}

// Reads up to the end of the stream.
task<std::string> read_all(int fd, buffer_ring& buffers) {
  receive_stream stream(fd, buffers);
  std::string all;
  for (;;) {
    const result<received> chunk = co_await stream.next();
    if (!chunk) throw std::system_error(chunk.error());
    if (chunk->empty()) co_return all;
    all += text_of(*chunk);
  }
}

TEST(receive_stream, gives_what_came_in_order_and_then_the_end) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(4, 16);
    pair ends;
    ends.say("what is longer than one buffer is cut in several");
    ends.there.reset();
    const std::string all = co_await read_all(ends.here.get(), buffers);
    EXPECT_EQ(all, "what is longer than one buffer is cut in several");
    EXPECT_EQ(buffers.available(), 4u);
  }());
}

TEST(receive_stream, waits_for_what_has_not_come_yet) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(4, 64);
    pair ends;
    std::string heard;
    auto body = [&](scope& both) -> task<void> {
      both.spawn([](pair& from, std::string& into, buffer_ring& memory) -> task<void> {
        into = co_await read_all(from.here.get(), memory);
      }(ends, heard, buffers));
      for (const char* word : {"one ", "two ", "three"}) {
        co_await sleep_for(1ms);
        ends.say(word);
      }
      co_await sleep_for(1ms);
      ends.there.reset();
    };
    co_await with_scope(body);
    EXPECT_EQ(heard, "one two three");
  }());
}

TEST(receive_stream, that_finds_no_buffer_goes_on_when_one_is_given_back) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(2, 8);
    pair first, second;
    first.say("AAAAAAAABBBBBBBB");
    second.say("CCCCCCCC");
    second.there.reset();
    receive_stream hoarder(first.here.get(), buffers);
    std::optional<received> kept_a(value_or_throw(co_await hoarder.next(), "receive"));
    std::optional<received> kept_b(value_or_throw(co_await hoarder.next(), "receive"));
    EXPECT_EQ(buffers.available(), 0u);
    std::string heard;
    auto body = [&](scope& both) -> task<void> {
      both.spawn([](pair& from, std::string& into, buffer_ring& memory) -> task<void> {
        into = co_await read_all(from.here.get(), memory);
      }(second, heard, buffers));
      co_await sleep_for(2ms);
      EXPECT_EQ(heard, "");
      kept_a.reset();
    };
    co_await with_scope(body);
    EXPECT_EQ(heard, "CCCCCCCC");
    EXPECT_EQ(text_of(*kept_b), "BBBBBBBB");
  }());
}

TEST(receive_stream, that_is_stopped_loses_nothing) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(4, 16);
    pair ends;
    receive_stream stream(ends.here.get(), buffers);
    const result<received> nothing = co_await with_timeout(1ms, stream.next());
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    ends.say("late");
    const result<received> chunk = co_await stream.next();
    EXPECT_EQ(text_of(*chunk), "late");
  }());
}

TEST(receive_stream, that_dies_gives_every_buffer_back) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(4, 8);
    pair ends;
    ends.say("AAAAAAAABBBBBBBBCCCCCCCC");
    {
      receive_stream stream(ends.here.get(), buffers);
      const result<received> chunk = co_await stream.next();
      EXPECT_EQ(text_of(*chunk), "AAAAAAAA");
    }
    for (int turn = 0; turn < 10; ++turn) co_await yield();
    EXPECT_EQ(buffers.available(), 4u);
  }());
}

TEST(receive_stream, outlives_its_ring_and_its_ring_what_was_received) {
  loop here;
  here.run([]() -> task<void> {
    pair ends;
    ends.say("kept");
    std::optional<buffer_ring> buffers(std::in_place, 4u, std::size_t(8));
    received kept;
    {
      receive_stream stream(ends.here.get(), *buffers);
      buffers.reset();
      kept = value_or_throw(co_await stream.next(), "receive");
    }
    EXPECT_EQ(text_of(kept), "kept");
  }());
}

TEST(receive_stream, says_what_is_wrong_with_the_socket) {
  loop here;
  here.run([]() -> task<void> {
    buffer_ring buffers(4, 8);
    unique_fd not_connected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    receive_stream stream(not_connected.get(), buffers);
    const result<received> chunk = co_await stream.next();
    EXPECT_EQ(chunk.error(), std::errc::not_connected);
  }());
}

TEST(receive_stream, waits_on_a_socket_that_does_not_block_too) {
  loop here;
  pair ends;
  ASSERT_EQ(::fcntl(ends.here.get(), F_SETFL, O_NONBLOCK), 0);
  const auto speaking = [&]() -> task<void> {
    co_await sleep_for(1ms);
    ends.say("late");
  };
  const auto listening = [&]() -> task<void> {
    buffer_ring buffers(4, 16);
    receive_stream stream(ends.here.get(), buffers);
    const result<received> chunk = co_await stream.next();
    EXPECT_TRUE(chunk.has_value() && chunk->bytes().size() == 4);
  };
  const auto body = [&]() -> task<void> { co_await when_all(listening(), speaking()); };
  here.run(body());
  EXPECT_LT(here.counters().turns, 50u);  // it does not ask again and again
}

// The kernel goes by numbers, and reads them when it is entered.
TEST(receive_stream, that_ends_before_the_kernel_has_heard_of_it_takes_from_no_stranger) {
  loop here;
  pair ends, strangers;
  strangers.say("not for you");
  const auto body = [&]() -> task<void> {
    buffer_ring buffers(4, 16);
    co_await nop();  // what follows is inside one turn, after the kernel was entered
    {
      receive_stream stream(ends.here.get(), buffers);
      const result<received> late = co_await with_timeout(1ns, stream.next());
      EXPECT_FALSE(late.has_value());
      EXPECT_EQ(here.counters().submissions, 1u);  // the nop: the stream's request still waits
    }
    EXPECT_EQ(::dup2(strangers.here.get(), ends.here.get()), ends.here.get());
  };
  here.run(body());
  std::array<char, 32> text{};
  EXPECT_EQ(::recv(strangers.here.get(), text.data(), text.size(), MSG_DONTWAIT), 11);
  EXPECT_STREQ(text.data(), "not for you");
}

}  // namespace
}  // namespace waitwork
