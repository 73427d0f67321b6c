// SPDX-License-Identifier: Apache-2.0
// Workloads that go wrong on purpose, for tests of the harness. They are rows only where WAITWORK_TEST_WORKLOADS=1.

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/bench/workload.hpp>

namespace waitwork::bench {
namespace {

// A workload of one blocking function: what a unit does is all that differs.
template <answer (*run_unit)(unit)>
class misbehaving final : public workload {
 public:
  answer run(unit work) override { return run_unit(work); }
  task<answer> run(async_context&, unit work) override { co_return run_unit(work); }
  answer expected(std::uint64_t index) const override { return index; }
};

answer crash(unit work) {
  ::raise(SIGSEGV);
  return work.index;
}

answer be_killed(unit work) {
  ::raise(SIGKILL);
  return work.index;
}

answer hang(unit) {
  for (;;) ::pause();
}

answer miscompute(unit work) { return work.index == 3 ? 0 : work.index; }

answer fail(unit) { throw environment_error("write", "/somewhere/file", "no space left on device", "free some space"); }

template <answer (*run_unit)(unit)>
workload_definition definition(const char* name) {
  workload_definition made;
  made.name = name;
  made.variants = {""};
  made.make = [](const workload_settings&) { return std::make_unique<misbehaving<run_unit>>(); };
  return made;
}

workload_definition absent() {
  workload_definition made;
  made.name = "test/absent";
  made.variants = {""};
  made.make = [](const workload_settings&) -> std::unique_ptr<workload> {
    throw unsupported_error("use", "what no machine has", "this machine does not have it", "use a machine that does");
  };
  return made;
}

const bool registered = register_workload(definition<crash>("test/crash")) &&
                        register_workload(definition<be_killed>("test/kill")) &&
                        register_workload(definition<hang>("test/hang")) &&
                        register_workload(definition<miscompute>("test/wrong_answer")) &&
                        register_workload(definition<fail>("test/fail")) && register_workload(absent());

}  // namespace
}  // namespace waitwork::bench
