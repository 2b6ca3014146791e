// atomix_render_quadlets DOCUMENT DIRECTORY [CONFIG FILES]: writes the Quadlet files of an operator's
// document into DIRECTORY/system and DIRECTORY/app_user, as atomixd renders them, for tests with podman's own
// generator. Prints every warning, or every problem and ends with 2.

#include "config/operator_document.hpp"
#include "core/files.hpp"
#include "health/quadlet.hpp"

#include <cstdio>

namespace {

int render(char const* document, std::filesystem::path const& directory, health::QuadletPaths const& paths) {
    auto const text = core::read_file(document, 1 << 20);
    if (!text) return std::puts(text.error().text().c_str()), 2;
    auto const parsed = config::parse_operator_document(*text, "atomix.yaml");
    if (auto const* const problems = std::get_if<config::Problems>(&parsed)) {
        for (auto const& problem : *problems) std::puts(problem.text().c_str());
        return 2;
    }
    auto const& containers = *std::get<config::OperatorDocument>(parsed).containers;
    for (auto const& warning : containers.warnings) std::puts(warning.c_str());
    for (auto const& file : health::render_quadlets(containers, paths)) {
        auto const* const owner = file.owner == health::ContainerOwner::system ? "system" : "app_user";
        if (auto const done = core::replace_file(directory / owner / file.name, file.text); !done)
            return std::puts(done.error().text().c_str()), 1;
    }
    return 0;
}

}   // namespace

int main(int count, char** words) {
    if (count != 3 && count != 5) {
        std::fputs("atomix_render_quadlets DOCUMENT DIRECTORY [CONFIG FILES]\n", stderr);
        return 2;
    }
    health::QuadletPaths paths{"/data/config", "/data/config/files"};
    if (count == 5) paths = {words[3], words[4]};
    return render(words[1], words[2], paths);
}
