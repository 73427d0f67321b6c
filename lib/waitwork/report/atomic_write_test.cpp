// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/atomic_write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

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

mode_t mode_of(const fs::path& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(atomic_write, gives_a_new_file_what_the_umask_leaves) {
  for (const mode_t mask : {mode_t{022}, mode_t{077}, mode_t{0}}) {
    const fs::path file = directory_ / std::to_string(mask);
    const mode_t before = ::umask(mask);
    write_file_atomically(file, "x");
    ::umask(before);
    EXPECT_EQ(mode_of(file), 0666u & ~mask);
  }
}

TEST_F(atomic_write, keeps_the_mode_of_the_file_that_it_replaces) {
  const fs::path file = directory_ / "report.json";
  write_file_atomically(file, "old");
  for (const mode_t mode : {mode_t{0600}, mode_t{0640}, mode_t{0666}, mode_t{0755}}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    write_file_atomically(file, "new");
    EXPECT_EQ(mode_of(file), mode);
  }
}

TEST_F(atomic_write, keeps_the_owner_where_it_may) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  const fs::path file = directory_ / "report.json";
  write_file_atomically(file, "old");
  ASSERT_EQ(::chown(file.c_str(), 65534, 65533), 0);
  write_file_atomically(file, "new");
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 65534u);
  EXPECT_EQ(status.st_gid, 65533u);
}

TEST_F(atomic_write, writes_through_a_symbolic_link_that_stays) {
  fs::create_directory(directory_ / "folder");
  fs::create_symlink("folder/../second.json", directory_ / "first.json");
  fs::create_symlink(directory_ / "real.json", directory_ / "second.json");
  write_file_atomically(directory_ / "real.json", "old");
  check_writable(directory_ / "first.json");
  write_file_atomically(directory_ / "first.json", "new");
  EXPECT_TRUE(fs::is_symlink(directory_ / "first.json"));
  EXPECT_TRUE(fs::is_symlink(directory_ / "second.json"));
  EXPECT_EQ(content_of(directory_ / "real.json"), "new");
  EXPECT_EQ(entries(), 4u);
}

TEST_F(atomic_write, makes_what_a_dangling_link_points_to) {
  fs::create_directory(directory_ / "folder");
  fs::create_symlink("folder/real.json", directory_ / "link.json");
  check_writable(directory_ / "link.json");
  EXPECT_FALSE(fs::exists(directory_ / "folder/real.json"));
  write_file_atomically(directory_ / "link.json", "new");
  EXPECT_TRUE(fs::is_symlink(directory_ / "link.json"));
  EXPECT_EQ(content_of(directory_ / "folder/real.json"), "new");
}

TEST_F(atomic_write, refuses_links_in_a_circle_before_anything_is_written) {
  fs::create_symlink("other.json", directory_ / "one.json");
  fs::create_symlink("one.json", directory_ / "other.json");
  for (const bool checking : {true, false}) {
    try {
      if (checking) check_writable(directory_ / "one.json");
      if (!checking) write_file_atomically(directory_ / "one.json", "x");
      ADD_FAILURE() << "nothing lies at the end of it";
    } catch (const environment_error& error) {
      EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr((directory_ / "one.json").string()),
                                               testing::HasSubstr("symbolic link")));
    }
  }
}

// Root may write everything: as another user while this lives.
class as_another_user {
 public:
  as_another_user() { changed_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  ~as_another_user() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }
  as_another_user(const as_another_user&) = delete;
  as_another_user& operator=(const as_another_user&) = delete;

 private:
  bool changed_ = false;
};

// A rename would get around what the file itself does not allow.
TEST_F(atomic_write, does_not_replace_what_the_user_may_not_write) {
  const fs::path file = directory_ / "report.json";
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  write_file_atomically(file, "old");
  ASSERT_EQ(::chmod(file.c_str(), 0444), 0);
  const as_another_user now;
  EXPECT_THROW(check_writable(file), environment_error);
  EXPECT_THROW(write_file_atomically(file, "new"), environment_error);
  EXPECT_EQ(content_of(file), "old");
}

TEST_F(atomic_write, knows_beforehand_what_a_sticky_directory_will_not_let_it_replace) {
  if (::geteuid() != 0) GTEST_SKIP() << "it takes two users";
  const fs::path file = directory_ / "report.json";
  ASSERT_EQ(::chmod(directory_.c_str(), 01777), 0);
  write_file_atomically(file, "old");
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  const as_another_user now;
  EXPECT_THROW(check_writable(file), environment_error);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(atomic_write, takes_the_longest_name_that_a_file_may_have) {
  const fs::path file = directory_ / std::string(255, 'x');
  check_writable(file);
  write_file_atomically(file, "x");
  EXPECT_EQ(content_of(file), "x");
  EXPECT_EQ(entries(), 1u);
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
  const std::string refusal = refusal_to_write(directory_ / "report.json", std::string(100'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_THAT(refusal, testing::HasSubstr("ulimit -f"));
  EXPECT_EQ(content_of(directory_ / "report.json"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(atomic_write, says_what_is_wrong_with_the_place) {
  EXPECT_THAT(refusal_to_write(directory_ / "none" / "report.json", "x"),
              testing::HasSubstr("make the directory first"));
  EXPECT_THAT(refusal_to_write(directory_, "x"), testing::HasSubstr("name a file, not a directory"));
  EXPECT_THAT(refusal_to_write(directory_ / "new" / "", "x"), testing::HasSubstr("name a file, not a directory"));
  EXPECT_THAT(refusal_to_write("", "x"), testing::HasSubstr("''"));
  EXPECT_THAT(refusal_to_write("/proc/self/fd/987654", "x"), testing::HasSubstr("leave it open"));
  EXPECT_THROW(check_writable(directory_ / "none" / "report.json"), environment_error);
  EXPECT_THROW(check_writable(directory_), environment_error);
}

TEST_F(atomic_write, checking_leaves_no_trace) {
  check_writable(directory_ / "report.json");
  EXPECT_EQ(entries(), 0u);
}

}  // namespace
}  // namespace waitwork
