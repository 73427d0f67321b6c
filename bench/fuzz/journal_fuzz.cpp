// SPDX-License-Identifier: Apache-2.0
// Bytes as a journal: whatever stands in the file, it is read to its end or refused in a sentence, and whatever is
// believed can be written again and says the same.

#include <harness/record/journal.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/report/checksum.hpp>

namespace {

using namespace waitwork::bench;

constexpr std::string_view before_checksum = ",\"crc32\":\"";

// Random bytes never have a right checksum, and nothing behind it would ever be reached. So of half of the inputs each
// line that ends like one of ours is given the right one first.
std::string with_right_checksums(std::string_view text) {
  std::string fixed, seed;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    const std::size_t tail = before_checksum.size() + 10;
    if (line.size() >= tail && line.substr(line.size() - tail).starts_with(before_checksum)) {
      const std::string content = line.substr(0, line.size() - tail);
      line = content + std::string(before_checksum) + waitwork::checksum(content, is_header(line) ? "" : seed) + "\"}";
      try {
        if (seed.empty()) seed = parse_header(line).run;
      } catch (const waitwork::malformed_json&) {
      }
    }
    fixed += line;
    if (end < text.size()) fixed += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fixed;
}

void check(const journal_entry& entry, std::string_view run, unsigned rounds) {
  WAITWORK_CHECK(entry.round < rounds, "what is believed is in range");
  const std::string line = line_of(entry, run);
  const journal_entry again = parse_entry(std::string_view(line).substr(0, line.size() - 1), run, rounds);
  WAITWORK_CHECK(line_of(again, run) == line, "what is believed can be written again");
}

// Line by line, without a file: a hundred times as many inputs.
void read_lines(std::string_view text) {
  std::optional<journal_header> header;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    try {
      if (is_header(line)) {
        header = parse_header(line);
      } else {
        const std::string run = header ? header->run : "";
        const unsigned rounds = header ? header->configuration.rounds : 5;
        check(parse_entry(line, run, rounds), run, rounds);
      }
    } catch (const waitwork::malformed_json&) {
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void read_file(const std::string& text) {
  // A file in memory, under a name that a journal can be opened by.
  static const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("waitwork-journal-fuzz." + std::to_string(::getpid()));
  {
    const waitwork::unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    WAITWORK_CHECK(fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
                   "the file can be written");
  }
  try {
    const std::optional<journal> opened = journal::resume(file);
    if (!opened) return;
    const journal_header& header = opened->header();
    opened->read([&header](journal_entry&& entry) { check(entry, header.run, header.configuration.rounds); });
  } catch (const waitwork::environment_error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  const std::string journal = text.front() == 'f' ? with_right_checksums(text.substr(1)) : std::string(text);
  read_lines(journal);
  if (std::hash<std::string>()(journal) % 64 == 0) read_file(journal);
  return 0;
}
