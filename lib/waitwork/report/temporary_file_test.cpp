// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/temporary_file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <waitwork/base/own_name.hpp>
#include <waitwork/report/atomic_write.hpp>

namespace waitwork {
namespace {

namespace fs = std::filesystem;

class temporary_files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "temporary_file.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    report_ = directory_ / "report.json";
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::vector<fs::path> entries() const {
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) found.push_back(entry.path());
    return found;
  }
  static void put(const fs::path& file) { std::ofstream(file) << "theirs"; }

  // By a process that is killed while it writes.
  fs::path left_behind() const {
    const pid_t child = ::fork();
    if (child == 0) {
      const destination target = resolve_destination(report_);
      const temporary_file half(target);
      if (::write(half.fd(), "half", 4) == 4) ::raise(SIGKILL);
      ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
    const std::vector<fs::path> found = entries();
    return found.size() == 1 ? found.front() : fs::path();
  }

  fs::path directory_;
  fs::path report_;
};

TEST_F(temporary_files, of_a_killed_process_are_removed_by_the_next_run) {
  const fs::path left = left_behind();
  ASSERT_FALSE(left.empty());
  check_writable(directory_ / "other.json");
  EXPECT_TRUE(fs::exists(left)) << "it is not of this report";
  check_writable(report_);
  EXPECT_TRUE(entries().empty());
}

TEST_F(temporary_files, that_are_being_written_stay) {
  const destination target = resolve_destination(report_);
  temporary_file living(target);
  check_writable(report_);
  living.take_final_name();
  EXPECT_EQ(entries(), std::vector{report_});
}

TEST_F(temporary_files, are_not_taken_for_ours_when_a_user_or_another_program_made_them) {
  const std::string own = new_own_name("report.json");
  std::vector<fs::path> theirs;
  for (const std::string& name :
       {std::string(".report.json.backup"), std::string(".report.json.aB3xYz"),
        std::string(".report.json.waitwork-backup"), ".report.json.waitwork-" + own + "~",
        "report.json.waitwork-" + own, ".report.json.waitwork-" + new_own_name("other.json")}) {
    theirs.push_back(directory_ / name);
    put(theirs.back());
  }
  check_writable(report_);
  for (const fs::path& kept : theirs) EXPECT_TRUE(fs::exists(kept)) << kept;
}

TEST_F(temporary_files, are_no_links_directories_pipes_and_files_with_other_names) {
  const auto name = [this] { return directory_ / (".report.json.waitwork-" + new_own_name("report.json")); };
  put(directory_ / "theirs");
  const fs::path link = name(), second_name = name(), directory = name(), pipe = name();
  fs::create_symlink("theirs", link);
  fs::create_hard_link(directory_ / "theirs", second_name);
  fs::create_directory(directory);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  check_writable(report_);
  for (const fs::path& kept : {link, second_name, directory, pipe, directory_ / "theirs"}) {
    EXPECT_TRUE(fs::exists(fs::symlink_status(kept))) << kept;
  }
}

TEST_F(temporary_files, of_other_users_stay) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make one";
  const fs::path left = left_behind();
  ASSERT_EQ(::chown(left.c_str(), 65534, 65534), 0);
  check_writable(report_);
  EXPECT_TRUE(fs::exists(left));
}

// Each looks for stale files of the others all the time, and none loses its own.
TEST_F(temporary_files, are_safe_from_runs_of_the_same_report) {
  std::vector<pid_t> writers;
  for (int writer = 0; writer < 6; ++writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (int turn = 0; turn < 30; ++turn) {
          check_writable(report_);
          write_file_atomically(report_, std::string(1000, 'x'));
        }
      } catch (const std::exception&) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    writers.push_back(child);
  }
  for (const pid_t writer : writers) {
    int status = 0;
    ::waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries(), std::vector{report_});
  EXPECT_EQ(fs::file_size(report_), 1000u);
}

}  // namespace
}  // namespace waitwork
