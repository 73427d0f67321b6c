#include <harness/loop_threads.hpp>

#include <optional>
#include <utility>

namespace waitwork::bench {

loop_threads::loop_threads(unsigned count) : busy_(count), counters_(count) {
  threads_.reserve(count);
  try {
    for (unsigned index = 0; index < count; ++index) {
      threads_.emplace_back([this, index] { thread_body(index); });
    }
    std::unique_lock lock(mutex_);
    wait_for_all(lock);  // until every loop is made
  } catch (...) {
    stop();
    throw;
  }
}

loop_threads::~loop_threads() { stop(); }

void loop_threads::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void loop_threads::wait_for_all(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return busy_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void loop_threads::run_on_each(const job& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  ++generation_;
  busy_ = count();
  changed_.notify_all();
  wait_for_all(lock);
}

void loop_threads::thread_body(unsigned index) {
  std::optional<loop> here;
  unsigned done = 0;
  std::exception_ptr failure;
  try {
    here.emplace();
  } catch (...) {
    failure = std::current_exception();
  }
  std::unique_lock lock(mutex_);
  for (;;) {
    if (failure && !failure_) failure_ = failure;
    if (here) {
      counters_[index] = here->counters();
      setup_flags_ = here->setup_flags();
    }
    if (--busy_ == 0) changed_.notify_all();
    changed_.wait(lock, [&] { return stopping_ || generation_ != done; });
    if (stopping_) return;
    done = generation_;
    const job& work = *work_;
    lock.unlock();
    failure = nullptr;
    try {
      work(index, *here);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
  }
}

unsigned loop_threads::setup_flags() const {
  const std::lock_guard lock(mutex_);
  return setup_flags_;
}

loop_counters loop_threads::counters() const {
  const std::lock_guard lock(mutex_);
  loop_counters sum;
  for (const loop_counters& one : counters_) sum += one;
  return sum;
}

}  // namespace waitwork::bench
