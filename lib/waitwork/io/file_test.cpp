// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/coro/when_any.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/stop_for_test.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork {
namespace {

class files : public ::testing::Test {
 protected:
  files() : path_("/var/tmp/waitwork-file-test-XXXXXX") {
    file_.reset(::mkstemp(path_.data()));
    descriptors_ = open_descriptors();
  }
  ~files() override {
    EXPECT_EQ(open_descriptors(), descriptors_);
    ::unlink(path_.c_str());
  }

  std::span<const std::byte> bytes(const std::string& text) const {
    return std::as_bytes(std::span(text.data(), text.size()));
  }

  std::string path_;
  unique_fd file_;
  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

struct pipe_ends {
  unique_fd reading;
  unique_fd writing;
};
pipe_ends make_pipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

TEST_F(files, give_back_what_was_written) {
  const auto body = [this]() -> task<void> {
    const std::string text = "waits or computes";
    const result<std::size_t> written = co_await write_at(file_.get(), bytes(text), 5);
    EXPECT_EQ(written.value(), text.size());
    const result<void> synced = co_await sync_data(file_.get());
    EXPECT_TRUE(synced.has_value());
    std::string back(text.size(), ' ');
    const result<std::size_t> read = co_await read_at(file_.get(), std::as_writable_bytes(std::span(back)), 5);
    EXPECT_EQ(read.value(), text.size());
    EXPECT_EQ(back, text);
  };
  here_.run(body());
}

TEST_F(files, end_with_zero_bytes) {
  const auto body = [this]() -> task<void> {
    std::string back(10, ' ');
    const result<std::size_t> read = co_await read_at(file_.get(), std::as_writable_bytes(std::span(back)), 0);
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
    const result<void> read = co_await read_exactly_at(file_.get(), std::as_writable_bytes(std::span(back)), 0);
    EXPECT_EQ(error_of(read), std::errc::no_message_available);
  };
  here_.run(body());
}

TEST_F(files, that_are_missing_say_so) {
  const auto body = []() -> task<void> {
    const result<unique_fd> missing = co_await open_file("/var/tmp/waitwork-is-not-here", O_RDONLY);
    EXPECT_EQ(error_of(missing), std::errc::no_such_file_or_directory);
  };
  here_.run(body());
}

TEST_F(files, refuse_a_write_through_a_descriptor_for_reading) {
  const auto body = [this]() -> task<void> {
    const result<unique_fd> reading = co_await open_file(path_.c_str(), O_RDONLY);
    const result<std::size_t> written = co_await write_at(reading->get(), bytes("no"), 0);
    EXPECT_EQ(error_of(written), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(files, on_a_full_device_say_so) {
  const auto body = [this]() -> task<void> {
    const result<unique_fd> full = co_await open_file("/dev/full", O_WRONLY);
    const result<void> written = co_await write_all_at(full->get(), bytes("anything"), 0);
    EXPECT_EQ(error_of(written), std::errc::no_space_on_device);
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
    co_return read.has_value() && std::memcmp(buffer.data(), content.data() + block * block_bytes, block_bytes) == 0;
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

TEST_F(files, are_read_and_written_in_several_pieces_of_memory) {
  const auto body = [this]() -> task<void> {
    std::string front = "waits ";
    std::string back = "or computes";
    const std::array<iovec, 2> out{iovec{front.data(), front.size()}, iovec{back.data(), back.size()}};
    const result<std::size_t> written = co_await write_at(file_.get(), std::span<const iovec>(out), 3);
    EXPECT_EQ(written.value(), 17u);
    std::string head(3, ' ');
    std::string rest(20, ' ');
    const std::array<iovec, 2> in{iovec{head.data(), head.size()}, iovec{rest.data(), rest.size()}};
    const result<std::size_t> read = co_await read_at(file_.get(), std::span<const iovec>(in), 3);
    EXPECT_EQ(read.value(), 17u);
    EXPECT_EQ(head + rest.substr(0, 14), "waits or computes");
    const std::vector<iovec> too_many(1025, iovec{rest.data(), 1});
    const result<std::size_t> refused = co_await read_at(file_.get(), std::span<const iovec>(too_many), 0);
    EXPECT_EQ(error_of(refused), std::errc::invalid_argument);
  };
  here_.run(body());
}

TEST_F(files, have_a_position_of_their_own) {
  const auto body = [this]() -> task<void> {
    const result<void> first = co_await write_all(file_.get(), bytes("waits "));
    EXPECT_TRUE(first.has_value());
    const result<void> second = co_await write_all(file_.get(), bytes("or computes"));
    EXPECT_TRUE(second.has_value());
    std::string back(17, ' ');
    EXPECT_EQ(::lseek(file_.get(), 0, SEEK_SET), 0);
    const result<void> read = co_await read_exactly(file_.get(), std::as_writable_bytes(std::span(back)));
    EXPECT_TRUE(read.has_value());
    EXPECT_EQ(back, "waits or computes");
  };
  here_.run(body());
}

TEST_F(files, are_cut_off_and_extended) {
  const auto body = [this]() -> task<void> {
    const result<void> written = co_await write_all_at(file_.get(), bytes("waits or computes"), 0);
    EXPECT_TRUE(written.has_value());
    const result<void> cut = co_await truncate(file_.get(), 5);
    if (!cut && cut.error() == std::errc::operation_not_supported) co_return;
    EXPECT_TRUE(cut.has_value());
    const result<void> extended = co_await truncate(file_.get(), 7);
    EXPECT_TRUE(extended.has_value());
    std::string back(8, 'x');
    const result<std::size_t> read = co_await read_at(file_.get(), std::as_writable_bytes(std::span(back)), 0);
    EXPECT_EQ(read.value(), 7u);
    EXPECT_EQ(back, std::string("waits\0\0x", 8));
    const result<unique_fd> reading = co_await open_file(path_.c_str(), O_RDONLY);
    const result<void> refused = co_await truncate(reading->get(), 0);
    EXPECT_EQ(error_of(refused), std::errc::invalid_argument);
  };
  here_.run(body());
}

TEST_F(files, have_space_reserved_for_them) {
  const auto body = [this]() -> task<void> {
    const result<void> allocated = co_await allocate(file_.get(), 4096, 4096);
    if (!allocated && allocated.error() == std::errc::operation_not_supported) co_return;
    EXPECT_TRUE(allocated.has_value());
    struct stat found{};
    EXPECT_EQ(::fstat(file_.get(), &found), 0);
    EXPECT_EQ(found.st_size, 8192);
    EXPECT_GE(found.st_blocks * 512, 4096);
    const result<void> kept = co_await allocate(file_.get(), 0, 65536, FALLOC_FL_KEEP_SIZE);
    EXPECT_TRUE(kept.has_value());
    EXPECT_EQ(::fstat(file_.get(), &found), 0);
    EXPECT_EQ(found.st_size, 8192);
    const result<void> nothing = co_await allocate(file_.get(), 0, 0);
    EXPECT_EQ(error_of(nothing), std::errc::invalid_argument);
    const result<void> endless = co_await allocate(file_.get(), 0, ~std::uint64_t{0});
    EXPECT_FALSE(endless.has_value());
  };
  here_.run(body());
}

TEST_F(files, are_made_durable_or_say_that_they_cannot_be) {
  const pipe_ends ends = make_pipe();
  const auto body = [&]() -> task<void> {
    const result<void> all = co_await sync_all(file_.get());
    EXPECT_TRUE(all.has_value());
    const result<void> pipe = co_await sync_data(ends.writing.get());
    EXPECT_EQ(error_of(pipe), std::errc::invalid_argument);
  };
  here_.run(body());
}

TEST_F(files, are_closed) {
  const auto body = [this]() -> task<void> {
    result<unique_fd> opened = co_await open_file(path_.c_str(), O_RDONLY);
    const int number = opened->get();
    const result<void> closed = co_await close(std::move(*opened));
    EXPECT_TRUE(closed.has_value());
    EXPECT_FALSE(static_cast<bool>(*opened));
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    const result<void> none = co_await close(unique_fd());
    EXPECT_EQ(error_of(none), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(files, are_closed_although_nobody_awaits_it) {
  unique_fd opened(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  static_cast<void>(close(std::move(opened)));
}

TEST_F(files, are_closed_under_a_past_stop) {
  unique_fd opened(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  const auto make = [&] { return close(std::move(opened)); };
  const auto body = [&]() -> task<void> {
    const result<void> closed = co_await under_a_past_stop(make);
    EXPECT_TRUE(closed.has_value());
  };
  here_.run(body());
}

TEST_F(files, are_not_touched_under_a_past_stop) {
  std::string data(4, 'x');
  const std::span<std::byte> span = std::as_writable_bytes(std::span(data));
  const std::array<iovec, 1> parts{iovec{data.data(), data.size()}};
  const auto open = [&] { return open_file(path_.c_str(), O_RDONLY); };
  const auto read = [&] { return read_at(file_.get(), span, 0); };
  const auto write = [&] { return write_at(file_.get(), span, 0); };
  const auto write_parts = [&] { return write_at(file_.get(), std::span<const iovec>(parts), 0); };
  const auto write_everything = [&] { return write_all_at(file_.get(), span, 0); };
  const auto reserve = [&] { return allocate(file_.get(), 0, 4096); };
  const auto extend = [&] { return truncate(file_.get(), 4096); };
  const auto sync = [&] { return sync_all(file_.get()); };
  const auto expect_canceled = [](auto& make) -> task<void> {
    const auto outcome = co_await under_a_past_stop(make);
    EXPECT_EQ(error_of(outcome), std::errc::operation_canceled);
  };
  const auto body = [&]() -> task<void> {
    co_await expect_canceled(open);
    co_await expect_canceled(read);
    co_await expect_canceled(write);
    co_await expect_canceled(write_parts);
    co_await expect_canceled(write_everything);
    co_await expect_canceled(reserve);
    co_await expect_canceled(extend);
    co_await expect_canceled(sync);
  };
  here_.run(body());
  struct stat found{};
  EXPECT_EQ(::fstat(file_.get(), &found), 0);
  EXPECT_EQ(found.st_size, 0);
}

TEST_F(files, that_were_opened_although_they_were_to_be_given_up_are_not_lost) {
  const auto first_of_both = [this]() -> task<void> {
    const auto opened = [this]() -> task<result<unique_fd>> { co_return co_await open_file(path_.c_str(), O_RDONLY); };
    for (int i = 0; i < 200; ++i) {
      const auto won = co_await when_any(opened(), opened());
      EXPECT_TRUE(won.index() == 0 ? std::get<0>(won).has_value() : std::get<1>(won).has_value());
    }
  };
  const auto in_no_time = [this]() -> task<void> {
    for (int i = 0; i < 200; ++i) {
      const result<unique_fd> opened = co_await with_timeout(nanoseconds(1), open_file(path_.c_str(), O_RDONLY));
      EXPECT_TRUE(opened.has_value() || opened.error() == std::errc::timed_out);
    }
  };
  here_.run(first_of_both());
  here_.run(in_no_time());
}

TEST_F(files, that_are_opened_in_spite_of_a_stop_are_given) {
  deaf_kernel deaf;
  loop_options options;
  options.seam = &deaf;
  loop there(options);
  const std::ptrdiff_t before = open_descriptors();
  const auto body = [&]() -> task<void> {
    stop_source stop;
    const auto opening = [&]() -> task<result<unique_fd>> {
      co_return co_await with_stop(stop, open_file(path_.c_str(), O_RDONLY));
    };
    const auto stopping = [&]() -> task<void> {
      stop.request_stop();
      co_return;
    };
    const auto [opened, stopped] = co_await when_all(opening(), stopping());
    static_cast<void>(stopped);
    EXPECT_TRUE(opened.has_value());
  };
  there.run(body());
  EXPECT_EQ(deaf.unheard(), 1);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(files, of_the_kind_fifo_are_opened_without_waiting_for_the_other_end) {
  const std::string fifo = path_ + "-fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto body = [&]() -> task<void> {
    const result<unique_fd> alone = co_await open_file(fifo.c_str(), O_WRONLY);
    EXPECT_EQ(error_of(alone), std::errc::no_such_device_or_address);
    const result<unique_fd> reading = co_await open_file(fifo.c_str(), O_RDONLY);
    EXPECT_TRUE(reading.has_value());
    const result<unique_fd> writing = co_await open_file(fifo.c_str(), O_WRONLY);
    EXPECT_TRUE(writing.has_value());
  };
  here_.run(body());
  ::unlink(fifo.c_str());
}

class pipes : public files {
 protected:
  pipe_ends ends_ = make_pipe();
  ~pipes() override {
    ends_.reading.reset();
    ends_.writing.reset();
  }
};

TEST_F(pipes, carry_what_is_written_to_who_waits_for_it) {
  const auto reader = [this]() -> task<void> {
    std::string text(5, ' ');
    const result<void> read = co_await read_exactly(ends_.reading.get(), std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(read.has_value());
    EXPECT_EQ(text, "waits");
    const result<std::size_t> end =
        co_await waitwork::read(ends_.reading.get(), std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(end.value(), 0u);
    const result<void> no_more = co_await read_exactly(ends_.reading.get(), std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(error_of(no_more), std::errc::no_message_available);
  };
  const auto writer = [this]() -> task<void> {
    const result<std::size_t> front = co_await waitwork::write(ends_.writing.get(), bytes("wa"));
    EXPECT_EQ(front.value(), 2u);
    const result<void> back = co_await write_all(ends_.writing.get(), bytes("its"));
    EXPECT_TRUE(back.has_value());
    ends_.writing.reset();
  };
  const auto body = [&]() -> task<void> { co_await when_all(reader(), writer()); };
  here_.run(body());
}

TEST_F(pipes, are_waited_for_until_a_stop) {
  std::string text(5, ' ');
  const std::span<std::byte> span = std::as_writable_bytes(std::span(text));
  std::array<iovec, 1> parts{iovec{text.data(), text.size()}};
  const auto read_once = [&] { return waitwork::read(ends_.reading.get(), span); };
  const auto read_all = [&] { return read_exactly(ends_.reading.get(), span); };
  const auto read_parts = [&] {
    return read_at(ends_.reading.get(), std::span<const iovec>(parts), ~std::uint64_t{0});
  };
  const auto body = [&]() -> task<void> {
    const auto once = co_await stopped_while_it_waits(read_once);
    EXPECT_EQ(error_of(once), std::errc::operation_canceled);
    const auto all = co_await stopped_while_it_waits(read_all);
    EXPECT_EQ(error_of(all), std::errc::operation_canceled);
    const auto several = co_await stopped_while_it_waits(read_parts);
    EXPECT_EQ(error_of(several), std::errc::operation_canceled);
    const result<std::size_t> late =
        co_await with_timeout(nanoseconds(1'000'000), waitwork::read(ends_.reading.get(), span));
    EXPECT_EQ(error_of(late), std::errc::timed_out);
  };
  here_.run(body());
}

TEST_F(pipes, that_are_full_are_waited_for_until_a_stop) {
  const std::string much(1 << 20, 'x');
  const auto write_all_of_it = [&] { return write_all(ends_.writing.get(), bytes(much)); };
  const auto body = [&]() -> task<void> {
    const auto written = co_await stopped_while_it_waits(write_all_of_it);
    EXPECT_EQ(error_of(written), std::errc::operation_canceled);
  };
  here_.run(body());
}

TEST_F(pipes, without_a_reader_refuse_to_be_written) {
  ends_.reading.reset();
  ::signal(SIGPIPE, SIG_IGN);
  const auto body = [&]() -> task<void> {
    const result<void> written = co_await write_all(ends_.writing.get(), bytes("nobody"));
    EXPECT_EQ(error_of(written), std::errc::broken_pipe);
  };
  here_.run(body());
}

}  // namespace
}  // namespace waitwork
