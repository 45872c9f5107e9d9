#include "posix/region/token_text.h"

#include <sys/random.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <mutex>

namespace posix_mmap {
namespace {

struct Key {
  uint64_t first = 0;
  uint64_t second = 0;
};

struct Proof {
  uint64_t first = 0;
  uint64_t second = 0;
  bool operator==(const Proof&) const = default;
};

/// Drawn once in a process, by getrandom(2): 0 or -errno. Without random bytes there are no tokens,
/// since a key made of a clock could be guessed.
int process_key(Key& key) noexcept {
  static std::mutex mutex;
  static Key drawn;
  static bool ready = false;
  const std::lock_guard<std::mutex> lock(mutex);
  while (!ready) {
    // Up to 256 bytes come whole or not at all.
    ready = getrandom(&drawn, sizeof(drawn), 0) == sizeof(drawn);
    if (!ready && errno != EINTR) return -errno;
  }
  key = drawn;
  return 0;
}

/// SipHash-2-4 with a result of 128 bits (Aumasson and Bernstein, 2012) of one word.
class SipHash {
 public:
  explicit SipHash(const Key& key) noexcept
      : v_{key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d ^ 0xee,
           key.first ^ 0x6c7967656e657261, key.second ^ 0x7465646279746573} {}

  Proof of(uint64_t word) noexcept {
    absorb(word);
    absorb(uint64_t{sizeof(word)} << 56U);
    v_[2] ^= 0xee;
    const uint64_t first = squeeze();
    v_[1] ^= 0xdd;
    return {first, squeeze()};
  }

 private:
  void round() noexcept {
    v_[0] += v_[1];
    v_[2] += v_[3];
    v_[1] = std::rotl(v_[1], 13) ^ v_[0];
    v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[1];
    v_[0] += v_[3];
    v_[1] = std::rotl(v_[1], 17) ^ v_[2];
    v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] = std::rotl(v_[2], 32);
  }
  void absorb(uint64_t word) noexcept {
    v_[3] ^= word;
    for (int i = 0; i < 2; ++i) round();
    v_[0] ^= word;
  }
  uint64_t squeeze() noexcept {
    for (int i = 0; i < 4; ++i) round();
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

  std::array<uint64_t, 4> v_;
};

constexpr size_t kDigits = 16;

void write_word(uint64_t word, char* out) noexcept {
  for (size_t digit = kDigits; digit-- > 0; word >>= 4U)
    out[digit] = "0123456789abcdef"[word & 15U];
}

uint64_t read_word(std::string_view in) noexcept {
  uint64_t word = 0;
  std::from_chars(in.begin(), in.end(), word, 16);
  return word;
}

void write(uint64_t token, const Proof& proof, std::string& text) noexcept {
  text.resize(3 * kDigits);
  write_word(token, text.data());
  write_word(proof.first, text.data() + kDigits);
  write_word(proof.second, text.data() + 2 * kDigits);
}

}  // namespace

int write_token(uint64_t token, std::string& text) noexcept {
  Key key;
  const int drawn = process_key(key);
  if (drawn == 0) write(token, SipHash(key).of(token), text);
  return drawn;
}

int read_token(std::string_view text, uint64_t& token) noexcept {
  if (text.size() != 3 * kDigits) return -EXDEV;
  const uint64_t claimed = read_word(text.substr(0, kDigits));
  std::string right;
  // Written anew and compared as a whole, so that there is one spelling of each token.
  if (write_token(claimed, right) != 0 || right != text) return -EXDEV;
  token = claimed;
  return 0;
}

}  // namespace posix_mmap
