// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <limits>
#include <optional>
#include <string>

#include <waitwork/report/report_head.hpp>

namespace waitwork {
namespace {

using nlohmann::ordered_json;

report small_report() {
  const row_identity row{"io/timer/sequential", "io/timer", "", "sequential", 1, 1};
  const row_identity hung{"io/timer/concurrent/depth:4", "io/timer", "", "concurrent", 4, 1};
  report made;
  made.context = {{"date", "2026-11-21T09:00:00+00:00"}, {"caches", ordered_json::array()}};
  made.benchmarks = {{{"name", row.name}, {"real_time", 1.5}}};
  made.run = {true, "quick", 5, 18446744073709551615u, "", "2026-11-21T09:00:00Z", "2026-11-21T09:01:00Z"};
  made.failures = {{hung, 2, failure_reason::timed_out, "Ran past 60 s."}};
  made.absent = {{hung, "io_uring is off", "switch it on"}};
  made.declared = {row, hung};
  return made;
}

TEST(report_text, parses_back_to_the_structure_that_readers_expect) {
  const ordered_json parsed = ordered_json::parse(report_text(small_report()));
  EXPECT_EQ(parsed["context"]["date"], "2026-11-21T09:00:00+00:00");
  EXPECT_EQ(parsed["benchmarks"].size(), 1u);
  EXPECT_EQ(parsed["benchmarks"][0]["real_time"], 1.5);
  const ordered_json& meta = parsed["waitwork"];
  EXPECT_EQ(meta["schema"], "1.4.0");
  EXPECT_EQ(meta["complete"], true);
  EXPECT_EQ(meta["seed"], 18446744073709551615u);
  EXPECT_EQ(meta["failures"][0]["reason"], "timed_out");
  EXPECT_EQ(meta["failures"][0]["depth"], 4);
  EXPECT_EQ(meta["absent"][0]["remedy"], "switch it on");
  EXPECT_EQ(meta["declared"][1]["name"], "io/timer/concurrent/depth:4");
}

TEST(report_text, keeps_the_order_of_members_and_gives_each_measurement_one_line) {
  const std::string text = report_text(small_report());
  EXPECT_LT(text.find("\"context\""), text.find("\"benchmarks\""));
  EXPECT_LT(text.find("\"benchmarks\""), text.find("\"waitwork\""));
  EXPECT_THAT(text, testing::HasSubstr("\n    {\"name\":\"io/timer/sequential\",\"real_time\":1.5}\n"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(report_text, of_nothing_measured_is_still_a_report) {
  report empty;
  empty.context = ordered_json::object();
  const ordered_json parsed = ordered_json::parse(report_text(empty));
  EXPECT_EQ(parsed["benchmarks"], ordered_json::array());
  EXPECT_EQ(parsed["waitwork"]["absent"], ordered_json::array());
}

TEST(report_text, replaces_bytes_that_are_not_utf8) {
  report made = small_report();
  made.run.filter = "\xff";
  EXPECT_EQ(ordered_json::parse(report_text(made))["waitwork"]["filter"], "\xef\xbf\xbd");
}

TEST(report_digest, is_the_last_member_and_fits) {
  const std::string text = report_text(small_report());
  const ordered_json ours = ordered_json::parse(text)["waitwork"];
  EXPECT_EQ(std::prev(ours.end()).key(), "digest");
  EXPECT_TRUE(digest_fits(text, ours["digest"].get<std::string>()));
  EXPECT_TRUE(digest_fits(text, "none"));
  EXPECT_FALSE(digest_fits(text, "crc32:00000000"));
}

TEST(report_digest, survives_a_byte_order_mark_and_carriage_returns) {
  const std::string text = report_text(small_report());
  std::string windows = "\xEF\xBB\xBF";
  for (const char character : text) windows += character == '\n' ? std::string("\r\n") : std::string(1, character);
  EXPECT_EQ(digest_of_report(windows), digest_of_report(text));
}

TEST(report_digest, of_any_damaged_byte_does_not_fit) {
  const std::string text = report_text(small_report());
  const std::string digest = digest_of_report(text);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const std::optional<report_head> head = read_report_head(damaged);
    EXPECT_FALSE(head && head->seed != 18446744073709551615u) << at;
    EXPECT_NE(damaged.find(digest) != std::string::npos && digest_fits(damaged, digest), true) << at;
  }
}

TEST(report_head, tells_what_the_report_is_of) {
  const std::optional<report_head> head = read_report_head(report_text(small_report()));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->suite, "quick");
  EXPECT_EQ(head->rounds, 5u);
  EXPECT_EQ(head->seed, 18446744073709551615u);
  EXPECT_TRUE(head->complete);
  EXPECT_EQ(head->measurements, 1u);
}

TEST(report_head, of_what_is_no_report_of_ours_is_none) {
  const std::string deep(100'000, '[');
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[1]"), deep, std::string("\xff"),
                                  std::string(R"({"waitwork": {"schema": "2.0.0"}})"),
                                  std::string(R"({"waitwork": {"schema": "1.0.0", "rounds": -1}})")}) {
    EXPECT_FALSE(read_report_head(text)) << text.substr(0, 80);
  }
}

TEST(report_text_death, refuses_figures_that_json_cannot_hold) {
  for (const double figure : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    report made = small_report();
    made.benchmarks[0]["p50_ns"] = figure;
    EXPECT_DEATH(report_text(made), "a report holds no NaN, infinity or null");
  }
}

TEST(find_unrepresentable, names_the_first_bad_figure) {
  ordered_json entry = {{"real_time", 1.0}, {"waitwork", {{"loop", {{"enters", 3}}}}}};
  EXPECT_EQ(find_unrepresentable(entry), std::nullopt);
  entry["waitwork"]["loop"]["ratio"] = nullptr;
  EXPECT_EQ(find_unrepresentable(entry), "/waitwork/loop/ratio");
}

}  // namespace
}  // namespace waitwork
