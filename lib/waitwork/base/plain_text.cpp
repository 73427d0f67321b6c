// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/plain_text.hpp>

#include <cstddef>
#include <cstdint>

namespace waitwork {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct decoded {
  std::uint32_t code = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// The character at the start of `text`, which is not empty. Strict (RFC 3629): no overlong forms, no surrogates.
decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7Fu >> length);
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(at) & 0x3Fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

bool shown_as_it_is(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;        // C0, DEL, C1
  if (code == 0x2028 || code == 0x2029) return false;                    // separators of lines and paragraphs
  if (code == 0x061C || code == 0x200E || code == 0x200F) return false;  // marks of direction
  return !((code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069));  // embeddings, isolates
}

bool is_blank(char character) {
  return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  bool blank_before = false;  // a run of tabs and newlines is one space
  while (!text.empty()) {
    if (text.front() != ' ' && is_blank(text.front())) {
      if (!blank_before) plain += ' ';
      blank_before = true;
      text.remove_prefix(1);
      continue;
    }
    blank_before = false;
    const decoded next = decode(text);
    if (next.length == 0) {
      plain += replacement;
      text.remove_prefix(1);
      continue;
    }
    if (!shown_as_it_is(next.code)) {
      plain += replacement;
    } else if (next.code == '#' && plain.ends_with('#')) {
      plain += " #";
    } else {
      plain += text.substr(0, next.length);
    }
    text.remove_prefix(next.length);
  }
  return plain;
}

std::string plain_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string line = plain_text(text.substr(0, end));
    const std::size_t first = line.find_first_not_of(' ');
    // A space between the colons: what is shown stays readable, and is no command.
    if (first != std::string::npos && std::string_view(line).substr(first).starts_with("::")) {
      lines += line.substr(0, first + 1) + ' ' + line.substr(first + 1);
    } else {
      lines += line;
    }
    if (end == std::string_view::npos) break;
    lines += '\n';
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace waitwork
