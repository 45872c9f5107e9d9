// Tokens as text, with a proof that this process wrote them.
#include "posix/region/token_text.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <string>

using posix_mmap::read_token;
using posix_mmap::write_token;

TEST_SUITE("token_text") {
  TEST_CASE("what was written is read, and each token has one text") {
    std::set<std::string> texts;
    for (uint64_t token : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40U, UINT64_MAX}) {
      std::string text;
      std::string again;
      REQUIRE(write_token(token, text) == 0);
      REQUIRE(write_token(token, again) == 0);
      CHECK(text == again);
      CHECK(text.size() == 48);
      uint64_t read = token + 1;
      CHECK(read_token(text, read) == 0);
      CHECK(read == token);
      texts.insert(text.substr(16));
    }
    CHECK(texts.size() == 4);
  }

  TEST_CASE("no text that differs in a bit is read") {
    std::string text;
    REQUIRE(write_token(77, text) == 0);
    int accepted = 0;
    for (size_t at = 0; at < text.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ (1 << bit));
        uint64_t read = 0;
        accepted += read_token(other, read) != -EXDEV;
      }
    }
    CHECK(accepted == 0);
  }

  TEST_CASE("no text of another length is read") {
    std::string text;
    REQUIRE(write_token(77, text) == 0);
    uint64_t read = 0;
    for (const std::string& other : {std::string(), text.substr(1), text + "0", text + text}) {
      CHECK(read_token(other, read) == -EXDEV);
    }
  }
}
