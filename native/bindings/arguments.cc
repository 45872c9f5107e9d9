#include "bindings/arguments.h"

#include "environment/environment.h"

namespace posix_mmap {

int32_t int32_at(const Napi::CallbackInfo& info, size_t index) {
  int32_t value = 0;
  napi_get_value_int32(info.Env(), info[index], &value);
  return value;
}

bool bool_at(const Napi::CallbackInfo& info, size_t index) {
  bool value = false;
  napi_get_value_bool(info.Env(), info[index], &value);
  return value;
}

int64_t int64_at(const Napi::CallbackInfo& info, size_t index) {
  int64_t value = 0;
  napi_get_value_int64(info.Env(), info[index], &value);
  return value;
}

uint64_t uint64_at(const Napi::CallbackInfo& info, size_t index) {
  int64_t value = 0;
  if (napi_get_value_int64(info.Env(), info[index], &value) == napi_ok) {
    return static_cast<uint64_t>(value);
  }
  uint64_t large = 0;
  bool lossless = false;
  napi_get_value_bigint_uint64(info.Env(), info[index], &large, &lossless);
  return large;
}

std::string string_at(const Napi::CallbackInfo& info, size_t index) {
  size_t length = 0;
  napi_get_value_string_utf8(info.Env(), info[index], nullptr, 0, &length);
  std::string value(length, '\0');
  napi_get_value_string_utf8(info.Env(), info[index], value.data(), length + 1, &length);
  return value;
}

Napi::Value number(const Napi::CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

Napi::Value numbers(const Napi::CallbackInfo& info, std::initializer_list<int64_t> values) {
  napi_value array = nullptr;
  napi_create_array_with_length(info.Env(), values.size(), &array);
  uint32_t index = 0;
  for (const int64_t value : values) {
    napi_set_element(info.Env(), array, index++, number(info, value));
  }
  return Napi::Value(info.Env(), array);
}

Bytes bytes_at(const Napi::CallbackInfo& info, size_t index) {
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(info.Env(), info[index], &data, &length) != napi_ok) return {nullptr, 0};
  return {static_cast<std::byte*>(data), length};
}

namespace {

/// The elements of a typed array of this type; nullptr and 0 for anything else.
template <typename Element>
Elements<Element> elements_at(const Napi::CallbackInfo& info, size_t index,
                              napi_typedarray_type wanted) {
  napi_typedarray_type type{};
  size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != wanted) return {nullptr, 0};
  return {static_cast<Element*>(data), length};
}

/// The words of a file identity, or nullptr.
uint64_t* identity_words(const Napi::CallbackInfo& info, size_t index) {
  const auto words = elements_at<uint64_t>(info, index, napi_biguint64_array);
  return words.length == 3 ? words.data : nullptr;
}

}  // namespace

Elements<double> doubles_at(const Napi::CallbackInfo& info, size_t index) {
  return elements_at<double>(info, index, napi_float64_array);
}

void store_identity(const Napi::CallbackInfo& info, size_t index, const FileIdentity& identity) {
  uint64_t* const words = identity_words(info, index);
  if (words == nullptr) return;
  words[0] = identity.device;
  words[1] = identity.inode;
  words[2] = identity.regular ? 1 : 0;
}

FileIdentity identity_at(const Napi::CallbackInfo& info, size_t index) {
  const uint64_t* const words = identity_words(info, index);
  if (words == nullptr) return {};
  return {words[0], words[1], words[2] != 0};
}

Region* region_at(const Napi::CallbackInfo& info) {
  const Holding* const holding = Environment::of(info.Env()).handles().find(uint64_at(info, 0));
  return holding == nullptr ? nullptr : holding->region.get();
}

}  // namespace posix_mmap
