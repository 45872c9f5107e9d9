#include "arguments.h"

#include "environment.h"

namespace posix_mmap {

int32_t int32_at(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int32Value();
}

uint64_t uint64_at(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsBigInt()) {
    bool lossless = false;
    return info[index].As<Napi::BigInt>().Uint64Value(&lossless);
  }
  return static_cast<uint64_t>(info[index].As<Napi::Number>().Int64Value());
}

Napi::Value number(const Napi::CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

Bytes bytes_at(const Napi::CallbackInfo& info, size_t index) {
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(info.Env(), info[index], &data, &length) != napi_ok) return {nullptr, 0};
  return {static_cast<std::byte*>(data), length};
}

Region* region_at(const Napi::CallbackInfo& info) {
  const Holding* holding = Environment::of(info.Env()).find(uint64_at(info, 0));
  return holding == nullptr ? nullptr : holding->region;
}

}  // namespace posix_mmap
