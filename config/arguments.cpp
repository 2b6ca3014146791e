#include "config/arguments.hpp"

#include "config/device_document.hpp"
#include "config/operator_document.hpp"
#include "config/yaml.hpp"
#include "core/files.hpp"

#include <iostream>
#include <string_view>

namespace config {
namespace {

constexpr int kProblemsFound = 2;

bool is_device_document(std::filesystem::path const& file, std::string_view text) {
    return file.filename() == "device.yaml" || text.starts_with("device:") ||
           text.find("\ndevice:") != std::string_view::npos;
}

// What is wrong, and of a document that is good what a person should know all the same.
struct Report {
    Problems problems;
    std::vector<std::string> warnings;
};

Report report_of(std::filesystem::path const& file) {
    auto const text = core::read_file(file, kLongestDocument);
    if (!text) return {.problems = {{{file.string()}, text.error().text()}}, .warnings = {}};
    if (is_device_document(file, *text)) {
        auto const parsed = parse_device_document(*text, file.string());
        auto const* const problems = std::get_if<Problems>(&parsed);
        return {.problems = problems ? *problems : Problems{}, .warnings = {}};
    }
    auto const parsed = parse_operator_document(*text, file.string());
    if (auto const* const problems = std::get_if<Problems>(&parsed))
        return {.problems = *problems, .warnings = {}};
    return {.problems = {}, .warnings = std::get<OperatorDocument>(parsed).containers->warnings};
}

}   // namespace

char const* const kUsage =
    R"(usage: atomixd [--config FILE] [--verbose]   run; FILE is the device document (/etc/atomix/device.yaml)
       atomixd --prepare-lan [--config FILE] set the LAN's address, write its services' files, and end
       atomixd --check FILE...               only check documents: device.yaml, atomix.yaml
       atomixd --version | --help

SIGTERM ends it in order, SIGHUP asks the update server now.
exit code: 0 ended in order, 1 could not run, 2 a document or the command line is wrong
)";

Arguments parse_arguments(std::span<char const* const> words) {
    RunDaemon run;
    bool only_prepares = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view const word{words[i]};
        if (word == "--help" || word == "-h") return ShowHelp{};
        if (word == "--version") return ShowVersion{};
        if (word == "--verbose") {
            run.verbose = true;
        } else if (word == "--prepare-lan") {
            only_prepares = true;
        } else if (word == "--config") {
            if (++i == words.size()) return BadUsage{"--config needs a file"};
            run.device = words[i];
        } else if (word == "--check") {
            CheckFiles check;
            for (++i; i < words.size(); ++i) check.files.emplace_back(words[i]);
            if (check.files.empty()) return BadUsage{"--check needs at least one file"};
            return check;
        } else {
            return BadUsage{"\"" + std::string{word} + "\" is not understood"};
        }
    }
    if (only_prepares) return PrepareLan{run.device};
    return run;
}

int check_files(CheckFiles const& check) {
    int status = 0;
    for (auto const& file : check.files) {
        auto const report = report_of(file);
        if (!report.problems.empty()) status = kProblemsFound;
        for (auto const& problem : report.problems) std::cout << problem.text() << '\n';
        for (auto const& warning : report.warnings) std::cout << "warning: " << warning << '\n';
    }
    return status;
}

}   // namespace config
