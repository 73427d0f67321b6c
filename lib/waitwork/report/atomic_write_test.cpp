#include <waitwork/report/atomic_write.hpp>

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <waitwork/base/environment_error.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

class atomic_write : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "atomic_write.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory_), {}));
  }
  static std::string content_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static std::string refusal_to_write(const fs::path& file, const std::string& content) {
    try {
      write_file_atomically(file, content);
    } catch (const environment_error& error) {
      return error.what();
    }
    return "";
  }

  fs::path directory_;
};

TEST_F(atomic_write, makes_the_file_and_leaves_nothing_else) {
  write_file_atomically(directory_ / "report.json", "first");
  EXPECT_EQ(content_of(directory_ / "report.json"), "first");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(atomic_write, replaces_what_was_there) {
  write_file_atomically(directory_ / "report.json", "a longer first version");
  write_file_atomically(directory_ / "report.json", "second");
  EXPECT_EQ(content_of(directory_ / "report.json"), "second");
}

TEST_F(atomic_write, gives_the_file_the_permissions_of_any_new_file) {
  const mode_t before = ::umask(022);
  write_file_atomically(directory_ / "report.json", "x");
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat((directory_ / "report.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_F(atomic_write, writes_through_a_symbolic_link) {
  fs::create_symlink("real.json", directory_ / "link.json");
  write_file_atomically(directory_ / "real.json", "old");
  write_file_atomically(directory_ / "link.json", "new");
  EXPECT_TRUE(fs::is_symlink(directory_ / "link.json"));
  EXPECT_EQ(content_of(directory_ / "real.json"), "new");
}

TEST_F(atomic_write, does_not_replace_a_device) {
  check_writable("/dev/null");
  write_file_atomically("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

// A limit on the size of files stands in for a full disk: it strikes in the same system call.
TEST_F(atomic_write, keeps_the_old_file_when_there_is_no_room_for_the_new_one) {
  write_file_atomically(directory_ / "report.json", "old");
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string refusal =
      refusal_to_write(directory_ / "report.json", std::string(100'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_THAT(refusal, testing::HasSubstr("make room there"));
  EXPECT_EQ(content_of(directory_ / "report.json"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(atomic_write, says_what_is_wrong_with_the_place) {
  EXPECT_THAT(refusal_to_write(directory_ / "none" / "report.json", "x"),
              testing::HasSubstr("make the directory first"));
  EXPECT_THAT(refusal_to_write(directory_, "x"),
              testing::HasSubstr("name a file, not a directory"));
  EXPECT_THROW(check_writable(directory_ / "none" / "report.json"), environment_error);
  EXPECT_THROW(check_writable(directory_), environment_error);
}

TEST_F(atomic_write, checking_leaves_no_trace) {
  check_writable(directory_ / "report.json");
  EXPECT_EQ(entries(), 0u);
}

}  // namespace
}  // namespace waitwork
