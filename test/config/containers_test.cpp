#include "config/containers.hpp"

#include "config/documents.hpp"

namespace {

using Kind = config::ContainerUnitKind;
using Lines = std::vector<std::string>;

auto parse(std::string const& body, config::DeviceNames const& device = {}) {
    return config::parse_operator_document("version: 1\n" + body, "atomix.yaml", device);
}

config::OperatorDocument accepted(std::string const& body) {
    auto const parsed = parse(body);
    REQUIRE(test::problem_in(parsed) == "");
    return std::get<config::OperatorDocument>(parsed);
}

// Under these lines the body of the container `web` stands in line 5, column 7.
std::string web(std::string const& body) {
    return "containers:\n  container:\n    web:\n      " + body + "\n";
}
// Under these lines the units of a kind stand in line 4, column 5.
std::string units(std::string const& kind, std::string const& body) {
    return "containers:\n  " + kind + ":\n    " + body + "\n";
}

constexpr auto kWeb = "{privileged: false, Container: {Image: i}}";

}   // namespace

TEST_CASE("a complete document of containers means what it says") {
    auto const document = accepted(R"(activation:
  required: [web, proxy, web]
containers:
  volume:
    data: {}
  container:
    web:
      Install: {WantedBy: [default.target, multi-user.target]}
      Container:
        Image: localhost/web:1
        ReadOnly: true
        Exec: [httpd, -p, 8080]
        PublishPort: [8080:80, "192.0.2.1:8443:443"]
        Volume: data:/srv
      Unit:
        Description: 50% of %n
      privileged: false
    proxy:
      privileged: true
      Container: {Image: site.build, Network: host, Exec: proxy --port 80}
  build:
    site:
      Build: {ImageTag: localhost/site:1, SetWorkingDirectory: "${FILES_DIR}/site"}
  network:
    front:
      Network: {Subnet: 10.89.0.0/24}
)");
    config::Containers const want{
        .units = {{.kind = Kind::container,
                   .name = "web",
                   .privileged = false,
                   .sections = {{"Unit", {{"Description", {"50% of %n"}}}},
                                {"Container",
                                 {{"Image", {"localhost/web:1"}},
                                  {"ReadOnly", {"true"}},
                                  {"Exec", {"httpd", "-p", "8080"}, true},
                                  {"PublishPort", {"127.0.0.1:8080:80", "127.0.0.1:8443:443"}, true},
                                  {"Volume", {"data:/srv"}}}},
                                {"Install", {{"WantedBy", {"default.target", "multi-user.target"}, true}}}}},
                  {.kind = Kind::container,
                   .name = "proxy",
                   .privileged = true,
                   .sections =
                       {{"Container",
                         {{"Image", {"site.build"}}, {"Network", {"host"}}, {"Exec", {"proxy --port 80"}}}}}},
                  {.kind = Kind::network,
                   .name = "front",
                   .privileged = false,
                   .sections = {{"Network", {{"Subnet", {"10.89.0.0/24"}}}}}},
                  {.kind = Kind::volume, .name = "data", .privileged = false, .sections = {{"Volume", {}}}},
                  {.kind = Kind::build,
                   .name = "site",
                   .privileged = false,
                   .sections = {{"Build",
                                 {{"ImageTag", {"localhost/site:1"}},
                                  {"SetWorkingDirectory", {"${FILES_DIR}/site"}}}}}}},
        .required = {"web", "proxy"},
        .warnings = {
            "atomix.yaml:14:32: containers.container.web.Container.PublishPort: "
            "\"192.0.2.1:8443:443\" is published on 127.0.0.1 only, as every port of a container that "
            "is not privileged",
            "atomix.yaml:26:5: containers.network.front: is made, but no container of this document is "
            "in it"}};
    CHECK(document.containers->units == want.units);
    CHECK(document.containers->required == want.required);
    CHECK(document.containers->warnings == want.warnings);
    CHECK(*document.containers == want);
    CHECK(document.containers.at == config::Place{"atomix.yaml", 4, 1});
}

TEST_CASE("no containers are no units") {
    CHECK(*accepted("").containers == config::Containers{});
    CHECK_FALSE(accepted("").containers.is_written());
    for (auto const* const body : {"containers:\n", "containers: {}\n", "containers:\n  container:\n"}) {
        CAPTURE(body);
        CHECK(accepted(body).containers->units.empty());
    }
}

TEST_CASE("each rule of containers has its sentence") {
    static constexpr auto kName = "must be 1 to 64 letters, digits, _ and -, and not begin with -";
    static constexpr auto kTaken = "is the name of a service of this system; take another one";
    struct {
        std::string name;
        std::string body;
        std::string want;   // after "atomix.yaml:"
    } const cases[] = {
        {"a kind that is none", units("pod", "{}"),
         "3:3: containers.pod: is not a known key here; known are container, network, volume, build"},
        {"no mapping", "containers: 5\n", "2:13: containers: expected a mapping, not \"5\""},
        {"a list", "containers: {container: [a]}\n",
         "2:25: containers.container: expected a mapping, not a list"},
        {"a name with a dot", units("container", "a.b: " + std::string{kWeb}),
         std::string{"4:5: containers.container.a.b: "} + kName},
        {"a name with a slash", units("volume", "../x: {}"),
         std::string{"4:5: containers.volume.../x: "} + kName},
        {"a name that is an option", units("volume", "-x: {}"),
         std::string{"4:5: containers.volume.-x: "} + kName},
        {"a template", units("container", "a@b: " + std::string{kWeb}),
         std::string{"4:5: containers.container.a@b: "} + kName},
        {"a name that is too long", units("volume", std::string(65, 'x') + ": {}"),
         "4:5: containers.volume." + std::string(65, 'x') + ": " + kName},
        {"our own service", units("container", "atomixd: " + std::string{kWeb}),
         std::string{"4:5: containers.container.atomixd: "} + kTaken},
        {"systemd's service", units("container", "systemd-networkd: " + std::string{kWeb}),
         std::string{"4:5: containers.container.systemd-networkd: "} + kTaken},
        {"SSH's service", units("container", "ssh: " + std::string{kWeb}),
         std::string{"4:5: containers.container.ssh: "} + kTaken},

        {"privileged is not written", web("Container: {Image: i}"),
         "4:5: containers.container.web.privileged: is required"},
        {"privileged as a text", web("{privileged: 'true', Container: {Image: i}}"),
         "5:20: containers.container.web.privileged: expected true or false, not the text \"true\""},
        {"no [Container]", web("privileged: true"), "4:5: containers.container.web.Container: is required"},
        {"no image", web("{privileged: true, Container: {Exec: x}}"),
         "5:26: containers.container.web.Container.Image: is required"},
        {"an empty [Container]", web("{privileged: true, Container: }"),
         "5:26: containers.container.web.Container.Image: is required"},
        {"[Service]", web("{privileged: true, Container: {Image: i}, Service: {Restart: 'no'}}"),
         "5:49: containers.container.web.Service: is refused, because this program says how a container's "
         "service is run"},
        {"another section", web("{privileged: true, Container: {Image: i}, Volume: {}}"),
         "5:49: containers.container.web.Volume: is not a known key here; known are privileged, Unit, "
         "Container, "
         "Install"},
        {"a section as a text", web("{privileged: true, Container: {Image: i}, Unit: x}"),
         "5:55: containers.container.web.Unit: expected a mapping, not \"x\""},
        {"a container as a text", "containers: {container: {web: x}}\n",
         "2:31: containers.container.web: expected a mapping, not \"x\""},
        {"a bad directive", web("{privileged: true, Container: {Image: 1.5}}"),
         "5:45: containers.container.web.Container.Image: expected a text (put a number in quotes), not "
         "\"1.5\""},
        {"a directive twice", web("{privileged: true, Container: {Image: a, Image: b}}"),
         "5:48: containers.container.web.Container.Image: is written twice, first in line 5"},
        {"a port", web("{privileged: false, Container: {Image: i, PublishPort: '80'}}"),
         "5:62: containers.container.web.Container.PublishPort: \"80\" must say the host's port too, as in "
         "8080:80"},

        {"an external network", units("network", "front: {Network: {Internal: false}}"),
         "4:33: containers.network.front.Network.Internal: must be true: a network that leads somewhere "
         "would "
         "have this device forward packets, which it never does"},
        {"[Unit] of a network", units("network", "front: {Unit: {}}"),
         "4:13: containers.network.front.Unit: is not a known key here; known are Network"},
        {"a build from nothing", units("build", "site: {Build: {ImageTag: x}}"),
         "4:12: containers.build.site.Build.SetWorkingDirectory: is required where there is no File"},
        {"a build without its section", units("build", "site: {Build: {File: /x}}"),
         "4:12: containers.build.site.Build.ImageTag: is required"},
        {"a service name twice",
         "containers:\n  container: {a-volume: {privileged: false, Container: {Image: i}}}\n  volume: {a: "
         "{}}\n",
         "4:12: containers.volume.a: has the service a-volume.service, which line 3 has already"},

        {"two containers with one name",
         "containers:\n  container:\n    a: {privileged: true, Container: {Image: i, ContainerName: shop}}\n"
         "    b: {privileged: true, Container: {Image: i, ContainerName: shop}}\n",
         "5:5: containers.container.b.Container: is called shop by podman, as the container in line 4 is"},
        {"a name that another one has by default",
         "containers:\n  container:\n    a: {privileged: true, Container: {Image: i}}\n"
         "    b: {privileged: true, Container: {Image: i, ContainerName: systemd-a}}\n",
         "5:5: containers.container.b.Container: is called systemd-a by podman, as the container in line 4 "
         "is"},

        {"activation without required", "activation: {}\n", "2:1: activation.required: is required"},
        {"nothing required", "activation: {required: []}\n",
         "2:24: activation.required: must name at least one container"},
        {"required as a text",
         units("container", "web: " + std::string{kWeb}) + "activation: {required: web}\n",
         "5:24: activation.required: expected a list, not \"web\""},
        {"an unknown container required",
         units("container", "web: " + std::string{kWeb}) + "activation: {required: [web, gone]}\n",
         "5:30: activation.required: \"gone\" is not a container of this document"},
        {"a volume required", units("volume", "data: {}") + "activation: {required: [data]}\n",
         "5:25: activation.required: \"data\" is not a container of this document"},
        {"what comes later",
         units("container", "web: " + std::string{kWeb}) + "activation: {required: [web], restart: [web]}\n",
         "5:31: activation.restart: is refused, because this version does not act on it yet"},
        {"what is none",
         units("container", "web: " + std::string{kWeb}) + "activation: {required: [web], wait: 1}\n",
         "5:31: activation.wait: is not a known key here; known are required"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(test::problem_in(parse(c.body)) == "atomix.yaml:" + c.want);
    }
}

TEST_CASE("every problem of every unit is reported at once") {
    auto const problems = test::texts(parse(R"(containers:
  container:
    a b: {}
    web: {privileged: maybe, Container: {Image: [a, b], PublishPort: [80]}}
  network:
    front: {Network: {Driver: macvlan}}
)"));
    // Whether `web` is privileged is not known, so its port is not held against it.
    CHECK(problems.size() == 4);
}

TEST_CASE("a device that runs no containers refuses a document with one, and takes one without") {
    config::DeviceNames const device{.wan = "eth0", .lan = "eth1", .has_containers = false};
    CHECK(test::problem_in(parse(units("container", "web: " + std::string{kWeb}), device)) ==
          "atomix.yaml:2:1: containers: is refused, because nobody runs containers on this device "
          "(containers.manager of its device.yaml is none)");
    CHECK(test::problem_in(parse(units("volume", "data: {}"), device))
              .starts_with("atomix.yaml:2:1: containers"));
    CHECK(test::problem_in(parse("containers: {}\n", device)) == "");
    CHECK(test::problem_in(parse("", device)) == "");
}

TEST_CASE("what the device's document says of containers is what an operator's is held against") {
    config::DeviceDocument device;
    device.wan.value = "end0";
    CHECK_FALSE(config::device_names(device).has_containers);
    device.container_manager.value = "podman";
    CHECK(config::device_names(device).has_containers);
    CHECK(config::device_names(device).wan == "end0");
    CHECK(config::device_names(device).lan == "eth1");
}

TEST_CASE("root and the app user may have containers with one name, each in a podman of their own") {
    auto const document =
        accepted("containers:\n  container:\n"
                 "    a: {privileged: true, Container: {Image: i, ContainerName: shop}}\n"
                 "    b: {privileged: false, Container: {Image: i, ContainerName: shop}}\n");
    REQUIRE(document.containers->units.size() == 2);
    CHECK(config::podman_name(document.containers->units[0]) == "shop");
    CHECK(config::podman_name(document.containers->units[1]) == "shop");
    CHECK(config::podman_name({.kind = Kind::container, .name = "web", .sections = {}}) == "systemd-web");
}

TEST_CASE("services are called as Quadlet calls them") {
    CHECK(config::service_name(Kind::container, "web") == "web.service");
    CHECK(config::service_name(Kind::network, "front") == "front-network.service");
    CHECK(config::service_name(Kind::volume, "data") == "data-volume.service");
    CHECK(config::service_name(Kind::build, "site") == "site-build.service");
}
