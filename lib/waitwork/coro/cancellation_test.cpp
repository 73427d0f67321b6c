// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/cancellation.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

namespace waitwork {
namespace {

static_assert(!std::is_move_constructible_v<stop_source> && !std::is_copy_constructible_v<stop_source>);
static_assert(std::is_nothrow_copy_constructible_v<stop_token>);

// Appends its name to a log when it hears of a stop.
class named_callback final : public stop_callback {
 public:
  named_callback(std::string& log, char name) : log_(log), name_(name) {}
  named_callback(std::string& log, char name, stop_source& source) : named_callback(log, name) { listen(&source); }

 private:
  void on_stop() noexcept override { log_ += name_; }

  std::string& log_;
  char name_;
};

TEST(stop_source, tells_everyone_once_in_the_order_in_which_they_came) {
  std::string log;
  stop_source source;
  named_callback a(log, 'a', source);
  named_callback b(log, 'b', source);
  EXPECT_FALSE(source.stop_requested());
  source.request_stop();
  EXPECT_TRUE(source.stop_requested());
  source.request_stop();
  EXPECT_EQ(log, "ab");
}

TEST(stop_source, does_not_tell_who_has_left) {
  std::string log;
  stop_source source;
  named_callback stays(log, 's', source);
  std::optional<named_callback> destroyed;
  destroyed.emplace(log, 'd', source);
  named_callback leaves(log, 'l', source);
  leaves.stop_listening();
  leaves.stop_listening();
  destroyed.reset();
  source.request_stop();
  EXPECT_EQ(log, "s");
}

TEST(stop_source, can_be_listened_to_again_by_who_has_left) {
  std::string log;
  stop_source source;
  named_callback callback(log, 'x', source);
  callback.stop_listening();
  callback.listen(&source);
  source.request_stop();
  EXPECT_EQ(log, "x");
}

// What ends a wait may end others': a scope's child frees the semaphore that a sibling waits at.
TEST(stop_source, lets_a_callback_take_others_off_the_list) {
  class ends_another final : public stop_callback {
   public:
    ends_another(stop_callback& other, stop_source& source) : other_(other) { listen(&source); }

   private:
    void on_stop() noexcept override { other_.stop_listening(); }
    stop_callback& other_;
  };
  std::string log;
  stop_source source;
  named_callback before(log, 'b', source);
  named_callback after(log, 'a');
  ends_another ends(after, source);
  after.listen(&source);
  named_callback last(log, 'l', source);
  source.request_stop();
  EXPECT_EQ(log, "bl");
}

TEST(stop_source, follows_the_one_further_out_at_any_depth) {
  std::string log;
  stop_source outer;
  stop_source middle(&outer);
  stop_source inner(&middle);
  named_callback callback(log, 'x', inner);
  outer.request_stop();
  EXPECT_TRUE(middle.stop_requested());
  EXPECT_TRUE(inner.stop_requested());
  EXPECT_EQ(log, "x");
}

TEST(stop_source, does_not_ask_the_one_further_out) {
  stop_source outer;
  stop_source inner(&outer);
  inner.request_stop();
  EXPECT_FALSE(outer.stop_requested());
  outer.request_stop();
  EXPECT_TRUE(outer.stop_requested());
}

TEST(stop_source, that_follows_a_stopped_one_is_stopped) {
  stop_source outer;
  outer.request_stop();
  const stop_source inner(&outer);
  EXPECT_TRUE(inner.stop_requested());
}

TEST(stop_source, that_follows_nobody_stops_by_itself) {
  stop_source alone(nullptr);
  EXPECT_FALSE(alone.stop_requested());
  alone.request_stop();
  EXPECT_TRUE(alone.stop_requested());
}

TEST(stop_source, outlived_by_the_one_further_out_is_forgotten) {
  stop_source outer;
  {
    const stop_source inner(&outer);
  }
  outer.request_stop();
}

TEST(stop_source, destroyed_before_who_listens_is_a_bug) {
  std::string log;
  named_callback callback(log, 'x');
  auto source = std::make_unique<stop_source>();
  callback.listen(source.get());
  EXPECT_DEATH(source.reset(), "nothing waits under a stop_source");
  callback.stop_listening();
}

TEST(stop_source, destroyed_before_who_follows_is_a_bug) {
  auto outer = std::make_unique<stop_source>();
  stop_source inner(outer.get());
  EXPECT_DEATH(outer.reset(), "nothing waits under a stop_source");
  outer->request_stop();
}

TEST(stop_callback, listening_too_late_or_twice_is_a_bug) {
  std::string log;
  stop_source source;
  named_callback callback(log, 'x', source);
  EXPECT_DEATH(callback.listen(&source), "listens once");
  source.request_stop();
  EXPECT_DEATH(callback.listen(&source), "before the request");
}

TEST(stop_callback, without_a_source_hears_of_nothing) {
  std::string log;
  named_callback callback(log, 'x');
  callback.listen(nullptr);
  callback.stop_listening();
  EXPECT_EQ(log, "");
}

TEST(stop_token, sees_what_its_source_sees) {
  stop_source source;
  const stop_token token(&source);
  EXPECT_FALSE(token.stop_requested());
  source.request_stop();
  EXPECT_TRUE(token.stop_requested());
  EXPECT_FALSE(stop_token().stop_requested()) << "nobody can ask";
}

TEST(cancelled, says_what_it_is) { EXPECT_STREQ(cancelled().what(), "the wait was cancelled"); }

}  // namespace
}  // namespace waitwork
