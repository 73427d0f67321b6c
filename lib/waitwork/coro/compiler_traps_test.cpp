// SPDX-License-Identifier: Apache-2.0
// This layer used as its headers say, in the forms that g++ 12 has compiled wrongly elsewhere: temporaries of a
// co_await expression destroyed twice, lambdas with captures, an awaited value as a condition. Every object here knows
// whether it is destroyed once.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <utility>
#include <variant>

#include <waitwork/coro/channel.hpp>
#include <waitwork/coro/driver_for_test.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/coro/mutex.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/semaphore.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>

namespace waitwork {
namespace {

// Fails the test if one is destroyed that does not live.
class tracked {
 public:
  explicit tracked(int value) : value_(value) { living().insert(this); }
  tracked(tracked&& other) noexcept : value_(std::exchange(other.value_, 0)) { living().insert(this); }
  tracked(const tracked& other) : value_(other.value_) { living().insert(this); }
  ~tracked() { EXPECT_EQ(living().erase(this), 1u) << "destroyed twice"; }
  int value() const {
    EXPECT_TRUE(living().contains(this)) << "used after its destruction";
    return value_;
  }
  static std::set<const tracked*>& living() {
    static std::set<const tracked*> all;
    return all;
  }

 private:
  int value_;
};

class compiler_traps : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(tracked::living().empty()) << "not destroyed"; }
};

task<tracked> twice(tracked given) {
  co_await yield();
  co_return tracked(2 * given.value());
}

task<void> wait_with(tracked given) {
  co_await yield();
  EXPECT_NE(given.value(), 0);
}

TEST_F(compiler_traps, temporaries_that_are_given_to_tasks_and_values_that_come_back) {
  const auto body = []() -> task<int> {
    const int first = (co_await twice(tracked(1))).value();
    const tracked second = co_await twice(co_await twice(tracked(5)));
    const auto [a, b] = co_await when_all(twice(tracked(10)), twice(tracked(100)));
    const auto won = co_await when_any(twice(tracked(1000)), twice(tracked(7)));
    co_return first + second.value() + a.value() + b.value() + std::get<0>(won).value();
  };
  EXPECT_EQ(run_for_test(body()), 2 + 20 + 20 + 200 + 2000);
}

TEST_F(compiler_traps, temporaries_inside_shielded_and_with_stop) {
  stop_source own;
  event ready;
  ready.set();
  const auto body = [&]() -> task<int> {
    const tracked shielded_one = co_await shielded(twice(tracked(1)));
    const tracked stoppable = co_await with_stop(own, shielded(twice(tracked(10))));
    const auto [a, b] = co_await shielded(when_all(twice(tracked(100)), twice(tracked(1000))));
    const auto won = co_await with_stop(own, when_any(twice(tracked(7)), twice(tracked(8))));
    co_await with_stop(own, ready.wait());
    co_await shielded(yield());
    co_return shielded_one.value() + stoppable.value() + a.value() + b.value() + std::get<0>(won).value();
  };
  EXPECT_EQ(run_for_test(body()), 2 + 20 + 200 + 2000 + 14);
}

TEST_F(compiler_traps, a_scope_s_named_lambda_that_captures_by_value) {
  const auto body = []() -> task<int> {
    int sum = 0;
    const auto child = [&sum](tracked given) -> task<void> {
      co_await yield();
      sum += given.value();
    };
    auto serve = [kept = tracked(1), &child](scope& children) -> task<tracked> {
      children.spawn(child(kept));
      children.spawn(child(tracked(10)));
      co_await yield();
      co_return tracked(kept.value() + 100);
    };
    const tracked served = co_await with_scope(serve);
    co_return sum + served.value();
  };
  EXPECT_EQ(run_for_test(body()), 11 + 101);
}

TEST_F(compiler_traps, a_scope_inside_a_lambda_inside_a_scope_that_throws) {
  const auto body = []() -> task<void> {
    auto outer = [kept = tracked(1)](scope& children) -> task<void> {
      auto inner = [kept](scope&) -> task<int> {
        co_await yield();
        throw tracked(kept.value());
        co_return 1;
      };
      children.spawn(wait_with(kept));
      const int value = co_await with_scope(inner);
      EXPECT_EQ(value, 0) << "not reached";
    };
    co_await with_scope(outer);
  };
  EXPECT_THROW(run_for_test(body()), tracked);
}

TEST_F(compiler_traps, temporaries_that_are_sent_and_received) {
  const auto body = []() -> task<int> {
    channel<tracked> queue(1);
    const auto send_two = [&]() -> task<void> {
      const bool first = co_await queue.send(tracked(1));
      const bool second = co_await queue.send(tracked(10));
      EXPECT_TRUE(first && second);
      queue.close();
      const bool third = co_await queue.send(tracked(100));
      EXPECT_FALSE(third);
    };
    const auto receive_all = [&]() -> task<int> {
      int sum = 0;
      while (const std::optional<tracked> received = co_await queue.receive()) sum += received->value();
      co_return sum;
    };
    const auto [sum, nothing] = co_await when_all(receive_all(), send_two());
    co_return sum;
  };
  EXPECT_EQ(run_for_test(body()), 11);
}

// An awaited value as a condition is fine if it is declared there.
TEST_F(compiler_traps, a_declared_value_as_a_condition) {
  channel<tracked> queue(2);
  const auto receive_one = [&]() -> task<int> {
    if (const std::optional<tracked> received = co_await queue.receive()) co_return received->value();
    co_return -1;
  };
  tracked value(3);
  EXPECT_TRUE(queue.try_send(value));
  queue.close();
  EXPECT_EQ(run_for_test(receive_one()), 3);
  EXPECT_EQ(run_for_test(receive_one()), -1);
}

TEST_F(compiler_traps, guards_and_permits_that_are_moved_out_of_an_await) {
  mutex shared;
  semaphore slots(1);
  const auto body = [&]() -> task<void> {
    {
      const auto guard = co_await shared.lock();
      const auto permit = co_await slots.hold();
      EXPECT_TRUE(shared.is_locked());
      EXPECT_EQ(slots.available(), 0u);
    }
    EXPECT_FALSE(shared.is_locked());
    EXPECT_EQ(slots.available(), 1u);
    const std::optional<mutex::guard> kept(co_await shielded(shared.lock()));
    EXPECT_TRUE(shared.is_locked());
  };
  run_for_test(body());
  EXPECT_FALSE(shared.is_locked());
  EXPECT_EQ(slots.available(), 1u);
}

}  // namespace
}  // namespace waitwork
