#include <waitwork/report/json.hpp>

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waitwork {
namespace {

using nlohmann::ordered_json;

report small_report() {
  const row_identity row{"io/timer/sequential", "io/timer", "", "sequential", 1, 1};
  const row_identity hung{"io/timer/concurrent/depth:4", "io/timer", "", "concurrent", 4, 1};
  report made;
  made.context = {{"date", "2026-11-21T09:00:00+00:00"}, {"caches", ordered_json::array()}};
  made.benchmarks = {{{"name", row.name}, {"real_time", 1.5}}};
  made.run = {
      true, "quick", 5, 18446744073709551615u, "", "2026-11-21T09:00:00Z", "2026-11-21T09:01:00Z"};
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
  EXPECT_EQ(meta["schema"], "1.3.0");
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
  EXPECT_THAT(text,
              testing::HasSubstr("\n    {\"name\":\"io/timer/sequential\",\"real_time\":1.5}\n"));
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

TEST(report_text_death, refuses_figures_that_json_cannot_hold) {
  for (const double figure :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
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
