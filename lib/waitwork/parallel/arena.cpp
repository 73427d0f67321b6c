#include <waitwork/parallel/arena.hpp>

#include <oneapi/tbb.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>

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
      control_.emplace(oneapi::tbb::global_control::max_allowed_parallelism,
                       static_cast<std::size_t>(workers_ + 1));
    }
  }

  std::mutex mutex_;
  long workers_ = 0;
  std::optional<oneapi::tbb::global_control> control_;
};

}  // namespace

struct arena::state {
  state(unsigned workers, unsigned reserved_for_callers)
      : slots(static_cast<int>(workers), reserved_for_callers), share(workers) {
    shared_limit::instance().add(share);
  }
  ~state() { shared_limit::instance().remove(share); }

  oneapi::tbb::task_arena slots;
  unsigned share;
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

  // For a thread that is not a worker: returns when every arrival that will come has left again.
  void wait_until_left() {
    std::unique_lock lock(mutex_);
    const auto settled = [this] { return left_ == expected_ || (gave_up_ && left_ == here_); };
    // Twice the patience of an arrival; nobody at all may have come.
    if (!changed_.wait_for(lock, 2 * patience, settled)) gave_up_ = true;
  }

  bool failed() {
    const std::lock_guard lock(mutex_);
    return gave_up_;
  }

 private:
  static constexpr auto patience = std::chrono::seconds(10);

  std::mutex mutex_;
  std::condition_variable changed_;
  const unsigned expected_;
  unsigned here_ = 0;
  unsigned left_ = 0;
  bool gave_up_ = false;
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
    for (unsigned worker = 1; worker < workers_; ++worker) {
      bodies.run([&body, worker] { body(worker); });
    }
    // The caller's own share; its failure must not leave the others unjoined.
    std::exception_ptr failure;
    try {
      body(0);
    } catch (...) {
      failure = std::current_exception();
    }
    bodies.wait();
    if (failure) std::rethrow_exception(failure);
  });
}

void arena::warm_up() {
  const auto meeting = std::make_shared<gathering>(workers_);
  if (calling_ == callers::take_part) {
    run_on_each([&](unsigned) { meeting->arrive(); });
  } else {
    for (unsigned worker = 0; worker < workers_; ++worker) {
      state_->slots.enqueue([meeting] { meeting->arrive(); });
    }
    meeting->wait_until_left();
  }
  if (meeting->failed()) {
    throw environment_error("start", std::to_string(workers_) + " threads", "they did not all come",
                            "raise the limit of threads (ulimit -u, pids.max of the control group)");
  }
}

void arena::enqueue(void (*work)(void*) noexcept, void* argument) {
  state_->slots.enqueue([work, argument] { work(argument); });
}

}  // namespace waitwork
