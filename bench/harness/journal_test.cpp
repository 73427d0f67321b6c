#include <harness/journal.hpp>

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

const journal_header header = {{"quick", "^io/", 5, 18446744073709551615u, 0.1, 0, "CYCLES"},
                               "rows",
                               "environment",
                               612.25,
                               "2026-11-21T09:00:00Z",
                               {{"workers", 2}}};

journal_entry good(const std::string& row, unsigned round) {
  return {row, round, 0.25, measured{{{"name", row}, {"real_time", 1.5}, {"iterations", 7}}}};
}

class a_journal : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "journal.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    file_ = directory_ / "report.json.journal";
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string text() const {
    std::ifstream stream(file_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write_text(const std::string& content) const { std::ofstream(file_) << content; }
  std::vector<journal_entry> entries() const {
    std::vector<journal_entry> all;
    read_journal(file_, [&all](journal_entry&& entry) { all.push_back(std::move(entry)); });
    return all;
  }
  std::optional<journal_extent> read() const {
    return read_journal(file_, [](journal_entry&&) {});
  }

  fs::path directory_;
  fs::path file_;
};

TEST_F(a_journal, gives_back_what_was_appended) {
  {
    journal writer = journal::begin(file_, header);
    writer.append(good("a", 0));
    writer.append({"b", 0, 1.5, failed{failure_reason::timed_out, "not done"}});
    writer.append({"c", 1, 0, absent{"io_uring is off", "switch it on"}});
  }
  const std::optional<journal_extent> extent = read();
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->header.configuration, header.configuration);
  EXPECT_EQ(extent->header.rows, "rows");
  EXPECT_EQ(extent->header.environment, "environment");
  EXPECT_EQ(extent->header.work_per_us, 612.25);
  EXPECT_EQ(extent->header.limits, header.limits);
  EXPECT_EQ(extent->valid_bytes, fs::file_size(file_));
  const std::vector<journal_entry> all = entries();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].took_s, 0.25);
  EXPECT_EQ(std::get<measured>(all[0].outcome).figures["iterations"], 7);
  EXPECT_EQ(std::get<failed>(all[1].outcome).reason, failure_reason::timed_out);
  EXPECT_EQ(std::get<absent>(all[2].outcome).remedy, "switch it on");
  EXPECT_EQ(all[2].round, 1u);
}

TEST_F(a_journal, of_no_file_or_of_half_a_header_is_none) {
  EXPECT_FALSE(read());
  write_text("{\"format\":\"waitwork-jou");
  EXPECT_FALSE(read());
}

// Whatever the moment at which the runner is killed: every entry whose line is whole is there, and
// the run goes on.
TEST_F(a_journal, cut_anywhere_keeps_every_whole_line) {
  {
    journal writer = journal::begin(file_, header);
    writer.append(good("a", 0));
    writer.append(good("b", 0));
  }
  const std::string whole = text();
  const std::size_t header_bytes = whole.find('\n') + 1;
  for (std::size_t bytes = header_bytes; bytes < whole.size(); ++bytes) {
    write_text(whole.substr(0, bytes));
    const std::size_t lines = static_cast<std::size_t>(
        std::ranges::count(whole.substr(header_bytes, bytes - header_bytes), '\n'));
    EXPECT_EQ(entries().size(), lines);
    {
      journal writer = journal::go_on(file_, *read());
      writer.append(good("c", 0));
    }
    EXPECT_EQ(entries().size(), lines + 1) << "cut after " << bytes << " bytes";
  }
}

TEST_F(a_journal, damaged_in_the_middle_is_refused) {
  {
    journal writer = journal::begin(file_, header);
    writer.append(good("a", 0));
  }
  write_text(text() + "garbage\n" + "more\n");
  try {
    read();
    FAIL() << "not refused";
  } catch (const environment_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("line 3 is damaged"));
  }
}

TEST_F(a_journal, of_another_program_is_refused) {
  write_text("{\"format\":\"something else\"}\n");
  EXPECT_THROW(read(), environment_error);
}

TEST_F(a_journal, is_written_by_one_run_at_a_time) {
  const journal writer = journal::begin(file_, header);
  EXPECT_THROW(journal::go_on(file_, *read()), environment_error);
  EXPECT_THROW(set_journal_aside(file_), environment_error);
}

TEST_F(a_journal, in_the_way_is_kept_under_another_name) {
  EXPECT_EQ(set_journal_aside(file_), fs::path());
  write_text("first");
  EXPECT_EQ(set_journal_aside(file_), fs::path(file_.string() + ".1"));
  write_text("second");
  EXPECT_EQ(set_journal_aside(file_), fs::path(file_.string() + ".2"));
  EXPECT_FALSE(fs::exists(file_));
}

// A limit on the size of files stands in for a full disk.
TEST_F(a_journal, without_room_stays_as_it_was) {
  journal writer = journal::begin(file_, header);
  writer.append(good("a", 0));
  const std::string before = text();
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{before.size() + 10, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(writer.append(good("b", 0)), environment_error);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(text(), before);
  writer.append(good("b", 0));
  EXPECT_EQ(entries().size(), 2u);
}

}  // namespace
}  // namespace waitwork::bench
