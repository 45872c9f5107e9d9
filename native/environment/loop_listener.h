// A JS function that is called from the event loop with numbers.
#pragma once

#include <initializer_list>

#include "napi_setup.h"

namespace posix_mmap {

class LoopListener {
 public:
  /// `name` is the type that async_hooks show for its calls.
  explicit LoopListener(const char* name) : name_(name) {}

  void set(const Napi::Function& function) { function_ = Napi::Persistent(function); }
  void reset() { function_.Reset(); }
  /// Does nothing once the environment is ending. An exception that the function throws is an
  /// uncaught exception.
  void call(napi_env env, std::initializer_list<double> arguments);

 private:
  const char* name_;
  Napi::FunctionReference function_;
};

}  // namespace posix_mmap
