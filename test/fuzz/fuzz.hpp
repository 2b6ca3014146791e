#pragma once
// Hostile input: what the fuzz targets of this folder share (libFuzzer, preset `fuzz`).
//
// Each target is one file: bytes in, and what must hold of everything that is accepted. test/run builds them,
// replays the corpus and fuzzes each for a few seconds; `test/fuzz/run TARGET [SECONDS]` is the long run by
// hand. corpus/TARGET holds seeds from real programs (made by make-corpus; operator_document's are written by
// hand) and, as found-*, inputs that once broke something. An input that breaks something is written to
// build/fuzz/artifacts; replay it by `build/fuzz/test/fuzz/fuzz_TARGET FILE`, mend what it found, and add it
// to the corpus.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

namespace fuzz {

// libFuzzer takes the abort for a finding and keeps the input.
inline void must(bool holds, char const* sentence) {
    if (holds) return;
    std::fprintf(stderr, "this does not hold: %s\n", sentence);
    std::abort();
}

// Takes values from the front of what the fuzzer gave; a value that is not there is 0.
class Input {
public:
    Input(std::uint8_t const* bytes, std::size_t size) : left_{reinterpret_cast<char const*>(bytes), size} {}

    template <class Number> Number take() {
        Number number = 0;   // in the byte order of this machine
        auto const from = take_text(sizeof number);
        std::memcpy(&number, from.data(), from.size());
        return number;
    }
    std::string_view take_text(std::size_t size) {
        auto const text = left_.substr(0, size);
        left_.remove_prefix(text.size());
        return text;
    }
    std::string_view rest() const { return left_; }
    std::span<std::byte const> rest_bytes() const { return std::as_bytes(std::span{left_}); }

private:
    std::string_view left_;
};

}   // namespace fuzz
