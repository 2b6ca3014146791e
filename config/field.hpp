#pragma once
// A value that remembers where it was written, so that every message can name line and column.

#include <string>
#include <utility>
#include <vector>

namespace config {

struct Place {
    std::string file;
    int line = 0;     // from 1; 0: not written down, the built-in default
    int column = 0;   // from 1, in bytes
    bool operator==(Place const&) const = default;
};

template <class T> struct Field {
    T value{};
    Place at{};

    Field() = default;
    Field(T v) : value(std::move(v)) {}
    T const& operator*() const noexcept { return value; }
    T const* operator->() const noexcept { return &value; }
    bool is_written() const noexcept { return at.line > 0; }
};

struct Problem {
    Place at;
    std::string what;           // "trial.window: must be at least 1s"
    std::string text() const;   // "device.yaml:14:17: trial.window: must be at least 1s"
    bool operator==(Problem const&) const = default;
};
using Problems = std::vector<Problem>;

}   // namespace config
