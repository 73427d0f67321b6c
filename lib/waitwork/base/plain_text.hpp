// SPDX-License-Identifier: Apache-2.0
#pragma once
// plain_text: text that came from a file, a name or another program, made safe for a terminal and a log.
//
// A report, a path, a row's name or a crashed process's last words may hold escape sequences that repaint a terminal, a
// newline before `::error` or a `##[` that a CI system obeys, characters that turn the direction of what follows, or
// bytes that are no UTF-8. Whatever leaves for a person goes through here, once, where it leaves.

#include <string>
#include <string_view>

namespace waitwork {

// One line: each control character (C0, DEL, C1), line and paragraph separator, bidirectional control and byte that is
// not UTF-8 becomes U+FFFD, except that tabs and newlines become one space; "##[" and "##vso[", "##teamcity[" lose
// their meaning by a space between the two signs. Idempotent.
std::string plain_text(std::string_view text);

// The same for text of several lines: newlines stay, and no line begins with what a CI system reads as a command ("::",
// "##").
std::string plain_lines(std::string_view text);

}  // namespace waitwork
