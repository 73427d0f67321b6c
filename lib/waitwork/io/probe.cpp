// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/probe.hpp>

#include <liburing.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <waitwork/base/trial.hpp>
#include <waitwork/io/ring_refusal.hpp>
#include <waitwork/io/ring_trial.hpp>

namespace waitwork {
namespace {

struct named_bit {
  std::uint32_t bits;
  std::string_view name;
};

// Features later than liburing 2.3's header are given by value (include/uapi/linux/io_uring.h of
// Linux 6.17).
constexpr std::array feature_table{
    named_bit{IORING_FEAT_SINGLE_MMAP, "SINGLE_MMAP"},
    named_bit{IORING_FEAT_NODROP, "NODROP"},
    named_bit{IORING_FEAT_SUBMIT_STABLE, "SUBMIT_STABLE"},
    named_bit{IORING_FEAT_RW_CUR_POS, "RW_CUR_POS"},
    named_bit{IORING_FEAT_CUR_PERSONALITY, "CUR_PERSONALITY"},
    named_bit{IORING_FEAT_FAST_POLL, "FAST_POLL"},
    named_bit{IORING_FEAT_POLL_32BITS, "POLL_32BITS"},
    named_bit{IORING_FEAT_SQPOLL_NONFIXED, "SQPOLL_NONFIXED"},
    named_bit{IORING_FEAT_EXT_ARG, "EXT_ARG"},
    named_bit{IORING_FEAT_NATIVE_WORKERS, "NATIVE_WORKERS"},
    named_bit{IORING_FEAT_RSRC_TAGS, "RSRC_TAGS"},
    named_bit{IORING_FEAT_CQE_SKIP, "CQE_SKIP"},
    named_bit{IORING_FEAT_LINKED_FILE, "LINKED_FILE"},
    named_bit{1u << 13, "REG_REG_RING"},
    named_bit{1u << 14, "RECVSEND_BUNDLE"},
    named_bit{1u << 15, "MIN_TIMEOUT"},
    named_bit{1u << 16, "RW_ATTR"},
    named_bit{1u << 17, "NO_IOWAIT"},
};

// Each entry is the smallest set of flags that the kernel accepts with the named one in it.
constexpr std::array flag_table{
    named_bit{IORING_SETUP_CLAMP, "CLAMP"},
    named_bit{IORING_SETUP_CQSIZE, "CQSIZE"},
    named_bit{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},
    named_bit{IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"},
    named_bit{IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, "TASKRUN_FLAG"},
    named_bit{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},
    named_bit{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},
    named_bit{IORING_SETUP_R_DISABLED, "R_DISABLED"},
};

// What this layer asks for, and what a program of one's own may.
constexpr std::array operation_table{
    named_bit{IORING_OP_READ, "read"},
    named_bit{IORING_OP_WRITE, "write"},
    named_bit{IORING_OP_READV, "readv"},
    named_bit{IORING_OP_WRITEV, "writev"},
    named_bit{IORING_OP_READ_FIXED, "read_fixed"},
    named_bit{IORING_OP_WRITE_FIXED, "write_fixed"},
    named_bit{IORING_OP_FSYNC, "fsync"},
    named_bit{IORING_OP_OPENAT, "openat"},
    named_bit{IORING_OP_CLOSE, "close"},
    named_bit{IORING_OP_FALLOCATE, "fallocate"},
    named_bit{IORING_OP_STATX, "statx"},
    named_bit{IORING_OP_RENAMEAT, "renameat"},
    named_bit{IORING_OP_UNLINKAT, "unlinkat"},
    named_bit{IORING_OP_MKDIRAT, "mkdirat"},
    named_bit{IORING_OP_SOCKET, "socket"},
    named_bit{IORING_OP_CONNECT, "connect"},
    named_bit{IORING_OP_ACCEPT, "accept"},
    named_bit{IORING_OP_SEND, "send"},
    named_bit{IORING_OP_RECV, "recv"},
    named_bit{IORING_OP_SENDMSG, "sendmsg"},
    named_bit{IORING_OP_RECVMSG, "recvmsg"},
    named_bit{IORING_OP_SHUTDOWN, "shutdown"},
    named_bit{IORING_OP_TIMEOUT, "timeout"},
    named_bit{IORING_OP_ASYNC_CANCEL, "async_cancel"},
    named_bit{IORING_OP_POLL_ADD, "poll_add"},
    named_bit{IORING_OP_MSG_RING, "msg_ring"},
    named_bit{IORING_OP_SEND_ZC, "send_zc"},
};

std::vector<std::uint32_t> flags_to_try() {
  std::vector<std::uint32_t> all;
  for (const named_bit& flag : flag_table) all.push_back(flag.bits);
  return all;
}

std::vector<std::uint32_t> operations_to_look_for() {
  std::vector<std::uint32_t> all;
  for (const named_bit& operation : operation_table) all.push_back(operation.bits);
  return all;
}

// What the trial found or, if it did not get that far, what became of it.
ring_findings findings_of(const trial_outcome& outcome) {
  if (outcome.completed) {
    if (std::optional<ring_findings> found = ring_findings::from_text(outcome.answer)) return *std::move(found);
  }
  ring_findings dead;
  dead.refused = explain_ring_death(outcome.step, outcome.signal);
  if (outcome.timed_out) dead.refused->cause = outcome.step + " did not come back for many seconds";
  return dead;
}

ring_findings try_rings(const ring_wishes& wishes) {
  const trial_outcome outcome = try_in_child([&](trial_log& log) { log.answers(ring_trial(wishes, log).to_text()); });
  if (outcome.error == 0) return findings_of(outcome);
  // No process to try it in: then here, which is no worse than to make a loop without having tried.
  trial_log nowhere(-1);
  return ring_trial(wishes, nowhere);
}

}  // namespace

bool io_uring_capabilities::deferred_task_work() const noexcept {
  return std::ranges::find(setup_flags, "DEFER_TASKRUN") != setup_flags.end();
}

io_uring_capabilities probe_io_uring(unsigned rings) {
  const ring_findings seen = try_rings({flags_to_try(), operations_to_look_for(), rings});
  io_uring_capabilities found;
  found.refused = seen.refused;
  found.rings_refused = seen.rings_refused;
  if (found.refused) return found;
  found.rings = seen.rings;
  found.features = seen.features;
  for (const named_bit& feature : feature_table) {
    if ((found.features & feature.bits) != 0) found.feature_names.emplace_back(feature.name);
  }
  for (std::size_t index = 0; index < flag_table.size(); ++index) {
    const bool accepted = (seen.flags >> index & 1) != 0;
    (accepted ? found.setup_flags : found.setup_refused).emplace_back(flag_table[index].name);
  }
  if (!seen.operations) return found;
  for (std::size_t index = 0; index < operation_table.size(); ++index) {
    const bool known = (*seen.operations >> index & 1) != 0;
    (known ? found.operations : found.operations_missing).emplace_back(operation_table[index].name);
  }
  return found;
}

}  // namespace waitwork
