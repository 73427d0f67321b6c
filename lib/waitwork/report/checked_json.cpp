// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/checked_json.hpp>

#include <cmath>
#include <sstream>

namespace waitwork {
namespace {

using nlohmann::ordered_json;

constexpr int deepest = 64;

// What stands there instead, short enough to be shown.
std::string shown(const ordered_json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  const std::string text = value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return text.size() <= 40 ? text : "a text of " + std::to_string(text.size()) + " bytes";
}

[[noreturn]] void refuse(const char* name, const ordered_json& value, const std::string& expected) {
  throw malformed_json(std::string(name) + " is " + shown(value) + ", not " + expected);
}

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

ordered_json parse_json(std::string_view text) {
  const auto limit_depth = [](int depth, ordered_json::parse_event_t, ordered_json&) {
    if (depth > deepest) throw malformed_json("it is nested more than " + std::to_string(deepest) + " levels deep");
    return true;
  };
  try {
    return ordered_json::parse(text, limit_depth);
  } catch (const ordered_json::exception&) {
    throw malformed_json("it is not JSON, or was cut off");
  }
}

const ordered_json& member(const ordered_json& object, const char* name) {
  if (!object.is_object()) throw malformed_json("there is " + shown(object) + " in the place of an object");
  const auto found = object.find(name);
  if (found == object.end()) throw malformed_json(std::string(name) + " is missing");
  return *found;
}

const ordered_json& object_member(const ordered_json& object, const char* name) {
  const ordered_json& value = member(object, name);
  if (!value.is_object()) refuse(name, value, "an object");
  return value;
}

const ordered_json& array_member(const ordered_json& object, const char* name) {
  const ordered_json& value = member(object, name);
  if (!value.is_array()) refuse(name, value, "a list");
  return value;
}

std::string text_member(const ordered_json& object, const char* name, std::size_t most_bytes) {
  const ordered_json& value = member(object, name);
  if (!value.is_string() || value.get_ref<const std::string&>().size() > most_bytes) {
    refuse(name, value, "a text of at most " + std::to_string(most_bytes) + " bytes");
  }
  return value.get<std::string>();
}

bool bool_member(const ordered_json& object, const char* name) {
  const ordered_json& value = member(object, name);
  if (!value.is_boolean()) refuse(name, value, "true or false");
  return value.get<bool>();
}

std::uint64_t whole_member(const ordered_json& object, const char* name, std::uint64_t least, std::uint64_t most) {
  const ordered_json& value = member(object, name);
  // A parser gives what is not negative as unsigned; who builds an object in the program may have used an int.
  const bool whole = value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (!whole || value.get<std::uint64_t>() < least || value.get<std::uint64_t>() > most) {
    refuse(name, value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value.get<std::uint64_t>();
}

double number_member(const ordered_json& object, const char* name, double least, double most) {
  const ordered_json& value = member(object, name);
  const bool in_range = value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() >= least &&
                        value.get<double>() <= most;
  if (!in_range) refuse(name, value, "a number from " + shortest(least) + " to " + shortest(most));
  return value.get<double>();
}

}  // namespace waitwork
