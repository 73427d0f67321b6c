// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/registered.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/stop_for_test.hpp>

namespace waitwork {
namespace {

constexpr std::size_t block_bytes = 4096;

class registered : public ::testing::Test {
 protected:
  registered() : path_("/var/tmp/waitwork-registered-test-XXXXXX") {
    file_.reset(::mkstemp(path_.data()));
    descriptors_ = open_descriptors();
  }
  ~registered() override {
    EXPECT_EQ(open_descriptors(), descriptors_);
    ::unlink(path_.c_str());
  }

  // The file past the page cache, or as it is where its file system cannot.
  unique_fd direct() const {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT);
    return unique_fd(fd >= 0 ? fd : ::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }

  static void fill(std::span<std::byte> bytes, std::size_t seed) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((i * 31 + seed) % 251);
  }

  std::string path_;
  unique_fd file_;
  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

// Writes blocks through `to` and reads them back through `from`.
template <class To, class From>
task<void> there_and_back(const To& to, const From& from, registered_buffer& pool) {
  for (std::size_t block = 0; block < 4; ++block) {
    const registered_span out = pool.part(0, block_bytes);
    for (std::size_t i = 0; i < block_bytes; ++i) out.bytes()[i] = static_cast<std::byte>((i + block) % 253);
    const result<std::size_t> written = co_await write_at(to, out, block * block_bytes);
    EXPECT_EQ(written.value(), block_bytes);
    const registered_span in = pool.part(block_bytes, block_bytes);
    std::ranges::fill(in.bytes(), std::byte{0xff});
    const result<std::size_t> read = co_await read_at(from, in, block * block_bytes);
    EXPECT_EQ(read.value(), block_bytes);
    EXPECT_TRUE(std::ranges::equal(in.bytes(), out.bytes()));
  }
}

TEST_F(registered, files_and_buffers_work_in_every_combination) {
  const unique_fd open = direct();
  const auto body = [&]() -> task<void> {
    const registered_file file(open.get());
    registered_buffer pool(2 * block_bytes);
    co_await there_and_back(file, file, pool);
    co_await there_and_back(file, descriptor(open.get()), pool);
    co_await there_and_back(descriptor(open.get()), file, pool);
    co_await there_and_back(descriptor(open.get()), descriptor(open.get()), pool);
    aligned_buffer<std::byte> plain(block_bytes, direct_io_alignment_bytes);
    const result<std::size_t> read = co_await read_at(file, plain.span(), block_bytes);
    EXPECT_EQ(read.value(), block_bytes);
    EXPECT_EQ(plain[0], std::byte{1});
    const result<void> written = co_await write_all_at(file, plain.span(), 0);
    EXPECT_TRUE(written.has_value());
    const result<void> exactly = co_await read_exactly_at(file, pool.part(0, block_bytes), 0);
    EXPECT_TRUE(exactly.has_value());
    EXPECT_EQ(pool.bytes()[0], std::byte{1});
    const result<void> synced = co_await sync_data(file);
    EXPECT_TRUE(synced.has_value());
  };
  here_.run(body());
}

TEST_F(registered, buffers_are_shared_by_reads_at_the_same_time) {
  constexpr std::size_t blocks = 64;
  const unique_fd open = direct();
  const registered_file file(open.get(), here_);
  registered_buffer out(blocks * block_bytes, here_);
  registered_buffer in(blocks * block_bytes, here_);
  fill(out.bytes(), 7);
  const auto read_block = [&](std::size_t block) -> task<void> {
    const std::size_t offset_bytes = block * block_bytes;
    const result<void> read = co_await read_exactly_at(file, in.part(offset_bytes, block_bytes), offset_bytes);
    EXPECT_TRUE(read.has_value());
  };
  const auto body = [&]() -> task<void> {
    const result<void> written = co_await write_all_at(file, out.all(), 0);
    EXPECT_TRUE(written.has_value());
    std::vector<task<void>> reads;
    for (std::size_t block = 0; block < blocks; ++block) reads.push_back(read_block(block));
    co_await when_all(std::move(reads));
  };
  here_.run(body());
  EXPECT_TRUE(std::ranges::equal(in.bytes(), out.bytes()));
}

TEST_F(registered, files_stay_open_when_their_descriptor_is_closed) {
  unique_fd open = direct();
  registered_buffer pool(block_bytes, here_);
  registered_file file(open.get(), here_);
  open.reset();
  const auto body = [&]() -> task<void> {
    const result<void> written = co_await write_all_at(file, pool.all(), 0);
    EXPECT_TRUE(written.has_value());
  };
  here_.run(body());
}

TEST_F(registered, files_that_end_early_fail_an_exact_read) {
  registered_buffer pool(block_bytes, here_);
  const auto body = [&]() -> task<void> {
    const result<std::size_t> nothing = co_await read_at(file_.get(), pool.all(), 0);
    EXPECT_EQ(nothing.value(), 0u);
    const result<void> exactly = co_await read_exactly_at(file_.get(), pool.all(), 0);
    EXPECT_EQ(error_of(exactly), std::errc::no_message_available);
    const unique_fd reading(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const registered_file file(reading.get());
    const result<void> refused = co_await write_all_at(file, pool.all(), 0);
    EXPECT_EQ(error_of(refused), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(registered, slots_are_used_again) {
  const auto body = [&]() -> task<void> {
    for (unsigned i = 0; i < 3 * registered_buffers_most; ++i) {
      registered_file file(file_.get());
      registered_file moved(std::move(file));
      registered_buffer pool(64);
      registered_buffer also(std::move(pool));
      also = registered_buffer(64);
    }
    co_return;
  };
  here_.run(body());
}

TEST_F(registered, tables_that_are_full_say_so) {
  std::vector<registered_buffer> all;
  for (unsigned i = 0; i < registered_buffers_most; ++i) all.emplace_back(64, here_);
  EXPECT_THROW(registered_buffer(64, here_), environment_error);
  all.pop_back();
  EXPECT_NO_THROW(registered_buffer(64, here_));
}

TEST_F(registered, files_that_are_not_open_are_refused) {
  EXPECT_THROW(registered_file(-1, here_), environment_error);
  EXPECT_THROW(registered_file(1'000'000, here_), environment_error);
  const registered_file good(file_.get(), here_);
}

TEST_F(registered, things_are_not_touched_under_a_past_stop) {
  registered_buffer pool(block_bytes, here_);
  const registered_file file(file_.get(), here_);
  const auto write = [&] { return write_at(file, pool.all(), 0); };
  const auto read = [&] { return read_at(file, pool.all(), 0); };
  const auto body = [&]() -> task<void> {
    const auto written = co_await under_a_past_stop(write);
    EXPECT_EQ(error_of(written), std::errc::operation_canceled);
    const auto got = co_await under_a_past_stop(read);
    EXPECT_EQ(error_of(got), std::errc::operation_canceled);
  };
  here_.run(body());
  EXPECT_EQ(::lseek(file_.get(), 0, SEEK_END), 0);
}

TEST_F(registered, sockets_are_waited_for_until_a_stop) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const unique_fd near(ends[0]);
  const unique_fd far(ends[1]);
  registered_buffer pool(block_bytes, here_);
  const registered_file socket(near.get(), here_);
  const auto get = [&] { return receive(socket, pool.bytes()); };
  const auto body = [&]() -> task<void> {
    const auto nothing = co_await stopped_while_it_waits(get);
    EXPECT_EQ(error_of(nothing), std::errc::operation_canceled);
    const result<void> sent = co_await send_all(far.get(), pool.bytes().first(100));
    EXPECT_TRUE(sent.has_value());
    const result<std::size_t> received = co_await receive(socket, pool.bytes());
    EXPECT_EQ(received.value(), 100u);
  };
  here_.run(body());
}

// In a process of its own, without the privilege to pin memory beyond the limit.
TEST(registering, beyond_the_memlock_limit_names_cause_and_remedy) {
  const auto attempt = [] {
    const rlimit low{512 * 1024, 512 * 1024};  // enough for the ring itself
    const bool as_nobody =
        ::setrlimit(RLIMIT_MEMLOCK, &low) == 0 && (::geteuid() != 0 || ::setresuid(65534, 65534, 65534) == 0);
    if (!as_nobody) ::_exit(3);
    try {
      loop here;
      const registered_buffer small(4096, here);
      try {
        const registered_buffer large(1 << 20, here);
      } catch (const environment_error& refused) {
        std::cerr << refused.what() << '\n';
        const registered_buffer another(4096, here);
        ::_exit(0);
      }
    } catch (const environment_error& unexpected) {
      std::cerr << unexpected.what() << '\n';
      ::_exit(2);
    }
    ::_exit(1);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(attempt(), ::testing::ExitedWithCode(0),
              "register a buffer of 1048576 bytes: the memlock limit of 512 KiB is too low.*ulimit -l unlimited");
}

TEST(registering, more_than_the_kernel_takes_in_one_piece_says_so) {
  loop here;
  try {
    const registered_buffer huge((std::size_t{1} << 30) + 4096, here);
    FAIL() << "the kernel took more than 1 GiB";
  } catch (const environment_error& refused) {
    EXPECT_NE(std::string(refused.what()).find("1 GiB"), std::string::npos) << refused.what();
  }
}

TEST(registering, in_a_loop_that_ends_first_is_a_bug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::optional<loop> here(std::in_place);
        const registered_buffer left(4096, *here);
        here.reset();
      },
      "registered files and buffers end before their loop");
}

}  // namespace
}  // namespace waitwork
