// SPDX-License-Identifier: Apache-2.0
// peers/wake, peers/wake_same_cpu: how long a loop that sleeps in its ring takes to be awake after another thread has
// rung, and that thread's way to it. A unit is a round trip: the loop's thread asks the other one through a futex and
// sleeps in the ring, the other wakes up, answers and rings.
//
//   waitwork           our loop: a coroutine waits, loop::post wakes it
//   eventfd            the ring reads an eventfd; the read is submitted anew by the enter that waits
//   msg_ring           MSG_RING from the other thread's own ring, without a completion there
//   register_msg_ring  the same without a ring, by io_uring_register (Linux 6.13)
//   futex              the ring waits for a futex (Linux 6.7)
//
// wake has each thread on a CPU of its own, wake_same_cpu both on one.

#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/measure/histogram.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/raw_ring.hpp>

namespace waitwork::bench {
namespace {

// Of Linux 6.7 and 6.13; the headers of liburing 2.3 do not have them.
constexpr std::uint8_t op_futex_wait = 51;
constexpr int futex2_size_u32 = 2;
constexpr int futex2_private = 128;
constexpr unsigned register_send_msg_ring = 31;

constexpr std::uint64_t stop_ringing = ~std::uint64_t{0};

// --- the other thread --------------------------------------------------------------------------------------------

using word = std::atomic<std::uint32_t>;

void futex_wake(word& changed) noexcept {
  ::syscall(SYS_futex, &changed, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
}
void futex_wait(word& changed, std::uint32_t seen) noexcept {
  ::syscall(SYS_futex, &changed, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, nullptr, nullptr, 0);
}

// Keeps this thread to one CPU for as long as it lives.
class pin {
 public:
  explicit pin(unsigned cpu) {
    WAITWORK_CHECK(::sched_getaffinity(0, sizeof before_, &before_) == 0, "a thread may ask for its affinity");
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    WAITWORK_CHECK(::sched_setaffinity(0, sizeof only, &only) == 0, "a thread may keep to one of its own CPUs");
  }
  ~pin() { ::sched_setaffinity(0, sizeof before_, &before_); }
  pin(const pin&) = delete;
  pin& operator=(const pin&) = delete;

 private:
  cpu_set_t before_;
};

// How the other thread rings.
class bell {
 public:
  virtual ~bell() = default;
  // On the thread that will ring, before the first time.
  virtual void prepare() {}
  virtual void ring() = 0;
};

// Rings once for each question. Questions and answers are indices.
class ringer {
 public:
  ringer(bell& rung, unsigned cpu) : bell_(rung), thread_([this, cpu] { serve(cpu); }) {}
  ~ringer() {
    ask(stop_ringing);
    thread_.join();
  }
  ringer(const ringer&) = delete;
  ringer& operator=(const ringer&) = delete;

  void ask(std::uint64_t question) noexcept {
    question_ = question;
    asked_.fetch_add(1, std::memory_order_release);
    futex_wake(asked_);
  }
  // Whether the question has been answered, and the answer then.
  bool answered(std::uint32_t question_number) const noexcept {
    return answered_.load(std::memory_order_acquire) == question_number;
  }
  answer given() const noexcept { return answer_; }

 private:
  void serve(unsigned cpu) {
    const pin here(cpu);
    bell_.prepare();
    for (std::uint32_t done = 0;; ++done) {
      while (asked_.load(std::memory_order_acquire) == done) futex_wait(asked_, done);
      if (question_ == stop_ringing) return;
      answer_ = question_;
      answered_.store(done + 1, std::memory_order_release);
      bell_.ring();
    }
  }

  bell& bell_;
  std::uint64_t question_ = 0;  // visible with asked_
  answer answer_ = 0;           // visible with answered_
  // Both count questions. Apart, because each is written by one thread and read by the other.
  alignas(64) word asked_{0};
  alignas(64) word answered_{0};
  std::thread thread_;
};

struct placement {
  unsigned home;
  unsigned other;
};

// The first two CPUs that this process may use, or the first alone.
placement some_cpus(bool different) {
  const std::vector<unsigned> cpus = affinity_cpus();
  if (!different) return {cpus.front(), cpus.front()};
  if (cpus.size() < 2) {
    throw unsupported_error("place", "two threads on two CPUs", "this process may use one", "allow it two");
  }
  return {cpus[0], cpus[1]};
}

// --- loops by hand -----------------------------------------------------------------------------------------------

// A loop that sleeps in its ring; what differs is the bell.
class by_hand : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) final {
    if (!ringer_) ringer_ = std::make_unique<ringer>(bell_of(), place_.other);
    histogram latency;
    answer sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) {
      const std::int64_t begin_ns = now_ns();
      ringer_->ask(index);
      ++asked_;
      do {
        listen();
        ring_.submit_and_wait();
        ring_.reap([this](const io_uring_cqe& completion) { heard(completion); });
      } while (!ringer_->answered(asked_));
      sum += ringer_->given();
      latency.record(now_ns() - begin_ns);
    }
    return batch_log(first, count, latency, sum);
  }
  std::vector<loop_counters> loops() const override { return {ring_.counters()}; }
  unsigned loop_setup_flags() const override { return ring_.setup_flags(); }

 protected:
  explicit by_hand(placement place) : place_(place), home_(place.home) {}
  raw_ring& ring() noexcept { return ring_; }
  // Derived classes call it when they are destroyed: the other thread rings their bell.
  void stop() { ringer_.reset(); }

 private:
  virtual bell& bell_of() = 0;
  virtual void listen() {}  // before each wait
  virtual void heard(const io_uring_cqe& completion) = 0;

  placement place_;
  pin home_;
  raw_ring ring_;
  std::unique_ptr<ringer> ringer_;
  std::uint32_t asked_ = 0;
};

class with_eventfd final : public by_hand, private bell {
 public:
  explicit with_eventfd(placement place) : by_hand(place), event_(::eventfd(0, EFD_CLOEXEC)) {
    if (!event_) throw_call_error("make", "an eventfd", "eventfd", errno);
  }
  ~with_eventfd() override { stop(); }

 private:
  void ring() override {
    const std::uint64_t once = 1;
    WAITWORK_CHECK(::write(event_.get(), &once, sizeof once) == sizeof once, "an eventfd is rung");
  }
  bell& bell_of() override { return *this; }
  void listen() override {
    if (listening_) return;
    io_uring_prep_read(&by_hand::ring().entry(), event_.get(), &rung_, sizeof rung_, 0);
    listening_ = true;
  }
  void heard(const io_uring_cqe& completion) override {
    WAITWORK_CHECK(completion.res == sizeof rung_, "an eventfd is read");
    listening_ = false;
  }

  unique_fd event_;
  std::uint64_t rung_ = 0;
  bool listening_ = false;
};

class with_msg_ring final : public by_hand, private bell {
 public:
  explicit with_msg_ring(placement place) : by_hand(place) {}
  ~with_msg_ring() override { stop(); }

 private:
  void prepare() override { own_ = std::make_unique<raw_ring>(); }
  void ring() override {
    io_uring_sqe& entry = own_->entry();
    io_uring_prep_msg_ring(&entry, by_hand::ring().descriptor(), 0, 0, 0);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    own_->submit();
  }
  bell& bell_of() override { return *this; }
  void heard(const io_uring_cqe& completion) override { WAITWORK_CHECK(completion.res == 0, "a message arrives"); }

  std::unique_ptr<raw_ring> own_;  // the other thread's
};

class with_register_msg_ring final : public by_hand, private bell {
 public:
  explicit with_register_msg_ring(placement place) : by_hand(place) {
    if (!send()) {
      throw unsupported_error("send", "a message to a ring without a ring", std::generic_category().message(errno),
                              "use Linux 6.13 or later");
    }
    by_hand::ring().submit_and_wait();
    by_hand::ring().reap([](const io_uring_cqe&) {});
  }
  ~with_register_msg_ring() override { stop(); }

 private:
  bool send() {
    io_uring_sqe message{};
    io_uring_prep_msg_ring(&message, by_hand::ring().descriptor(), 0, 0, 0);
    return ::syscall(SYS_io_uring_register, -1, register_send_msg_ring, &message, 1) == 0;
  }
  void ring() override { WAITWORK_CHECK(send(), "a message is sent"); }
  bell& bell_of() override { return *this; }
  void heard(const io_uring_cqe& completion) override { WAITWORK_CHECK(completion.res == 0, "a message arrives"); }
};

class with_futex final : public by_hand, private bell {
 public:
  explicit with_futex(placement place) : by_hand(place) {}
  ~with_futex() override { stop(); }

 private:
  void ring() override {
    rung_.fetch_add(1, std::memory_order_release);
    futex_wake(rung_);
  }
  bell& bell_of() override { return *this; }
  void listen() override {
    io_uring_sqe& entry = by_hand::ring().entry();
    io_uring_prep_rw(op_futex_wait, &entry, futex2_size_u32 | futex2_private, &rung_, 0, seen_);
    entry.addr3 = FUTEX_BITSET_MATCH_ANY;
  }
  // EAGAIN: it had been rung before the ring began to wait.
  void heard(const io_uring_cqe& completion) override {
    if (completion.res == -EINVAL) {
      throw unsupported_error("wait for", "a futex in a ring", "the kernel does not know it", "use Linux 6.7 or later");
    }
    WAITWORK_CHECK(completion.res == 0 || completion.res == -EAGAIN, "a futex in a ring wakes up");
    seen_ = rung_.load(std::memory_order_acquire);
  }

  word rung_{0};
  std::uint32_t seen_ = 0;
};

// --- our loop ----------------------------------------------------------------------------------------------------

class on_our_loop final : public self_driven, private bell {
 public:
  explicit on_our_loop(placement place) : home_(place.home), ringer_(*this, place.other) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    histogram latency;
    const answer sum = loop_.run(one_by_one(first, count, latency));
    return batch_log(first, count, latency, sum);
  }
  std::vector<loop_counters> loops() const override { return {loop_.counters()}; }
  unsigned loop_setup_flags() const override { return loop_.setup_flags(); }

 private:
  // Asks, and resumes when the other thread has posted it.
  class question final : public ready_node {
   public:
    question(on_our_loop& home, std::uint64_t index) noexcept : home_(home), index_(index) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
      waiter = self;
      home_.asking_ = this;
      home_.ringer_.ask(index_);
    }
    answer await_resume() const noexcept { return home_.ringer_.given(); }

   private:
    on_our_loop& home_;
    std::uint64_t index_;
  };

  task<answer> one_by_one(std::uint64_t first, std::uint64_t count, histogram& latency) {
    answer sum = 0;
    for (std::uint64_t index = first; index != first + count; ++index) {
      const std::int64_t begin_ns = now_ns();
      sum += co_await question(*this, index);
      latency.record(now_ns() - begin_ns);
    }
    co_return sum;
  }

  void ring() override { loop_.post(*asking_); }

  pin home_;
  loop loop_;
  ready_node* asking_ = nullptr;
  ringer ringer_;  // last: it rings on loop_
};

std::unique_ptr<workload> make(const workload_settings& settings, placement place) {
  if (settings.variant == "waitwork") return std::make_unique<on_our_loop>(place);
  if (settings.variant == "eventfd") return std::make_unique<with_eventfd>(place);
  if (settings.variant == "msg_ring") return std::make_unique<with_msg_ring>(place);
  if (settings.variant == "register_msg_ring") return std::make_unique<with_register_msg_ring>(place);
  return std::make_unique<with_futex>(place);
}

const bool different = register_workload({
    .name = "peers/wake",
    .variants = {"waitwork", "eventfd", "msg_ring", "register_msg_ring", "futex"},
    .depths = {1},
    .make = [](const workload_settings& settings) { return make(settings, some_cpus(true)); },
});

const bool same = register_workload({
    .name = "peers/wake_same_cpu",
    .variants = {"waitwork", "eventfd", "msg_ring", "register_msg_ring", "futex"},
    .depths = {1},
    .make = [](const workload_settings& settings) { return make(settings, some_cpus(false)); },
});

}  // namespace
}  // namespace waitwork::bench
