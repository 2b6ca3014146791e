#include "health/quadlet.hpp"

#include "config/container_rules.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace health {
namespace {

using config::ContainerUnit;
using config::QuadletDirective;
using config::QuadletSection;
using config::values_of;
using Kind = config::ContainerUnitKind;

// With an address and a way out of its own, those that pasta takes where there is no network. Left alone it
// copies the WAN's of the moment: with the cable out the LAN's, without a way out, for as long as the
// container runs.
constexpr auto kPasta = "pasta:-a,169.254.2.1,-n,16,-g,169.254.2.2";

std::string replaced(std::string text, std::string_view old, std::string_view fresh) {
    for (auto at = text.find(old); at != std::string::npos; at = text.find(old, at + fresh.size()))
        text.replace(at, old.size(), fresh);
    return text;
}

// What systemd takes for a specifier or a variable, as it is.
std::string literal(std::string_view text, std::string_view special) {
    std::string out;
    for (char const c : text) {
        if (special.find(c) != special.npos) out += c;
        out += c;
    }
    return out;
}

// systemd.service(5), "Command lines"; Quadlet reads and writes words by the same rules.
std::string as_word(std::string_view word) {
    static constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@+%$";
    auto const text = literal(word, "%$");
    if (text.find_first_not_of(kPlain) == text.npos) return text;
    std::string out{'"'};
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\t' ? std::string{"\\t"} : std::string{c};
    }
    return out + '"';
}

QuadletSection const* find(ContainerUnit const& unit, std::string_view section) {
    auto const found = std::ranges::find(unit.sections, section, &QuadletSection::name);
    return found == unit.sections.end() ? nullptr : &*found;
}

std::string source_of(std::string const& volume) {
    return volume.substr(0, volume.find(':'));
}

// By both of its names in a container's Volume, and by the one of a unit in its Mount.
bool uses_volume(ContainerUnit const& container, std::string const& name) {
    auto const unit = name + ".volume";
    auto const is_it = [&](std::string const& volume) {
        auto const source = source_of(volume);
        return source == name || source == unit;
    };
    auto const mounts_it = [&](std::string const& mount) {
        auto const sources = config::volumes_of_mount(mount);
        return std::ranges::find(sources, unit) != sources.end();
    };
    return std::ranges::any_of(values_of(container, "Container", "Volume"), is_it) ||
           std::ranges::any_of(values_of(container, "Container", "Mount"), mounts_it);
}

// By its unit, or by its first tag.
bool uses_build(ContainerUnit const& container, ContainerUnit const& build) {
    auto const images = values_of(container, "Container", "Image");
    auto const tags = values_of(build, "Build", "ImageTag");
    return !images.empty() &&
           (images.front() == build.name + ".build" || (!tags.empty() && images.front() == tags.front()));
}

ContainerOwner owner_of(ContainerUnit const& container) {
    return container.privileged ? ContainerOwner::system : ContainerOwner::app_user;
}

std::set<ContainerOwner> owners_of(ContainerUnit const& unit, config::Containers const& containers) {
    if (unit.kind == Kind::container) return {owner_of(unit)};
    std::set<ContainerOwner> owners;
    for (auto const& other : containers.units) {
        if (other.kind != Kind::container) continue;
        bool const is_used = unit.kind == Kind::volume  ? uses_volume(other, unit.name)
                             : unit.kind == Kind::build ? uses_build(other, unit)
                                                        : false;
        if (is_used) owners.insert(owner_of(other));
    }
    return owners.empty() ? std::set{ContainerOwner::system} : owners;
}

class Renderer {
public:
    Renderer(config::Containers const& containers, QuadletPaths const& paths) : paths_{paths} {
        for (auto const& unit : containers.units)
            if (unit.kind == Kind::volume) volumes_.insert(unit.name);
    }

    std::string render(ContainerUnit const& unit) {
        text_.clear();
        if (unit.kind == Kind::container) {
            begin("Unit");
            write_all(unit, "Unit");
            if (values_of(unit, "Unit", "StartLimitIntervalSec").empty() &&
                values_of(unit, "Unit", "StartLimitInterval").empty())
                line("StartLimitIntervalSec", "0");
            begin("Container");
            write_container(unit);
            if (find(unit, "Install")) {
                begin("Install");
                write_all(unit, "Install");
            }
            begin("Service");
            for (auto const& [key, value] : kService) line(key, value);
        } else {
            static constexpr std::array kSections{"Container", "Network", "Volume", "Build"};
            auto const* const section = kSections.at(static_cast<std::size_t>(unit.kind));
            begin(section);
            write_all(unit, section);
            if (unit.kind == Kind::network && values_of(unit, section, "Internal").empty())
                line("Internal", "true");
        }
        return std::move(text_);
    }

private:
    struct Line {
        std::string_view key, value;
    };
    // A pull takes its time, and a registry that is away at boot must not leave the container down for good.
    static constexpr std::array<Line, 3> kService{
        {{"Restart", "always"}, {"RestartSec", "10"}, {"TimeoutStartSec", "900"}}};

    void begin(std::string_view section) {
        text_ += (text_.empty() ? "[" : "\n[") + std::string{section} + "]\n";
    }
    void line(std::string_view key, std::string_view value) {
        text_.append(key).append(1, '=').append(value).append(1, '\n');
    }

    std::string with_paths(std::string text, std::string_view special) const {
        auto const path = [&](std::filesystem::path const& where) {
            return literal(where.string(), special);
        };
        return replaced(replaced(std::move(text), "${CONFIG_DIR}", path(paths_.config)), "${FILES_DIR}",
                        path(paths_.files));
    }

    void write(QuadletDirective const& directive) {
        for (auto const& value : directive.values) line(directive.key, with_paths(value, "%"));
    }
    void write_all(ContainerUnit const& unit, std::string_view section) {
        if (auto const* const written = find(unit, section))
            for (auto const& directive : written->directives) write(directive);
    }

    void write_container(ContainerUnit const& unit) {
        auto const* const network = unit.privileged ? "host" : kPasta;
        auto const* const section = find(unit, "Container");
        bool has_network = false;
        for (auto const& directive : section ? section->directives : std::vector<QuadletDirective>{}) {
            if (directive.key == "Network") {
                line("Network", network);
                has_network = true;
            } else if (directive.key == "Exec" && directive.is_list) {
                line("Exec", joined(directive.values));
            } else if (directive.key == "Volume") {
                write(linked(directive));
            } else {
                write(directive);
            }
        }
        if (!has_network) line("Network", network);
    }

    std::string joined(std::vector<std::string> const& words) const {
        std::string all;
        for (auto const& word : words) all += (all.empty() ? "" : " ") + as_word(with_paths(word, ""));
        return all;
    }

    QuadletDirective linked(QuadletDirective directive) const {
        for (auto& value : directive.values)
            if (auto const source = source_of(value);
                value.size() > source.size() && volumes_.contains(source))
                value.insert(source.size(), ".volume");
        return directive;
    }

    QuadletPaths const& paths_;
    std::set<std::string> volumes_;
    std::string text_;
};

}   // namespace

std::vector<QuadletFile> render_quadlets(config::Containers const& containers, QuadletPaths const& paths) {
    Renderer renderer{containers, paths};
    std::vector<QuadletFile> files;
    for (auto const& unit : containers.units)
        for (auto const owner : owners_of(unit, containers)) {
            QuadletFile file;
            file.owner = owner;
            file.kind = unit.kind;
            file.name = unit.name + '.' + name(unit.kind);
            file.service = service_name(unit.kind, unit.name);
            file.text = renderer.render(unit);
            if (unit.kind == Kind::container) file.container = podman_name(unit);
            files.push_back(std::move(file));
        }
    return files;
}

}   // namespace health
