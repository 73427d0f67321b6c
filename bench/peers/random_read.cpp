// SPDX-License-Identifier: Apache-2.0
// peers/random_read: 4 KiB reads at random from a file, past the page cache, with many in flight. Every byte is
// checked, by the same sum on both sides (workloads/io/block_file.hpp).
//
//   waitwork             a coroutine for each read in flight: co_await read_at
//   liburing             the loop by hand, submitting in batches of the same size as ours
//   waitwork_registered  as above, from a registered_file into a registered_buffer
//   liburing_registered  as above, by IORING_OP_READ_FIXED from a fixed file
//
// The same against fio, which does not check what it reads: random_read_fio.py.

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/registered.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/our_loop_driver.hpp>
#include <peers/raw_ring.hpp>
#include <workloads/io/block_file.hpp>
#include <workloads/io/work_file.hpp>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t file_blocks = (std::uint64_t{256} << 20) / block_bytes;
constexpr std::uint64_t smoke_file_blocks = (std::uint64_t{8} << 20) / block_bytes;

// The file, and which of its blocks a unit reads.
class random_blocks {
 public:
  explicit random_blocks(const workload_settings& settings)
      : path_(settings.file("peers-random_read")),
        blocks_(settings.smoke ? smoke_file_blocks : file_blocks),
        order_(mix64(mix64(settings.seed))),
        pattern_(settings.seed) {
    ensure_block_file(path_, blocks_, pattern_);
    file_ = open_direct(path_, O_RDONLY);
    drop_from_cache(file_.get(), path_);
  }

  int file() const noexcept { return file_.get(); }
  std::uint64_t bytes() const noexcept { return blocks_ * block_bytes; }
  std::uint64_t offset_of(std::uint64_t index) const noexcept { return block_of(index) * block_bytes; }

  // Zero if what a unit has read is its block.
  std::uint64_t difference(std::uint64_t index, block_view contents) const noexcept {
    return sum_of_words(contents) - pattern_.expected_sum(block_of(index));
  }

 private:
  std::uint64_t block_of(std::uint64_t index) const noexcept { return mix64(order_ + index) % blocks_; }

  std::filesystem::path path_;
  std::uint64_t blocks_;
  std::uint64_t order_;
  block_pattern pattern_;
  unique_fd file_;
};

block_span block_in(std::span<std::byte> memory, std::size_t slot) noexcept {
  return block_span(reinterpret_cast<std::uint64_t*>(memory.data()) + slot * block_words, block_words);
}

class random_reads : public self_driven {
 public:
  std::map<std::string, double> parameters() const final {
    return {{"file_bytes", static_cast<double>(blocks_.bytes())}, {"bytes_per_unit", static_cast<double>(block_bytes)}};
  }

 protected:
  explicit random_reads(const workload_settings& settings) : depth_(settings.lanes), blocks_(settings) {}
  unsigned depth() const noexcept { return depth_; }
  std::size_t buffers_bytes() const noexcept { return depth_ * block_bytes; }
  const random_blocks& blocks() const noexcept { return blocks_; }

  // What a read of `moved` bytes, or of a negative errno, adds to the answers.
  answer answer_of(std::uint64_t index, std::int64_t moved, block_view contents) const {
    if (moved != block_bytes) return ~index;
    return index + blocks_.difference(index, contents);
  }

 private:
  unsigned depth_;
  random_blocks blocks_;
};

class on_our_loop : public random_reads {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) final {
    const std::int64_t begin_ns = now_ns();
    units_of_batch units{first, first + count};
    run_lanes(loop_, depth(), [&](unsigned slot) { return read_after_read(units, slot); });
    return batch_log(first, count, now_ns() - begin_ns, units.sum);
  }
  std::vector<loop_counters> loops() const final { return {loop_.counters()}; }
  unsigned loop_setup_flags() const final { return loop_.setup_flags(); }

 protected:
  using random_reads::random_reads;
  loop& home() noexcept { return loop_; }

  // Reads unit after unit into one buffer, whose block is `contents`.
  template <class File, class Buffer>
  task<void> read_into(units_of_batch& units, File file, Buffer buffer, block_view contents) const {
    while (units.next != units.end) {
      const std::uint64_t index = units.next++;
      const result<std::size_t> moved = co_await read_at(file, buffer, blocks().offset_of(index));
      units.sum += answer_of(index, moved ? static_cast<std::int64_t>(*moved) : -1, contents);
    }
  }

 private:
  virtual task<void> read_after_read(units_of_batch& units, std::size_t slot) = 0;

  loop loop_;
};

class on_our_loop_plain final : public on_our_loop {
 public:
  explicit on_our_loop_plain(const workload_settings& settings)
      : on_our_loop(settings), buffers_(buffers_bytes(), direct_io_alignment_bytes) {}

 private:
  task<void> read_after_read(units_of_batch& units, std::size_t slot) override {
    const block_span contents = block_in(buffers_.span(), slot);
    return read_into(units, blocks().file(), std::as_writable_bytes(std::span<std::uint64_t>(contents)), contents);
  }

  aligned_buffer<std::byte> buffers_;
};

class on_our_loop_registered final : public on_our_loop {
 public:
  explicit on_our_loop_registered(const workload_settings& settings)
      : on_our_loop(settings), file_(blocks().file(), home()), buffers_(buffers_bytes(), home()) {}

 private:
  task<void> read_after_read(units_of_batch& units, std::size_t slot) override {
    return read_into(units, descriptor(file_), buffers_.part(slot * block_bytes, block_bytes),
                     block_in(buffers_.bytes(), slot));
  }

  registered_file file_;
  registered_buffer buffers_;
};

class by_hand final : public random_reads {
 public:
  by_hand(const workload_settings& settings, bool registered)
      : random_reads(settings),
        registered_(registered),
        buffers_(buffers_bytes(), direct_io_alignment_bytes),
        reading_(settings.lanes) {
    if (!registered) return;
    const int file = blocks().file();
    const iovec all{buffers_.data(), buffers_.size()};
    int error = -io_uring_register_files(ring_.get(), &file, 1);
    if (error == 0) error = -io_uring_register_buffers(ring_.get(), &all, 1);
    if (error == ENOMEM) {
      throw unsupported_error("register", "a file and buffers", "the memlock limit is too low, or there is no memory",
                              "raise the limit: ulimit -l unlimited, or --ulimit memlock=-1 for a container");
    }
    if (error != 0) throw_call_error("register", "a file and buffers", "io_uring_register", error);
  }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    units_of_batch units{first, first + count};
    std::uint64_t in_flight = std::min<std::uint64_t>(depth(), count);
    for (std::size_t slot = 0; slot < in_flight; ++slot) prepare(units, slot);
    while (in_flight > 0) {
      ring_.submit_and_wait();
      ring_.reap([&](const io_uring_cqe& completion) {
        const auto slot = static_cast<std::size_t>(completion.user_data);
        units.sum += answer_of(reading_[slot], completion.res, block_in(buffers_.span(), slot));
        if (units.next == units.end) {
          --in_flight;
        } else {
          prepare(units, slot);
        }
      });
    }
    return batch_log(first, count, now_ns() - begin_ns, units.sum);
  }
  std::vector<loop_counters> loops() const override { return {ring_.counters()}; }
  unsigned loop_setup_flags() const override { return ring_.setup_flags(); }

 private:
  void prepare(units_of_batch& units, std::size_t slot) {
    if (ring_.prepared() >= submission_batch_) ring_.submit();
    const std::uint64_t index = units.next++;
    reading_[slot] = index;
    std::byte* const buffer = buffers_.data() + slot * block_bytes;
    io_uring_sqe& entry = ring_.entry();
    if (registered_) {
      io_uring_prep_read_fixed(&entry, 0, buffer, block_bytes, blocks().offset_of(index), 0);
      entry.flags |= IOSQE_FIXED_FILE;
    } else {
      io_uring_prep_read(&entry, blocks().file(), buffer, block_bytes, blocks().offset_of(index));
    }
    entry.user_data = slot;
  }

  bool registered_;
  unsigned submission_batch_ = loop_options().submission_batch;
  aligned_buffer<std::byte> buffers_;
  std::vector<std::uint64_t> reading_;  // the unit of each slot
  raw_ring ring_;                       // ends before the buffers do
};

std::unique_ptr<workload> make(const workload_settings& settings) {
  if (settings.variant == "waitwork") return std::make_unique<on_our_loop_plain>(settings);
  if (settings.variant == "waitwork_registered") return std::make_unique<on_our_loop_registered>(settings);
  return std::make_unique<by_hand>(settings, settings.variant == "liburing_registered");
}

const bool registered = register_workload({
    .name = "peers/random_read",
    .variants = {"waitwork", "liburing", "waitwork_registered", "liburing_registered"},
    .depths = {1, 64},
    .make = make,
});

}  // namespace
}  // namespace waitwork::bench
