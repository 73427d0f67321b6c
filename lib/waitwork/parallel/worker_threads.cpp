// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/worker_threads.hpp>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/look_out.hpp>
#include <waitwork/base/thread_start.hpp>

namespace waitwork {

struct worker_threads::worker {
  std::atomic<job*> given{nullptr};  // written under the lock; release, because who looks out reads it without
  bool looking_out = false;          // guarded by the lock: needs not be woken
  look_out patience;
  std::condition_variable woken;
  std::thread thread;
};

worker_threads::worker_threads(worker_threads_options options) : options_(std::move(options)) {
  WAITWORK_CHECK(options_.limit >= 1, "work needs at least one thread");
  workers_.reserve(options_.limit);
  idle_.reserve(options_.limit);
}

worker_threads::~worker_threads() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (worker* const each : idle_) each->woken.notify_one();
  emptied_.wait(lock, [this] { return workers_.empty() && first_ == nullptr; });
  const std::unique_ptr<worker> last = std::move(left_);
  lock.unlock();
  if (last) last->thread.join();
}

void worker_threads::submit(job& next) {
  const std::lock_guard lock(mutex_);
  if (!idle_.empty()) {
    worker& chosen = *idle_.back();
    idle_.pop_back();
    count_busy();
    ++counters_.jobs;
    // Under the lock, because without it the worker might be done and gone before it is notified.
    if (!chosen.looking_out) chosen.woken.notify_one();
    chosen.given.store(&next, std::memory_order_release);
    return;
  }
  if (workers_.size() < options_.limit) {
    const std::error_code refused = start_worker();
    if (refused && workers_.empty()) throw thread_error("a thread for " + options_.purpose, refused.value());
  }
  push(next);
}

void worker_threads::start_all() {
  const std::lock_guard lock(mutex_);
  while (workers_.size() < options_.limit) {
    if (const std::error_code refused = start_worker()) {
      throw thread_error("a thread for " + options_.purpose, refused.value());
    }
  }
}

// Under the lock, which the new thread waits for: it finds itself among the workers.
std::error_code worker_threads::start_worker() {
  auto made = std::make_unique<worker>();
  worker& self = *made;
  try {
    self.thread = std::thread([this, &self] { serve(self); });
  } catch (const std::system_error& refused) {
    ++counters_.refused;
    return refused.code();
  }
  workers_.push_back(std::move(made));
  count_busy();
  ++counters_.started;
  counters_.threads = static_cast<unsigned>(workers_.size());
  counters_.threads_peak = std::max(counters_.threads_peak, counters_.threads);
  return {};
}

void worker_threads::serve(worker& self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    job* next = next_queued();
    if (next == nullptr && !stopping_) next = wait_for_job(self, lock);
    if (next == nullptr) break;
    lock.unlock();
    next->run();
    lock.lock();
  }
  leave(self, lock);
}

job* worker_threads::next_queued() noexcept {
  if (first_ == nullptr) return nullptr;
  job& next = *first_;
  unlink(next);
  ++counters_.jobs;
  return &next;
}

// Null: for too long there was nothing to do, or there will not be anything any more.
job* worker_threads::wait_for_job(worker& self, std::unique_lock<std::mutex>& lock) {
  idle_.push_back(&self);
  count_busy();
  look_out_for_job(self, lock);
  const auto given = [&self] { return self.given.load(std::memory_order_relaxed) != nullptr; };
  self.woken.wait_for(lock, options_.keep_idle, [&] { return given() || stopping_; });
  if (!given()) {
    std::erase(idle_, &self);
    count_busy();
  }
  return self.given.exchange(nullptr, std::memory_order_relaxed);
}

// Not if one CPU for this thread, and one for the thread that would give it work, are not there.
void worker_threads::look_out_for_job(worker& self, std::unique_lock<std::mutex>& lock) {
  if (busy_.load(std::memory_order_relaxed) + looking_out_ + 2 > options_.cpus || stopping_) return;
  self.looking_out = true;
  ++looking_out_;
  lock.unlock();
  self.patience.until([&self] { return self.given.load(std::memory_order_acquire) != nullptr; });
  lock.lock();
  --looking_out_;
  self.looking_out = false;
}

void worker_threads::count_busy() noexcept {
  busy_.store(static_cast<unsigned>(workers_.size() - idle_.size()), std::memory_order_relaxed);
}

// A thread cannot join itself, so it is joined by the next one that ends, or by the destructor.
void worker_threads::leave(worker& self, std::unique_lock<std::mutex>& lock) {
  const auto at = std::ranges::find(workers_, &self, &std::unique_ptr<worker>::get);
  const std::unique_ptr<worker> before = std::exchange(left_, std::move(*at));
  workers_.erase(at);
  count_busy();
  counters_.threads = static_cast<unsigned>(workers_.size());
  if (stopping_) emptied_.notify_one();
  lock.unlock();
  if (before) before->thread.join();
}

bool worker_threads::withdraw(job& pending) noexcept {
  const std::lock_guard lock(mutex_);
  if (!pending.queued_) return false;
  unlink(pending);
  ++counters_.withdrawn;
  if (stopping_) emptied_.notify_one();
  return true;
}

worker_threads_counters worker_threads::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void worker_threads::push(job& last) noexcept {
  ++counters_.queued;
  last.next_ = nullptr;
  last.previous_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = &last;
  last_ = &last;
  last.queued_ = true;
}

void worker_threads::unlink(job& queued) noexcept {
  (queued.previous_ == nullptr ? first_ : queued.previous_->next_) = queued.next_;
  (queued.next_ == nullptr ? last_ : queued.next_->previous_) = queued.previous_;
  queued.queued_ = false;
}

}  // namespace waitwork
