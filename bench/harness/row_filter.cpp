#include <harness/row_filter.hpp>

#include <utility>

#include <harness/parse_value.hpp>

namespace waitwork::bench {

row_filter::row_filter(std::string_view flag, std::string_view expression) {
  inverted_ = expression.starts_with('-');
  if (inverted_) expression.remove_prefix(1);
  if (expression.empty() || expression == "all") expression = ".";
  expression_ = parse_regex(flag, expression);
}

bool row_filter::chooses(const std::string& name) const {
  return std::regex_search(name, expression_) != inverted_;
}

std::vector<row> chosen_rows(suite_kind suite, const std::string& expression) {
  const row_filter filter("--filter", expression);
  std::vector<row> chosen;
  for (row& candidate : suite_rows(suite)) {
    if (filter.chooses(candidate.name)) chosen.push_back(std::move(candidate));
  }
  return chosen;
}

}  // namespace waitwork::bench
