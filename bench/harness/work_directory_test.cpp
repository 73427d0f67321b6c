#include <harness/work_directory.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

class work_directory_in_a_place : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "work_directory.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    place_ = pattern;
  }
  void TearDown() override { fs::remove_all(place_); }

  // The identifier of a process that is no more.
  static pid_t dead_process() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return child;
  }
  fs::path directory_of(pid_t process) const {
    return place_ / ("waitwork-" + std::to_string(process));
  }

  fs::path place_;
};

TEST_F(work_directory_in_a_place, exists_while_the_object_does) {
  fs::path made;
  {
    const work_directory directory(place_);
    made = directory.path();
    EXPECT_TRUE(made.is_absolute());
    EXPECT_EQ(made.filename(), "waitwork-" + std::to_string(::getpid()));
    std::ofstream(made / "data") << "x";
    EXPECT_TRUE(fs::exists(made / "data"));
  }
  EXPECT_FALSE(fs::exists(made));
}

TEST_F(work_directory_in_a_place, takes_away_what_dead_runners_left) {
  const fs::path stale = directory_of(dead_process());
  fs::create_directories(stale / "inner");
  const work_directory directory(place_);
  EXPECT_FALSE(fs::exists(stale));
}

TEST_F(work_directory_in_a_place, leaves_alone_what_is_locked_alive_or_not_ours) {
  const fs::path alive = directory_of(::getppid());
  const fs::path locked = directory_of(dead_process());
  const fs::path other = place_ / "waitwork-notes";
  for (const fs::path& kept : {alive, locked, other}) fs::create_directory(kept);
  const unique_fd holder(::open(locked.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_EX), 0);
  const work_directory directory(place_);
  for (const fs::path& kept : {alive, locked, other}) EXPECT_TRUE(fs::exists(kept)) << kept;
}

TEST_F(work_directory_in_a_place, refuses_a_place_that_is_not_a_directory) {
  EXPECT_THROW(work_directory(place_ / "none"), environment_error);
  std::ofstream(place_ / "file") << "x";
  EXPECT_THROW(work_directory(place_ / "file"), environment_error);
}

}  // namespace
}  // namespace waitwork::bench
