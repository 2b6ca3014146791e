#pragma once
// Every point at which the power can go in the life of one update, and what must be true of the device
// afterwards.

#include "ota/power_cut_device.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace test {

struct Scenario {
    core::Slot running = core::Slot::a;   // the update goes into the other one
    core::Verdict verdict = core::Verdict::commit;
    bool loses_environment = false;   // both copies go with the power
};

struct Matrix {
    std::map<std::string, std::size_t> points;   // by what was being written
    std::size_t torn = 0;                        // of them: within a write, at 512 bytes
    std::size_t torn_at_4096 = 0;                // of torn
    std::size_t devices = 0;                     // that differ in any byte: each was started again
    std::size_t resumed = 0;                     // of them: did not fetch again what was recorded as written
    std::map<std::string, std::size_t> ends;     // what the devices came to
    std::vector<std::string> problems;           // sentences with their cut point; the first ones only
    std::size_t bad = 0;                         // devices with a problem

    std::string text() const;
};

Matrix cut_everywhere(Scenario const& scenario);

}   // namespace test
