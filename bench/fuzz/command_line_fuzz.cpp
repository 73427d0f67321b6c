// SPDX-License-Identifier: Apache-2.0
// Bytes as a command line, words apart by newlines, and a measuring process's answer: a value or one sentence.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/base/plain_text.hpp>

#include <harness/command/google_benchmark_flags.hpp>
#include <harness/record/outcome.hpp>
#include <harness/suite/row_filter.hpp>
#include <harness/words/usage_error.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace waitwork::bench;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string plain = waitwork::plain_text(text);
  WAITWORK_CHECK(waitwork::plain_text(plain) == plain, "plain text is plain");

  child_result child;
  child.answer = text;
  const row_outcome outcome = outcome_of(child, std::chrono::seconds(1));
  if (const auto* const good = std::get_if<measured>(&outcome)) {
    WAITWORK_CHECK(good->figures.at("real_time").get<double>() > 0, "a figure that is believed is one");
  }
  try {
    row_filter("--filter", text).chooses("io/file_read/direct/concurrent/depth:64/process_time/real_time");
  } catch (const usage_error&) {
  }
  try {
    std::vector<std::string> words;
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      words.emplace_back(text.substr(start, end - start));
      start = end + 1;
    }
    parse_google_benchmark_flags(words);
  } catch (const usage_error&) {
  }
  return 0;
}
