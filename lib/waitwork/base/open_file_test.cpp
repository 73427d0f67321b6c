// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/open_file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

TEST(write_whole, waits_for_a_pipe_that_somebody_has_made_non_blocking) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  const unique_fd reader(ends[0]);
  unique_fd writer(ends[1]);
  const std::string text(300'000, 'x');  // more than a pipe holds
  std::string read;
  std::thread other([&] {
    std::array<char, 4096> chunk;
    for (ssize_t count = -1; count != 0;) {
      count = ::read(reader.get(), chunk.data(), chunk.size());
      if (count > 0) read.append(chunk.data(), static_cast<std::size_t>(count));
      if (count < 0) std::this_thread::yield();
    }
  });
  EXPECT_TRUE(write_whole(writer.get(), text));
  writer.reset();
  other.join();
  EXPECT_EQ(read, text);
}

TEST(write_whole, tells_the_error) {
  EXPECT_FALSE(write_whole(-1, "x"));
  EXPECT_EQ(errno, EBADF);
  EXPECT_TRUE(write_whole(-1, "")) << "nothing is written of nothing";
}

TEST(synced, is_what_cannot_be_flushed_and_not_what_is_none) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const unique_fd reader(ends[0]), writer(ends[1]);
  EXPECT_TRUE(synced(writer.get())) << "EINVAL";
  EXPECT_TRUE(data_synced(writer.get()));
  EXPECT_FALSE(synced(-1));
  EXPECT_FALSE(data_synced(-1));
}

TEST(is_called, knows_a_file_from_what_has_taken_its_name) {
  std::string pattern = (fs::temp_directory_path() / "open_file.XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern, file = folder / "a";
  const unique_fd opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_TRUE(is_called(opened.get(), AT_FDCWD, file.c_str()));
  fs::rename(file, folder / "b");
  EXPECT_FALSE(is_called(opened.get(), AT_FDCWD, file.c_str()));
  fs::create_symlink("b", file);
  EXPECT_FALSE(is_called(opened.get(), AT_FDCWD, file.c_str())) << "a link is not the file";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace waitwork
