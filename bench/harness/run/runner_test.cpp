// SPDX-License-Identifier: Apache-2.0
#include <harness/run/runner.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <waitwork/base/unique_fd.hpp>

#include <harness/record/journal_for_test.hpp>
#include <harness/record/report_builder.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// So many subjects of so many rows each.
std::vector<row> some_rows(unsigned subjects, unsigned rows_each) {
  std::vector<row> rows;
  for (unsigned subject = 0; subject < subjects; ++subject) {
    for (unsigned member = 0; member < rows_each; ++member) {
      row added;
      added.subject = std::to_string(subject);
      rows.push_back(added);
    }
  }
  return rows;
}

TEST(round_order, is_a_permutation) {
  for (const unsigned subjects : {0u, 1u, 2u, 20u}) {
    std::vector<std::size_t> order = round_order(some_rows(subjects, 5), 7, 0);
    std::ranges::sort(order);
    std::vector<std::size_t> all(subjects * 5);
    std::iota(all.begin(), all.end(), std::size_t{0});
    EXPECT_EQ(order, all);
  }
}

TEST(round_order, depends_on_the_rows_the_seed_and_the_round_alone) {
  const std::vector<row> rows = some_rows(10, 5);
  EXPECT_EQ(round_order(rows, 7, 3), round_order(rows, 7, 3));
  EXPECT_NE(round_order(rows, 7, 3), round_order(rows, 7, 4));
  EXPECT_NE(round_order(rows, 7, 3), round_order(rows, 8, 3));
}

TEST(round_order, puts_every_row_first_in_some_round) {
  std::set<std::size_t> firsts;
  for (unsigned round = 0; round < 200; ++round) firsts.insert(round_order(some_rows(3, 3), 1, round).front());
  EXPECT_EQ(firsts.size(), 9u);
}

TEST(round_order, keeps_the_rows_that_are_compared_with_each_other_together) {
  const std::vector<std::size_t> order = round_order(some_rows(8, 6), 5, 2);
  for (std::size_t place = 0; place < order.size(); ++place) {
    EXPECT_EQ(order[place] / 6, order[place / 6 * 6] / 6) << "a subject's rows are neighbours";
  }
}

// Stands in for the measuring process: answers by the row's name.
constexpr const char* answers = R"(
case "$2" in
  *good*) echo '{"result": {"name": "good", "real_time": 2, "cpu_time": 1, "iterations": 41}}' >&3 ;;
  *absent*) echo '{"absent": {"cause": "not here", "remedy": "elsewhere"}}' >&3 ;;
  *wrong*) echo '{"failure": {"reason": "wrong_answer", "detail": "unit 3"}}' >&3 ;;
  *hang*) sleep 1000 ;;
  *) kill -SEGV $$ ;;
esac
)";

// Runs with a shell script in the place of the program; it keeps the requests that it gets.
class a_run : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "runner.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    plan_.executable = directory_ / "measure";
    const std::string requests = (directory_ / "requests").string();
    std::ofstream(plan_.executable) << "#!/bin/sh\necho \"$2\" >> " << requests << answers;
    ASSERT_EQ(::chmod(plan_.executable.c_str(), 0755), 0);
    plan_.configuration.suite = "quick";
    plan_.configuration.rounds = 2;
    plan_.configuration.seed = 1;
    plan_.configuration.min_time_s = 0.1;
    plan_.time_limit = 60s;
    plan_.work_directory = directory_;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    interrupt_reader_.reset(ends[0]);
    interrupt_writer_.reset(ends[1]);
  }
  void TearDown() override { fs::remove_all(directory_); }

  void add_rows(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      plan_.rows.emplace_back();
      plan_.rows.back().name = name;
      plan_.rows.back().needs_io_uring = name.find("ring") != std::string::npos;
      plan_.rows.back().family_index = static_cast<unsigned>(plan_.rows.size());
    }
  }
  fs::path journal_file() const { return directory_ / "journal"; }

  // The whole run, from an empty journal or from what is there.
  run_end run() {
    journal_header header = header_for_test();
    header.configuration = plan_.configuration;
    header.started = "then";
    std::optional<journal> left = journal::resume(journal_file());
    journal results = left ? *std::move(left) : journal::begin(journal_file(), header);
    run_ledger ledger(plan_.rows, plan_.configuration.rounds);
    results.read([&](journal_entry&& entry) { ledger.record(entry); });
    const unique_fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    progress shown(nowhere.get());
    return run_rows(plan_, results, ledger, shown, interrupt_reader_.get());
  }
  report result() const {
    return build_report(journal::resume(journal_file()).value(), plan_.rows, nlohmann::ordered_json::object(), true)
        .made;
  }

  // Of the rows with this word in their name, in the order of measuring.
  std::vector<nlohmann::json> requests(const std::string& word) const {
    std::ifstream stream(directory_ / "requests");
    std::vector<nlohmann::json> found;
    for (std::string line; std::getline(stream, line);) {
      if (line.find(word) != std::string::npos) found.push_back(nlohmann::json::parse(line));
    }
    return found;
  }

  fs::path directory_;
  run_plan plan_;
  unique_fd interrupt_reader_, interrupt_writer_;
};

TEST_F(a_run, measures_every_row_in_every_round) {
  add_rows({"good/a", "good/b"});
  EXPECT_EQ(run(), run_end::finished);
  const report made = result();
  ASSERT_EQ(made.benchmarks.size(), 4u);
  EXPECT_EQ(made.benchmarks[0]["name"], "good/a");
  EXPECT_EQ(made.benchmarks[1]["repetition_index"], 1);
  EXPECT_EQ(made.benchmarks[2]["name"], "good/b");
  EXPECT_EQ(made.benchmarks[2]["family_index"], 2);
  EXPECT_EQ(made.benchmarks[2]["repetitions"], 2);
  EXPECT_TRUE(made.benchmarks[2].contains("rss_peak_bytes"));
  EXPECT_EQ(made.benchmarks[2].items().begin().key(), "name");
  EXPECT_EQ(made.run.started, "then");
}

TEST_F(a_run, does_the_same_work_in_every_round) {
  add_rows({"good/a"});
  run();
  const std::vector<nlohmann::json> asked = requests("good");
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0]["iterations"], 0);
  EXPECT_EQ(asked[1]["iterations"], 41);
}

TEST_F(a_run, outlives_rows_that_fail_and_does_not_try_them_again) {
  add_rows({"good/a", "crash", "wrong", "absent"});
  EXPECT_EQ(run(), run_end::finished);
  const report made = result();
  EXPECT_EQ(made.benchmarks.size(), 2u);
  ASSERT_EQ(made.failures.size(), 2u);
  for (const row_failure& failure : made.failures) {
    EXPECT_EQ(failure.reason, failure.row.name == "crash" ? failure_reason::crashed : failure_reason::wrong_answer);
  }
  ASSERT_EQ(made.absent.size(), 1u);
  EXPECT_EQ(made.absent[0].remedy, "elsewhere");
  for (const char* const word : {"crash", "wrong", "absent"}) EXPECT_EQ(requests(word).size(), 1u) << word;
}

TEST_F(a_run, does_so_many_units_if_it_is_told_to) {
  plan_.configuration.iterations = 9;
  add_rows({"good/a"});
  run();
  for (const nlohmann::json& asked : requests("good")) EXPECT_EQ(asked["iterations"], 9);
}

TEST_F(a_run, that_measured_nothing_is_not_complete) {
  add_rows({"crash"});
  EXPECT_EQ(run(), run_end::finished);
  EXPECT_FALSE(result().run.complete);
}

TEST_F(a_run, kills_what_is_past_its_time) {
  plan_.time_limit = 200ms;
  add_rows({"hang"});
  EXPECT_EQ(run(), run_end::finished);
  ASSERT_EQ(result().failures.size(), 1u);
  EXPECT_EQ(result().failures[0].reason, failure_reason::timed_out);
}

TEST_F(a_run, without_io_uring_does_not_try_the_rows_that_need_it) {
  plan_.io_uring = absent{"forbidden", "allow it"};
  add_rows({"good/a", "good/ring"});
  EXPECT_EQ(run(), run_end::finished);
  EXPECT_EQ(result().benchmarks.size(), 2u);
  ASSERT_EQ(result().absent.size(), 1u);
  EXPECT_EQ(result().absent[0].cause, "forbidden");
  EXPECT_TRUE(requests("ring").empty());
}

TEST_F(a_run, that_is_interrupted_records_nothing_of_the_row_in_hand_and_goes_on_later) {
  add_rows({"good/a", "good/b"});
  ASSERT_EQ(::write(interrupt_writer_.get(), "x", 1), 1);
  EXPECT_EQ(run(), run_end::interrupted);
  EXPECT_TRUE(result().benchmarks.empty());
  char taken = 0;
  ASSERT_EQ(::read(interrupt_reader_.get(), &taken, 1), 1);
  EXPECT_EQ(run(), run_end::finished);
  EXPECT_EQ(result().benchmarks.size(), 4u);
}

}  // namespace
}  // namespace waitwork::bench
