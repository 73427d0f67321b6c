// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/loop_group.hpp>

#include <string>
#include <system_error>
#include <utility>

#include <waitwork/base/affinity.hpp>
#include <waitwork/base/thread_start.hpp>
#include <waitwork/coro/event.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

namespace waitwork {
namespace {

// With everything decided.
loop_group_options completed(loop_group_options options) {
  if (options.count == 0) {
    options.count = options.cpus.empty() ? effective_cpus() : static_cast<unsigned>(options.cpus.size());
  }
  if (options.pinned && options.cpus.empty()) options.cpus = affinity_cpus();
  return options;
}

task<void> run_job(const loop_group::job& work, unsigned index) {
  task<void> given = work(index, loop::current());
  co_await std::move(given);
}

task<loop_counters> read_counters() { co_return loop::current().counters(); }

}  // namespace

loop_group::loop_group(const loop_group_options& wanted) {
  const loop_group_options options = completed(wanted);
  members_.resize(options.count);
  std::unique_lock lock(mutex_);
  for (unsigned index = 0; index < options.count && !failure_; ++index) {
    try {
      members_[index].thread = std::thread([this, index, &options] { thread_body(index, options); });
      ++still_to_come_;
    } catch (const std::system_error& refused) {
      failure_ = std::make_exception_ptr(thread_error("a thread for a loop", refused.code().value()));
    } catch (...) {  // no memory; those that were started are to be joined all the same
      failure_ = std::current_exception();
    }
  }
  changed_.wait(lock, [this] { return still_to_come_ == 0; });
  if (!failure_) return;
  const std::exception_ptr failure = failure_;
  lock.unlock();
  stop();
  std::rethrow_exception(failure);
}

loop_group::~loop_group() { stop(); }

void loop_group::stop() noexcept {
  for (const member& each : members_) {
    if (each.handle) each.handle->request_stop();
  }
  for (member& each : members_) {
    if (each.thread.joinable()) each.thread.join();
  }
}

void loop_group::thread_body(unsigned index, const loop_group_options& options) {
  try {
    if (options.pinned) pin_this_thread(options.cpus[index % options.cpus.size()]);
    loop here(options.loops);
    here.run(serve(index));
  } catch (...) {
    has_come(index, std::current_exception());
  }
}

// The task that keeps a loop running: it waits for the group to end.
task<void> loop_group::serve(unsigned index) {
  has_come(index, nullptr);
  event never;
  try {
    co_await never.wait();
  } catch (const cancelled&) {
  }
}

void loop_group::has_come(unsigned index, std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (failure) {
    if (!failure_) failure_ = std::move(failure);
  } else {
    members_[index].handle.emplace(loop::current().remote());
    setup_flags_ = loop::current().setup_flags();
  }
  if (--still_to_come_ == 0) changed_.notify_one();
}

void loop_group::run_on_each(const job& work) const {
  std::vector<spawned<void>> pending;
  pending.reserve(count());
  for (unsigned index = 0; index < count(); ++index) pending.push_back(on(index).spawn(run_job(work, index)));
  std::exception_ptr first;
  for (spawned<void>& each : pending) {
    try {
      each.get();
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

loop_counters loop_group::counters(unsigned index) const { return on(index).spawn(read_counters()).get(); }

loop_counters loop_group::counters() const {
  loop_counters sum;
  for (unsigned index = 0; index < count(); ++index) sum += counters(index);
  return sum;
}

}  // namespace waitwork
