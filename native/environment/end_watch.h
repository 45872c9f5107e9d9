// Notices that a worker thread's environment is ending, in time to find out which buffers were
// transferred to another thread.
#pragma once

#include "environment/loop_handle.h"

namespace posix_mmap {

class Buffers;

// When an environment ends, the runtime first turns its event loop until all handles are closed,
// and then calls the finalizer of every external ArrayBuffer, newest first, even of those whose
// memory belongs to another thread by now. At that point nobody can tell which those are, and
// cleanup hooks and other finalizers come too late. The only chance is a turn of the loop at which
// no JS may run.
class EndWatch {
 public:
  EndWatch(napi_env env, Buffers& buffers) : env_(env), buffers_(buffers) {}
  EndWatch(const EndWatch&) = delete;
  EndWatch& operator=(const EndWatch&) = delete;

  /// False where the runtime has no libuv.
  bool start();

  void on_loop_end(uv_prepare_t& /*handle*/) { prepare_ = nullptr; }

 private:
  using Prepare = LoopHandle<uv_prepare_t, EndWatch>;
  void look();

  napi_env env_;
  Buffers& buffers_;
  Prepare* prepare_ = nullptr;
  bool ended_ = false;
};

}  // namespace posix_mmap
