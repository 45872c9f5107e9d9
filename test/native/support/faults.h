// What the tests of the fault guard do in their children.
#pragma once

#include <cstddef>

namespace testing {

/// A page that is none of ours, and may not be touched: SIGSEGV.
std::byte* foreign_page();
/// The same of a file that ends before it: SIGBUS.
std::byte* foreign_truncated_page();

/// Ends the child if the guard does not do its work.
void check_own_faults_work();

}  // namespace testing
