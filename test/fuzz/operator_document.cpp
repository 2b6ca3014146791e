// The operator's document, and the Quadlet files of its containers: whatever is accepted becomes files in
// which every line is one that this program meant to write.

#include "config/operator_document.hpp"
#include "fuzz.hpp"
#include "health/quadlet.hpp"

#include <algorithm>
#include <set>

using fuzz::must;

namespace {

constexpr std::string_view kDigitsAndLetters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

void check_line(health::QuadletFile const& file, std::string_view section, std::string_view line) {
    auto const equals = line.find('=');
    must(equals != line.npos && line.find_first_not_of(kDigitsAndLetters) == equals, "a line is a directive");
    auto const key = line.substr(0, equals);
    auto const value = line.substr(equals + 1);
    auto const visible =
        std::find_if(value.rbegin(), value.rend(), [](char c) { return c > ' ' && c <= '~'; });
    must(visible == value.rend() || *visible != '\\', "no line goes on in the next one");
    bool const is_system = file.owner == health::ContainerOwner::system;
    if (section == "Container" && key == "Network")
        must(value == (is_system ? "host" : "pasta:-a,169.254.2.1,-n,16,-g,169.254.2.2"),
             "the network follows from the owner");
    if (section == "Container" && key == "PublishPort" && !is_system)
        must(value.starts_with("127.0.0.1:") || value.starts_with("127.0.1.1:"), "a port is on loopback");
    if (section == "Network" && key == "Internal") must(value == "true", "a network leads nowhere");
}

void check_file(health::QuadletFile const& file) {
    std::multiset<std::string> seen;
    std::string_view text = file.text, section;
    must(text.ends_with('\n'), "a file has whole lines");
    while (!text.empty()) {
        auto const end = text.find('\n');
        auto const line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.empty()) continue;
        if (line.starts_with('[')) {
            must(line.ends_with(']'), "a section has a name");
            section = line.substr(1, line.size() - 2);
            must(seen.emplace(line)->size() > 2 && seen.count(std::string{line}) == 1,
                 "a section is there once");
        } else {
            check_line(file, section, line);
            seen.insert(std::string{section} + '.' + std::string{line.substr(0, line.find('='))});
        }
    }
    if (file.kind == config::ContainerUnitKind::container)
        must(seen.count("Container.Network") == 1 && seen.count("Container.Image") == 1 &&
                 seen.count("Service.Restart") == 1,
             "a container has one network, one image, and a service that is run on and on");
    if (file.kind == config::ContainerUnitKind::network)
        must(seen.count("Network.Internal") >= 1, "a network says that it is internal");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const parsed =
        config::parse_operator_document(std::string{fuzz::Input{bytes, size}.rest()}, "atomix.yaml");
    if (auto const* const problems = std::get_if<config::Problems>(&parsed)) {
        must(!problems->empty(), "a refusal has a reason");
        for (auto const& problem : *problems) {
            must(!problem.what.empty(), "a problem is a sentence");
            auto const option = problem.what.find("PodmanArgs: \"-");
            auto const why = problem.what.find("\" is refused, because ");
            if (option != problem.what.npos && why != problem.what.npos)
                must(problem.what.find('=', option) > why, "no value of an option is shown");
        }
        return 0;
    }
    auto const& containers = *std::get<config::OperatorDocument>(parsed).containers;
    std::set<std::pair<health::ContainerOwner, std::string>> names, services;
    for (auto const& file :
         health::render_quadlets(containers, {.config = "/data/config", .files = "/data/config/files"})) {
        must(names.emplace(file.owner, file.name).second, "a file is there once");
        must(services.emplace(file.owner, file.service).second, "a service is there once");
        must(file.name.find('/') == file.name.npos && !file.name.starts_with('.'),
             "a file is in its directory");
        check_file(file);
    }
    return 0;
}
