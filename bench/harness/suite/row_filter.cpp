// SPDX-License-Identifier: Apache-2.0
#include <harness/suite/row_filter.hpp>

#include <re2/re2.h>

#include <utility>

#include <harness/suite/run_configuration.hpp>
#include <harness/words/parse_value.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

// The same text, every character of it taken as it is.
std::string escaped(std::string_view text) {
  std::string literal;
  for (const char character : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(character) != std::string_view::npos) literal += '\\';
    literal += character;
  }
  return literal;
}

std::shared_ptr<const re2::RE2> compiled(std::string_view flag, std::string_view text) {
  if (text.size() > longest_filter_bytes) {
    refuse_value(flag, text, "a regular expression of at most " + std::to_string(longest_filter_bytes) + " bytes",
                 "a shorter one");
  }
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  auto expression = std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), quiet);
  if (!expression->ok()) {
    refuse_value(flag, text, "a regular expression of RE2 (" + expression->error() + ")", "'" + escaped(text) + "'");
  }
  return expression;
}

}  // namespace

row_filter::row_filter(std::string_view flag, std::string_view expression) {
  inverted_ = expression.starts_with('-');
  if (inverted_) expression.remove_prefix(1);
  if (expression.empty() || expression == "all") expression = ".";
  expression_ = compiled(flag, expression);
}

bool row_filter::chooses(const std::string& name) const {
  return re2::RE2::PartialMatch(name, *expression_) != inverted_;
}

}  // namespace waitwork::bench
