// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine cannot do, or refuses, what a constructor needs. Carries what a person needs to act: the operation that
// failed, its subject, the cause and the remedy. what() is the one sentence
//   "<operation> <subject>: <cause>; <remedy>".

#include <stdexcept>
#include <string>

namespace waitwork {

class environment_error : public std::runtime_error {
 public:
  environment_error(std::string operation, std::string subject, std::string cause, std::string remedy);

  const std::string& operation() const noexcept { return operation_; }
  const std::string& subject() const noexcept { return subject_; }
  const std::string& cause() const noexcept { return cause_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  std::string operation_;
  std::string subject_;
  std::string cause_;
  std::string remedy_;
};

// The machine lacks the feature altogether (io_uring forbidden, a file system without O_DIRECT): whatever needs it
// is reported as absent, not as failed.
class unsupported_error : public environment_error {
 public:
  using environment_error::environment_error;
};

}  // namespace waitwork
