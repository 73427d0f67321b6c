// SPDX-License-Identifier: Apache-2.0
#pragma once
// row_filter: which rows a regular expression chooses, with Google Benchmark's conventions.
//
// RE2 and not std::regex: an expression comes from a user, an environment variable or a journal, and std::regex
// recurses for each parenthesis of it and takes exponential time over some. RE2 does neither; in return it knows no
// back references and no look-ahead.

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace waitwork::bench {

// "" and "all" choose every row; a leading '-' turns the choice around; otherwise a row is chosen
// if the expression matches anywhere in its name.
class row_filter {
 public:
  // `flag` is how the user gave the expression. Throws usage_error if it is none, or longer than longest_filter_bytes.
  row_filter(std::string_view flag, std::string_view expression);

  bool chooses(const std::string& name) const;

 private:
  std::shared_ptr<const re2::RE2> expression_;
  bool inverted_ = false;
};

}  // namespace waitwork::bench
