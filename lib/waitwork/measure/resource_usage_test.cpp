// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/resource_usage.hpp>

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/measure/fixture_root.hpp>

namespace waitwork {
namespace {

// Burns CPU until this much of it is charged to the calling thread.
void burn_cpu_ns(std::int64_t wanted_ns) {
  timespec used{};
  do {
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  } while (std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec < wanted_ns);
}

TEST(resource_usage, charges_the_cpu_of_every_thread_including_those_that_ended) {
  const resource_usage before = process_usage();
  std::thread([] { burn_cpu_ns(20'000'000); }).join();
  EXPECT_GE((process_usage() - before).cpu_ns(), 19'000'000);
}

TEST(resource_usage, counts_a_sleep_as_a_voluntary_switch) {
  const resource_usage before = process_usage();
  for (int sleep = 0; sleep < 10; ++sleep) ::usleep(100);
  EXPECT_GE((process_usage() - before).voluntary_switches, 10);
}

TEST(resource_usage, counts_the_first_touch_of_a_page_as_a_minor_fault) {
  const resource_usage before = process_usage();
  constexpr std::size_t page = 4096;
  constexpr std::size_t pages = 64;
  void* const memory = ::mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::madvise(memory, pages * page, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < pages * page; at += page) {
    static_cast<volatile char*>(memory)[at] = 1;
  }
  EXPECT_GE((process_usage() - before).minor_faults, 1);
  ::munmap(memory, pages * page);
}

TEST(resource_usage, difference_is_taken_member_by_member) {
  const resource_usage later{10, 20, 30, 40, 50, 60};
  const resource_usage earlier{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(later - earlier, (resource_usage{9, 18, 27, 36, 45, 54}));
  EXPECT_EQ(later.cpu_ns(), 30);
}

TEST(process_cpu, of_another_process_grows_with_its_work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    burn_cpu_ns(20'000'000);
    ::_exit(0);
  }
  // Wait for its end without reaping it: its clock remains readable until then.
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  const result<std::int64_t> used = process_cpu_ns(child);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_TRUE(used) << used.error().message();
  EXPECT_GE(*used, 20'000'000);
  const result<std::int64_t> gone = process_cpu_ns(child);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error(), std::errc::no_such_process);
}

TEST(kernel_worker_threads, are_told_from_others_by_their_name) {
  fixture_root root;
  int thread = 100;
  for (const char* name : {"waitwork", "iou-wrk-99", "iou-wrk-101", "iou-sqp-99", "iou", ""}) {
    root.write("proc/self/task/" + std::to_string(thread++) + "/comm", std::string(name) + '\n');
  }
  std::filesystem::create_directories(root.path() / "proc/self/task/999");  // ended: no comm
  EXPECT_EQ(kernel_worker_threads(root.path()), 3u);
  EXPECT_EQ(kernel_worker_threads(root.path() / "nowhere"), 0u);
}

// The smallest possible ring, made with system calls because this layer does not link liburing: one
// request at a time.
class bare_ring {
 public:
  bare_ring() {
    io_uring_params parameters{};
    fd_.reset(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters)));
    if (!fd_) return;
    ring_ = map(IORING_OFF_SQ_RING);
    entry_ = static_cast<io_uring_sqe*>(map(IORING_OFF_SQES));
    submission_tail_ = word(parameters.sq_off.tail);
    submission_index_ = word(parameters.sq_off.array);
    completion_head_ = word(parameters.cq_off.head);
    completions_ = reinterpret_cast<io_uring_cqe*>(static_cast<char*>(ring_) + parameters.cq_off.cqes);
    completion_mask_ = *word(parameters.cq_off.ring_mask);
  }
  ~bare_ring() {
    if (!fd_) return;
    ::munmap(ring_, mapped_bytes);
    ::munmap(entry_, mapped_bytes);
  }
  bare_ring(const bare_ring&) = delete;
  bare_ring& operator=(const bare_ring&) = delete;

  bool made() const { return static_cast<bool>(fd_); }

  // Reads in a kernel worker (IOSQE_ASYNC asks for one) and waits for the answer.
  std::int32_t read_in_worker(int file, std::vector<char>& into) {
    *entry_ = io_uring_sqe{};
    entry_->opcode = IORING_OP_READ;
    entry_->flags = IOSQE_ASYNC;
    entry_->fd = file;
    entry_->addr = reinterpret_cast<std::uint64_t>(into.data());
    entry_->len = static_cast<std::uint32_t>(into.size());
    *submission_index_ = 0;
    std::atomic_ref(*submission_tail_).fetch_add(1, std::memory_order_release);
    const long entered = ::syscall(SYS_io_uring_enter, fd_.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (entered != 1) return -errno;
    const unsigned head = *completion_head_;
    const std::int32_t answer = completions_[head & completion_mask_].res;
    std::atomic_ref(*completion_head_).store(head + 1, std::memory_order_release);
    return answer;
  }

 private:
  static constexpr std::size_t mapped_bytes = 4096;  // more than two completions and one submission need

  void* map(std::uint64_t offset) const {
    void* const memory = ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(),
                                static_cast<off_t>(offset));
    EXPECT_NE(memory, MAP_FAILED);
    return memory;
  }
  unsigned* word(std::uint32_t offset) const { return reinterpret_cast<unsigned*>(static_cast<char*>(ring_) + offset); }

  unique_fd fd_;
  void* ring_ = nullptr;
  io_uring_sqe* entry_ = nullptr;
  unsigned* submission_tail_ = nullptr;
  unsigned* submission_index_ = nullptr;
  unsigned* completion_head_ = nullptr;
  io_uring_cqe* completions_ = nullptr;
  unsigned completion_mask_ = 0;
};

std::int64_t thread_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

TEST(resource_usage, includes_what_io_uring_does_in_its_worker_threads) {
  bare_ring ring;
  if (!ring.made()) GTEST_SKIP() << "io_uring is not available here";
  const unique_fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  std::vector<char> buffer(16 << 20, 1);
  ASSERT_EQ(kernel_worker_threads(), 0u);

  const resource_usage process_before = process_usage();
  const std::int64_t thread_before = thread_cpu_ns();
  // Until enough has been charged: how much one read costs depends on the machine.
  std::int64_t process_ns = 0;
  std::int64_t thread_ns = 0;
  for (int read = 0; read < 10'000 && process_ns < 20'000'000; ++read) {
    ASSERT_EQ(ring.read_in_worker(zero.get(), buffer), static_cast<std::int32_t>(buffer.size()));
    process_ns = (process_usage() - process_before).cpu_ns();
    thread_ns = thread_cpu_ns() - thread_before;
  }
  EXPECT_GE(kernel_worker_threads(), 1u);
  // This thread only submitted: most of what the process was charged, its workers did.
  EXPECT_GE(process_ns, 2 * thread_ns);
}

}  // namespace
}  // namespace waitwork
