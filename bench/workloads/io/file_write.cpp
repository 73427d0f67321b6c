// SPDX-License-Identifier: Apache-2.0
// io/file_write: random 4 KiB writes past the page cache, each made durable before the unit counts
// as done.
//
// A unit is a write and an fdatasync of the file, as a database log or a mail server does it. The
// file is fully written before the timed region, so that no unit allocates blocks or extends the
// file: then fdatasync is the device's flush and no journal commit. A flush covers all writes
// before it, so units in flight share it; that is what there is to win.
//
// Every block's content follows from the index of the unit that wrote it last. A write has no answer of its own to
// check; so the file is read back from the device after the run and compared block by block, blocks that no unit wrote
// included.
// That the flush survives a loss of power cannot be seen from here.

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/io/file.hpp>

#include <workloads/io/block_file.hpp>
#include <workloads/io/work_file.hpp>

namespace waitwork::bench {
namespace {

// Written and read back by every child, so no larger than needed: four blocks for each of 1024
// lanes.
constexpr std::uint64_t file_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t smoke_file_bytes = std::uint64_t{4} << 20;
constexpr std::uint64_t blocks_per_chunk = 256;  // 1 MiB: a device streams at full speed

class file_write_workload final : public workload {
 public:
  explicit file_write_workload(const workload_settings& settings)
      : path_(settings.file("file_write")),
        blocks_per_lane_(std::max<std::uint64_t>(
            (settings.smoke ? smoke_file_bytes : file_bytes) / block_bytes / settings.lanes, 1)),
        order_(mix64(settings.seed)),
        buffers_(settings.lanes * block_words, direct_io_alignment_bytes),
        last_writer_(blocks_per_lane_ * settings.lanes) {
    // Unit indices count up from 0, so these stand for no unit.
    for (std::uint64_t block = 0; block < last_writer_.size(); ++block) {
      last_writer_[block] = ~block;
    }
    // The same file for all children: overwriting it frees no blocks, whose discard would run
    // beside the next child.
    reserve_space(open_file_or_throw(path_, O_RDWR | O_CREAT).get(), path_, last_writer_.size() * block_bytes);
    file_ = open_direct(path_, O_RDWR);
    write_initial_contents();
    sync_file(file_.get(), path_);
  }

  answer run(unit work) override {
    const std::uint64_t block = block_of(work);
    const block_span buffer = buffer_of(work.lane);
    stamp(work.index, buffer);
    const ssize_t moved = ::pwrite(file_.get(), buffer.data(), block_bytes, static_cast<off_t>(block * block_bytes));
    if (moved < 0) throw_file_error("write", path_, errno);
    require_whole_block(static_cast<std::size_t>(moved), block);
    if (::fdatasync(file_.get()) != 0) throw_file_error("sync", path_, errno);
    return written(work.index, block);
  }

  task<answer> run(async_context&, unit work) override {
    const std::uint64_t block = block_of(work);
    const block_span buffer = buffer_of(work.lane);
    stamp(work.index, buffer);
    const result<std::size_t> moved = co_await write_at(file_.get(), std::as_bytes(buffer), block * block_bytes);
    if (!moved) throw_file_error("write", path_, moved.error().value());
    require_whole_block(*moved, block);
    const result<void> synced = co_await sync_data(file_.get());
    if (!synced) throw_file_error("sync", path_, synced.error().value());
    co_return written(work.index, block);
  }

  std::map<std::string, double> parameters() const override {
    return {{"bytes_per_unit", static_cast<double>(block_bytes)}};
  }

  answer expected(std::uint64_t index) const override { return mix64(order_ + index); }

  void verify() override {
    aligned_buffer<std::uint64_t> chunk(blocks_per_chunk * block_words, direct_io_alignment_bytes);
    aligned_buffer<std::uint64_t> right(block_words);
    const block_span right_block(right.data(), block_words);
    for_each_chunk([&](std::uint64_t first, std::uint64_t count) {
      read_all(file_.get(), path_, std::as_writable_bytes(chunk.span()).first(count * block_bytes),
               first * block_bytes);
      for (std::uint64_t n = 0; n < count; ++n) {
        stamp(last_writer_[first + n], right_block);
        if (!std::ranges::equal(chunk.span().subspan(n * block_words, block_words), right_block)) {
          throw_wrong_block(first + n);
        }
      }
    });
  }

 private:
  // A lane writes only to blocks of its own, pseudo-randomly: so units in flight never share a
  // block.
  std::uint64_t block_of(unit work) const noexcept {
    const uint128 scaled = static_cast<uint128>(mix64(order_ ^ work.index)) * blocks_per_lane_;
    return work.lane * blocks_per_lane_ + static_cast<std::uint64_t>(scaled >> 64);
  }

  block_span buffer_of(unsigned lane) noexcept { return block_span(buffers_.data() + lane * block_words, block_words); }

  // An arithmetic progression whose start and step come from the index: 100 ns for a block, and no
  // two units' blocks have a word in common but by chance.
  void stamp(std::uint64_t index, block_span contents) const noexcept {
    const std::uint64_t start = mix64(order_ + index);
    const std::uint64_t step = start | 1;
    for (std::size_t word = 0; word < block_words; ++word) contents[word] = start + word * step;
  }

  void require_whole_block(std::size_t moved_bytes, std::uint64_t block) const {
    if (moved_bytes != block_bytes) {
      throw_short_transfer("write", path_, moved_bytes, block_bytes, block * block_bytes);
    }
  }

  // A block is written by one lane and so by one thread at a time: the record needs no atomics.
  answer written(std::uint64_t index, std::uint64_t block) noexcept {
    last_writer_[block] = index;
    return mix64(order_ + index);
  }

  template <class Visit>
  void for_each_chunk(Visit visit) {
    for (std::uint64_t first = 0; first < last_writer_.size(); first += blocks_per_chunk) {
      visit(first, std::min<std::uint64_t>(blocks_per_chunk, last_writer_.size() - first));
    }
  }

  void write_initial_contents() {
    aligned_buffer<std::uint64_t> chunk(blocks_per_chunk * block_words, direct_io_alignment_bytes);
    for_each_chunk([&](std::uint64_t first, std::uint64_t count) {
      for (std::uint64_t n = 0; n < count; ++n) {
        stamp(last_writer_[first + n], block_span(chunk.data() + n * block_words, block_words));
      }
      write_all(file_.get(), path_, std::as_bytes(chunk.span()).first(count * block_bytes), first * block_bytes);
    });
  }

  [[noreturn]] void throw_wrong_block(std::uint64_t block) const {
    const std::uint64_t writer = last_writer_[block];
    const std::string content =
        writer == ~block ? "what was there before the run" : "what unit " + std::to_string(writer) + " wrote";
    throw wrong_answer("block " + std::to_string(block) + " of '" + path_.string() + "' does not hold " + content);
  }

  std::filesystem::path path_;
  std::uint64_t blocks_per_lane_;
  std::uint64_t order_;
  aligned_buffer<std::uint64_t> buffers_;   // a block a lane
  std::vector<std::uint64_t> last_writer_;  // by block
  unique_fd file_;
};

const bool registered = register_workload({
    .name = "io/file_write",
    .variants = {""},
    .waits = true,
    .make = [](const workload_settings& settings) -> std::unique_ptr<workload> {
      return std::make_unique<file_write_workload>(settings);
    },
});

}  // namespace
}  // namespace waitwork::bench
