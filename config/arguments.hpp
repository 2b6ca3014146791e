#pragma once
// atomixd's command line. Pure.

#include <filesystem>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace config {

struct RunDaemon {
    std::filesystem::path device{"/etc/atomix/device.yaml"};
    bool verbose = false;   // debug lines too
    bool operator==(RunDaemon const&) const = default;
};
struct PrepareLan {
    std::filesystem::path device{"/etc/atomix/device.yaml"};
    bool operator==(PrepareLan const&) const = default;
};
struct CheckFiles {
    std::vector<std::filesystem::path> files;
    bool operator==(CheckFiles const&) const = default;
};
struct ShowVersion {
    bool operator==(ShowVersion const&) const = default;
};
struct ShowHelp {
    bool operator==(ShowHelp const&) const = default;
};
struct BadUsage {
    std::string why;
    bool operator==(BadUsage const&) const = default;
};
using Arguments = std::variant<RunDaemon, PrepareLan, CheckFiles, ShowVersion, ShowHelp, BadUsage>;

// Without the program's own name.
Arguments parse_arguments(std::span<char const* const> words);

extern char const* const kUsage;

// Prints every problem of every file to standard output, one per line. A file named device.yaml, or with a
// top-level key `device`, is a device document, any other an operator's. Of one without a problem also the
// warnings of its containers, "warning: atomix.yaml:7:5: …". The exit code: 0, or 2 if there is any problem.
int check_files(CheckFiles const& check);

}   // namespace config
