#pragma once
// A state directory in which nothing can be written or read, whoever the test runs as.

#include "core/files.hpp"

#include <doctest/doctest.h>

#include <filesystem>

namespace test {

inline void break_books(std::filesystem::path const& data) {
    std::filesystem::create_directories(data / "state");
    std::filesystem::rename(data / "state", data / "state.away");
    REQUIRE(core::replace_file(data / "state", "").has_value());
}
inline void mend_books(std::filesystem::path const& data) {
    std::filesystem::remove(data / "state");
    std::filesystem::rename(data / "state.away", data / "state");
}

}   // namespace test
