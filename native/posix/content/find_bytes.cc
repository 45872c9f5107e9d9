#include "posix/content/find_bytes.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace posix_mmap {
namespace {

// Sixteen bytes, and what a comparison gives for each: all ones, or zero.
#if defined(__SSE2__)
#define POSIX_MMAP_BLOCKS 1
using Block = __m128i;
constexpr unsigned kBitsEach = 1;

Block all(std::byte value) noexcept { return _mm_set1_epi8(static_cast<char>(value)); }
Block load(const std::byte* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
Block equal(Block a, Block b) noexcept { return _mm_cmpeq_epi8(a, b); }
Block both(Block a, Block b) noexcept { return _mm_and_si128(a, b); }
Block either(Block a, Block b) noexcept { return _mm_or_si128(a, b); }
/// So many bits for each byte, those of the first byte lowest.
uint64_t bits(Block block) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(block)); }
#elif defined(__aarch64__)
#define POSIX_MMAP_BLOCKS 1
using Block = uint8x16_t;
constexpr unsigned kBitsEach = 4;

Block all(std::byte value) noexcept { return vdupq_n_u8(static_cast<uint8_t>(value)); }
Block load(const std::byte* at) noexcept { return vld1q_u8(reinterpret_cast<const uint8_t*>(at)); }
Block equal(Block a, Block b) noexcept { return vceqq_u8(a, b); }
Block both(Block a, Block b) noexcept { return vandq_u8(a, b); }
Block either(Block a, Block b) noexcept { return vorrq_u8(a, b); }
uint64_t bits(Block block) noexcept {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(block), 4)), 0);
}
#endif

const std::byte* call_memmem(const std::byte* begin, const std::byte* end, const std::byte* needle,
                             size_t needle_length) noexcept {
  const auto length = static_cast<size_t>(end - begin);
  return static_cast<const std::byte*>(memmem(begin, length, needle, needle_length));
}

#ifdef POSIX_MMAP_BLOCKS

constexpr size_t kBlock = 16;
constexpr size_t kStep = 4 * kBlock;

/// Compares at the places where the first and the last byte of the needle stand as far apart as in
/// the needle, which in most data are few.
class BlockSearch {
 public:
  BlockSearch(const std::byte* needle, size_t length) noexcept
      : needle_(needle), length_(length), first_(all(needle[0])), last_(all(needle[length - 1])) {}

  /// `begin` becomes the first place that was not looked at.
  const std::byte* find(const std::byte*& begin, const std::byte* end) noexcept {
    const std::byte* at = begin;
    // What is compared in vain may be some times what is searched; in data made for it, it would be
    // as much at each place.
    size_t patience = 1UL << 16;
    for (; static_cast<size_t>(end - at) >= kStep + length_ - 1; at += kStep) {
      const Block a = candidates(at);
      const Block b = candidates(at + kBlock);
      const Block c = candidates(at + 2 * kBlock);
      const Block d = candidates(at + 3 * kBlock);
      patience += 2 * kStep;
      if (bits(either(either(a, b), either(c, d))) == 0) continue;
      size_t offset = 0;
      for (const Block block : {a, b, c, d}) {
        const std::byte* const place = compare(at + offset, bits(block), patience);
        if (place != nullptr) return place;
        offset += kBlock;
      }
      if (patience < kStep * length_) break;
    }
    begin = at;
    return nullptr;
  }

 private:
  Block candidates(const std::byte* at) const noexcept {
    return both(equal(load(at), first_), equal(load(at + length_ - 1), last_));
  }

  const std::byte* compare(const std::byte* at, uint64_t candidates,
                           size_t& patience) const noexcept {
    while (candidates != 0) {
      const auto index = static_cast<unsigned>(__builtin_ctzll(candidates)) / kBitsEach;
      if (memcmp(at + index, needle_, length_) == 0) return at + index;
      patience -= length_ < patience ? length_ : patience;
      candidates &= ~(((uint64_t{1} << kBitsEach) - 1) << (kBitsEach * index));
    }
    return nullptr;
  }

  const std::byte* const needle_;
  const size_t length_;
  const Block first_;
  const Block last_;
};

#endif

}  // namespace

const std::byte* find_bytes(const std::byte* begin, size_t length, const std::byte* needle,
                            size_t needle_length) noexcept {
  const std::byte* const end = begin + length;
  if (needle_length == 1) {
    return static_cast<const std::byte*>(memchr(begin, static_cast<int>(needle[0]), length));
  }
#ifdef POSIX_MMAP_BLOCKS
  const std::byte* const place = BlockSearch(needle, needle_length).find(begin, end);
  if (place != nullptr) return place;
#endif
  return call_memmem(begin, end, needle, needle_length);
}

}  // namespace posix_mmap
