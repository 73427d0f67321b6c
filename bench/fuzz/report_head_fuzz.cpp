// SPDX-License-Identifier: Apache-2.0
// Bytes as the report that --resume finds in its place.

#include <waitwork/report/report_head.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <waitwork/base/check.hpp>
#include <waitwork/report/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto head = waitwork::read_report_head(text);
  WAITWORK_CHECK(waitwork::digest_of_report(text).size() == 14, "a digest has eight digits");
  WAITWORK_CHECK(!head || head->suite.size() <= size, "what is read stands in the text");
  return 0;
}
