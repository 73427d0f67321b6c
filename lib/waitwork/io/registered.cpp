// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/registered.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/io/ring.hpp>
#include <waitwork/io/transfer.hpp>

namespace waitwork {
namespace {

std::uint64_t limit_of(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit{};
  return ::getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

std::string memlock_limit() {
  const std::uint64_t bytes = limit_of(RLIMIT_MEMLOCK);
  return bytes == RLIM_INFINITY ? "unlimited" : std::to_string(bytes / 1024) + " KiB";
}

// What io_uring_register(2) answers, for files and buffers alike.
[[noreturn]] void refuse(const std::string& subject, int error) {
  switch (error) {
    case EINVAL:  // the kernel does not know tables with empty slots
      throw unsupported_error("register", subject, "this kernel has no tables of registered files and buffers",
                              "use Linux 5.19 or later");
    case EMFILE:  // a table of files may not be longer than RLIMIT_NOFILE
      throw environment_error("register", subject, "the limit of open files is lower than the table is long",
                              "raise it: ulimit -n 65536");
    case ENOMEM:  // pinned pages count against RLIMIT_MEMLOCK, without CAP_IPC_LOCK
      throw unsupported_error("register", subject,
                              "the memlock limit of " + memlock_limit() + " is too low, or there is no memory",
                              "raise the limit: ulimit -l unlimited, or --ulimit memlock=-1 for a container");
    case EFAULT:  // longer than 1 GiB
      throw environment_error("register", subject, "the kernel takes at most 1 GiB in one piece", "register less");
    case EBADF:
      throw environment_error("register", subject, "it is not open, or is an io_uring itself", "open it first");
    default:
      throw_call_error("register", subject, "io_uring_register", error);
  }
}

unsigned take_slot(slot_table& table, const std::string& subject) {
  if (const std::optional<unsigned> slot = table.take()) return *slot;
  throw environment_error("register", subject, "all slots of the loop's table are taken",
                          "register fewer: a large buffer can be divided, a file that is seldom used needs no slot");
}

}  // namespace

registered_file::registered_file(int fd, loop& home) : ring_(&home.kernel_ring()) {
  const std::string subject = "file descriptor " + std::to_string(fd);
  slot_table& table = ring_->files();
  if (!table.made()) {
    const auto slots = static_cast<unsigned>(std::min<std::uint64_t>(registered_files_most, limit_of(RLIMIT_NOFILE)));
    table.reserve(slots);
    if (const int answer = io_uring_register_files_sparse(ring_->get(), slots); answer < 0) refuse(subject, -answer);
    table.make(slots);
  }
  slot_ = take_slot(table, subject);
  // A negative number would empty the slot instead.
  const int answer = fd < 0 ? -EBADF : io_uring_register_files_update(ring_->get(), slot_, &fd, 1);
  if (answer < 0) {
    table.give_back(slot_);
    refuse(subject, -answer);
  }
}

registered_file::~registered_file() {
  if (ring_ == nullptr) return;
  const int none = -1;
  io_uring_register_files_update(ring_->get(), slot_, &none, 1);
  ring_->files().give_back(slot_);
}

registered_buffer::registered_buffer(std::size_t bytes, loop& home)
    : memory_(bytes, direct_io_alignment_bytes), ring_(&home.kernel_ring()) {
  WAITWORK_CHECK(bytes > 0, "a registered buffer has at least one byte");
  const std::string subject = "a buffer of " + std::to_string(bytes) + " bytes";
  slot_table& table = ring_->buffers();
  if (!table.made()) {
    table.reserve(registered_buffers_most);
    const int answer = io_uring_register_buffers_sparse(ring_->get(), registered_buffers_most);
    if (answer < 0) refuse(subject, -answer);
    table.make(registered_buffers_most);
  }
  slot_ = take_slot(table, subject);
  const iovec memory{memory_.data(), bytes};
  const int answer = io_uring_register_buffers_update_tag(ring_->get(), slot_, &memory, nullptr, 1);
  if (answer < 0) {
    table.give_back(slot_);
    refuse(subject, -answer);
  }
}

registered_buffer::~registered_buffer() {
  if (ring_ == nullptr) return;
  const iovec none{};
  io_uring_register_buffers_update_tag(ring_->get(), slot_, &none, nullptr, 1);
  ring_->buffers().give_back(slot_);
}

void read_registered_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_read_fixed(&entry, file_.number(), buffer_.bytes().data(), request_bytes(buffer_.size()), offset_bytes_,
                           static_cast<int>(buffer_.slot()));
  entry.flags |= file_.request_flags();
}

void write_registered_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_write_fixed(&entry, file_.number(), buffer_.bytes().data(), request_bytes(buffer_.size()),
                            offset_bytes_, static_cast<int>(buffer_.slot()));
  entry.flags |= file_.request_flags();
}

task<result<void>> read_exactly_at(descriptor file, registered_span buffer, std::uint64_t offset_bytes) {
  return detail::transfer_all(buffer, ENODATA, [file, offset_bytes](registered_span left, std::size_t moved_bytes) {
    return read_at(file, left, offset_bytes + moved_bytes);
  });
}

task<result<void>> write_all_at(descriptor file, registered_span data, std::uint64_t offset_bytes) {
  return detail::transfer_all(data, ENOSPC, [file, offset_bytes](registered_span left, std::size_t moved_bytes) {
    return write_at(file, left, offset_bytes + moved_bytes);
  });
}

}  // namespace waitwork
