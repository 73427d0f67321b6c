// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/fault_injector_for_test.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <waitwork/base/check.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote_queue.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {
namespace {

// The user_data of the injector's own cancellations; the loop's are in loop.cpp and remote_queue.hpp.
constexpr std::uint64_t loops_cancel = 4;
constexpr std::uint64_t own_cancel = 6;

// No program here takes nearly as many; a loop that goes round without end does.
constexpr std::uint64_t turns_most = 200'000;

bool is_regular_file(const io_uring_sqe& entry) noexcept {
  if ((entry.flags & IOSQE_FIXED_FILE) != 0) return true;  // registered sockets are not read like files
  struct stat status{};
  return ::fstat(entry.fd, &status) == 0 && S_ISREG(status.st_mode);
}

// Whether the kernel may give the request to a worker thread, whose pace is its own. All of these surely complete.
bool runs_on_workers(const io_uring_sqe& entry) noexcept {
  switch (entry.opcode) {
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
      return is_regular_file(entry);
    case IORING_OP_OPENAT:
    case IORING_OP_OPENAT2:
    case IORING_OP_STATX:
    case IORING_OP_FSYNC:
    case IORING_OP_FALLOCATE:
    case IORING_OP_RENAMEAT:
    case IORING_OP_UNLINKAT:
    case IORING_OP_MKDIRAT:
    case IORING_OP_SHUTDOWN:
    case IORING_OP_CLOSE:
    case 55:  // IORING_OP_FTRUNCATE, which liburing 2.3 does not name
      return true;
    default:
      return false;
  }
}

// Whether the request names a descriptor, and that is not open.
bool names_closed_descriptor(const io_uring_sqe& entry) noexcept {
  switch (entry.opcode) {
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_SEND:
    case IORING_OP_SEND_ZC:
    case IORING_OP_RECV:
    case IORING_OP_SENDMSG:
    case IORING_OP_RECVMSG:
    case IORING_OP_ACCEPT:
    case IORING_OP_CONNECT:
    case IORING_OP_FSYNC:
    case IORING_OP_SHUTDOWN:
      return (entry.flags & IOSQE_FIXED_FILE) == 0 && ::fcntl(entry.fd, F_GETFD) < 0;
    default:
      return false;
  }
}

bool moves_bytes(std::uint8_t opcode) noexcept {
  switch (opcode) {
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_SEND:
    case IORING_OP_SEND_ZC:
    case IORING_OP_RECV:
      return true;
    default:
      return false;
  }
}

// What can fail without a trace. Not: closing, and undoing, which the tests rely upon; cancelling, which has a way of
// its own.
bool can_fail(const io_uring_sqe& entry) noexcept {
  switch (entry.opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
    case IORING_OP_RECVMSG:
    case IORING_OP_SENDMSG:
    case IORING_OP_ACCEPT:
    case IORING_OP_CONNECT:
    case IORING_OP_OPENAT:
    case IORING_OP_STATX:
    case IORING_OP_FSYNC:
    case IORING_OP_FALLOCATE:
    case IORING_OP_RENAMEAT:
      return true;
    default:
      return moves_bytes(entry.opcode);
  }
}

bool is_multishot(const io_uring_sqe& entry) noexcept {
  if (entry.opcode == IORING_OP_ACCEPT) return (entry.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
  if (entry.opcode == IORING_OP_RECV || entry.opcode == IORING_OP_RECVMSG) {
    return (entry.ioprio & IORING_RECV_MULTISHOT) != 0;
  }
  return false;
}

void make_single_shot(io_uring_sqe& entry) noexcept {
  const unsigned flag = entry.opcode == IORING_OP_ACCEPT ? IORING_ACCEPT_MULTISHOT : IORING_RECV_MULTISHOT;
  entry.ioprio = static_cast<std::uint16_t>(entry.ioprio & ~flag);
}

void make_empty(io_uring_sqe& entry) noexcept {
  const std::uint64_t user_data = entry.user_data;
  io_uring_prep_nop(&entry);
  entry.user_data = user_data;
}

}  // namespace

fault_rates fault_rates::harmless() const noexcept {
  fault_rates rates = *this;
  rates.refused = 0;
  rates.time_jumps = 0;
  return rates;
}

fault_rates fault_rates_from(splitmix64& random) noexcept {
  const auto rate = [&random]() -> unsigned {
    switch (random.below(4)) {
      case 0:
        return 8;
      case 1:
        return 80;
      case 2:
        return 200;
      default:
        return 0;
    }
  };
  fault_rates rates;
  rates.shortened = rate();
  rates.interrupted = std::min(rate(), 80u);
  rates.refused = random.below(2) == 0 ? 0 : rate() / 8;
  rates.unbuffered = std::min(rate(), 80u);
  rates.single_shots = rate();
  rates.cut_multishots = rate() / 4;
  rates.late_cancels = rate();
  rates.delayed = rate();
  rates.reordered = random.below(2) == 0;
  rates.time_jumps = rate() / 4;
  rates.jump_most_ns = std::int64_t{1'000} << random.below(16);
  return rates;
}

fault_injector::fault_injector(std::uint64_t seed, const fault_rates& rates, const intervention& plan)
    : random_(mix64(seed)), rates_(rates), plan_(plan) {
  // What the kernel does needs none of the program's memory: an allocation that shall fail is not one of these.
  in_flight_.reserve(256);
  for (std::vector<held_completion>* each : {&arrived_, &held_, &notified_}) each->reserve(256);
  late_.reserve(256);
}

void fault_injector::fail(const char* what) {
  std::string waiting = what;
  for (const request& each : in_flight_) {
    waiting += "; request " + std::to_string(each.number) + ", operation " + std::to_string(each.opcode);
    if (each.multishot) waiting += ", multishot";
  }
  if (on_failure) on_failure(waiting);
  std::abort();
}

fault_injector::request* fault_injector::find(std::uint64_t user_data) noexcept {
  for (request& each : in_flight_) {
    if (each.user_data == user_data) return &each;
  }
  return nullptr;
}

void fault_injector::note(const char* what, std::uint64_t number, std::int64_t detail, std::uint32_t flags) noexcept {
  for (const std::uint64_t part : {number, static_cast<std::uint64_t>(detail), std::uint64_t{flags}}) {
    trace_ = mix64(trace_ ^ part);
  }
  if (log == nullptr) return;
  std::fprintf(log, "%6llu  %s %lld: %lld, flags %x\n", static_cast<unsigned long long>(suspensions_), what,
               static_cast<long long>(number), static_cast<long long>(detail), flags);
}

// --- before the kernel -------------------------------------------------------------------------------------------

void fault_injector::stop() {
  if (std::exchange(stopped_, true)) return;
  note("stop", 0, 0);
  loop_->request_stop();
}

void fault_injector::requesting() {
  if (plan_.stop_at_request == requests_++) stop();
}

void fault_injector::refuse(request& asked, int error) noexcept {
  ++faults_;
  answer_instead(asked, -error);
}

void fault_injector::answer_instead(request& asked, std::int32_t answer) noexcept {
  if (asked.on_workers) --on_workers_;
  asked.on_workers = false;
  asked.multishot = false;
  asked.answer = answer;
  make_empty(*asked.entry);
}

void fault_injector::submitting(io_uring_sqe& entry) {
  idle_turns_ = 0;
  const io_uring_sq& queue = loop_->kernel_ring().get()->sq;
  if (&entry == &queue.sqes[queue.sqe_head & queue.ring_mask]) {  // the first of a batch: the ones before it are gone
    for (request& each : in_flight_) each.entry = nullptr;
  }
  if (entry.user_data == own_cancel) return;
  const std::uint64_t number = submissions_++;
  note("submits request", number, entry.opcode);
  if (entry.opcode == IORING_OP_ASYNC_CANCEL) {
    alter_cancel(entry);
  } else if (entry.user_data != bell_data) {
    if (names_closed_descriptor(entry)) fail("a request names a closed descriptor");
    // The address of a request is free again once its last completion was released.
    WAITWORK_CHECK(find(entry.user_data) == nullptr, "an operation is submitted once before it completes");
    request asked{entry.user_data, number, entry.opcode, runs_on_workers(entry), is_multishot(entry), {},
                  &entry,          false,  false};
    if (asked.on_workers) {
      ++on_workers_;
      used_workers_ = true;
    }
    if (plan_.fail_at_submission == number && can_fail(entry)) {
      refuse(asked, EIO);
    } else {
      alter(asked, entry);
    }
    // The worker that shuts a socket down holds on to it for a while after its answer, and only its last holder closes
    // it.
    if (entry.opcode == IORING_OP_SHUTDOWN) {
      const int outcome = ::shutdown(entry.fd, static_cast<int>(entry.len));
      answer_instead(asked, outcome == 0 ? 0 : -errno);
    }
    in_flight_.push_back(asked);
  }
  if (plan_.stop_at_submission == number) stop();
}

void fault_injector::alter(request& asked, io_uring_sqe& entry) noexcept {
  static constexpr std::int32_t errors[] = {EINTR, EAGAIN, ECANCELED, EIO, ENOBUFS, ENOMEM};
  const bool picks_buffer = (entry.flags & IOSQE_BUFFER_SELECT) != 0;
  if (can_fail(entry) && chance(rates_.refused)) return refuse(asked, errors[random_.below(std::size(errors))]);
  if (moves_bytes(entry.opcode) && chance(rates_.interrupted)) return refuse(asked, EINTR);
  if (picks_buffer && chance(rates_.unbuffered)) return refuse(asked, ENOBUFS);
  if (asked.multishot && chance(rates_.single_shots)) {
    ++faults_;
    asked.multishot = false;
    make_single_shot(entry);
  }
  if (moves_bytes(entry.opcode) && entry.len > 1 && chance(rates_.shortened)) {
    ++faults_;
    // Down to a single byte, half of the time to a few: long transfers shall end.
    const std::uint64_t least = random_.below(2) == 0 ? 1 : std::max(1u, entry.len / 8);
    entry.len = static_cast<unsigned>(least + random_.below(entry.len - least));
  }
}

// What may happen to a cancellation: it finds the request, is too late, or finds it while a worker runs it. The last is
// a race, which is decided here and not by the pace of the worker.
void fault_injector::alter_cancel(io_uring_sqe& entry) noexcept {
  request* const target = find(entry.addr);
  if (target == nullptr || target->arrived) return;
  if (target->on_workers) {
    if (target->entry != nullptr && random_.below(2) == 0) refuse(*target, ECANCELED);
    make_empty(entry);
  } else if (!target->answer && chance(rates_.late_cancels)) {
    ++faults_;
    late_.push_back(entry.addr);
    make_empty(entry);
  }
}

bool fault_injector::ask_to_cancel(std::uint64_t user_data) {
  io_uring_sqe* const entry = io_uring_get_sqe(loop_->kernel_ring().get());
  if (entry == nullptr) return false;
  io_uring_prep_cancel64(entry, user_data, 0);
  entry->user_data = own_cancel;
  return true;
}

void fault_injector::cancel_late(bool all) {
  for (std::size_t i = 0; i < late_.size();) {
    if ((all || random_.below(4) == 0) && ask_to_cancel(late_[i])) {
      late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

// --- after the kernel --------------------------------------------------------------------------------------------

void fault_injector::completed(const completion& arrived) {
  idle_turns_ = 0;
  if (arrived.user_data == own_cancel) return;
  if (arrived.user_data == loops_cancel || arrived.user_data == bell_data) {
    // What a cancellation answers is nobody's business, and may depend on how far a worker of the kernel is.
    completion seen = arrived;
    if (arrived.user_data == loops_cancel) seen.answer = 0;
    arrived_.push_back({seen, ~std::uint64_t{0}, false});
    return;
  }
  request* const asked = find(arrived.user_data);
  WAITWORK_CHECK(asked != nullptr && !asked->arrived, "what completes was submitted, and had not completed");
  completion seen = arrived;
  const bool last = (arrived.flags & IORING_CQE_F_MORE) == 0;
  if (asked->answer) seen.answer = *asked->answer;
  asked->arrived = last;
  if (last && asked->on_workers) --on_workers_;
  if (last) std::erase(late_, arrived.user_data);
  const bool notified = (arrived.flags & IORING_CQE_F_NOTIF) != 0;
  if (asked->opcode == IORING_OP_SEND_ZC) asked->owes_notification = !notified && !last;
  (notified ? notified_ : arrived_).push_back({seen, asked->number, last});
}

// Whoever sends without a copy is notified when a peer's kernel has acknowledged it, for which that has timers of its
// own. So notifications come last, and all together: when nothing else can happen.
bool fault_injector::awaits_notifications() {
  if (!notifying_) return false;
  for (const request& each : in_flight_) {
    if (each.owes_notification) return true;
  }
  notifying_ = false;
  arrived_.insert(arrived_.end(), notified_.begin(), notified_.end());
  notified_.clear();
  return false;
}

// After a worker, everything else is waited for as well: what it overtook, or woke the loop for, or not.
bool fault_injector::expects_more() {
  if (on_workers_ > 0 || awaits_notifications()) return true;
  if (!used_workers_) return false;
  ring& from = loop_->kernel_ring();
  if (from.overflowed() || from.task_work_pending()) io_uring_get_events(from.get());
  return used_workers_ = io_uring_cq_ready(from.get()) > 0;
}

std::optional<completion> fault_injector::released() {
  if (!std::exchange(releasing_, true)) {
    // The order in which worker threads finish is not ours to know. Sorted by insertion: stable, and there are few.
    for (auto each = arrived_.begin(); each != arrived_.end(); ++each) {
      std::rotate(std::ranges::upper_bound(arrived_.begin(), each, each->number, {}, &held_completion::number), each,
                  each + 1);
    }
    held_.insert(held_.end(), arrived_.begin(), arrived_.end());
    arrived_.clear();
    quota_ = 0;
    for (std::size_t i = 0; i < held_.size(); ++i) {
      if (!chance(rates_.delayed)) ++quota_;
    }
    if (must_release_ && quota_ == 0) quota_ = 1;
  }
  if (quota_ == 0 || held_.empty()) {
    releasing_ = false;
    return std::nullopt;
  }
  --quota_;
  must_release_ = false;
  auto chosen = held_.begin();
  if (rates_.reordered) {
    const std::uint64_t owner = held_[random_.below(held_.size())].held.user_data;
    chosen = std::ranges::find(held_, owner, [](const held_completion& each) { return each.held.user_data; });
  }
  const held_completion next = *chosen;
  held_.erase(chosen);
  if (next.last)
    std::erase_if(in_flight_, [&next](const request& each) { return each.user_data == next.held.user_data; });
  note("sees request", next.number, next.held.answer, next.held.flags);
  return next.held;
}

// --- time --------------------------------------------------------------------------------------------------------

bool fault_injector::may_sleep(std::optional<std::int64_t> deadline_ns) {
  if (++turns_ > turns_most) fail("it goes round and round");
  if (!held_.empty()) {
    must_release_ = true;
    return false;
  }
  cancel_late(true);
  // Submitting may complete something at once, and what has completed may not have been noted yet: a turn for each.
  if (loop_->kernel_ring().unsubmitted() > 0 || idle_turns_++ < 2) return false;
  notifying_ = !notified_.empty() || std::ranges::any_of(in_flight_, &request::owes_notification);
  if (notifying_) return false;
  if (!deadline_ns) fail("it waits for what never comes");
  now_ns_ = std::max(now_ns_, *deadline_ns);
  note("time", 0, now_ns_);
  idle_turns_ = 0;
  return false;
}

void fault_injector::suspended() {
  idle_turns_ = 0;
  if (++turns_ > turns_most) fail("it runs on and on");
  const std::uint64_t number = suspensions_++;
  if (plan_.stop_at_suspension == number) stop();
  if (!late_.empty()) cancel_late(false);
  if (chance(rates_.cut_multishots)) {
    const auto armed =
        std::ranges::find_if(in_flight_, [](const request& each) { return each.multishot && !each.arrived; });
    if (armed != in_flight_.end() && ask_to_cancel(armed->user_data)) ++faults_;
  }
  if (chance(rates_.time_jumps)) {
    now_ns_ += static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(rates_.jump_most_ns)));
  }
}

}  // namespace waitwork
