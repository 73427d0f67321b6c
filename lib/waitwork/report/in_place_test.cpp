// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/in_place.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/report/atomic_write.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

// Larger than a pipe holds.
const std::string long_content = std::string(300'000, 'x') + "end";

class in_place : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "in_place.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    before_ = ::signal(SIGPIPE, SIG_IGN);
  }
  void TearDown() override {
    ::signal(SIGPIPE, before_);
    fs::remove_all(directory_);
  }

  static std::string name_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }
  static std::string content_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static std::string all_of(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }
  static std::string refusal(const fs::path& file, const std::function<bool()>& give_up = {}) {
    try {
      write_file_atomically(file, long_content, give_up);
    } catch (const environment_error& error) {
      return error.what();
    }
    return "";
  }

  fs::path directory_;
  void (*before_)(int) = nullptr;
};

TEST_F(in_place, a_descriptor_that_is_a_pipe_gets_all_of_it) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const unique_fd from(ends[0]);
  unique_fd to(ends[1]);
  const std::string name = "/dev/fd/" + std::to_string(to.get());
  EXPECT_TRUE(written_in_place(name));
  check_writable(name);
  std::string received;
  std::jthread reader([&] { received = all_of(from.get()); });
  write_file_atomically(name, long_content);
  to.reset();
  reader.join();
  EXPECT_EQ(received, long_content);
}

// As `>> results.txt` and then `--out /dev/stdout`: what was there stays, and what comes later follows.
TEST_F(in_place, a_descriptor_of_a_file_is_written_where_it_stands) {
  const fs::path file = directory_ / "results.txt";
  std::ofstream(file) << "earlier\n";
  const unique_fd fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  check_writable(name_of(fd.get()));
  write_file_atomically(name_of(fd.get()), "report\n");
  ASSERT_EQ(::write(fd.get(), "table\n", 6), 6);
  EXPECT_EQ(content_of(file), "earlier\nreport\ntable\n");
}

TEST_F(in_place, a_descriptor_for_reading_is_refused_at_once) {
  std::ofstream(directory_ / "file") << "theirs";
  const unique_fd fd(::open((directory_ / "file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(check_writable(name_of(fd.get())), environment_error);
}

TEST_F(in_place, a_named_pipe_waits_for_its_reader) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  check_writable(pipe);  // nobody reads yet, and it does not wait for it
  std::string received;
  std::jthread reader;
  int asked = 0;
  // The reader comes when the writer has begun to wait.
  write_file_atomically(pipe, long_content, [&] {
    if (asked++ == 0) {
      reader = std::jthread([&] { received = all_of(unique_fd(::open(pipe.c_str(), O_RDONLY | O_CLOEXEC)).get()); });
    }
    return false;
  });
  EXPECT_GT(asked, 0);
  reader.join();
  EXPECT_EQ(received, long_content);
}

TEST_F(in_place, checking_a_named_pipe_does_not_end_its_reader) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const unique_fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const unique_fd writer(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
  check_writable(pipe);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), -1) << "0 would be an end of file";
}

TEST_F(in_place, waiting_ends_when_it_is_no_longer_wanted) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  int asked = 0;
  EXPECT_THAT(refusal(pipe, [&] { return ++asked == 3; }), testing::HasSubstr("nobody reads it"));
  EXPECT_EQ(asked, 3);
  // And so does waiting for one that has stopped to read.
  const unique_fd idle(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_THAT(refusal(pipe, [] { return true; }), testing::HasSubstr("nobody reads it"));
}

TEST_F(in_place, a_reader_that_has_gone_is_an_error) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const unique_fd to(ends[1]);
  ::close(ends[0]);
  EXPECT_THAT(refusal(name_of(to.get())), testing::HasSubstr("whose reader reads to the end"));
}

TEST_F(in_place, a_full_device_is_an_error_and_stays) {
  check_writable("/dev/full");
  EXPECT_THAT(refusal("/dev/full"), testing::HasSubstr("make room there"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(in_place, a_socket_is_refused_before_anything_is_measured) {
  const unique_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = (directory_ / "socket").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::ranges::copy(path, address.sun_path);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THROW(check_writable(path), environment_error);
  EXPECT_TRUE(fs::is_socket(path));
}

// As a container has it whose only writable file is mounted by itself.
TEST_F(in_place, a_file_that_is_a_mount_is_written_and_cut_to_length) {
  const fs::path file = directory_ / "report.json";
  std::ofstream(directory_ / "outside.json") << std::string(1000, 'o');
  std::ofstream(file) << "covered";
  if (::mount((directory_ / "outside.json").c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "mounting is not permitted here";
  }
  check_writable(file);
  const bool mounted = written_in_place(file);
  write_file_atomically(file, "new");
  EXPECT_EQ(::umount(file.c_str()), 0);
  EXPECT_TRUE(mounted);
  EXPECT_EQ(content_of(directory_ / "outside.json"), "new");
}

}  // namespace
}  // namespace waitwork
