#include <waitwork/io/probe.hpp>

#include <errno.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <liburing.h>

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

// A ring that closes itself. Two entries: the probe submits nothing.
class trial_ring {
 public:
  explicit trial_ring(std::uint32_t flags) noexcept {
    std::memset(&parameters_, 0, sizeof parameters_);
    parameters_.flags = flags;
    if ((flags & IORING_SETUP_CQSIZE) != 0) parameters_.cq_entries = 8;
    error_ = -::io_uring_queue_init_params(2, &ring_, &parameters_);
  }
  ~trial_ring() {
    if (error_ == 0) ::io_uring_queue_exit(&ring_);
  }
  trial_ring(const trial_ring&) = delete;
  trial_ring& operator=(const trial_ring&) = delete;

  int error() const noexcept { return error_; }
  std::uint32_t features() const noexcept { return parameters_.features; }
  io_uring* get() noexcept { return &ring_; }

 private:
  io_uring ring_;
  io_uring_params parameters_;
  int error_ = 0;
};

// The value after `key` on its line, or what the file starts with if `key` is empty; -1 if there is
// none.
long read_number(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  if (key.empty()) {
    long value = -1;
    return file >> value ? value : -1;
  }
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    try {
      return std::stol(line.substr(key.size()));
    } catch (const std::exception&) {
      return -1;
    }
  }
  return -1;
}

bool under_seccomp(const std::filesystem::path& root) {
  return read_number(root / "proc/self/status", "Seccomp:") > 0;
}

refusal explain_eperm(const std::filesystem::path& root) {
  // 0 everybody, 1 only CAP_SYS_ADMIN and the group kernel.io_uring_group, 2 nobody. Since
  // Linux 6.6, earlier where backported (RHEL 9).
  const long disabled = read_number(root / "proc/sys/kernel/io_uring_disabled", "");
  if (disabled == 2) {
    return {"kernel.io_uring_disabled is 2, which forbids io_uring to every process",
            "as root, run: sysctl kernel.io_uring_disabled=0"};
  }
  // Seccomp decides before the system call is entered, so under a filter it is the likelier of the
  // two.
  if (under_seccomp(root)) {
    std::string cause =
        "a seccomp filter forbids io_uring_setup (the default profile of container engines does)";
    if (disabled == 1)
      cause += ", or root and a group alone may use it (kernel.io_uring_disabled is 1)";
    return {std::move(cause),
            "start the container with a profile that allows io_uring_setup, io_uring_enter and "
            "io_uring_register, or with --security-opt seccomp=unconfined"};
  }
  if (disabled == 1) {
    return {
        "kernel.io_uring_disabled is 1, which allows io_uring only to root and to the group "
        "kernel.io_uring_group",
        "run as root, join that group, or run as root: sysctl kernel.io_uring_disabled=0"};
  }
  return {"the kernel or a security module forbids io_uring to this process",
          "see whether a security module (SELinux, AppArmor) or a sandbox confines this process"};
}

refusal explain_enosys(const std::filesystem::path& root) {
  if (under_seccomp(root)) {
    return {"io_uring_setup does not exist here: the kernel lacks it, or a seccomp filter hides it",
            "start the container with a profile that allows io_uring_setup, io_uring_enter and "
            "io_uring_register, on Linux 5.11 or later"};
  }
  return {
      "this kernel has no io_uring (older than 5.1, built without CONFIG_IO_URING, or a sandbox "
      "such as "
      "gVisor in its place)",
      "use Linux 5.11 or later with CONFIG_IO_URING=y, outside such a sandbox"};
}

bool accepts(std::uint32_t flags) { return trial_ring(flags).error() == 0; }

void probe_operations(io_uring* ring, io_uring_capabilities& found) {
  io_uring_probe* const known = ::io_uring_get_probe_ring(ring);
  for (const named_bit& operation : operation_table) {
    const bool supported = known != nullptr && ::io_uring_opcode_supported(
                                                   known, static_cast<int>(operation.bits)) != 0;
    (supported ? found.operations : found.operations_missing).emplace_back(operation.name);
  }
  if (known != nullptr) ::io_uring_free_probe(known);
}

}  // namespace

refusal explain_setup_error(int positive_errno, const std::filesystem::path& root) {
  switch (positive_errno) {
    case EPERM:  // sysctl, seccomp: see there
      return explain_eperm(root);
    case EACCES:  // a security module's answer (the hook uring_allowed, since Linux 6.15)
      return {"a security module forbids io_uring to this process",
              "allow io_uring to it in the policy of SELinux or AppArmor"};
    case ENOSYS:  // not built in, or hidden
      return explain_enosys(root);
    case ENOMEM:  // rings count against RLIMIT_MEMLOCK (not for root) and against the memory cgroup
      return {
          "there is no memory for the rings: the memlock limit or the memory limit of the cgroup is too low",
          "raise it: ulimit -l unlimited, or --ulimit memlock=-1 and a larger --memory for a "
          "container"};
    case EINVAL:  // unknown flags, or more entries than the kernel allows without CLAMP
      return {
          "the kernel does not know the setup flags that were asked for, or not so many entries",
          "use Linux 5.11 or later, or ask for at most 32768 entries"};
    case EMFILE:  // a ring is a descriptor
      return {"this process has as many files open as its limit allows",
              "raise the limit: ulimit -n 65536"};
    case ENFILE:
      return {"the system has as many files open as its limit allows",
              "as root, raise it: sysctl fs.file-max"};
    default:
      return {std::string("io_uring_setup failed: ") + std::strerror(positive_errno),
              "see io_uring_setup(2) for this error"};
  }
}

bool io_uring_capabilities::deferred_task_work() const noexcept {
  return std::ranges::find(setup_flags, "DEFER_TASKRUN") != setup_flags.end();
}

io_uring_capabilities probe_io_uring() {
  io_uring_capabilities found;
  trial_ring plain(0);
  if (plain.error() != 0) {
    found.error = plain.error();
    found.refused = explain_setup_error(plain.error());
    return found;
  }
  found.features = plain.features();
  for (const named_bit& feature : feature_table) {
    if ((found.features & feature.bits) != 0) found.feature_names.emplace_back(feature.name);
  }
  for (const named_bit& flag : flag_table) {
    (accepts(flag.bits) ? found.setup_flags : found.setup_refused).emplace_back(flag.name);
  }
  probe_operations(plain.get(), found);
  return found;
}

}  // namespace waitwork
