// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/channel.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/scope.hpp>

namespace waitwork {
namespace {

task<bool> send_to(channel<int>& to, int value) { co_return co_await to.send(value); }
task<std::optional<int>> receive_from(channel<int>& from) { co_return co_await from.receive(); }

using sender = started_for_test<bool>;
using receiver = started_for_test<std::optional<int>>;

class channel_of_capacity : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(some, channel_of_capacity, testing::Values(0, 1, 2, 7, 64));

TEST_P(channel_of_capacity, carries_every_value_once_and_in_order) {
  channel<int> queue(GetParam());
  std::vector<int> received;
  const auto produce = [&]() -> task<void> {
    for (int value = 0; value < 500; ++value) {
      const bool sent = co_await queue.send(value);
      EXPECT_TRUE(sent);
      if (value % 7 == 0) co_await yield();
    }
    queue.close();
  };
  const auto consume = [&]() -> task<void> {
    for (;;) {
      const std::optional<int> value = co_await queue.receive();
      if (!value) break;
      received.push_back(*value);
      if (*value % 11 == 0) co_await yield();
    }
  };
  auto body = [&](scope& children) -> task<void> {
    children.spawn(produce());
    children.spawn(consume());
    co_return;
  };
  run_for_test(with_scope(body));
  std::vector<int> expected(500);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(received, expected);
}

TEST_P(channel_of_capacity, makes_the_sender_wait_for_its_capacity) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  std::vector<std::unique_ptr<sender>> senders;
  for (std::size_t i = 0; i < GetParam() + 3; ++i) {
    senders.push_back(std::make_unique<sender>(send_to(queue, static_cast<int>(i))));
    EXPECT_EQ(senders.back()->done(), i < GetParam());
  }
  EXPECT_EQ(queue.size(), GetParam());
  for (std::size_t i = 0; i < senders.size(); ++i) {
    receiver next(receive_from(queue));
    ASSERT_TRUE(next.done()) << "a value is there, in the ring or with a sender";
    EXPECT_EQ(next.take(), static_cast<int>(i));
  }
  EXPECT_EQ(queue.size(), 0u);
  driver.run_until_idle();
  for (const auto& each : senders) EXPECT_TRUE(each->take());
}

TEST_P(channel_of_capacity, hands_a_value_to_the_receiver_that_has_waited_longest) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  receiver first(receive_from(queue));
  receiver second(receive_from(queue));
  sender a(send_to(queue, 1));
  sender b(send_to(queue, 2));
  EXPECT_TRUE(a.done() && b.done()) << "a sender does not wait for one who waits for it";
  EXPECT_EQ(queue.try_receive(), std::nullopt) << "the values are theirs already";
  driver.run_until_idle();
  EXPECT_EQ(first.take(), 1);
  EXPECT_EQ(second.take(), 2);
}

TEST_P(channel_of_capacity, closed_gives_what_is_in_it_and_then_nothing) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  for (std::size_t i = 0; i < GetParam(); ++i) {
    int value = static_cast<int>(i);
    EXPECT_TRUE(queue.try_send(value));
  }
  queue.close();
  queue.close();
  EXPECT_TRUE(queue.is_closed());
  for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_EQ(run_for_test(receive_from(queue)), static_cast<int>(i));
  EXPECT_EQ(run_for_test(receive_from(queue)), std::nullopt);
}

TEST_P(channel_of_capacity, closed_refuses_the_senders_that_wait_and_those_that_come) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(run_for_test(send_to(queue, 0)));
  sender waiting(send_to(queue, 1));
  EXPECT_FALSE(waiting.done());
  queue.close();
  driver.run_until_idle();
  ASSERT_TRUE(waiting.done());
  EXPECT_FALSE(waiting.take());
  EXPECT_FALSE(run_for_test(send_to(queue, 2)));
  std::size_t left = 0;
  while (queue.try_receive()) ++left;
  EXPECT_EQ(left, GetParam()) << "what was not sent is not received";
}

TEST_P(channel_of_capacity, closed_wakes_the_receivers_that_wait) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  receiver first(receive_from(queue));
  receiver second(receive_from(queue));
  queue.close();
  driver.run_until_idle();
  EXPECT_EQ(first.take(), std::nullopt);
  EXPECT_EQ(second.take(), std::nullopt);
}

TEST_P(channel_of_capacity, delivers_a_value_that_was_handed_over_before_the_stop_or_the_close) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  stop_source stop;
  receiver waiting(receive_from(queue), &stop);
  EXPECT_TRUE(run_for_test(send_to(queue, 9)));
  stop.request_stop();
  queue.close();
  driver.run_until_idle();
  EXPECT_EQ(waiting.take(), 9);
}

TEST_P(channel_of_capacity, has_taken_nothing_for_a_receiver_that_was_stopped) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  stop_source stop;
  receiver stopped(receive_from(queue), &stop);
  receiver next(receive_from(queue));
  stop.request_stop();
  sender sent(send_to(queue, 9));
  driver.run_until_idle();
  EXPECT_THROW(stopped.take(), cancelled);
  EXPECT_EQ(next.take(), 9);
}

TEST_P(channel_of_capacity, has_not_sent_the_value_of_a_sender_that_was_stopped) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  stop_source stop;
  for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(run_for_test(send_to(queue, 0)));
  sender stopped(send_to(queue, 1), &stop);
  sender next(send_to(queue, 2));
  stop.request_stop();
  driver.run_until_idle();
  EXPECT_THROW(stopped.take(), cancelled);
  std::optional<int> last;
  while (const std::optional<int> value = queue.try_receive()) last = value;
  EXPECT_EQ(last, 2);
  driver.run_until_idle();
  EXPECT_TRUE(next.take());
}

TEST_P(channel_of_capacity, throws_at_once_to_who_is_already_stopped) {
  driver_for_test driver;
  channel<int> queue(GetParam());
  stop_source stop;
  stop.request_stop();
  sender other(send_to(queue, 1));
  EXPECT_THROW(run_for_test(receive_from(queue), &stop), cancelled);
  EXPECT_THROW(run_for_test(send_to(queue, 2), &stop), cancelled);
  EXPECT_EQ(queue.try_receive(), 1);
  EXPECT_EQ(queue.try_receive(), std::nullopt);
  driver.run_until_idle();
}

TEST(channel, takes_values_that_only_move_and_destroys_what_is_left) {
  const auto counted = std::make_shared<int>(0);
  {
    channel<std::shared_ptr<int>> queue(2);
    for (int i = 0; i < 2; ++i) {
      std::shared_ptr<int> value = counted;
      EXPECT_TRUE(queue.try_send(value));
      EXPECT_EQ(value, nullptr);
    }
    std::shared_ptr<int> refused = counted;
    EXPECT_FALSE(queue.try_send(refused));
    EXPECT_EQ(refused, counted) << "what is not sent stays where it is";
    EXPECT_EQ(queue.try_receive(), counted);
    EXPECT_EQ(counted.use_count(), 3);
  }
  EXPECT_EQ(counted.use_count(), 1);
  channel<std::unique_ptr<int>> moves(1);
  const auto body = [&]() -> task<int> {
    const bool sent = co_await moves.send(std::make_unique<int>(5));
    EXPECT_TRUE(sent);
    const std::optional<std::unique_ptr<int>> received = co_await moves.receive();
    co_return **received;
  };
  EXPECT_EQ(run_for_test(body()), 5);
}

TEST(channel, shares_its_values_among_several_on_each_side) {
  channel<int> queue(4);
  std::vector<int> times_received(300);
  int producers = 3;
  const auto produce = [&](int first) -> task<void> {
    for (int value = first; value < 300; value += 3) {
      co_await yield();
      const bool sent = co_await queue.send(value);
      EXPECT_TRUE(sent);
    }
    if (--producers == 0) queue.close();
  };
  const auto consume = [&]() -> task<void> {
    for (;;) {
      const std::optional<int> value = co_await queue.receive();
      if (!value) break;
      ++times_received[static_cast<std::size_t>(*value)];
    }
  };
  auto body = [&](scope& children) -> task<void> {
    for (int i = 0; i < 3; ++i) children.spawn(produce(i));
    for (int i = 0; i < 5; ++i) children.spawn(consume());
    co_return;
  };
  run_for_test(with_scope(body));
  EXPECT_EQ(times_received, std::vector<int>(300, 1));
}

TEST(channel, destroyed_while_somebody_waits_is_a_bug) {
  driver_for_test driver;
  std::optional<channel<int>> queue(std::in_place, 1u);
  receiver waiting(receive_from(*queue));
  EXPECT_DEATH(queue.reset(), "nothing waits at what is destroyed");
  queue->close();
  driver.run_until_idle();
}

}  // namespace
}  // namespace waitwork
