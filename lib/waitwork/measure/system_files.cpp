// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/system_files.hpp>

#include <algorithm>
#include <bit>
#include <charconv>

#include <waitwork/base/plain_text.hpp>
#include <waitwork/base/small_file.hpp>

namespace waitwork {
namespace {

constexpr std::string_view white_space = " \t\r\n";

// The longest that identify anything are those of CPUs, some 60 bytes.
constexpr std::size_t name_most_bytes = 256;

// Far more than a kernel can be built for (NR_CPUS, 8192).
constexpr unsigned cpus_most = 1u << 20;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

// Calls visit(part) for every part of `text` between separators, until it answers false.
template <class Visitor>
bool for_each_part(std::string_view text, char separator, Visitor&& visit) {
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (!visit(text.substr(0, end))) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
std::optional<Number> whole_number(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> read_system_file(const std::filesystem::path& path) {
  std::optional<std::string> text = read_small_file(path);
  if (text) text->erase(text->find_last_not_of(white_space) + 1);
  return text;
}

std::optional<std::string> read_system_name(const std::filesystem::path& path) {
  const auto text = read_system_file(path);
  return text ? believable_name(*text) : std::nullopt;
}

std::optional<std::string> believable_name(std::string_view text) {
  if (text.empty() || text.size() > name_most_bytes) return std::nullopt;
  return plain_text(text);
}

std::optional<std::int64_t> read_system_number(const std::filesystem::path& path) {
  const auto text = read_system_file(path);
  return text ? parse_number(*text) : std::nullopt;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trimmed(text);
  return decimal_number(text.substr(0, text.find_first_of(white_space)));
}

std::optional<std::int64_t> parse_number(std::string_view text, number_range believable) {
  const auto number = parse_number(text);
  return number && *number >= believable.least && *number <= believable.most ? number : std::nullopt;
}

std::optional<std::string> value_of(std::string_view text, std::string_view key) {
  std::optional<std::string> value;
  for_each_part(text, '\n', [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trimmed(line.substr(0, colon)) != key) return true;
    value = trimmed(line.substr(colon + 1));
    return false;
  });
  return value;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t first = line.find_first_not_of(white_space);
    if (first == std::string_view::npos) return fields;
    line.remove_prefix(first);
    const std::size_t end = std::min(line.find_first_of(white_space), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::optional<unsigned> count_cpu_list(std::string_view list) {
  list = trimmed(list);
  if (list.empty()) return 0u;
  unsigned count = 0;
  const bool understood = for_each_part(list, ',', [&](std::string_view range) {
    const std::size_t dash = range.find('-');
    const auto first = whole_number<unsigned>(range.substr(0, dash), 10);
    const auto last = dash == std::string_view::npos ? first : whole_number<unsigned>(range.substr(dash + 1), 10);
    if (!first || !last || *last < *first || *last >= cpus_most) return false;
    count += *last - *first + 1;
    return count <= cpus_most;
  });
  return understood ? std::optional(count) : std::nullopt;
}

std::optional<unsigned> count_cpu_mask(std::string_view mask) {
  unsigned count = 0;
  const bool understood = for_each_part(trimmed(mask), ',', [&](std::string_view word) {
    const auto bits = whole_number<std::uint64_t>(word, 16);
    if (!bits) return false;
    count += static_cast<unsigned>(std::popcount(*bits));
    return count <= cpus_most;
  });
  return understood ? std::optional(count) : std::nullopt;
}

}  // namespace waitwork
