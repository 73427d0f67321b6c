// SPDX-License-Identifier: Apache-2.0
// io/file_read: random 4 KiB reads of a real file.
//
//   direct  O_DIRECT: every read waits for the device, and the page cache holds none of the file
//   cached  every read is answered from the page cache: a system call and a copy of memory
//
// The file is larger than any queue here can hide (256 MiB against at most 4 MiB in flight). Each
// variant has a file of its own: sharing one, every child would have to drop or to load 256 MiB
// after a child of the other variant. Every byte of every read is checked, see block_file.hpp.

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/io/file.hpp>

#include <workloads/io/block_file.hpp>
#include <workloads/io/work_file.hpp>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t file_bytes = std::uint64_t{256} << 20;
constexpr std::uint64_t smoke_file_bytes = std::uint64_t{8} << 20;

class file_read_workload final : public workload {
 public:
  explicit file_read_workload(const workload_settings& settings)
      : path_(settings.file("file_read-" + settings.variant)),
        blocks_((settings.smoke ? smoke_file_bytes : file_bytes) / block_bytes),
        order_(mix64(mix64(settings.seed))),  // not the words' own stream
        pattern_(settings.seed),
        buffers_(settings.lanes * block_words, direct_io_alignment_bytes) {
    ensure_block_file(path_, blocks_, pattern_);
    if (settings.variant == "direct") {
      file_ = open_direct(path_, O_RDONLY);
      drop_from_cache(file_.get(), path_);
    } else {
      file_ = open_file_or_throw(path_, O_RDONLY);
      load_into_cache(file_.get(), path_);
    }
  }

  answer run(unit work) override {
    const block_span buffer = buffer_of(work.lane);
    const std::uint64_t offset_bytes = block_of(work.index) * block_bytes;
    const ssize_t moved = ::pread(file_.get(), buffer.data(), block_bytes, static_cast<off_t>(offset_bytes));
    if (moved < 0) throw_file_error("read", path_, errno);
    return checked_sum(static_cast<std::size_t>(moved), offset_bytes, buffer);
  }

  task<answer> run(async_context&, unit work) override {
    const block_span buffer = buffer_of(work.lane);
    const std::uint64_t offset_bytes = block_of(work.index) * block_bytes;
    const result<std::size_t> moved = co_await read_at(file_.get(), std::as_writable_bytes(buffer), offset_bytes);
    if (!moved) throw_file_error("read", path_, moved.error().value());
    co_return checked_sum(*moved, offset_bytes, buffer);
  }

  std::map<std::string, double> parameters() const override {
    return {{"file_bytes", static_cast<double>(blocks_ * block_bytes)},
            {"bytes_per_unit", static_cast<double>(block_bytes)}};
  }

  answer expected(std::uint64_t index) const override { return pattern_.expected_sum(block_of(index)); }

 private:
  // Pseudo-random over the whole file: scales 64 random bits to [0, blocks).
  std::uint64_t block_of(std::uint64_t index) const noexcept {
    return static_cast<std::uint64_t>((static_cast<uint128>(mix64(order_ + index)) * blocks_) >> 64);
  }

  block_span buffer_of(unsigned lane) noexcept { return block_span(buffers_.data() + lane * block_words, block_words); }

  answer checked_sum(std::size_t moved_bytes, std::uint64_t offset_bytes, block_view buffer) const {
    if (moved_bytes != block_bytes) {
      throw_short_transfer("read", path_, moved_bytes, block_bytes, offset_bytes);
    }
    return sum_of_words(buffer);
  }

  std::filesystem::path path_;
  std::uint64_t blocks_;
  std::uint64_t order_;
  block_pattern pattern_;
  aligned_buffer<std::uint64_t> buffers_;  // a block a lane
  unique_fd file_;
};

const bool registered = register_workload({
    .name = "io/file_read",
    .variants = {"direct", "cached"},
    .waits = true,
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<file_read_workload>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
