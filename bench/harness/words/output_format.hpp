// SPDX-License-Identifier: Apache-2.0
#pragma once
// output_format: the forms in which Google Benchmark writes results, and so this program.

namespace waitwork::bench {

enum class output_format { console, json, csv };

}  // namespace waitwork::bench
