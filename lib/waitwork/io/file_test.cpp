#include <waitwork/io/file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork {
namespace {

class files : public ::testing::Test {
 protected:
  files() : path_("/var/tmp/waitwork-file-test-XXXXXX") { file_.reset(::mkstemp(path_.data())); }
  ~files() override { ::unlink(path_.c_str()); }

  std::span<const std::byte> bytes(const std::string& text) const {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  std::string path_;
  unique_fd file_;
  loop here_;
};

TEST_F(files, give_back_what_was_written) {
  const auto body = [this]() -> task<void> {
    const std::string text = "waits or computes";
    const result<std::size_t> written = co_await write_at(file_.get(), bytes(text), 5);
    EXPECT_EQ(written.value(), text.size());
    const result<void> synced = co_await sync_data(file_.get());
    EXPECT_TRUE(synced.has_value());
    std::string back(text.size(), ' ');
    const result<std::size_t> read =
        co_await read_at(file_.get(), std::as_writable_bytes(std::span(back)), 5);
    EXPECT_EQ(read.value(), text.size());
    EXPECT_EQ(back, text);
  };
  here_.run(body());
}

TEST_F(files, end_with_zero_bytes) {
  const auto body = [this]() -> task<void> {
    std::string back(10, ' ');
    const result<std::size_t> read =
        co_await read_at(file_.get(), std::as_writable_bytes(std::span(back)), 0);
    EXPECT_EQ(read.value(), 0u);
  };
  here_.run(body());
}

TEST_F(files, that_end_early_fail_an_exact_read) {
  const auto body = [this]() -> task<void> {
    const std::string text = "short";
    const result<void> written = co_await write_all_at(file_.get(), bytes(text), 0);
    EXPECT_TRUE(written.has_value());
    std::string back(10, ' ');
    const result<void> read =
        co_await read_exactly_at(file_.get(), std::as_writable_bytes(std::span(back)), 0);
    EXPECT_EQ(read.error(), std::errc::no_message_available);
  };
  here_.run(body());
}

TEST_F(files, that_are_missing_say_so) {
  const auto body = []() -> task<void> {
    const result<unique_fd> missing = co_await open_file("/var/tmp/waitwork-is-not-here", O_RDONLY);
    EXPECT_EQ(missing.error(), std::errc::no_such_file_or_directory);
  };
  here_.run(body());
}

TEST_F(files, refuse_a_write_through_a_descriptor_for_reading) {
  const auto body = [this]() -> task<void> {
    const result<unique_fd> reading = co_await open_file(path_.c_str(), O_RDONLY);
    const result<std::size_t> written = co_await write_at(reading->get(), bytes("no"), 0);
    EXPECT_EQ(written.error(), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(files, on_a_full_device_say_so) {
  const auto body = [this]() -> task<void> {
    const result<unique_fd> full = co_await open_file("/dev/full", O_WRONLY);
    const result<void> written = co_await write_all_at(full->get(), bytes("anything"), 0);
    EXPECT_EQ(written.error(), std::errc::no_space_on_device);
  };
  here_.run(body());
}

TEST_F(files, are_read_in_any_number_of_places_at_once) {
  constexpr std::size_t blocks = 64;
  constexpr std::size_t block_bytes = 4096;
  std::vector<std::byte> content(blocks * block_bytes);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i / block_bytes);
  const auto read_block = [&](std::size_t block) -> task<bool> {
    aligned_buffer<std::byte> buffer(block_bytes, direct_io_alignment_bytes);
    const result<void> read = co_await read_exactly_at(file_.get(), buffer.span(), block * block_bytes);
    co_return read.has_value() &&
        std::memcmp(buffer.data(), content.data() + block * block_bytes, block_bytes) == 0;
  };
  const auto body = [&]() -> task<void> {
    const result<void> written = co_await write_all_at(file_.get(), content, 0);
    EXPECT_TRUE(written.has_value());
    std::vector<task<bool>> reads;
    for (std::size_t block = 0; block < blocks; ++block) reads.push_back(read_block(block));
    const std::vector<bool> right = co_await when_all(std::move(reads));
    for (std::size_t block = 0; block < blocks; ++block) EXPECT_TRUE(right[block]) << block;
  };
  here_.run(body());
}

}  // namespace
}  // namespace waitwork
