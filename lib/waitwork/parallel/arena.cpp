// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/arena.hpp>

#include <oneapi/tbb.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/thread_start.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

namespace waitwork {

namespace {

// The library's limit of threads is global, and of several limits the smallest holds. So there is one, replaced
// whenever an arena comes or goes: the workers of all arenas, and one more thread because the library counts its
// caller.
class shared_limit {
 public:
  static shared_limit& instance() {
    static shared_limit only;
    return only;
  }

  void add(unsigned workers) { change(static_cast<long>(workers)); }
  void remove(unsigned workers) { change(-static_cast<long>(workers)); }

 private:
  void change(long workers) {
    const std::lock_guard lock(mutex_);
    workers_ += workers;
    control_.reset();
    if (workers_ > 0) {
      control_.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(workers_ + 1));
    }
  }

  std::mutex mutex_;
  long workers_ = 0;
  std::optional<oneapi::tbb::global_control> control_;
};

worker_threads_options thread_options(unsigned workers) {
  worker_threads_options options;
  options.limit = workers;
  options.keep_idle = std::chrono::hours(1);  // no more threads than workers: little is gained by ending one
  options.cpus = effective_cpus();
  options.purpose = "an arena";
  return options;
}

}  // namespace

struct arena::state {
  state(unsigned workers, unsigned reserved_for_callers)
      : slots(static_cast<int>(workers), reserved_for_callers), share(workers), threads(thread_options(workers)) {
    shared_limit::instance().add(share);
  }
  ~state() { shared_limit::instance().remove(share); }

  oneapi::tbb::task_arena slots;
  unsigned share;
  worker_threads threads;  // ended first: their jobs are inside the slots
};

namespace {

// A meeting point of all workers: nobody leaves before everybody is there, or before patience ends.
class gathering {
 public:
  explicit gathering(unsigned expected) : expected_(expected) {}

  void arrive() {
    std::unique_lock lock(mutex_);
    if (++here_ == expected_) changed_.notify_all();
    if (!changed_.wait_for(lock, patience, [this] { return here_ == expected_ || gave_up_; })) {
      gave_up_ = true;
    }
    ++left_;
    changed_.notify_all();
  }

  // Instead of arriving.
  void stay_away(std::exception_ptr why) {
    const std::lock_guard lock(mutex_);
    gave_up_ = true;
    if (!failure_) failure_ = std::move(why);
    ++left_;
    changed_.notify_all();
  }

  // For a thread that is not a worker: returns when all have come and left again.
  void wait_until_left() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return left_ == expected_; });
  }

  // When nobody is there any more.
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
    if (!gave_up_) return;
    throw environment_error("start", std::to_string(expected_) + " threads for an arena", "they did not all come",
                            "leave it more CPU time, or raise the limits on processes (ulimit -u, the container's "
                            "pids limit)");
  }

 private:
  static constexpr auto patience = std::chrono::seconds(10);

  std::mutex mutex_;
  std::condition_variable changed_;
  const unsigned expected_;
  unsigned here_ = 0;
  unsigned left_ = 0;
  bool gave_up_ = false;
  std::exception_ptr failure_;
};

// One worker's way to it.
class arrival final : public job {
 public:
  arrival(arena& home, gathering& meeting) noexcept : arena_(home), meeting_(meeting) {}

 private:
  void run() noexcept override {
    try {
      arena_.enter([](void* meeting) noexcept { static_cast<gathering*>(meeting)->arrive(); }, &meeting_);
    } catch (...) {
      meeting_.stay_away(std::current_exception());
    }
  }

  arena& arena_;
  gathering& meeting_;
};

}  // namespace

arena::arena(unsigned workers, callers calling)
    : workers_(workers),
      calling_(calling),
      state_(std::make_unique<state>(workers, calling == callers::take_part ? 1 : 0)) {
  WAITWORK_CHECK(workers >= 1, "an arena has at least one worker");
}

arena::~arena() = default;

void arena::run_on_each(const std::function<void(unsigned)>& body) {
  WAITWORK_CHECK(calling_ == callers::take_part, "run_on_each needs an arena with a slot for its caller");
  state_->slots.execute([this, &body] {
    oneapi::tbb::task_group bodies;
    // Neither a failure of the caller's own share, nor of handing out the others', must leave any unjoined.
    std::exception_ptr failure;
    try {
      for (unsigned worker = 1; worker < workers_; ++worker) {
        bodies.run([&body, worker] { body(worker); });
      }
      body(0);
    } catch (...) {
      failure = std::current_exception();
    }
    bodies.wait();
    if (failure) std::rethrow_exception(failure);
  });
}

void arena::warm_up() {
  gathering meeting(workers_);
  if (calling_ == callers::take_part) {
    // oneTBB cannot take back what it began when it finds that there is no thread: the process ends in std::terminate.
    require_threads(workers_ - 1, "a thread for an arena",
                    oneapi::tbb::global_control::active_value(oneapi::tbb::global_control::thread_stack_size));
    run_on_each([&](unsigned) { meeting.arrive(); });
  } else {
    state_->threads.start_all();
    std::deque<arrival> arrivals;
    for (unsigned worker = 0; worker < workers_; ++worker) submit(arrivals.emplace_back(*this, meeting));
    meeting.wait_until_left();
  }
  meeting.rethrow_failure();
}

void arena::submit(job& next) { state_->threads.submit(next); }

bool arena::has_cpu_to_spare() const noexcept { return state_->threads.has_cpu_to_spare(); }

bool arena::withdraw(job& pending) noexcept { return state_->threads.withdraw(pending); }

void arena::enter(void (*work)(void*) noexcept, void* argument) {
  state_->slots.execute([work, argument] { work(argument); });
}

worker_threads_counters arena::counters() const { return state_->threads.counters(); }

}  // namespace waitwork
