#include "config/containers.hpp"

#include "config/container_rules.hpp"
#include "config/list.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace config {
namespace {

using Kind = ContainerUnitKind;

constexpr std::array kKinds{Kind::container, Kind::network, Kind::volume, Kind::build};
constexpr std::size_t kLongestContainerName = 64;
constexpr auto kNotYet = "is refused, because this version does not act on it yet";

// Quadlet's services come before those of the system that are called the same (systemd.generator(7)).
constexpr std::string_view kTaken[] = {
    "dbus",     "dbus-broker", "ssh",  "sshd",    "podman",    "rauc",      "chrony", "chronyd",    "dnsmasq",
    "nftables", "polkit",      "cron", "rsyslog", "logrotate", "emergency", "rescue", "debug-shell"};
constexpr std::string_view kTakenBeginnings[] = {"atomix", "systemd-"};

char const* section_name(Kind kind) noexcept {
    switch (kind) {
    case Kind::network:
        return "Network";
    case Kind::volume:
        return "Volume";
    case Kind::build:
        return "Build";
    case Kind::container:
        break;
    }
    return "Container";
}

bool is_container_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestContainerName && name.front() != '-' &&
           std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

bool is_taken(std::string_view name) {
    return std::ranges::find(kTaken, name) != std::end(kTaken) ||
           std::ranges::any_of(kTakenBeginnings, [&](auto beginning) { return name.starts_with(beginning); });
}

Node const* child_of(Node const& node, std::string_view key) {
    auto const child = std::ranges::find(node.children, key, &Node::key);
    return child == node.children.end() ? nullptr : &*child;
}

DeclaredUnits declared_in(Node const& containers) {
    DeclaredUnits declared;
    struct {
        Kind kind;
        std::set<std::string>& names;
    } const tables[] = {{Kind::container, declared.containers},
                        {Kind::network, declared.networks},
                        {Kind::volume, declared.volumes},
                        {Kind::build, declared.builds}};
    for (auto const& [kind, names] : tables)
        if (auto const* const table = child_of(containers, name(kind)))
            for (auto const& unit : table->children) names.insert(unit.key);
    return declared;
}

QuadletSection section_of(std::string name, Directives const& directives) {
    QuadletSection section{std::move(name), {}};
    for (auto const& written : directives) {
        QuadletDirective directive{written.key, {}, written.is_list};
        for (auto const& value : written.values) directive.values.push_back(value.text);
        section.directives.push_back(std::move(directive));
    }
    return section;
}

class Reader {
public:
    explicit Reader(DeclaredUnits const& declared) : declared_{declared} {}

    void read_table(Mapping table, Node const& node, Kind kind) {
        if (node.kind != Node::Kind::mapping) return;
        for (auto const& child : node.children) {
            if (!is_container_name(child.key))
                table.refuse(child.key, "must be 1 to 64 letters, digits, _ and -, and not begin with -");
            else if (kind == Kind::container && is_taken(child.key))
                table.refuse(child.key, "is the name of a service of this system; take another one");
            else
                read_unit(table, child, kind);
        }
    }

    Containers take() { return std::move(containers_); }

private:
    void read_unit(Mapping& table, Node const& node, Kind kind) {
        check_service(table, node, kind);
        auto unit = table.within(node.key);
        ContainerUnit made{.kind = kind, .name = node.key, .privileged = false, .sections = {}};
        if (kind == Kind::container)
            read_container(unit, node, made);
        else
            read_section(unit, node, made, section_name(kind), [&](Mapping& section, Directives& directives) {
                if (kind == Kind::network) check_network(section, directives);
                if (kind == Kind::volume) check_volume(section, directives);
                if (kind == Kind::build) check_build(section, directives);
            });
        // No container can be in one: each has the network that follows from `privileged`.
        if (kind == Kind::network)
            containers_.warnings.push_back(
                table.told(node.key_at, node.key, "is made, but no container of this document is in it"));
        containers_.units.push_back(std::move(made));
    }

    void check_service(Mapping& table, Node const& node, Kind kind) {
        auto const service = service_name(kind, node.key);
        auto const [first, is_new] = services_.emplace(service, node.key_at.line);
        if (!is_new)
            table.problem(node.key_at, node.key,
                          "has the service " + service + ", which line " + std::to_string(first->second) +
                              " has already");
    }

    void read_container(Mapping& unit, Node const& node, ContainerUnit& made) {
        static constexpr auto kNoCheck = [](Mapping&, Directives&) {};
        Field<bool> privileged;
        bool const is_known = unit.require("privileged", privileged, as_bool);
        made.privileged = *privileged;
        read_section(unit, node, made, "Unit", kNoCheck);
        if (unit.find("Container"))
            read_section(unit, node, made, "Container", [&](Mapping& section, Directives& directives) {
                // What is refused for one kind only is not held against one that is neither.
                check_container(section, directives, is_known ? *privileged : true, declared_,
                                containers_.warnings);
            });
        else
            unit.problem(unit.at(), "Container", "is required");
        read_section(unit, node, made, "Install", kNoCheck);
        if (is_known) check_podmans_name(unit, node, made);
        unit.refuse("Service", "is refused, because this program says how a container's service is run");
    }

    // Each would be started in the other's place.
    void check_podmans_name(Mapping& unit, Node const& node, ContainerUnit const& made) {
        auto const called = podman_name(made);
        auto const [first, is_new] =
            podman_names_.emplace(std::pair{made.privileged, called}, node.key_at.line);
        if (!is_new)
            unit.problem(node.key_at, "Container",
                         "is called " + called + " by podman, as the container in line " +
                             std::to_string(first->second) + " is");
    }

    template <class Check>
    void read_section(Mapping& unit, Node const& node, ContainerUnit& made, char const* key, Check check) {
        auto const* const written = child_of(node, key);
        auto section = unit.within(key);
        auto directives = written ? read_directives(section, *written) : Directives{};
        check(section, directives);
        if (!directives.empty() || std::string_view{key} == section_name(made.kind))
            made.sections.push_back(section_of(key, directives));
    }

    DeclaredUnits const& declared_;
    Containers containers_;
    // and the lines of their units
    std::map<std::string, int> services_;
    std::map<std::pair<bool, std::string>, int> podman_names_;   // by privileged: root's and the app user's
};

void read_activation(Mapping activation, DeclaredUnits const& declared, Containers& containers) {
    static constexpr std::string_view kKey = "required";
    for (auto const* const later :
         {"timeout_seconds", "settle_seconds", "restart", "allow_degraded", "strategy"})
        activation.refuse(later, kNotYet);
    auto const* const list = activation.find(kKey);
    if (!list) return activation.problem(activation.at(), kKey, "is required");
    containers.required =
        read_list<std::string>(activation, kKey, *list, [&](Node const& node) -> Result<std::string> {
            auto text = as_text(node);
            if (text && !declared.containers.contains(*text))
                return core::fail(core::Errc::bad_input,
                                  shown(*text) + " is not a container of this document");
            return text;
        });
    if (list->kind == Node::Kind::list && list->children.empty())
        activation.problem(list->at, kKey, "must name at least one container");
}

}   // namespace

Field<Containers> read_containers(Mapping& root, bool has_manager) {
    Field<Containers> containers;
    DeclaredUnits declared;
    if (auto const* const node = root.find("containers")) {
        containers.at = node->key_at;
        declared = declared_in(*node);
        Reader reader{declared};
        auto tables = root.within("containers");
        for (auto const kind : kKinds)
            if (auto const* const table = tables.find(name(kind)))
                reader.read_table(tables.within(name(kind)), *table, kind);
        containers.value = reader.take();
        if (!has_manager && !containers->units.empty())
            root.problem(
                node->key_at, "containers",
                "is refused, because nobody runs containers on this device (containers.manager of its "
                "device.yaml is none)");
    }
    if (root.find("activation")) read_activation(root.within("activation"), declared, containers.value);
    return containers;
}

std::string service_name(ContainerUnitKind kind, std::string const& name) {
    auto const ending = kind == Kind::container ? std::string{} : '-' + std::string{config::name(kind)};
    return name + ending + ".service";
}

std::string podman_name(ContainerUnit const& container) {
    auto const written = values_of(container, "Container", "ContainerName");
    return written.empty() ? "systemd-" + container.name : written.front();
}

std::vector<std::string>
values_of(ContainerUnit const& unit, std::string_view section, std::string_view key) {
    auto const written = std::ranges::find(unit.sections, section, &QuadletSection::name);
    if (written == unit.sections.end()) return {};
    auto const found = std::ranges::find(written->directives, key, &QuadletDirective::key);
    return found == written->directives.end() ? std::vector<std::string>{} : found->values;
}

char const* name(ContainerUnitKind kind) noexcept {
    switch (kind) {
    case Kind::network:
        return "network";
    case Kind::volume:
        return "volume";
    case Kind::build:
        return "build";
    case Kind::container:
        break;
    }
    return "container";
}

}   // namespace config
