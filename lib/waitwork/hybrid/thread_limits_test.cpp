// SPDX-License-Identifier: Apache-2.0
// What has threads, when the system grants no more of them: it says the cause and the remedy of that cause, leaves
// nothing behind, and the program goes on. Each case runs in a child process, whose limits are its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>

#include <waitwork/base/confined_for_test.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/thread_start.hpp>
#include <waitwork/hybrid/blocking_pool.hpp>
#include <waitwork/hybrid/loop_group.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/parallel/arena.hpp>

namespace waitwork {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr unsigned many = 16;
constexpr unsigned more_than_allowed = 4;

// What `work` says in a child that may have `threads` in all.
std::string with_threads(rlim_t threads, const std::function<std::string()>& work) {
  return in_child([&]() -> std::string {
    if (!become_nobody_else()) return "skip";
    set_limit(RLIMIT_NPROC, threads);
    return work();
  });
}

// The sentence by which making it is refused, and then that the program goes on.
template <class Make>
std::string refusal_of(const Make& make) {
  std::string told = "made all the same";
  try {
    make();
  } catch (const environment_error& error) {
    told = error.what();
  }
  arena alone(1);
  alone.warm_up();
  int ran = 0;
  alone.run_on_each([&ran](unsigned) { ++ran; });
  return told + "; then " + std::to_string(ran);
}

void make_arena() { arena(many).warm_up(); }
void make_arena_to_hand_in() { arena(many, callers::hand_in).warm_up(); }
void make_loops() {
  loop_group_options options;
  options.count = many;
  options.pinned = false;
  options.loops.submission_entries = 4;
  options.loops.completion_entries = 8;
  const loop_group loops(options);
}
void block_on_a_thread() {
  blocking_pool pool;
  loop here;
  const auto body = [&]() -> task<void> {
    const auto nothing = [] {};
    co_await offload_blocking(pool, nothing);
  };
  here.run(body());
}

struct refused_case {
  const char* name;
  void (*make)();
  const char* subject;
};
void PrintTo(const refused_case& shown, std::ostream* out) { *out << shown.name; }

class too_few_threads : public testing::TestWithParam<refused_case> {};

TEST_P(too_few_threads, are_a_sentence_about_the_limit_on_processes) {
  const bool pool = GetParam().make == block_on_a_thread;
  const std::string said = with_threads(pool ? 1 : more_than_allowed, [] { return refusal_of(GetParam().make); });
  if (said == "skip") GTEST_SKIP() << "only root can become a user without other processes";
  EXPECT_THAT(said, AllOf(StartsWith(std::string("start a thread for ") + GetParam().subject + ": "),
                          HasSubstr("ulimit -u"), HasSubstr("; then 1")));
}

TEST_P(too_few_threads, by_a_sandbox_are_a_sentence_about_the_sandbox) {
  const std::string said = in_child([]() -> std::string {
    forbid(SYS_clone3, ENOSYS);  // the C library then tries the older one
    forbid(SYS_clone, EPERM);
    return refusal_of(GetParam().make);
  });
  if (said.starts_with("thrown: seccomp")) GTEST_SKIP() << said;
  EXPECT_THAT(said, AllOf(StartsWith(std::string("start a thread for ") + GetParam().subject + ": "),
                          HasSubstr("profile that allows clone"), HasSubstr("; then 1")));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

class too_little_memory : public testing::TestWithParam<decltype(RLIMIT_AS)> {};

TEST_P(too_little_memory, for_stacks_is_a_sentence_about_memory_and_not_about_processes) {
  for (const auto make : {make_arena, make_arena_to_hand_in}) {
    const std::string said = in_child([&]() -> std::string {
      leave_memory(GetParam(), 24 << 20);
      return refusal_of(make);
    });
    EXPECT_THAT(said, AllOf(StartsWith("start a thread for an arena: there is no memory for a stack of "),
                            HasSubstr("ulimit -v, ulimit -d"), HasSubstr("; then 1")));
    EXPECT_EQ(said.find("ulimit -u"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(of, too_little_memory, testing::Values(RLIMIT_AS, RLIMIT_DATA));

#endif

INSTANTIATE_TEST_SUITE_P(of, too_few_threads,
                         testing::Values(refused_case{"arena", make_arena, "an arena"},
                                         refused_case{"arena_to_hand_in", make_arena_to_hand_in, "an arena"},
                                         refused_case{"loops", make_loops, "a loop"},
                                         refused_case{"blocking_pool", block_on_a_thread, "blocking calls"}),
                         [](const auto& shown) { return std::string(shown.param.name); });

// The trial must not stand in the way of what it was made for.
TEST(just_enough_threads, are_enough_for_an_arena_again_and_again) {
  for (int round = 0; round < 5; ++round) {
    const std::string said = with_threads(many, []() -> std::string {
      arena workers(many);
      workers.warm_up();
      std::atomic<unsigned> ran{0};
      workers.run_on_each([&ran](unsigned) { ++ran; });
      return std::to_string(ran);
    });
    if (said == "skip") GTEST_SKIP() << "only root can become a user without other processes";
    EXPECT_EQ(said, std::to_string(many));
  }
}

TEST(requiring_threads, starts_them_at_the_same_time_and_ends_them) {
  const std::string said = with_threads(8, []() -> std::string {
    for (int round = 0; round < 20; ++round) require_threads(7, "a thread");
    require_threads(0, "a thread");
    try {
      require_threads(8, "a thread of eight");
    } catch (const environment_error& error) {
      require_threads(7, "a thread");
      return error.what();
    }
    return "eight beside the one that asks";
  });
  if (said == "skip") GTEST_SKIP() << "only root can become a user without other processes";
  EXPECT_THAT(said, AllOf(StartsWith("start a thread of eight: "), HasSubstr("ulimit -u")));
}

}  // namespace
}  // namespace waitwork
