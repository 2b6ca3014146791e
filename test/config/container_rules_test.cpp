#include "config/container_rules.hpp"

#include "config/section.hpp"

namespace {

using Checked = test::ReadSection;

config::DeclaredUnits const kDeclared{.containers = {"web"},
                                      .networks = {},
                                      .volumes = {"data"},
                                      .builds = {"site"}};

Checked container(std::string const& body, bool privileged = false) {
    return test::read_section(body, [&](config::Mapping& section, Checked& into) {
        config::check_container(section, into.directives, privileged, kDeclared, into.warnings);
    });
}
Checked of(void (*rules)(config::Mapping&, config::Directives&), std::string const& body) {
    return test::read_section(
        body, [&](config::Mapping& section, Checked& into) { rules(section, into.directives); });
}

using Lines = std::vector<std::string>;

}   // namespace

TEST_CASE("each rule of a container without privileges has its sentence") {
    struct {
        std::string body;   // beside Image, in line 2
        std::string want;   // after "f.yaml:2:"
    } const cases[] = {
        {"Pod: x.pod", "1: Pod: is refused, because this document has no pods"},
        {"Rootfs: /x", "1: Rootfs: is refused, because a container of this document has an Image"},
        {"ServiceName: atomixd",
         "1: ServiceName: is refused, because the service is called by the unit's name in this document"},
        {"GlobalArgs: --remote",
         "1: GlobalArgs: is for privileged containers, because it can tell podman anything"},
        {"ContainersConfModule: /x",
         "1: ContainersConfModule: is for privileged containers, because it can tell podman anything"},
        {"ContainerName: a b",
         "16: ContainerName: expected letters, digits, _ . - that begin with a letter or a "
         "digit, not \"a b\""},
        {"ContainerName: '%N'",
         "16: ContainerName: expected letters, digits, _ . - that begin with a letter or a "
         "digit, not \"%N\""},
        {"ContainerName: [a, b]", "1: ContainerName: must have exactly one value"},
        {"PodmanArgs: [--cpus=1, --network=host]", "24: PodmanArgs: \"--network\" is refused, because "
                                                   "whether a container is privileged says which "
                                                   "network it has"},
        {"Exec: [sh, '']", "12: Exec: must not have an empty word, with which Quadlet ends the command"},
        {"Exec: sh ; ls", "7: Exec: must not have ; as a word, with which systemd ends the command"},
        {"Volume: [/a:/b, gone.volume:/c]",
         "17: Volume: \"gone.volume\" needs containers.volume.gone, which is not written"},
        {"Mount: 'type=volume,source=gone.volume,destination=/c'",
         "8: Mount: \"gone.volume\" needs containers.volume.gone, which is not written"},
        {"PublishPort: 80", "14: PublishPort: \"80\" must say the host's port too, as in 8080:80"},
        {"PublishPort: [8080:80, 8080-8090:80-90]",
         "24: PublishPort: \"8080-8090:80-90\" is a range; write every port by itself"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.body);
        auto const problems = container("Image: i\n" + c.body).problems;
        CHECK(problems == Lines{"f.yaml:2:" + c.want});
    }
}

TEST_CASE("a container has one image, which can be a build of the document") {
    CHECK(container("Exec: x").problems == Lines{"f.yaml:1:1: Image: is required"});
    CHECK(container("Image: [a, b]").problems == Lines{"f.yaml:1:1: Image: must have exactly one value"});
    CHECK(container("Image: ''").problems == Lines{"f.yaml:1:8: Image: must name an image"});
    CHECK(container("Image: site.build").problems == Lines{});
    CHECK(container("Image: gone.build").problems ==
          Lines{"f.yaml:1:8: Image: \"gone.build\" needs containers.build.gone, which is not written"});
    CHECK(container("Image: x.image").problems ==
          Lines{"f.yaml:1:8: Image: must name an image, because this document has no .image units"});
}

TEST_CASE("a privileged container may tell podman anything but what this program decides") {
    CHECK(container("Image: i\nGlobalArgs: --log-level=debug\nPodmanArgs: --privileged --pid=host", true)
              .problems == Lines{});
    CHECK(container("Image: i\nPodmanArgs: --network=podman", true).problems.size() == 1);
    CHECK(container("Image: i\nServiceName: sshd", true).problems.size() == 1);
}

TEST_CASE("the network follows from the privileges, and another one that was written is told of") {
    static constexpr auto kPasta =
        " is replaced by pasta, the network of every container that is not privileged";
    CHECK(container("Image: i\nNetwork: [frontend]").warnings ==
          Lines{std::string{"f.yaml:2:11: Network: \"frontend\""} + kPasta});
    CHECK(container("Image: i\nNetwork: [pasta, a, b]").warnings ==
          Lines{std::string{"f.yaml:2:18: Network: \"a\""} + kPasta});
    CHECK(container("Image: i\nNetwork: pasta").warnings == Lines{});
    CHECK(container("Image: i\nNetwork: host", true).warnings == Lines{});
    CHECK(container("Image: i\nNetwork: pasta", true).warnings ==
          Lines{"f.yaml:2:10: Network: \"pasta\" is replaced by host, the network of every container that is "
                "privileged"});
}

TEST_CASE("published ports are moved to loopback, and another address that was written is told of") {
    auto ports = container("Image: i\nPublishPort: ['10080:80', '192.168.1.20:10081:81']");
    CHECK(ports.problems == Lines{});
    CHECK(ports.warnings ==
          Lines{"f.yaml:2:27: PublishPort: \"192.168.1.20:10081:81\" is published on 127.0.0.1 "
                "only, as every port of a container that is not privileged"});
    auto const& values = config::find(ports.directives, "PublishPort")->values;
    REQUIRE(values.size() == 2);
    CHECK(values[0].text == "127.0.0.1:10080:80");
    CHECK(values[1].text == "127.0.0.1:10081:81");

    auto privileged = container("Image: i\nPublishPort: 80", true);
    CHECK(privileged.problems == Lines{});
    CHECK(privileged.warnings ==
          Lines{"f.yaml:2:1: PublishPort: has no effect, because a privileged container "
                "has the network of this device itself"});
    CHECK(config::find(privileged.directives, "PublishPort")->values[0].text == "80");
}

TEST_CASE("an Environment that looks like a secret is told of with its place and without its value") {
    static constexpr auto kWhy =
        " looks like a secret, and Environment is on podman's command line, which every program on this "
        "device "
        "can read; write it into an EnvironmentFile that only the container's owner can read, or use Secret";
    auto const told = [](std::string const& body) { return container("Image: i\n" + body).warnings; };
    CHECK(told("Environment: DB_PASSWORD=hunter2") ==
          Lines{std::string{"f.yaml:2:14: Environment: \"DB_PASSWORD\""} + kWhy});
    CHECK(told("Environment: [A=1, 'B=c \"apiKey=hun ter2\"', 'TOKENS=hunter2']") ==
          Lines{std::string{"f.yaml:2:20: Environment: \"apiKey\""} + kWhy,
                std::string{"f.yaml:2:45: Environment: \"TOKENS\""} + kWhy});
    CHECK(container("Image: i\nEnvironment: x_secret_1=hunter2", true).warnings.size() == 1);
    for (auto const* const harmless : {"KEYBOARD=de", "DB_PASSWORD_FILE=/run/secrets/db", "SECRET_PATH=/x",
                                       "PASSWORD=", "PASSWORD", "USER=password", "A='PASSWORD=x'"}) {
        CAPTURE(harmless);
        CHECK(told(std::string{"Environment: "} + harmless) == Lines{});
    }
    CHECK(told("Environment: PASSWORD=hunter2").size() == 1);
    CHECK(told("EnvironmentFile: /data/config/PASSWORD=x").empty());
}

TEST_CASE("the sources of a mount that are units are found among its options") {
    CHECK(config::volumes_of_mount("type=volume,source=data.volume,destination=/x") == Lines{"data.volume"});
    CHECK(config::volumes_of_mount("destination=/x.volume,src=a.volume") == Lines{"a.volume"});
    CHECK(config::volumes_of_mount("type=bind,source=/srv,destination=/x") == Lines{});
    CHECK(config::volumes_of_mount("") == Lines{});
}

TEST_CASE("a network leads nowhere and passes no packet filter") {
    static constexpr auto kInternal =
        "Internal: must be true: a network that leads somewhere would have this "
        "device forward packets, which it never does";
    CHECK(of(config::check_network, "Subnet: 10.89.0.0/24\nInternal: true\nDriver: bridge").problems ==
          Lines{});
    CHECK(of(config::check_network, "Internal: false").problems ==
          Lines{std::string{"f.yaml:1:11: "} + kInternal});
    CHECK(of(config::check_network, "Internal: [true, no]").problems ==
          Lines{std::string{"f.yaml:1:18: "} + kInternal});
    CHECK(
        of(config::check_network, "Driver: macvlan").problems ==
        Lines{"f.yaml:1:9: Driver: must be bridge: with \"macvlan\" packets would pass this device's packet "
              "filter"});
    CHECK(of(config::check_network, "PodmanArgs: --internal=false").problems ==
          Lines{"f.yaml:1:1: PodmanArgs: is refused, because it could undo that the network is internal"});
    CHECK(of(config::check_network, "ServiceName: x").problems.size() == 1);
}

TEST_CASE("a build has a tag and something to build from, and volumes have nothing that they must have") {
    CHECK(of(config::check_build, "ImageTag: localhost/a:1\nFile: /x/Containerfile").problems == Lines{});
    CHECK(of(config::check_build, "ImageTag: localhost/a:1\nSetWorkingDirectory: /x").problems == Lines{});
    CHECK(of(config::check_build, "File: /x").problems == Lines{"f.yaml:1:1: ImageTag: is required"});
    CHECK(of(config::check_build, "ImageTag: a").problems ==
          Lines{"f.yaml:1:1: SetWorkingDirectory: is required where there is no File"});
    CHECK(of(config::check_build, "ImageTag: a\nFile: /x\nServiceName: x").problems.size() == 1);
    CHECK(of(config::check_volume, "{}").problems == Lines{});
    CHECK(of(config::check_volume, "ServiceName: x").problems.size() == 1);
}
