// SPDX-License-Identifier: Apache-2.0
#pragma once
// checked_json: JSON that comes from a file or another process, read without believing it.
//
// nlohmann_json's own accessors throw sentences of its own making, convert numbers silently (2.9 to 2, -1 to four
// thousand million) and its writers recurse. Here a member has a type and a range, and what is wrong with it is a
// clause that can be shown: "rounds is 1e+300, not a whole number from 1 to 10000".

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace waitwork {

// what() is a clause without a full stop.
class malformed_json : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Everything below throws malformed_json, and nothing else but for lack of memory.

// A whole JSON text. At most 64 levels deep: nothing of ours has more than eight, and what is deeper would exhaust the
// stack of whoever writes it out again.
nlohmann::ordered_json parse_json(std::string_view text);

// The member of that name, of any type; `object` must be an object.
const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* name);
const nlohmann::ordered_json& object_member(const nlohmann::ordered_json& object, const char* name);
const nlohmann::ordered_json& array_member(const nlohmann::ordered_json& object, const char* name);

std::string text_member(const nlohmann::ordered_json& object, const char* name, std::size_t most_bytes = 65'536);
bool bool_member(const nlohmann::ordered_json& object, const char* name);
// Whole, and written as such: 2 but not 2.0 or "2".
std::uint64_t whole_member(const nlohmann::ordered_json& object, const char* name, std::uint64_t least,
                           std::uint64_t most);
// Finite.
double number_member(const nlohmann::ordered_json& object, const char* name, double least, double most);

}  // namespace waitwork
