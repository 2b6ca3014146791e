#pragma once
// A log that a test reads.

#include "core/log.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace test {

class LogLines final : public core::LogSink {
public:
    void write(core::Level, std::string const& line) override { lines.push_back(line); }
    bool contains(std::string_view text) const {
        return std::ranges::any_of(lines, [&](auto const& line) { return line.find(text) != std::string::npos; });
    }
    std::vector<std::string> lines;
};

}   // namespace test
