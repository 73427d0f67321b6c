// SPDX-License-Identifier: Apache-2.0
#include <harness/record/journal.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <harness/record/journal_for_test.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

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

  void begin_with(const std::vector<journal_entry>& entries) const {
    journal writer = journal::begin(file_, header_for_test());
    for (const journal_entry& entry : entries) writer.append(entry);
  }

  // Entries that can be believed, and what could not.
  std::pair<std::vector<journal_entry>, journal_damage> read() const {
    std::vector<journal_entry> all;
    const std::optional<journal> opened = journal::resume(file_);
    if (!opened) return {};
    const journal_damage damage = opened->read([&all](journal_entry&& entry) { all.push_back(std::move(entry)); });
    return {std::move(all), damage};
  }

  std::string refusal() const {
    try {
      journal::resume(file_);
    } catch (const environment_error& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path directory_;
  fs::path file_;
};

TEST_F(a_journal, gives_back_what_was_appended) {
  begin_with({entry_for_test("a", 0),
              {"b", 0, 1.5, failed{failure_reason::timed_out, "not done"}},
              {"c", 1, 0, absent{"io_uring is off", "switch it on"}}});
  const std::optional<journal> opened = journal::resume(file_);
  ASSERT_TRUE(opened);
  const journal_header& header = opened->header();
  EXPECT_EQ(header.configuration, header_for_test().configuration);
  EXPECT_EQ(header.rows, "rows");
  EXPECT_EQ(header.environment, "environment");
  EXPECT_EQ(header.work_per_us, 612.25);
  EXPECT_EQ(header.limits, limits_for_test());
  std::vector<journal_entry> all;
  EXPECT_EQ(opened->read([&all](journal_entry&& entry) { all.push_back(std::move(entry)); }).lines, 0u);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].took_s, 0.25);
  EXPECT_EQ(std::get<measured>(all[0].outcome).figures["iterations"], 7);
  EXPECT_EQ(std::get<failed>(all[1].outcome).reason, failure_reason::timed_out);
  EXPECT_EQ(std::get<absent>(all[2].outcome).remedy, "switch it on");
  EXPECT_EQ(all[2].round, 1u);
}

TEST_F(a_journal, is_json_line_by_line) {
  begin_with({entry_for_test("a", 0)});
  std::ifstream stream(file_);
  unsigned lines = 0;
  for (std::string line; std::getline(stream, line); ++lines) EXPECT_TRUE(nlohmann::json::accept(line));
  EXPECT_EQ(lines, 3u);
}

TEST_F(a_journal, that_holds_nothing_yet_is_none_and_is_not_in_the_way) {
  EXPECT_FALSE(journal::resume(file_));
  for (const char* const start : {"", "{\"form", "{\"format\":\"waitwork-journal-3\",\"suite"}) {
    write_text(start);
    EXPECT_FALSE(journal::resume(file_)) << start;
    EXPECT_EQ(set_journal_aside(file_), fs::path()) << start;
    begin_with({entry_for_test("a", 0)});
    EXPECT_EQ(read().first.size(), 1u) << start;
  }
}

// Whatever the moment at which the runner is killed: every entry whose line is whole is there, and the run goes on.
TEST_F(a_journal, cut_anywhere_keeps_every_whole_line) {
  begin_with({entry_for_test("a", 0), entry_for_test("b", 0)});
  const std::string whole = text();
  const std::size_t header_bytes = whole.find('\n', whole.find('\n') + 1) + 1;
  for (std::size_t bytes = header_bytes / 2; bytes < whole.size(); ++bytes) {
    write_text(whole.substr(0, bytes));
    const std::ptrdiff_t lines = std::ranges::count(whole.substr(0, bytes), '\n');
    const std::size_t entries = static_cast<std::size_t>(std::max<std::ptrdiff_t>(lines - 2, 0));
    EXPECT_EQ(read().first.size(), entries);
    if (lines < 2) continue;
    {
      std::optional<journal> writer = journal::resume(file_);
      ASSERT_TRUE(writer);
      writer->append(entry_for_test("c", 0));
    }
    EXPECT_EQ(read().first.size(), entries + 1) << "cut after " << bytes << " bytes";
    EXPECT_EQ(read().second.lines, 0u) << "cut after " << bytes << " bytes";
  }
}

TEST_F(a_journal, damaged_in_the_middle_loses_the_damaged_lines_only) {
  begin_with({entry_for_test("a", 0), entry_for_test("b", 0)});
  std::string content = text();
  const std::size_t first_entry = content.find("{\"row\"");
  write_text(content.insert(first_entry, "garbage\n\n" + std::string(512, '\0') + "\n"));
  const auto [entries, damage] = read();
  EXPECT_EQ(entries.size(), 2u);
  EXPECT_EQ(damage.lines, 3u);
  EXPECT_EQ(damage.first, 3u);
  EXPECT_FALSE(damage.why_first.empty());
}

TEST_F(a_journal, damaged_in_its_first_line_goes_by_the_second) {
  begin_with({entry_for_test("a", 0)});
  std::string content = text();
  content[content.find("quick")] = 'x';
  write_text(content);
  EXPECT_EQ(journal::resume(file_).value().header().configuration.suite, "quick");
  const auto [entries, damage] = read();
  EXPECT_EQ(entries.size(), 1u);
  EXPECT_EQ(damage.lines, 1u);
  EXPECT_EQ(damage.first, 1u);
}

TEST_F(a_journal, whose_header_was_written_once_goes_on) {
  begin_with({});
  write_text(text().substr(0, text().find('\n') + 1));
  {
    std::optional<journal> writer = journal::resume(file_);
    ASSERT_TRUE(writer);
    writer->append(entry_for_test("a", 0));
  }
  EXPECT_EQ(read().first.size(), 1u);
  EXPECT_EQ(read().second.lines, 0u);
}

TEST_F(a_journal, of_another_run_lends_no_line) {
  begin_with({entry_for_test("a", 0)});
  const std::string other = text();
  fs::remove(file_);
  journal_header header = header_for_test();
  header.run = "fedcba9876543210";
  {
    journal::begin(file_, header);
  }
  write_text(text() + other.substr(other.find("{\"row\"")));
  EXPECT_TRUE(read().first.empty());
  EXPECT_EQ(read().second.lines, 1u);
}

// A flipped digit is never a figure: what is believed is what was written, whatever became of the file.
TEST_F(a_journal, damaged_at_random_gives_what_was_written_or_says_so) {
  std::vector<journal_entry> written;
  std::map<std::pair<std::string, unsigned>, nlohmann::ordered_json> figures;
  for (unsigned round = 0; round < 5; ++round) {
    for (const char* const row : {"io/timer/a", "io/timer/b", "cpu/matmul"}) {
      written.push_back(entry_for_test(row, round, 1085750.25 + round));
      figures[{row, round}] = std::get<measured>(written.back().outcome).figures;
    }
  }
  begin_with(written);
  const std::string whole = text();
  splitmix64 random(20261128);
  const char* const rounds_text = std::getenv("WAITWORK_DAMAGES");
  const int rounds = rounds_text != nullptr ? std::atoi(rounds_text) : 1'000;
  for (int round = 0; round < rounds; ++round) {
    std::string content = whole;
    for (std::uint64_t times = 1 + random.below(3); times > 0; --times) {
      const std::size_t at = random.below(content.size());
      switch (random.below(6)) {
        case 0:
          content[at] = static_cast<char>(content[at] ^ (1 << random.below(8)));
          break;
        case 1:
          content[at] = static_cast<char>(random.below(256));
          break;
        case 2:
          content.erase(at, 1 + random.below(40));
          break;
        case 3:
          content.insert(at, std::string(1 + random.below(40), static_cast<char>(random.below(256))));
          break;
        case 4:
          std::fill(content.begin() + static_cast<std::ptrdiff_t>(at),
                    content.begin() + static_cast<std::ptrdiff_t>(std::min(at + 512, content.size())), '\0');
          break;
        default:  // one digit for another
          if (content[at] >= '0' && content[at] <= '9') content[at] = static_cast<char>('0' + random.below(10));
      }
      if (content.empty()) content = "\n";
    }
    write_text(content);
    std::vector<journal_entry> believed;
    try {
      believed = read().first;
    } catch (const environment_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("start anew without --resume"));
      continue;
    }
    for (const journal_entry& entry : believed) {
      const auto found = figures.find({entry.row, entry.round});
      ASSERT_NE(found, figures.end()) << round;
      EXPECT_EQ(std::get<measured>(entry.outcome).figures, found->second) << round;
    }
  }
}

TEST_F(a_journal, with_fields_out_of_range_is_refused_before_anything_is_measured) {
  const auto refused = [this](const auto& change, const char* what) {
    journal_header header = header_for_test();
    change(header);
    const std::string line = line_of(header);
    write_text(line + line);
    EXPECT_THAT(refusal(), HasSubstr(what));
  };
  refused([](journal_header& h) { h.configuration.suite = "quicj"; }, "suite is 'quicj'");
  refused([](journal_header& h) { h.configuration.rounds = 0; }, "rounds is 0");
  refused([](journal_header& h) { h.configuration.rounds = 30'000'000; }, "rounds is 30000000");
  refused([](journal_header& h) { h.configuration.filter = std::string(200'000, '('); }, "filter is a text");
  refused([](journal_header& h) { h.configuration.filter = "(("; }, "regular expression");
  refused([](journal_header& h) { h.configuration.min_time_s = -1; }, "min_time_s is -1");
  refused([](journal_header& h) { h.work_per_us = 0; }, "work_per_us is 0");
  refused([](journal_header& h) { h.work_per_us = -1e9; }, "work_per_us is -1");
  refused([](journal_header& h) { h.limits = nullptr; }, "limits is null");
  refused([](journal_header& h) { h.limits = "x"; }, "limits is \"x\"");
  refused([](journal_header& h) { h.limits["workers"] = 0; }, "workers is 0");
  refused([](journal_header& h) { h.limits["caches"][0].erase("level"); }, "level is missing");
  refused([](journal_header& h) { h.limits["f32_flops_one"] = "fast"; }, "f32_flops_one is \"fast\"");
}

TEST_F(a_journal, leaves_out_entries_that_no_reader_could_use) {
  journal_entry timeless = entry_for_test("a", 0);
  std::get<measured>(timeless.outcome).figures["real_time"] = nullptr;
  journal_entry empty = entry_for_test("b", 0);
  std::get<measured>(empty.outcome).figures = nlohmann::ordered_json::object();
  begin_with({timeless, empty, entry_for_test("c", 5), entry_for_test("d", 4)});
  const auto [entries, damage] = read();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].row, "d");
  EXPECT_EQ(damage.lines, 3u);
}

TEST_F(a_journal, of_another_program_or_version_is_refused) {
  for (const char* const content :
       {"{\"format\":\"something else\"}\n", "{\"format\":\"waitwork-journal-2\"}\n", "[1]\n", "\n"}) {
    write_text(content);
    EXPECT_THAT(refusal(), HasSubstr("not a journal of this version of waitwork")) << content;
  }
}

TEST_F(a_journal, that_is_no_file_is_refused_without_waiting) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("no regular file"));
  EXPECT_THROW(set_journal_aside(file_), environment_error);
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_THAT(refusal(), HasSubstr("Is a directory"));
  fs::remove(file_);
  fs::create_symlink(directory_ / "elsewhere", file_);
  EXPECT_THAT(refusal(), HasSubstr("symbolic link, and a journal is none"));
  EXPECT_FALSE(fs::exists(directory_ / "elsewhere"));
}

TEST_F(a_journal, is_written_by_one_run_at_a_time_and_not_read_meanwhile) {
  const journal writer = journal::begin(file_, header_for_test());
  EXPECT_THAT(refusal(), HasSubstr("another run is writing it"));
  EXPECT_THROW(set_journal_aside(file_), environment_error);
}

TEST_F(a_journal, in_the_way_is_kept_under_another_name) {
  EXPECT_EQ(set_journal_aside(file_), fs::path());
  for (const char* const row : {"first", "second"}) {
    begin_with({entry_for_test(row, 0)});
    const std::string whole = text();
    const fs::path aside = set_journal_aside(file_);
    EXPECT_EQ(aside, fs::path(file_.string() + (row == std::string("first") ? ".1" : ".2")));
    EXPECT_FALSE(fs::exists(file_));
    std::ifstream kept(aside);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), whole);
  }
}

TEST_F(a_journal, that_is_none_is_the_users_and_stays) {
  for (const char* const diary : {"my diary", "my diary\nand more\n", "\n"}) {
    write_text(diary);
    EXPECT_THROW(set_journal_aside(file_), environment_error);
    EXPECT_THROW(journal::begin(file_, header_for_test()), environment_error);
    EXPECT_EQ(text(), diary);
  }
}

TEST_F(a_journal, removes_nothing_that_has_taken_its_name) {
  const journal writer = journal::begin(file_, header_for_test());
  EXPECT_TRUE(writer.has_its_name());
  fs::rename(file_, directory_ / "kept");
  EXPECT_FALSE(writer.has_its_name());
  EXPECT_FALSE(writer.remove());
  write_text("thesis");
  EXPECT_FALSE(writer.remove());
  EXPECT_EQ(text(), "thesis");
  fs::remove(file_);
  fs::rename(directory_ / "kept", file_);
  EXPECT_TRUE(writer.remove());
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(a_journal, whose_lines_are_joined_or_cut_keeps_the_others) {
  std::vector<journal_entry> entries;
  for (unsigned round = 0; round < 5; ++round) {
    for (const char* const row : {"a", "b", "c"}) entries.push_back(entry_for_test(row, round));
  }
  begin_with(entries);
  const std::string whole = text();
  const std::size_t header = whole.find('\n') + 1;
  std::string joined = whole;
  joined[header - 1] = 'x';  // the newline after the first header
  write_text(joined);
  EXPECT_EQ(read().first.size(), 15u);
  for (std::size_t at = 1; at < header; at += 97) {
    std::string cut = whole;
    cut[at] = '\n';
    write_text(cut);
    EXPECT_EQ(read().first.size(), 15u) << at;
  }
  std::string zeroed = whole;
  std::fill(zeroed.begin(), zeroed.begin() + static_cast<std::ptrdiff_t>(2 * header),
            '\0');  // both, and a later copy is left
  write_text(zeroed);
  EXPECT_EQ(read().first.size(), 15u);
}

TEST_F(a_journal, with_a_line_without_end_needs_no_memory_for_it) {
  begin_with({entry_for_test("a", 0)});
  const std::string whole = text();
  const std::size_t entry = whole.find("{\"row\"");
  const unique_fd fd(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
  // 200 MiB of nothing, more than a line may have, on no device, then a newline and a sound entry.
  const off_t far = off_t{200} << 20;
  ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(entry)), 0);
  const std::string rest = "\n" + whole.substr(entry);
  ASSERT_EQ(::pwrite(fd.get(), rest.data(), rest.size(), far), static_cast<ssize_t>(rest.size()));
  const auto [entries, damage] = read();
  EXPECT_EQ(entries.size(), 1u);
  EXPECT_EQ(damage.lines, 1u);
}

// A limit on the size of files stands in for a full disk.
TEST_F(a_journal, without_room_stays_as_it_was) {
  journal writer = journal::begin(file_, header_for_test());
  writer.append(entry_for_test("a", 0));
  const std::string before = text();
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{before.size() + 10, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(writer.append(entry_for_test("b", 0)), environment_error);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(text(), before);
  writer.append(entry_for_test("b", 0));
  unsigned entries = 0;
  EXPECT_EQ(writer.read([&entries](journal_entry&&) { ++entries; }).lines, 0u);
  EXPECT_EQ(entries, 2u);
}

}  // namespace
}  // namespace waitwork::bench
