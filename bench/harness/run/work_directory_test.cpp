// SPDX-License-Identifier: Apache-2.0
#include <harness/run/work_directory.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/bench/work_files.hpp>

#include <harness/run/work_directory_cleaning.hpp>
#include <harness/run/work_directory_marker.hpp>

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

  // What a runner leaves that is killed with a file of a workload in its directory.
  fs::path left_by_a_killed_runner() const {
    const pid_t child = ::fork();
    if (child == 0) {
      const work_directory directory(place_);
      std::ofstream(work_file(directory.path(), "file_read")) << "blocks";
      std::ofstream(unfinished_work_file(work_file(directory.path(), "file_read"))) << "half";
      std::ofstream(directory.path() / "journal") << "lines";
      ::raise(SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    fs::path found;
    for (const fs::directory_entry& entry : fs::directory_iterator(place_)) {
      if (is_work_directory_name(entry.path().filename().string()) && fs::exists(entry.path() / marker_name)) {
        found = entry.path();
      }
    }
    return found;
  }

  std::size_t entries() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(place_), {})); }

  static void put(const fs::path& file, const std::string& text = "theirs") {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  static std::string content_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  fs::path place_;
};

TEST_F(work_directory_in_a_place, exists_while_the_object_does) {
  fs::path made;
  {
    const work_directory directory(place_);
    made = directory.path();
    EXPECT_TRUE(made.is_absolute());
    EXPECT_EQ(made.parent_path(), fs::canonical(place_));
    EXPECT_THAT(made.filename().string(), testing::StartsWith("waitwork-"));
    EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all);
    put(work_file(made, "data"));
    put(made / "journal");
  }
  EXPECT_FALSE(fs::exists(made));
  EXPECT_EQ(entries(), 0u);
}

TEST_F(work_directory_in_a_place, is_another_one_for_each_run_of_one_process) {
  const work_directory first(place_);
  const work_directory second(place_);
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(fs::exists(first.path() / marker_name));
}

TEST_F(work_directory_in_a_place, takes_away_what_killed_runners_left) {
  const fs::path stale = left_by_a_killed_runner();
  ASSERT_TRUE(fs::exists(stale / "journal"));
  const work_directory directory(place_);
  EXPECT_FALSE(fs::exists(stale));
  EXPECT_EQ(entries(), 1u);
}

// A killed runner may have got as far as each of these.
TEST_F(work_directory_in_a_place, takes_away_what_was_not_yet_marked) {
  const fs::path empty = place_ / new_work_directory_name();
  const fs::path half = place_ / new_work_directory_name();
  for (const fs::path& made : {empty, half}) ASSERT_EQ(::mkdir(made.c_str(), 0700), 0);
  put(half / unfinished_marker_name, "waitwork-work-dir");
  const work_directory directory(place_);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(work_directory_in_a_place, never_touches_folders_that_are_called_alike) {
  std::vector<fs::path> folders;
  for (const char* const name :
       {"waitwork-2024", "waitwork-20241128", "waitwork-41", "waitwork-notes", "waitwork-backup", "waitwork-abcdef",
        "waitwork-0123456789abcdef", "waitwork-", "waitwork"}) {
    folders.push_back(place_ / name);
    put(folders.back() / "thesis.txt");
    folders.push_back(place_ / "empty" / name);
    fs::create_directories(folders.back());
  }
  {
    const work_directory directory(place_);
  }
  {
    const work_directory directory(place_ / "empty");
  }
  for (const fs::path& kept : folders) {
    EXPECT_TRUE(fs::exists(kept)) << kept;
    if (kept.parent_path() == place_) {
      EXPECT_EQ(content_of(kept / "thesis.txt"), "theirs") << kept;
    }
  }
}

TEST_F(work_directory_in_a_place, keeps_what_somebody_else_put_into_it) {
  const fs::path stale = left_by_a_killed_runner();
  put(stale / "thesis.txt");
  put(stale / "folder" / "deep.txt");
  put(place_ / "victim.txt");
  fs::create_symlink(place_ / "victim.txt", work_file(stale, "link"));
  fs::create_directory(work_file(stale, "directory"));
  {
    const work_directory directory(place_);
  }
  EXPECT_EQ(content_of(stale / "thesis.txt"), "theirs");
  EXPECT_EQ(content_of(stale / "folder" / "deep.txt"), "theirs");
  EXPECT_EQ(content_of(place_ / "victim.txt"), "theirs");
  EXPECT_TRUE(fs::is_symlink(work_file(stale, "link")));
  EXPECT_TRUE(fs::exists(work_file(stale, "directory")));
  EXPECT_FALSE(fs::exists(work_file(stale, "file_read"))) << "this one was ours";
  EXPECT_TRUE(fs::exists(stale / marker_name)) << "it still says what the directory is";
}

TEST_F(work_directory_in_a_place, says_whether_it_stays) {
  work_directory directory(place_);
  put(directory.path() / "thesis.txt");
  EXPECT_FALSE(directory.remove());
  EXPECT_EQ(content_of(directory.path() / "thesis.txt"), "theirs");
  work_directory other(place_);
  EXPECT_TRUE(other.remove());
  EXPECT_FALSE(fs::exists(other.path()));
}

TEST_F(work_directory_in_a_place, leaves_copies_and_renamed_ones_to_the_user) {
  const fs::path stale = left_by_a_killed_runner();
  const fs::path renamed = place_ / new_work_directory_name();
  const fs::path elsewhere = place_ / "elsewhere" / stale.filename();
  fs::create_directory(place_ / "elsewhere");
  fs::copy(stale, elsewhere);
  fs::rename(stale, renamed);
  for (const fs::path& theirs : {renamed, elsewhere}) {
    fs::permissions(theirs, fs::perms::owner_all);
    const work_directory directory(theirs.parent_path());
    EXPECT_TRUE(fs::exists(work_file(theirs, "file_read"))) << theirs;
  }
}

TEST_F(work_directory_in_a_place, leaves_one_whose_marker_is_damaged) {
  const fs::path stale = left_by_a_killed_runner();
  const std::string right = content_of(stale / marker_name);
  for (const std::string& wrong : {std::string(), right + "x", right.substr(1)}) {
    put(stale / marker_name, wrong);
    const work_directory directory(place_);
    EXPECT_TRUE(fs::exists(work_file(stale, "file_read"))) << wrong;
  }
  put(stale / marker_name, right);
  const work_directory directory(place_);
  EXPECT_FALSE(fs::exists(stale)) << "the right one makes it stale again";
}

TEST_F(work_directory_in_a_place, leaves_one_that_is_locked) {
  const fs::path stale = left_by_a_killed_runner();
  const unique_fd holder(::open(stale.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_EX), 0);
  const work_directory directory(place_);
  EXPECT_TRUE(fs::exists(work_file(stale, "file_read")));
}

// As on a file system on which locks are not seen by everyone.
TEST_F(work_directory_in_a_place, leaves_one_whose_process_lives) {
  const fs::path stale = left_by_a_killed_runner();
  std::optional<work_directory_marker> marker = marker_from_text(content_of(stale / marker_name));
  ASSERT_TRUE(marker);
  if (marker->started_ticks == 0) GTEST_SKIP() << "no /proc here";
  const work_directory_marker alive = marker_of_this_process(marker->directory, marker->inode);
  put(stale / marker_name, to_text(alive));
  const work_directory directory(place_);
  EXPECT_TRUE(fs::exists(work_file(stale, "file_read")));
}

TEST_F(work_directory_in_a_place, leaves_one_that_others_may_enter_or_that_is_a_link) {
  const fs::path open_to_all = left_by_a_killed_runner();
  fs::permissions(open_to_all, fs::perms::all);
  fs::create_directory(place_ / "other");
  const fs::path link = place_ / "other" / open_to_all.filename();
  fs::create_directory_symlink(open_to_all, link);
  {
    const work_directory directory(place_);
  }
  {
    const work_directory directory(place_ / "other");
  }
  EXPECT_TRUE(fs::exists(work_file(open_to_all, "file_read")));
  EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(work_directory_in_a_place, leaves_one_of_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make one";
  const fs::path theirs = left_by_a_killed_runner();
  ASSERT_EQ(::chown(theirs.c_str(), 65534, 65534), 0);
  const work_directory directory(place_);
  EXPECT_TRUE(fs::exists(work_file(theirs, "file_read")));
}

TEST_F(work_directory_in_a_place, needs_no_permission_to_list_the_place) {
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(place_.c_str(), 65534, 65534), 0);
  }
  fs::permissions(place_, fs::perms::owner_write | fs::perms::owner_exec);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(2);
    try {
      work_directory directory(place_);
      ::_exit(fs::exists(directory.path()) && directory.remove() ? 0 : 1);
    } catch (const std::exception&) {
      ::_exit(3);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fs::permissions(place_, fs::perms::owner_all);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(entries(), 0u);
}

// Many runners that start and end at once, each sweeping what it takes for stale: none loses its own.
TEST_F(work_directory_in_a_place, is_safe_from_runners_that_start_at_the_same_time) {
  std::vector<pid_t> runners;
  for (int runner = 0; runner < 6; ++runner) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool well = true;
      try {
        for (int run = 0; run < 40; ++run) {
          work_directory directory(place_);
          put(work_file(directory.path(), "data"));
          well = well && fs::exists(directory.path() / marker_name) && directory.remove();
        }
      } catch (const std::exception&) {
        well = false;
      }
      ::_exit(well ? 0 : 1);
    }
    runners.push_back(child);
  }
  for (const pid_t runner : runners) {
    int status = 0;
    ::waitpid(runner, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(work_directory_in_a_place, refuses_a_place_that_is_not_a_directory) {
  EXPECT_THROW(work_directory(place_ / "none"), environment_error);
  put(place_ / "file");
  try {
    const work_directory directory(place_ / "file");
    FAIL() << "a file is no place";
  } catch (const environment_error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr((place_ / "file").string()),
                                             testing::HasSubstr("Not a directory; name a directory"),
                                             testing::HasSubstr("--work-dir")));
  }
}

}  // namespace
}  // namespace waitwork::bench
