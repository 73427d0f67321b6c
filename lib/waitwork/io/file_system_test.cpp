// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/file_system.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/stop_for_test.hpp>

namespace waitwork {
namespace {

class names : public ::testing::Test {
 protected:
  names() : root_("/var/tmp/waitwork-names-test-XXXXXX") {
    if (::mkdtemp(root_.data()) == nullptr) ADD_FAILURE() << "cannot make " << root_;
    descriptors_ = open_descriptors();
  }
  ~names() override {
    EXPECT_EQ(open_descriptors(), descriptors_);
    std::filesystem::remove_all(root_);
  }

  std::string path(const char* name) const { return root_ + "/" + name; }
  std::string file(const char* name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }

  std::string root_;
  loop here_;
  std::ptrdiff_t descriptors_ = 0;
};

TEST_F(names, have_the_status_that_stat_tells) {
  const std::string name = file("a", "twelve bytes");
  struct stat expected{};
  ASSERT_EQ(::stat(name.c_str(), &expected), 0);
  const auto body = [&]() -> task<void> {
    const result<file_status> found = co_await status(name.c_str());
    EXPECT_EQ(found.value().size_bytes, 12u);
    EXPECT_EQ(found->mode, expected.st_mode);
    EXPECT_EQ(found->links, expected.st_nlink);
    EXPECT_EQ(found->owner, expected.st_uid);
    EXPECT_EQ(found->group, expected.st_gid);
    EXPECT_EQ(found->inode, expected.st_ino);
    EXPECT_EQ(found->device, expected.st_dev);
    EXPECT_EQ(found->allocated_bytes, static_cast<std::uint64_t>(expected.st_blocks) * 512);
    EXPECT_EQ(found->modified.time_since_epoch().count(),
              expected.st_mtim.tv_sec * 1'000'000'000 + expected.st_mtim.tv_nsec);
    EXPECT_EQ(found->changed.time_since_epoch().count(),
              expected.st_ctim.tv_sec * 1'000'000'000 + expected.st_ctim.tv_nsec);
    EXPECT_TRUE(found->is_file());
    const result<file_status> above = co_await status(root_.c_str());
    EXPECT_TRUE(above.value().is_directory());
  };
  here_.run(body());
}

TEST_F(names, that_are_links_are_followed_or_not) {
  const std::string name = file("a", "twelve bytes");
  const std::string link = path("link");
  ASSERT_EQ(::symlink(name.c_str(), link.c_str()), 0);
  const auto body = [&]() -> task<void> {
    const result<file_status> followed = co_await status(link.c_str());
    EXPECT_TRUE(followed.value().is_file());
    const result<file_status> itself = co_await link_status(link.c_str());
    EXPECT_TRUE(S_ISLNK(itself.value().mode));
  };
  here_.run(body());
}

TEST_F(names, are_not_needed_for_the_status_of_an_open_file) {
  const unique_fd open(::open(file("a", "12345").c_str(), O_RDONLY | O_CLOEXEC));
  const auto body = [&]() -> task<void> {
    const result<void> unlinked = co_await unlink_file(path("a").c_str());
    EXPECT_TRUE(unlinked.has_value());
    const result<file_status> found = co_await status(open.get());
    EXPECT_EQ(found.value().size_bytes, 5u);
    EXPECT_EQ(found->links, 0u);
    const result<file_status> none = co_await status(-1);
    EXPECT_EQ(error_of(none), std::errc::bad_file_descriptor);
  };
  here_.run(body());
}

TEST_F(names, can_be_changed_and_taken_away) {
  const std::string from = file("a", "new");
  const std::string to = file("b", "older");
  const auto body = [&]() -> task<void> {
    const result<void> kept = co_await rename_file(from.c_str(), to.c_str(), RENAME_NOREPLACE);
    EXPECT_EQ(error_of(kept), std::errc::file_exists);
    const result<void> renamed = co_await rename_file(from.c_str(), to.c_str());
    EXPECT_TRUE(renamed.has_value());
    const result<file_status> found = co_await status(to.c_str());
    EXPECT_EQ(found.value().size_bytes, 3u);
    const result<void> gone = co_await unlink_file(from.c_str());
    EXPECT_EQ(error_of(gone), std::errc::no_such_file_or_directory);
    const result<void> unlinked = co_await unlink_file(to.c_str());
    EXPECT_TRUE(unlinked.has_value());
    const result<file_status> nothing = co_await status(to.c_str());
    EXPECT_EQ(error_of(nothing), std::errc::no_such_file_or_directory);
  };
  here_.run(body());
}

TEST_F(names, of_directories_are_made_and_removed) {
  const std::string name = path("d");
  const std::string inside = path("d/e");
  const auto body = [&]() -> task<void> {
    const result<void> orphan = co_await make_directory(inside.c_str());
    EXPECT_EQ(error_of(orphan), std::errc::no_such_file_or_directory);
    const result<void> made = co_await make_directory(name.c_str(), 0700);
    EXPECT_TRUE(made.has_value());
    const result<file_status> found = co_await status(name.c_str());
    EXPECT_TRUE(found.value().is_directory());
    EXPECT_EQ(found->mode & 0777u, 0700u);
    const result<void> again = co_await make_directory(name.c_str());
    EXPECT_EQ(error_of(again), std::errc::file_exists);
    const result<void> child = co_await make_directory(inside.c_str());
    EXPECT_TRUE(child.has_value());
    const result<void> full = co_await remove_directory(name.c_str());
    EXPECT_EQ(error_of(full), std::errc::directory_not_empty);
    const result<void> is_directory = co_await unlink_file(name.c_str());
    EXPECT_EQ(error_of(is_directory), std::errc::is_a_directory);
    const result<void> emptied = co_await remove_directory(inside.c_str());
    EXPECT_TRUE(emptied.has_value());
    const result<void> removed = co_await remove_directory(name.c_str());
    EXPECT_TRUE(removed.has_value());
  };
  here_.run(body());
}

TEST_F(names, stay_as_they_are_under_a_past_stop) {
  const std::string name = file("a", "");
  const std::string other = path("b");
  const auto ask_status = [&] { return status(name.c_str()); };
  const auto rename = [&] { return rename_file(name.c_str(), other.c_str()); };
  const auto unlink = [&] { return unlink_file(name.c_str()); };
  const auto make = [&] { return make_directory(other.c_str()); };
  const auto body = [&]() -> task<void> {
    const auto asked = co_await under_a_past_stop(ask_status);
    EXPECT_EQ(error_of(asked), std::errc::operation_canceled);
    const auto renamed = co_await under_a_past_stop(rename);
    EXPECT_EQ(error_of(renamed), std::errc::operation_canceled);
    const auto unlinked = co_await under_a_past_stop(unlink);
    EXPECT_EQ(error_of(unlinked), std::errc::operation_canceled);
    const auto made = co_await under_a_past_stop(make);
    EXPECT_EQ(error_of(made), std::errc::operation_canceled);
  };
  here_.run(body());
  EXPECT_EQ(::access(name.c_str(), F_OK), 0);
  EXPECT_NE(::access(other.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace waitwork
