// SPDX-License-Identifier: Apache-2.0
// A workload of one's own: read a block of a file, then hash it. Does that wait, or does it compute?
#include <fcntl.h>
#include <unistd.h>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/bench/workload.hpp>
#include <waitwork/io/file.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t block_bytes = 64 << 10;
constexpr std::uint64_t blocks = 256;

answer hash(std::span<const std::byte> bytes) {
  answer digest = 0;
  for (const std::byte byte : bytes) digest = mix64(digest ^ static_cast<std::uint64_t>(byte));
  return digest;
}

class hash_blocks final : public workload {
 public:
  // Everything that is not the work: a file, a buffer for each unit in flight, the right answers.
  explicit hash_blocks(const workload_settings& settings) {
    const auto path = settings.file("hash_blocks");
    file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file_) throw std::system_error(errno, std::generic_category(), "opening " + path.string());
    for (unsigned lane = 0; lane < settings.lanes; ++lane) buffers_.emplace_back(block_bytes);
    splitmix64 random(settings.seed);
    aligned_buffer<std::byte> content(block_bytes);
    for (std::uint64_t block = 0; block < blocks; ++block) {
      for (std::byte& byte : content.span()) byte = static_cast<std::byte>(random());
      if (::pwrite(file_.get(), content.data(), block_bytes, offset(block)) != block_bytes) {
        throw std::system_error(errno, std::generic_category(), "writing " + path.string());
      }
      expected_.push_back(hash(content.span()));
    }
  }

  // One unit for a caller that may block ...
  answer run(unit work) override {
    const auto buffer = buffers_[work.lane].span();
    if (::pread(file_.get(), buffer.data(), buffer.size(), offset(work.index)) != block_bytes) return 0;
    return hash(buffer);
  }

  // ... and the same unit on a loop: the wait is awaited, the compute goes where the strategy wants it.
  task<answer> run(async_context& context, unit work) override {
    const auto buffer = buffers_[work.lane].span();
    const auto begin = static_cast<std::uint64_t>(offset(work.index));
    const result<void> read = co_await read_exactly_at(file_.get(), buffer, begin);
    if (!read) co_return 0;
    auto hashing = [buffer] { return hash(buffer); };
    const answer digest = co_await context.compute(hashing);
    co_return digest;
  }

  answer expected(std::uint64_t index) const override { return expected_[index % blocks]; }

  std::map<std::string, double> parameters() const override { return {{"bytes_per_unit", block_bytes}}; }

 private:
  static off_t offset(std::uint64_t index) { return static_cast<off_t>(index % blocks * block_bytes); }

  unique_fd file_;
  std::vector<aligned_buffer<std::byte>> buffers_;
  std::vector<answer> expected_;
};

const bool registered = register_workload(
    {.name = "example/hash_blocks", .variants = {""}, .waits = true, .make = [](const workload_settings& settings) {
       return std::make_unique<hash_blocks>(settings);
     }});

}  // namespace
}  // namespace waitwork::bench
