// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/environment_error.hpp>

#include <utility>

namespace waitwork {
namespace {

std::string sentence(const std::string& operation, const std::string& subject, const std::string& cause,
                     const std::string& remedy) {
  std::string text = operation;
  if (!subject.empty()) text += " " + subject;
  text += ": " + cause;
  if (!remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace

environment_error::environment_error(std::string operation, std::string subject, std::string cause, std::string remedy)
    : std::runtime_error(sentence(operation, subject, cause, remedy)),
      operation_(std::move(operation)),
      subject_(std::move(subject)),
      cause_(std::move(cause)),
      remedy_(std::move(remedy)) {}

}  // namespace waitwork
