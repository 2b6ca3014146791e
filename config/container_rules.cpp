#include "config/container_rules.hpp"

#include "config/podman_args.hpp"
#include "config/published_port.hpp"

#include <algorithm>
#include <array>

namespace config {
namespace {

struct RefusedDirective {
    std::string_view key, why;
};
constexpr RefusedDirective kServiceName{
    "ServiceName", "is refused, because the service is called by the unit's name in this document"};
constexpr RefusedDirective kNeverInContainers[] = {
    {"Pod", "is refused, because this document has no pods"},
    {"Rootfs", "is refused, because a container of this document has an Image"},
    kServiceName};
constexpr auto kPrivilegedOnly = "is for privileged containers, because it can tell podman anything";
constexpr RefusedDirective kPrivileged[] = {{"GlobalArgs", kPrivilegedOnly},
                                            {"ContainersConfModule", kPrivilegedOnly}};

template <class Rules> void refuse(Mapping& section, Directives& directives, Rules const& rules) {
    for (auto const& [key, why] : rules)
        if (auto const* const written = find(directives, key)) section.problem(written->at, key, why);
}

// What podman takes for a name (libpod/define: NameRegex); Quadlet's specifiers would make another one of it.
bool is_podman_name(std::string_view text) {
    return !text.empty() && is_alphanumeric(text.front()) && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
    });
}

// The only value; null where there are none or more, which is a problem then.
WrittenValue const* only_value(Mapping& section, WrittenDirective const& directive) {
    if (directive.values.size() == 1) return &directive.values.front();
    if (directive.values.empty()) return nullptr;   // none was good, and that has been said
    section.problem(directive.at, directive.key, "must have exactly one value");
    return nullptr;
}

// "data.volume" of a declared volume, "site.build" of a declared build
void check_link(Mapping& section,
                std::string_view key,
                Place const& at,
                std::string_view source,
                std::string_view ending,
                std::set<std::string> const& declared) {
    if (!source.ends_with(ending)) return;
    auto const name = std::string{source.substr(0, source.size() - ending.size())};
    if (!declared.contains(name))
        section.problem(at, key,
                        shown(source) + " needs containers." + std::string{ending.substr(1)} + '.' +
                            printable(name) + ", which is not written");
}

void check_image(Mapping& section, Directives& directives, DeclaredUnits const& declared) {
    auto const* const image = find(directives, "Image");
    if (!image) return section.problem(section.at(), "Image", "is required");
    auto const* const value = only_value(section, *image);
    if (!value) return;
    if (value->text.find_first_not_of(" \t") == std::string::npos)
        section.problem(value->at, "Image", "must name an image");
    if (value->text.ends_with(".image"))
        section.problem(value->at, "Image", "must name an image, because this document has no .image units");
    check_link(section, "Image", value->at, value->text, ".build", declared.builds);
}

void check_container_name(Mapping& section, Directives& directives) {
    auto const* const name = find(directives, "ContainerName");
    if (!name) return;
    auto const* const value = only_value(section, *name);
    if (value && !is_podman_name(value->text))
        section.problem(value->at, "ContainerName",
                        "expected letters, digits, _ . - that begin with a letter or a digit, not " +
                            shown(value->text));
}

void check_command(Mapping& section, Directives& directives) {
    if (auto const* const arguments = find(directives, "PodmanArgs"))
        for (auto const& value : arguments->values)
            if (auto const why = refusal_of_podman_args(value.text))
                section.problem(value.at, "PodmanArgs", *why);
    if (auto const* const exec = find(directives, "Exec"))
        for (auto const& value : exec->values)
            if (auto const why = exec->is_list ? refusal_of_word(value.text) : refusal_of_exec(value.text))
                section.problem(value.at, "Exec", *why);
}

void check_volumes(Mapping& section, Directives& directives, DeclaredUnits const& declared) {
    if (auto const* const volumes = find(directives, "Volume"))
        for (auto const& value : volumes->values)
            check_link(section, "Volume", value.at, value.text.substr(0, value.text.find(':')), ".volume",
                       declared.volumes);
    auto const* const mounts = find(directives, "Mount");
    if (!mounts) return;
    for (auto const& value : mounts->values)
        for (auto const& source : volumes_of_mount(value.text))
            check_link(section, "Mount", value.at, source, ".volume", declared.volumes);
}

void check_network_of(Mapping& section,
                      Directives& directives,
                      bool privileged,
                      std::vector<std::string>& warnings) {
    auto const* const network = find(directives, "Network");
    if (!network) return;
    auto const* const forced = privileged ? "host" : "pasta";
    auto const other = std::ranges::find_if(network->values,
                                            [&](WrittenValue const& value) { return value.text != forced; });
    if (other == network->values.end()) return;
    warnings.push_back(section.told(other->at, "Network",
                                    shown(other->text) + " is replaced by " + forced +
                                        ", the network of every container that is " +
                                        (privileged ? "privileged" : "not privileged")));
}

void check_ports(Mapping& section,
                 Directives& directives,
                 bool privileged,
                 std::vector<std::string>& warnings) {
    auto* const ports = find(directives, "PublishPort");
    if (!ports) return;
    if (privileged) {
        warnings.push_back(section.told(
            ports->at, "PublishPort",
            "has no effect, because a privileged container has the network of this device itself"));
        return;
    }
    for (auto& value : ports->values) {
        auto port = on_loopback(value.text);
        if (!port) {
            section.problem(value.at, "PublishPort", port.error().context);
            continue;
        }
        if (port->is_moved)
            warnings.push_back(section.told(
                value.at, "PublishPort",
                shown(value.text) + " is published on 127.0.0.1 only, as every port of a container "
                                    "that is not privileged"));
        value.text = std::move(port->text);
    }
}

bool is_about_a_secret(std::string_view part) {
    static constexpr std::string_view kWords[] = {"PASSWORD", "PASSWD", "SECRET", "TOKEN"};
    return part.ends_with("KEY") || part.ends_with("KEYS") ||
           std::ranges::any_of(kWords, [&](auto word) { return part.find(word) != part.npos; });
}

// By the parts of its name: DB_PASSWORD, apiKey, but not KEYBOARD, nor DB_PASSWORD_FILE, which says where it
// is.
bool looks_like_a_secret(std::string_view variable) {
    std::string name{variable};
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
    if (name.ends_with("_FILE") || name.ends_with("_PATH")) return false;
    for (std::string_view rest = name; !rest.empty();) {
        auto const end = std::min(rest.find('_'), rest.size());
        if (is_about_a_secret(rest.substr(0, end))) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

constexpr auto kReadable =
    " looks like a secret, and Environment is on podman's command line, which every program on this device "
    "can read; write it into an EnvironmentFile that only the container's owner can read, or use Secret";

// The value is in no sentence.
void warn_of_secrets(Mapping& section, Directives& directives, std::vector<std::string>& warnings) {
    auto const* const environment = find(directives, "Environment");
    if (!environment) return;
    for (auto const& value : environment->values)
        for (auto const& word : words_of(value.text)) {
            auto const name = word.substr(0, word.find('='));
            bool const has_value = word.size() > name.size() + 1;
            if (has_value && looks_like_a_secret(name))
                warnings.push_back(section.told(value.at, "Environment", shown(name) + kReadable));
        }
}

}   // namespace

std::vector<std::string> volumes_of_mount(std::string_view mount) {
    std::vector<std::string> sources;
    while (!mount.empty()) {
        auto const comma = std::min(mount.find(','), mount.size());
        auto const part = mount.substr(0, comma);
        mount.remove_prefix(std::min(comma + 1, mount.size()));
        auto const equals = std::min(part.find('='), part.size());
        auto const key = part.substr(0, equals);
        if ((key == "source" || key == "src") && part.ends_with(".volume"))
            sources.emplace_back(part.substr(equals + 1));
    }
    return sources;
}

void check_container(Mapping& section,
                     Directives& directives,
                     bool privileged,
                     DeclaredUnits const& declared,
                     std::vector<std::string>& warnings) {
    refuse(section, directives, kNeverInContainers);
    if (!privileged) refuse(section, directives, kPrivileged);
    check_image(section, directives, declared);
    check_container_name(section, directives);
    check_command(section, directives);
    check_volumes(section, directives, declared);
    check_network_of(section, directives, privileged, warnings);
    check_ports(section, directives, privileged, warnings);
    warn_of_secrets(section, directives, warnings);
}

void check_network(Mapping& section, Directives& directives) {
    refuse(section, directives, std::array{kServiceName});
    if (auto const* const internal = find(directives, "Internal"))
        for (auto const& value : internal->values)
            if (value.text != "true")
                section.problem(value.at, "Internal",
                                "must be true: a network that leads somewhere would have this device forward "
                                "packets, which it never does");
    if (auto const* const driver = find(directives, "Driver"))
        for (auto const& value : driver->values)
            if (value.text != "bridge")
                section.problem(value.at, "Driver",
                                "must be bridge: with " + shown(value.text) +
                                    " packets would pass this device's packet filter");
    if (auto const* const arguments = find(directives, "PodmanArgs"))
        section.problem(arguments->at, "PodmanArgs",
                        "is refused, because it could undo that the network is internal");
}

void check_volume(Mapping& section, Directives& directives) {
    refuse(section, directives, std::array{kServiceName});
}

void check_build(Mapping& section, Directives& directives) {
    refuse(section, directives, std::array{kServiceName});
    if (!find(directives, "ImageTag")) section.problem(section.at(), "ImageTag", "is required");
    if (!find(directives, "SetWorkingDirectory") && !find(directives, "File"))
        section.problem(section.at(), "SetWorkingDirectory", "is required where there is no File");
}

}   // namespace config
